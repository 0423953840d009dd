"""A job's operation in which every call of the application's code ends the copies that are forked there (``job_copies.py``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyresque.job_copies import own, own_awaited
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pyresque.ops import Op

T = TypeVar("T")


class InCopies(Generic[T]):
    """Hands the operation's requests on, its calls watched."""

    def __init__(self, operation: Op[T]) -> None:
        self._operation = operation

    def __await__(self) -> Generator[Any, Any, T]:
        operation = self._operation
        step: Any = operation.send
        given: Any = None
        try:
            while True:
                try:
                    request = step(given)
                except StopIteration as stop:
                    value: T = stop.value
                    return value
                try:
                    step, given = operation.send, (yield _watched(request))
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    step, given = operation.throw, error
        finally:
            operation.close()


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
            lambda *given: _op(InCopies(inner(*given))),
            request.awaits,
        )
    return request


async def _op(operation: InCopies[T]) -> T:
    """As a coroutine, which drivers carry."""
    return await operation


def watched_call(function: Callable[[], Any]) -> Any:
    """Call it; what it returns to be awaited is watched, too."""
    result = own(function)
    return own_awaited(result) if result is not None and is_awaitable(result) else result


async def _awaited(function: Callable[..., Any], *args: Any) -> Any:
    return await own_awaited(function(*args))
