"""An order to end that reaches a job in whatever thread runs it: TermException is raised there, once a job.

The thread hears it where it runs Python: a call into C that does not come back hears nothing.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import TermException
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, rewrite
from pyresque.soft_limit import raise_in_thread
from pyresque.user_errors import Raised, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.ops import Op


class _Told(TermException):
    """Another thread can be given a class to raise, but no error that is made already."""

    def __init__(self) -> None:
        super().__init__("SIGTERM")


_Told.__qualname__ = TermException.__qualname__


class Interrupt:
    """One slot's way to the thread that runs its job just now. May be given from any thread."""

    def __init__(self) -> None:
        # Whoever is interrupted between taking the lock and holding it takes it again.
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._given = self._heard = self._on_its_way = False

    def renew(self) -> None:
        """A new job: what was ordered before is not for it."""
        if self._given:
            with self._lock:
                self._given = self._heard = False

    def give(self) -> None:
        """Raise TermException in the thread that runs the job, or where it is next begun or asked for."""
        with self._lock:
            if self._given:
                return
            self._given = True
            if self._thread is not None:
                self._heard = self._on_its_way = True
                raise_in_thread(self._thread, _Told)

    def pending(self) -> bool:
        """Whether an order was given that nobody has heard; whoever asks has heard it now."""
        with self._lock:
            pending = self._given and not self._heard
            self._heard = self._heard or pending
            return pending

    def begin(self) -> None:
        """This thread runs the job from here. Raises TermException where that was ordered already."""
        with self._lock:
            if self.pending():
                raise TermException("SIGTERM")
            self._thread = threading.get_ident()

    def end(self) -> None:
        """It no longer does: an order that is on its way finds nothing to end."""
        while True:
            try:
                with self._lock:
                    self._thread = None
                    if self._on_its_way:
                        self._on_its_way = False
                        raise_in_thread(threading.get_ident(), None)
            except _Told:
                continue
            return


T = TypeVar("T")


class InterruptibleCalls:
    """One slot's. With ``of_the_loop`` what awaits is left alone: its task is told in another way."""

    def __init__(self, order: Interrupt, *, of_the_loop: bool) -> None:
        #: How many calls are being made.
        self.under_way = 0
        self._order = order
        self._of_the_loop = of_the_loop

    async def watched(self, operation: Op[T]) -> T:
        """Carry an operation; the functions that it calls hear orders."""
        return await rewrite(operation, self._seen)

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
