"""TermException, raised once a job in the thread that runs the job. ``terminate`` of an executor requests it, in another thread.

The interpreter raises it between two Python instructions: a call into C that does not return delays it.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.dropped_errors import AGAIN, if_dropped
from pyresque.errors import TermException
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, rewrite
from pyresque.soft_limit import drop_in_this_thread, raise_in_thread
from pyresque.user_errors import Raised, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.ops import Op


class _Interrupted(TermException):
    """TermException with its text: the interpreter takes a class to raise in another thread, no instance."""

    def __init__(self) -> None:
        super().__init__("SIGTERM")


_Interrupted.__qualname__ = TermException.__qualname__


def _error(dropped: Callable[[], None]) -> type[_Interrupted]:
    """An error for one request; ``dropped`` is called if the interpreter drops it."""

    class Interrupted(_Interrupted):
        def __init__(self) -> None:
            super().__init__()
            if_dropped(self, dropped)

    Interrupted.__qualname__ = TermException.__qualname__
    return Interrupted


class Interrupt:
    """Interrupts the job of one slot, whichever thread runs it. ``request`` may be called from any thread."""

    def __init__(self) -> None:
        # An RLock: a signal handler may run in this thread between acquire() and the assignment, and calls request().
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._requested = self._raised = self._in_flight = False
        self._error = _Interrupted

    def reset(self) -> None:
        """Forget requests: they were for the job before."""
        if self._requested:
            with self._lock:
                self._requested = self._raised = False

    def request(self) -> None:
        """Raise TermException in the thread that runs the job; if none does, in the next ``enter`` or ``pending``."""
        with self._lock:
            if self._requested:
                return
            self._requested = True
            if self._thread is not None:
                self._raised = self._in_flight = True
                self._error = _error(self._dropped)
                raise_in_thread(self._thread, self._error)

    def _dropped(self) -> None:
        """The job did not get the error: raise it again in a moment, unless the job has ended then."""
        again = threading.Timer(AGAIN, self._raise_again, (self._error,))
        again.daemon = True
        again.start()

    def _raise_again(self, error: type[_Interrupted]) -> None:
        with self._lock:
            if self._error is not error or not self._requested:
                return
            if self._thread is None:
                self._raised = False
            else:
                self._in_flight = True
                raise_in_thread(self._thread, error)

    def pending(self) -> bool:
        """Whether there is a request that was not raised yet. The caller raises it now."""
        with self._lock:
            pending = self._requested and not self._raised
            self._raised = self._raised or pending
            return pending

    def enter(self) -> None:
        """Note that this thread runs the job from here. Raises TermException if that was requested already."""
        with self._lock:
            if self.pending():
                raise TermException("SIGTERM")
            self._thread = threading.get_ident()

    def leave(self) -> None:
        """Note that this thread no longer runs the job, and cancel an exception that the interpreter has not raised yet."""
        while True:
            try:
                with self._lock:
                    self._thread = None
                    if self._in_flight:
                        self._in_flight = False
                        drop_in_this_thread(_Interrupted)
            except _Interrupted:
                continue
            return


T = TypeVar("T")


class InterruptibleCalls:
    """Lets an Interrupt reach user code (Call requests), and never the driver between them, whose connection it would break.

    ``of_the_loop``: coroutine functions are left alone, because their task is cancelled instead.
    """

    def __init__(self, interrupt: Interrupt, *, of_the_loop: bool) -> None:
        #: How many functions run now.
        self.under_way = 0
        self._interrupt = interrupt
        self._of_the_loop = of_the_loop

    async def run(self, operation: Op[T]) -> T:
        """Run an operation; the functions that it calls can be interrupted."""
        return await rewrite(operation, self._rewrite)

    def _rewrite(self, request: Any) -> Any:
        if isinstance(request, Call):
            if self._of_the_loop and is_coroutine_function(request.function):
                return request
            return Call(partial(self._called, request.function), request.offload)
        if isinstance(request, Around):
            inner = request.inner
            return Around(
                request.function,
                lambda *given: self.run(inner(*given)),
                request.awaits,
                request.awaited,
            )
        return request

    def _called(self, function: Callable[[], Any]) -> Any:
        self.under_way += 1
        try:
            try:
                self._interrupt.enter()
                result = function()
            finally:
                self._interrupt.leave()
        except BaseException as error:  # noqa: BLE001 - raised again if the operation asked
            self._interrupt.leave()  # the exception may have come on the way to the first
            # Not through a future: it would add its frames to the backtrace.
            result = Raised(thrown(error))
        self.under_way -= 1
        if not self._of_the_loop and result is not None and is_awaitable(result):
            return self._awaited(result)
        return result

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        """Await what a function returned. The loop that runs it belongs to this thread meanwhile."""
        try:
            try:
                self._interrupt.enter()
                return await awaitable
            finally:
                self._interrupt.leave()
        except BaseException:
            self._interrupt.leave()
            raise
