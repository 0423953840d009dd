"""An operation's calls of user code, in which an order to end is heard; in what carries the operation it would do harm."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.awaitable import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call
from pyresque.raised import Raised, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from pyresque.executor.order import Order
    from pyresque.ops import Op

T = TypeVar("T")


class Calls:
    """One slot's. With ``of_the_loop`` what awaits is left alone: its task is told in another way."""

    def __init__(self, order: Order, *, of_the_loop: bool) -> None:
        #: How many calls are being made.
        self.under_way = 0
        self._order = order
        self._of_the_loop = of_the_loop

    async def watched(self, operation: Op[T]) -> T:
        """Carry an operation; the functions that it calls hear orders."""
        value: T = await _Watched(operation, self._seen)
        return value

    def _seen(self, request: Any) -> Any:
        if isinstance(request, Call):
            if self._of_the_loop and is_coroutine_function(request.function):
                return request
            return Call(partial(self._called, request.function), request.offload)
        if isinstance(request, Around):
            inner = request.inner
            return Around(
                request.function, lambda *given: self.watched(inner(*given)), request.awaits
            )
        return request

    def _called(self, function: Callable[[], Any]) -> Any:
        self.under_way += 1
        try:
            try:
                self._order.begin()
                result = function()
            finally:
                self._order.end()
        except BaseException as error:  # noqa: BLE001 - raised again where the operation asked
            self._order.end()  # an order may have struck on the way to the first
            # Not through a future: it would add its frames to the backtrace.
            result = Raised(thrown(error))
        self.under_way -= 1
        if not self._of_the_loop and result is not None and is_awaitable(result):
            return self._awaited(result)
        return result

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        """The same for what a function returned to be awaited, in a loop that is this thread's for as long as it takes."""
        try:
            try:
                self._order.begin()
                return await awaitable
            finally:
                self._order.end()
        except BaseException:
            self._order.end()
            raise


class _Watched:
    """Hands an operation's requests on, each as it is to be."""

    def __init__(self, operation: Op[Any], seen: Callable[[Any], Any]) -> None:
        self._operation = operation
        self._seen = seen

    def __await__(self) -> Generator[Any, Any, Any]:
        operation = self._operation
        step: Callable[[Any], Any] = operation.send
        given: Any = None
        try:
            while True:
                try:
                    request = step(given)
                except StopIteration as stop:
                    return stop.value
                try:
                    given = yield self._seen(request)
                    step = operation.send
                    if type(given) is Raised:
                        step, given = operation.throw, given.error
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    step, given = operation.throw, thrown(error)
        finally:
            operation.close()
