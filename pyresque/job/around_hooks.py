"""Around hooks: generators that run on both sides of a job's work, the first one outermost, and plugins' own."""

from __future__ import annotations

from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any

from pyresque.errors import AroundHookError
from pyresque.job import hooks
from pyresque.lightweight import is_awaitable
from pyresque.ops import Call, Op
from pyresque.user_errors import as_raised, is_a

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.job.job_class import JobClass


async def around(
    entry: JobClass, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    """Run around hooks, the first one outermost, with the work inside; return whether it was done, and the value returned."""
    if not names:
        return True, await Call(partial(entry.perform, *args, **kwargs), offload=True)
    inner = partial(around, entry, names[1:], args, kwargs)
    operation = None if entry.plugin_job is None else entry.lookup.of_plugin(names[0])
    if operation is not None:
        ran: tuple[bool, Any] = await operation(entry.plugin_job, inner)
        return ran
    made = await Call(partial(hooks.hook(entry.target, names[0]), *args, **kwargs), offload=True)
    if isinstance(made, GeneratorType):
        return await _through(made.send, made.throw, made.close, inner)
    if isinstance(
        made, AsyncGeneratorType
    ):  # an async generator cannot return a value, so it passes on the inner one
        return await _through(made.asend, made.athrow, made.aclose, inner, hands_on=True)
    return False, made  # a plain function, which never yields: the work is left undone


async def _through(
    send: Callable[[Any], Any],
    throw: Callable[[BaseException], Any],
    close: Callable[[], Any],
    inner: Callable[[], Op[tuple[bool, Any]]],
    *,
    hands_on: bool = False,
) -> tuple[bool, Any]:
    """Run a generator hook up to its yield, then ``inner``, then the rest of the hook.

    The yield returns the value of ``inner``, or raises its error. As in Ruby the hook's own return value becomes the value
    that the yield of the hook around it returns; with ``hands_on`` that is the value of ``inner``.
    """
    ended = await _ended(partial(send, None))
    if ended is not None:
        return False, ended.value
    try:
        performed, gave = await inner()
    except GeneratorExit:
        raise
    except BaseException as error:
        ended = await _ended_by(error, throw)
        if ended is None:
            await Call(close)
            raise AroundHookError("an around_perform hook yielded again after an error") from error
        return False, ended.value  # the hook swallowed the error
    ended = await _ended(partial(send, gave))
    if ended is None:
        await Call(close)
        raise AroundHookError("an around_perform hook yielded twice: it must yield once")
    return performed, gave if hands_on else ended.value


async def _ended_by(error: BaseException, throw: Callable[[BaseException], Any]) -> _Ended | None:
    """Raise the error at the generator's yield; return the generator's end, or raise the error that it lets pass."""
    inner = as_raised(error)
    try:
        return await _ended(partial(throw, inner))
    except RuntimeError as another:
        # Python turns a StopIteration that leaves a generator into a RuntimeError.
        if another.__cause__ is inner and is_a(inner, (StopIteration, StopAsyncIteration)):
            raise error from None
        raise


async def _ended(step: Callable[[], Any]) -> _Ended | None:
    """Run one step of a generator; return its end if this step was the last one, else None."""
    try:
        await Call(partial(_stepped, step), offload=True)
    except _Ended as ended:
        return ended
    return None


class _Ended(Exception):
    """A generator ended, and returned ``value``."""

    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self.value = value


def _stepped(step: Callable[[], Any]) -> Any:
    try:
        stepped = step()
    except StopIteration as stop:
        raise _Ended(stop.value) from None
    return _awaited(stepped) if is_awaitable(stepped) else stepped


async def _awaited(stepped: Awaitable[Any]) -> Any:
    try:
        return await stepped
    except StopAsyncIteration:
        raise _Ended from None
