"""Jobs that raise every exception Python has, and some that defend themselves against being looked at; run it to work."""

from __future__ import annotations

import asyncio
import builtins
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from pyresque import Resque
from pyresque.process.run.worker import run_worker
from pyresque.process.start.log_format import set_up

Maker: TypeAlias = Callable[[], BaseException]

#: How those are made that take more than a text.
MADE: dict[str, Maker] = {
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "boom"),
    "UnicodeEncodeError": lambda: UnicodeEncodeError("utf-8", "\udcff", 0, 1, "boom"),
    "UnicodeTranslateError": lambda: UnicodeTranslateError("\udcff", 0, 1, "boom"),
    "ExceptionGroup": lambda: ExceptionGroup("boom", [ValueError("inner")]),  # noqa: F821 - since Python 3.11
    "BaseExceptionGroup": lambda: BaseExceptionGroup("boom", [SystemExit(3)]),  # noqa: F821 - as above
}


def _builtin() -> dict[str, Maker]:
    found = {
        one.__qualname__: partial(one, "boom")
        for one in vars(builtins).values()
        if isinstance(one, type) and issubclass(one, BaseException)
    }
    return {name: MADE.get(name, maker) for name, maker in found.items()}


def _broken(*_: object) -> Any:
    raise RuntimeError("nobody looks at me")


def _interrupted(*_: object) -> Any:
    raise KeyboardInterrupt


def _exited(*_: object) -> Any:
    raise SystemExit(0)


class Text(str):
    __slots__ = ()
    encode = __len__ = __bool__ = _broken


class TextBreaks(Exception):
    __str__ = __repr__ = _broken


class TextInterrupts(Exception):
    __str__ = __repr__ = _interrupted


class TextExits(Exception):
    __str__ = __repr__ = _exited


class TextIsNone(Exception):
    __str__ = lambda _: None  # type: ignore[assignment,return-value] # noqa: E731 - as wrong as can be


class TextEndsAnIteration(Exception):
    def __str__(self) -> str:
        raise StopIteration


class TextIsUnusual(Exception):
    def __str__(self) -> str:
        return Text("boom")


class CauseBreaks(Exception):
    __cause__ = __context__ = __suppress_context__ = property(_interrupted)  # type: ignore[assignment]


class TraceBreaks(Exception):
    __traceback__ = property(_broken)  # type: ignore[assignment]


class ArgsBreak(Exception):
    args = property(_broken)  # type: ignore[assignment]


class NotesBreak(Exception):
    __notes__ = property(_interrupted)  # type: ignore[assignment]


class NotesAreNone(Exception):
    __notes__ = [None, 7, Text("x"), TextBreaks()]  # noqa: RUF012 - as odd as can be


class EverythingBreaks(Exception):
    __getattribute__ = _broken


class ClassBreaks(Exception):
    __class__ = property(_interrupted)  # type: ignore[assignment]


class ComparisonBreaks(Exception):
    __eq__ = __ne__ = __hash__ = __bool__ = __len__ = _broken  # type: ignore[assignment]


class InnerBreak(Exception):
    exceptions = property(_interrupted)


class InnerAreUnusual(Exception):
    exceptions = ("no error", 7, None)


class RubyNameBreaks(Exception):
    ruby_name = property(_interrupted)


class RubyNameIsANumber(Exception):
    ruby_name = 7


class EndBreaks(Exception):
    __del__ = _broken


class OwnBase(BaseException):
    pass


class Unpicklable(Exception):
    def __init__(self, lock: object, *, wanted: int) -> None:
        super().__init__(lock, wanted)

    __reduce__ = __reduce_ex__ = _broken  # type: ignore[assignment]


class Meta(type):
    __getattribute__ = _broken


class NameBreaks(Exception, metaclass=Meta):
    pass


Forged = type("Evil\x1b]0;owned\x07\n*** forged", (Exception,), {})


def _of_itself() -> BaseException:
    error = ValueError("of itself")
    error.__cause__ = error.__context__ = error
    return error


def _circle() -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    return first


def _chain() -> BaseException:
    """Ten thousand causes."""
    error = first = ValueError("first")
    for number in range(10_000):
        error.__cause__ = ValueError(number)
        error = error.__cause__
    return first


def _nested() -> BaseException:
    error: Exception = ValueError("innermost")
    for _ in range(1000):
        error = ExceptionGroup("group", [error])  # noqa: F821 - since Python 3.11
    return error


def _crowd() -> BaseException:
    return ExceptionGroup("crowd", [ValueError(number) for number in range(5_000)])  # noqa: F821 - as above


