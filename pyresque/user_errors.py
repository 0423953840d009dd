"""Errors of user code: how they travel through operations, and how they are looked at without running into another error.

A coroutine that raises StopIteration gets a RuntimeError in its place, and one into which GeneratorExit is thrown is closed.
So a function's own StopIteration or GeneratorExit travels inside another error, and is taken out where it is looked at.

What an error's class says of itself may raise; its class, its cause and its frames are therefore asked of Python.
"""

from __future__ import annotations

import builtins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Any, TypeGuard

#: Characters kept of an error's text: Redis takes no record of more than 512 MB.
MOST_TEXT = 1 << 26

# A class may put anything in the place of these names.
_NAME = vars(type)["__name__"].__get__
_QUALNAME = vars(type)["__qualname__"].__get__
_ARGS = vars(BaseException)["args"].__get__
_CAUSE = vars(BaseException)["__cause__"].__get__
_CONTEXT = vars(BaseException)["__context__"].__get__
_SUPPRESSED = vars(BaseException)["__suppress_context__"].__get__
# Python 3.10 has no groups.
_GROUP = vars(builtins).get("BaseExceptionGroup", BaseException)
_PARTS = vars(_GROUP)["exceptions"].__get__ if "exceptions" in vars(_GROUP) else None


class RaisedInCall(Exception):
    """Holds the ``error`` that a function raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class Raised:
    """What a function raised, as a value: a future asks an error about its class, and bears no StopIteration."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def outcome_of(awaitable: Awaitable[Any], passing: tuple[type[BaseException], ...]) -> Any:
    """What an awaitable gives, or a Raised with its error; errors of the kinds ``passing`` are raised.

    A task that raised KeyboardInterrupt would end its event loop.
    """
    try:
        return await awaitable
    except BaseException as error:
        if closes(error) or is_a(error, passing):
            raise
        return Raised(error)


def thrown(error: BaseException) -> BaseException:
    """The error as it can be thrown into an operation.

    Called in the frame that caught it: a GeneratorExit that was raised in that very frame closes it, and is thrown as it is.
    """
    if is_a(error, (StopIteration, GeneratorExit)) and not closes(error):
        return RaisedInCall(error)
    return error


def closes(error: BaseException) -> bool:
    """Whether a GeneratorExit closes the coroutine whose frame has caught it; a function's own comes from a frame below."""
    trace = traceback_of(error) if type(error) is GeneratorExit else None
    return trace is not None and trace.tb_next is None


def as_raised(error: BaseException) -> BaseException:
    """The error that the function raised."""
    return error.error if type(error) is RaisedInCall else error


#: The attribute of an error that says whether its job is performed again.
_RETRIED = "_pyresque_retried"


def note_retried(error: BaseException, *, retried: bool) -> None:
    """Note on a job's error whether a plugin has enqueued the job again."""
    BaseException.__setattr__(as_raised(error), _RETRIED, retried)


def is_retried(error: BaseException) -> bool:
    """Whether a job that failed with this error is enqueued again, by the plugin Retry; to be asked in middleware, and in hooks."""
    error = as_raised(error)
    cause = _CAUSE(error)  # a failure hook that raises puts its own error in front
    return attribute(error, _RETRIED) is True or attribute(cause, _RETRIED) is True


# -- looking


def is_a(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether ``except kinds`` would catch it; an error may lie to ``isinstance`` about its class."""
    return issubclass(type(error), kinds)


def is_error_class(found: object) -> TypeGuard[type[BaseException]]:
    """Whether it is a class of errors. Python 3.10 takes ``list[int]`` for a class, until it is to be one's subclass."""
    return issubclass(type(found), type) and issubclass(found, BaseException)  # type: ignore[arg-type]


def exception_name(error: BaseException) -> str:
    """Ruby's name for it if Ruby has one, else the Python class's own."""
    name = attribute(error, "ruby_name")
    return name if type(name) is str and name else _QUALNAME(type(error))


def class_name(kind: type[BaseException]) -> str:
    """The Python class's own name."""
    name: str = _QUALNAME(kind)
    return name


def own_name(kind: type[BaseException]) -> str:
    """The Python class's own name, without those of the classes or functions around it."""
    name: str = _NAME(kind)
    return name


def text_of(error: BaseException) -> str:
    """The text of an error, and a note in its place if ``str()`` of it raises."""
    try:
        text = clean(str(error))
    except BaseException as another:  # noqa: BLE001 - user code: an exception's own __str__
        return f"(its text cannot be had: {class_name(type(another))})"
    # Ruby's text of an error that was given none is the name of its class.
    if not text and not _ARGS(error):
        return exception_name(error)
    return text if len(text) <= MOST_TEXT else cut(text, MOST_TEXT)


def attribute(error: object, name: str) -> object:
    """An attribute of its own, None if it cannot be had."""
    try:
        return getattr(error, name, None)
    except BaseException:  # noqa: BLE001 - user code
        return None


def cause_of(error: BaseException) -> BaseException | None:
    """What Python shows as its cause: the one given by ``raise ... from``, else the error that was being handled."""
    cause: BaseException | None = _CAUSE(error)
    return _CONTEXT(error) if cause is None and not _SUPPRESSED(error) else cause


#: The traceback of an error.
traceback_of: Callable[[BaseException], TracebackType | None] = vars(BaseException)[
    "__traceback__"
].__get__


def parts_of(error: BaseException) -> tuple[BaseException, ...]:
    """The errors of a group; none of an error that is no group."""
    return () if _PARTS is None or not is_a(error, (_GROUP,)) else _PARTS(error)


def resemble(error: BaseException, other: BaseException) -> None:
    """Let an error have come the same way as another one, whose place it takes when it is raised."""
    trace = traceback_of(other)
    error.__traceback__ = trace and trace.tb_next  # the frame that raises it comes anew
    error.__cause__, error.__context__ = _CAUSE(other), _CONTEXT(other)
    error.__suppress_context__ = _SUPPRESSED(other)


def clean(text: str) -> str:
    """Text that every reader takes: what is no Unicode becomes a question mark, as in Ruby's records."""
    return str.encode(text, "utf-8", "replace").decode("utf-8")


def cut(text: str, most: int) -> str:
    """The text, or the beginning of one that is too long."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text) - most} more characters)"
