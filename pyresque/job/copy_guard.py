"""A job's operation in which every call of the application's code ends the copies that are forked there (``job_copies.py``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.job_copies import own, own_awaited
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.ops import Op

T = TypeVar("T")


async def in_copies(operation: Op[T]) -> T:
    """Run an operation whose calls of user code end the copies of this process that are forked there."""
    return await rewrite(operation, _watched)


def _watched(request: Any) -> Any:
    if isinstance(request, Call):
        awaits = is_coroutine_function(request.function)
        watched = partial(_awaited if awaits else watched_call, request.function)
        return Call(watched, request.offload)
    if isinstance(request, Around):
        inner = request.inner
        called = _awaited if request.awaits else own
        return Around(
            partial(called, request.function),
            lambda *given: in_copies(inner(*given)),
            request.awaits,
        )
    return request


def watched_call(function: Callable[[], Any]) -> Any:
    """Call it; what it returns to be awaited is watched, too."""
    result = own(function)
    return own_awaited(result) if result is not None and is_awaitable(result) else result


async def _awaited(function: Callable[..., Any], *args: Any) -> Any:
    return await own_awaited(function(*args))
