"""Errors raised in a coroutine where it awaits in an event loop, such as TermException and JobTimeout.

In there each of them is a cancellation, too: ``asyncio.CancelledError`` is what asyncio and other libraries expect from outside.
With any other error TaskGroup and wait_for leave running what they have begun, or raise it as one of a group.
"""

from __future__ import annotations

import sys
from types import coroutine

from pyresque.user_errors import parts_of, resemble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from typing import Any, TypeVar

    T = TypeVar("T")

#: For each kind of error the kind that is a cancellation, too.
_kinds: dict[type[BaseException], type[BaseException]] = {}

#: The attribute of an error of such a kind: the error that it stands for.
_ORIGINAL = "_pyresque_original"


async def as_coroutine(awaitable: Awaitable[T]) -> T:
    """Any awaitable as a coroutine, such as ``raise_inside`` takes."""
    return await awaitable


@coroutine
def raise_inside(  # noqa: C901 - a call for each step would cost a job with a time limit a twentieth
    work: Coroutine[Any, Any, T],
    error_for: Callable[[BaseException | None], BaseException | None],
    stepped: Callable[[bool], None] | None = None,
) -> Generator[Any, Any, T]:
    """Await ``work`` in an event loop, and raise an error in it at the place where it awaits.

    After each wait ``error_for(error)`` gets what the loop raised there, or None, and returns what is raised in the work.
    If that is another error, the task was cancelled for its sake. It is a cancellation in the work, and itself outside.
    ``stepped(ended)`` runs each time that the work has awaited something or come to its end.
    """
    step: Callable[[Any], Any] = work.send
    given: Any = None
    cancelled = False
    outside: BaseException | None = None
    try:
        while True:
            try:
                wanted = step(given)
            except StopIteration as stop:
                if stepped is not None:
                    stepped(True)
                value: T = stop.value
                return value
            except BaseException as raised:
                outside = original(raised)
                if outside is raised:
                    raise
                resemble(outside, raised)
            finally:
                # Not before: a timeout that ends now asks whether others have cancelled the task.
                if cancelled:
                    uncancel()
            if outside is not None:
                raise outside
            if stepped is not None:
                stepped(False)
            error: BaseException | None = None
            try:
                given = yield wanted
            except BaseException as raised:  # noqa: BLE001 - it is the work's to deal with
                error = raised
            told = error_for(error)
            step, cancelled = work.send, told is not error
            if told is not None:
                step, given = work.throw, as_cancellation(told) if cancelled else told
    finally:
        # Its traceback holds this frame: what the job had would be kept until the next garbage collection.
        outside = None
        work.close()


def as_cancellation(error: BaseException) -> BaseException:
    """An error that stands for this one, and is a ``CancelledError``, too."""
    kind = type(error)
    if kind not in _kinds:
        bases = (kind, sys.modules["asyncio"].CancelledError)
        names = {each: getattr(kind, each) for each in ("__module__", "__qualname__", "__doc__")}
        _kinds[kind] = type(kind.__name__, bases, names)
    both = _kinds[kind]
    made = both.__new__(both, *error.args)
    vars(made).update(vars(error))
    setattr(made, _ORIGINAL, error)
    return made


def is_cancellation(error: BaseException | None) -> bool:
    """Whether it was made by ``as_cancellation``."""
    return any(type(error) is kind for kind in _kinds.values())


def original(error: BaseException) -> BaseException:
    """The error that this one stands for; itself if it stands for none."""
    alone = error
    # TaskGroup of Python 3.11 and 3.12 takes it for the error of a part.
    while len(parts := parts_of(alone)) == 1:
        alone = parts[0]
    if not is_cancellation(alone):
        return error
    found: BaseException = vars(alone)[_ORIGINAL]
    return found


def uncancel() -> None:
    """Take back the cancellation of the current task: since Python 3.11 it is counted."""
    take_back = getattr(sys.modules["asyncio"].current_task(), "uncancel", None)
    if take_back is not None:
        take_back()
