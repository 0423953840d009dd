"""TermException, raised once a job in the thread that runs the job. ``terminate`` of an executor requests it, in another thread.

What awaits in an event loop of its own is cancelled there, and the cancellation becomes TermException. All else, and what keeps that
loop busy, gets it from the interpreter between two Python instructions: a call into C that does not return delays it.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.cancellations import as_coroutine, raise_inside
from pyresque.dropped_errors import AGAIN, if_dropped
from pyresque.errors import TermException
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, rewrite
from pyresque.thread_errors import drop_in_this_thread, raise_in_thread
from pyresque.user_errors import Raised, thrown

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable, Callable

    from pyresque.ops import Op

#: Seconds that an event loop is given to come to a cancellation.
BUSY = 0.1


class _Interrupted(TermException):
    """TermException with its text: the interpreter takes a class to raise in another thread, no instance."""

    def __init__(self) -> None:
        super().__init__("SIGTERM")


_Interrupted.__qualname__ = TermException.__qualname__


def _error(raised: Callable[[], None], dropped: Callable[[], None]) -> type[_Interrupted]:
    """An error for one request; ``raised`` is called where it is raised, and ``dropped`` if the interpreter drops it."""

    class Interrupted(_Interrupted):
        def __init__(self) -> None:
            super().__init__()
            if_dropped(self, dropped)
            raised()

    Interrupted.__qualname__ = TermException.__qualname__
    return Interrupted


class Interrupt:
    """Interrupts the job of one slot, whichever thread runs it. ``request`` may be called from any thread."""

    def __init__(self) -> None:
        # An RLock: a signal handler may run in this thread between acquire() and the assignment, and calls request().
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._task: Task[Any] | None = None
        self._requested = self._cancelled = self._raised = False
        self._in_flight = self._heard = False
        self._asked = 0.0
        self._error = _Interrupted

    def reset(self) -> None:
        """Forget requests: they were for the job before."""
        if self._requested:
            with self._lock:
                self._requested = self._cancelled = self._raised = self._heard = False

    def request(self) -> None:
        """Raise TermException in the thread that runs the job; if none does, in the next ``enter`` or ``pending``."""
        with self._lock:
            if self._requested:
                return
            self._requested, self._asked = True, time.monotonic()
            self._error = _error(self._hear, self._later)
            if self._task is not None:
                self._ask_first(self._task)
            elif self._thread is not None:
                self._raise_again(self._error)

    def _ask_first(self, task: Task[Any]) -> None:
        """Have a task cancelled where it awaits, or raise the error if it does not come to that."""
        self._ask(task)
        self._soon(BUSY, self._if_not_heard)

    def _ask(self, task: Task[Any]) -> None:
        """Have the loop of a task cancel it, from any thread."""
        with suppress(RuntimeError):  # the job has closed the loop
            task.get_loop().call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: Task[Any]) -> None:
        with self._lock:
            if self._task is task and self._requested and not self._raised:
                self.cancel(task)

    def cancel(self, task: Task[Any]) -> None:
        """Cancel a task, in its loop; ``instead_of`` makes that a TermException."""
        with self._lock:
            self._cancelled = True
            task.cancel()

    def caused(self) -> bool:
        """Whether a cancellation that has come to the task is the one of ``cancel``, or may stand for it."""
        with self._lock:
            caused = self.pending() or self._cancelled
            self._cancelled = False
            return caused

    def _hear(self) -> None:
        """The interpreter raises the error now, in the thread of the job; maybe in another task, which the job need not await."""
        task = self._task
        if task is None or sys.modules["asyncio"].current_task() is task:
            self._heard = True
        else:
            self._raised = False
            self._ask(task)

    def _later(self) -> None:
        """The job did not get the error, or cannot bear it now: raise it again in a moment, unless the job has ended then."""
        self._soon(AGAIN, self._raise_again)

    def _soon(self, seconds: float, call: Callable[[type[_Interrupted]], None]) -> None:
        timer = threading.Timer(seconds, call, (self._error,))
        timer.daemon = True
        timer.start()

    def _if_not_heard(self, error: type[_Interrupted]) -> None:
        """The loop has not come to the cancellation: raise the error in the midst of what keeps it busy."""
        with self._lock:
            if self._error is error and not (self._cancelled or self._raised):
                self._raise_again(error)

    def _raise_again(self, error: type[_Interrupted]) -> None:
        with self._lock:
            if self._error is not error or not self._requested:
                return
            self._raised = self._thread is not None
            if self._thread is None:
                return
            if raise_in_thread(self._thread, error, self._asked):
                self._in_flight = True
            else:
                self._later()

    @property
    def waits(self) -> bool:
        """Whether there is a request that was not raised yet."""
        return self._requested and not self._raised

    def pending(self) -> bool:
        """Whether there is a request that was not raised yet. The caller raises it now."""
        with self._lock:
            pending = self.waits
            self._raised = self._raised or pending
            return pending

    def check(self) -> None:
        """Raise TermException if it was requested and not raised yet."""
        if self.pending():
            raise TermException("SIGTERM")

    def enter(self, task: Task[Any] | None = None) -> None:
        """Note that this thread, or this task of its loop, runs the job from here.

        TermException, if that was requested already, is raised here in a thread, and in a task where it awaits.
        """
        with self._lock:
            if task is None:
                self.check()
            self._thread, self._task = threading.get_ident(), task
            if task is not None and self.waits:
                self._ask_first(task)

    def leave(self) -> None:
        """Note that this thread no longer runs the job, and cancel an exception that the interpreter has not raised yet."""
        while True:
            try:
                with self._lock:
                    self._thread = self._task = None
                    if self._in_flight:
                        self._in_flight = False
                        drop_in_this_thread(_Interrupted)
                        self._raised = self._raised and self._heard
            except _Interrupted:
                continue
            return


def instead_of(interrupt: Interrupt, error: BaseException | None) -> BaseException | None:
    """A cancellation that an interrupt has caused becomes TermException, where the job awaits."""
    asyncio = sys.modules["asyncio"]
    if isinstance(error, asyncio.CancelledError) and interrupt.caused():
        return TermException("SIGTERM")
    return error


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
                self._interrupt.check()
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
        if result is None or not is_awaitable(result):
            return result
        if not self._of_the_loop:
            return self._awaited(result)
        return self._cancelled_first(result) if self._interrupt.waits else result

    async def _cancelled_first(self, awaitable: Awaitable[Any]) -> Any:
        """Await what a function returned; the task is cancelled where that awaits, because a request has come too late for the function."""
        task = sys.modules["asyncio"].current_task()
        if task is not None and self._interrupt.waits:
            self._interrupt.cancel(task)
        return await awaitable

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        """Await what a function returned. The loop that runs it belongs to this thread meanwhile."""
        import asyncio  # noqa: PLC0415 - heavy, and only for what awaits

        error_for = partial(instead_of, self._interrupt)
        try:
            try:
                self._interrupt.enter(asyncio.current_task())
                return await raise_inside(as_coroutine(awaitable), error_for)
            finally:
                self._interrupt.leave()
        except BaseException:
            self._interrupt.leave()
            raise
