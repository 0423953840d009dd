"""User code around an operation that a blocking driver carries: it calls the rest where it belongs, in the same thread."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.ops import Around, Call
from pyresque.raised import Raised, outcome_of, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.ops import Op, Request

T = TypeVar("T")


def called(run: Callable[[Op[Any]], Any], answer: Callable[[Request], Any], request: Around) -> Any:
    """Call it; code that awaits has an event loop for its length, and all that is inside it shares that loop."""
    if not request.awaits:
        return request.function(lambda *args: run(request.inner(*args)))
    return awaited(request.function(lambda *args: _in_loop(answer, request.inner(*args))))


def awaited(awaitable: Awaitable[Any]) -> Any:
    """Await it in an event loop of its own; where one runs in this thread already, in another thread."""
    import asyncio  # noqa: PLC0415 - heavy, and only where something awaits

    if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public one raises where there is none
        given = asyncio.run(outcome_of(awaitable, (asyncio.CancelledError,)))
    else:
        given = _in_a_thread(lambda: asyncio.run(outcome_of(awaitable, ())))
    if type(given) is Raised:
        raise given.error
    return given


def _in_a_thread(call: Callable[[], Any]) -> Any:
    import contextvars  # noqa: PLC0415 - for those who block a running loop
    import threading  # noqa: PLC0415 - as above

    given: list[Any] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: given.append(context.run(call)), name="awaiting")
    thread.start()
    thread.join()
    return given[0]


async def _in_loop(answer: Callable[[Request], Any], operation: Op[T]) -> T:
    """Carry an operation in the loop that runs: what its calls return is awaited here, everything else blocks."""

    async def answered(request: Request) -> Any:
        if isinstance(request, Call):
            result = request.function()
            return await result if inspect.isawaitable(result) else result
        if isinstance(request, Around) and request.awaits:
            return await request.function(lambda *args: _in_loop(answer, request.inner(*args)))
        return answer(request)

    try:
        asked: Request = operation.send(None)
        while True:
            try:
                answer_to_it = await answered(asked)
            except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                asked = operation.throw(thrown(error))
            else:
                asked = operation.send(answer_to_it)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        operation.close()
