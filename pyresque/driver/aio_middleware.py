"""User code around an operation that an awaiting driver carries: in the loop, or in a thread beside it.

What blocks keeps its thread for all the plain calls inside it, so that its ``with`` holds for the job.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.ops import Around, Call
from pyresque.user_errors import Raised, RaisedInCall, outcome_of, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from concurrent.futures import Future

    from pyresque.ops import Op, Request

T = TypeVar("T")


async def awaited(
    run: Callable[[Op[Any]], Coroutine[Any, Any, Any]],
    answer: Callable[[Request], Coroutine[Any, Any, Any]],
    request: Around,
) -> Any:
    """Await it, or call it in a thread of its own, which no job can be short of."""
    if request.awaits:
        return await request.function(lambda *args: run(request.inner(*args)))
    beside = _Beside(answer)
    return await beside.call(lambda: beside.around(request))


class _Beside:
    """A thread beside the loop: plain calls run in it, everything else is asked of the loop."""

    def __init__(self, answer: Callable[[Request], Coroutine[Any, Any, Any]]) -> None:
        self.answer = answer
        self.loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._asked: Future[Any] | None = None
        self._to_cancel = False

    async def call(self, function: Callable[[], Any]) -> Any:
        """Start the thread and wait for it. A cancellation reaches what the thread awaits."""
        over = self.loop.create_future()
        context = contextvars.copy_context()

        def life() -> None:
            value: Any = None
            trouble: BaseException | None = None
            try:
                value = context.run(function)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                trouble = error
            self.loop.call_soon_threadsafe(_settle, over, (value, trouble))

        threading.Thread(target=life, name="middleware", daemon=True).start()
        try:
            value, trouble = await over
        except asyncio.CancelledError:
            self._cancel()
            raise
        if trouble is not None:
            raise thrown(trouble)
        return value

    def around(self, request: Around) -> Any:
        """Call the code here, the rest inside it too."""
        return request.function(lambda *args: self.run(request.inner(*args)))

    def run(self, operation: Op[T]) -> T:
        """Carry an operation from this thread."""
        try:
            asked: Request = operation.send(None)
            while True:
                try:
                    answer = self._answered(asked)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    asked = operation.throw(thrown(error))
                else:
                    asked = operation.send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value
        except RaisedInCall as raised:
            error_of_the_call = raised.error
        finally:
            operation.close()
        raise error_of_the_call

    def _answered(self, request: Request) -> Any:
        if isinstance(request, Call):
            result = request.function()
            return self._in_loop(result) if inspect.isawaitable(result) else result
        if isinstance(request, Around) and not request.awaits:
            return self.around(request)
        return self._in_loop(self.answer(request))

    def _in_loop(self, awaitable: Awaitable[Any]) -> Any:
        outcome = outcome_of(awaitable, (asyncio.CancelledError,))
        asked = asyncio.run_coroutine_threadsafe(outcome, self.loop)
        with self._lock:
            self._asked = asked
            to_cancel, self._to_cancel = self._to_cancel, False
        if to_cancel:
            asked.cancel()
        try:
            result = asked.result()
        finally:
            self._asked = None
        if type(result) is Raised:
            raise result.error
        return result

    def _cancel(self) -> None:
        """Cancel what the thread awaits, or what it awaits next: the loop may be ahead of the thread."""
        with self._lock:
            asked, self._to_cancel = self._asked, self._asked is None
        if asked is not None:
            asked.cancel()


def _settle(over: asyncio.Future[Any], outcome: tuple[Any, BaseException | None]) -> None:
    if not over.done():
        over.set_result(outcome)