#: Each by the name that its record must bear.
HOSTILE: dict[str, Maker] = {
    **{
        one.__qualname__: partial(one, "boom")
        for one in (
            *(
                TextBreaks,
                TextInterrupts,
                TextExits,
                TextIsNone,
                TextEndsAnIteration,
                TextIsUnusual,
            ),
            *(CauseBreaks, TraceBreaks, ArgsBreak, NotesBreak, NotesAreNone, EverythingBreaks),
            *(
                ClassBreaks,
                ComparisonBreaks,
                InnerBreak,
                InnerAreUnusual,
                RubyNameBreaks,
                EndBreaks,
            ),
            *(RubyNameIsANumber, OwnBase, asyncio.CancelledError),
        )
    },
    "Unpicklable": lambda: Unpicklable(threading.Lock(), wanted=1),
    "NameBreaks": partial(NameBreaks, "boom"),
    "asyncio.TimeoutError": partial(asyncio.TimeoutError, "boom"),
    "enormous": lambda: ValueError("x" * 4_000_000),
    "escapes": partial(Forged, "\r\x1b[2J"),
    "no Unicode": lambda: ValueError("\ud800"),
    "of itself": _of_itself,
    "circle": _circle,
    "chain": _chain,
}
if hasattr(builtins, "ExceptionGroup"):
    HOSTILE["nested"], HOSTILE["crowd"] = _nested, _crowd

#: The names of records that are not the mark itself.
NAMES = {
    "enormous": "ValueError",
    "escapes": "Evil\x1b]0;owned\x07\n*** forged",
    "no Unicode": "ValueError",
    "of itself": "ValueError",
    "circle": "ValueError",
    "chain": "ValueError",
    "nested": "ExceptionGroup",
    "crowd": "ExceptionGroup",
    "asyncio.TimeoutError": asyncio.TimeoutError.__qualname__,
}

ERRORS: dict[str, Maker] = {**_builtin(), **HOSTILE}


def made(mark: str) -> BaseException:
    return ERRORS[mark]()


def expected(job: str, mark: str) -> str:
    """The name of the record's exception. Python itself makes another error of a StopIteration that leaves a coroutine or a generator."""
    if mark == "StopIteration" and (job.startswith("Async") or job == "AroundFails"):
        return "RuntimeError"
    return NAMES.get(mark, mark)


resque = Resque()


@resque.job("Plain", queue="low")
def plain(mark: str) -> None:
    raise made(mark)


@resque.job("AsyncPlain", queue="low")
async def async_plain(mark: str) -> None:
    await asyncio.sleep(0)
    raise made(mark)


@resque.job("Limited", queue="low", timeout=60)
def limited(mark: str) -> None:
    raise made(mark)


@resque.job("AsyncLimited", queue="low", timeout=60)
async def async_limited(mark: str) -> None:
    await asyncio.sleep(0)
    raise made(mark)


class Hooked:
    """Its work fails, and its hooks see the very error."""

    queue = "low"

    @staticmethod
    def perform(mark: str) -> None:
        raise made(mark)

    @staticmethod
    def around_perform_all(mark: str) -> Iterator[None]:
        yield

    @staticmethod
    def on_failure_look(error: BaseException, mark: str) -> None:
        assert type(error) is type(made(mark)), type(error)


class AsyncHooked:
    """As ``Hooked``, with async functions."""

    queue = "low"

    @staticmethod
    async def perform(mark: str) -> None:
        await asyncio.sleep(0)
        raise made(mark)

    @staticmethod
    async def around_perform_all(mark: str) -> Any:
        yield

    @staticmethod
    async def on_failure_look(error: BaseException, mark: str) -> None:
        await asyncio.sleep(0)
        assert mark in HOSTILE or type(error).__name__ == expected("Async", mark)


class BeforeFails:
    """Its before hook fails."""

    queue = "low"

    @staticmethod
    def perform(mark: str) -> None:
        """Never reached."""

    @staticmethod
    def before_perform_fail(mark: str) -> None:
        raise made(mark)


class AroundFails:
    """Its around hook fails after the work."""

    queue = "low"

    @staticmethod
    def perform(mark: str) -> None:
        """Nothing to do."""

    @staticmethod
    def around_perform_fail(mark: str) -> Iterator[None]:
        yield
        raise made(mark)


for one in (Hooked, AsyncHooked, BeforeFails, AroundFails):
    resque.job(one)


@resque.job("Note", queue="low")
def note(mark: str) -> None:
    print(f"noted {mark}", flush=True)


JOBS = (
    *("Plain", "AsyncPlain", "Limited", "AsyncLimited", "Hooked", "AsyncHooked"),
    *("BeforeFails", "AroundFails"),
)

if __name__ == "__main__":
    set_up(resque.settings)
    run_worker(resque)
