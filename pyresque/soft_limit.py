"""A timer for running code: when the time is up it raises JobTimeout inside that code, in its thread or event loop.

In the main thread the timer is SIGALRM. In any other thread a second thread raises the error with PyThreadState_SetAsyncExc; a
coroutine is cancelled where it awaits. Code that stays in one call into C does not get the error before it returns.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque import signal_handlers
from pyresque.cancellations import as_coroutine, is_cancellation, raise_inside, uncancel
from pyresque.dropped_errors import AGAIN, if_dropped
from pyresque.errors import JobTimeout
from pyresque.lightweight import is_awaitable
from pyresque.thread_errors import (
    PATIENCE,
    drop_in_this_thread,
    give_back_logging,
    is_critical,
    raise_in_thread,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

T = TypeVar("T")

#: Seconds by which a timer may fire too early, and after which an outer timer fires that became due meanwhile.
MOMENT = 1e-4


class SoftLimit:
    """A limit in seconds from now, for all functions that are called through this object."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.due = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the limit; raises JobTimeout if it has passed."""
        left = self.due - time.monotonic()
        if left <= 0:
            raise JobTimeout(self.seconds)
        return left

    def call(self, function: Callable[[], T]) -> T | Awaitable[Any]:
        """Call a function within the limit; the limit also holds for an awaitable that it returns."""
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            result = self._under_timer(function)
        else:
            result = self._watched(function)
        return self._within(result) if is_awaitable(result) else result

    async def wait_for(self, function: Callable[[], Awaitable[T]]) -> T:
        """Await what a coroutine function returns."""
        return await self._within(function())

    async def _within(self, work: Awaitable[T]) -> T:
        """Await the work; when its time is up, JobTimeout is raised at its present await."""
        import asyncio  # noqa: PLC0415 - heavy, and only if a loop runs already

        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        timer: asyncio.TimerHandle
        cancelling: Callable[[], int] = getattr(task, "cancelling", int)  # since Python 3.11
        fired, known = False, cancelling()

        def fire() -> None:
            nonlocal fired
            fired = True
            if task is not None:
                task.cancel()

        def error_for(error: BaseException | None) -> BaseException | None:
            nonlocal fired, timer, known
            if error is None and not fired:
                return None
            before, known = known, cancelling()
            if not fired:
                return error
            fired = False
            # Another cancellation that came at the same time goes before ours, which comes again.
            if known > before + 1 or is_cancellation(error):
                uncancel()
                timer = loop.call_later(AGAIN, fire)
                return error
            return JobTimeout(self.seconds)

        timer = loop.call_later(max(0.0, self.due - time.monotonic()), fire)
        try:
            return await raise_inside(as_coroutine(work), error_for)
        finally:
            timer.cancel()

    def _under_timer(self, function: Callable[[], T]) -> T:
        listening = True
        outer = signal.getsignal(signal.SIGALRM)
        outer_left, _ = signal.getitimer(signal.ITIMER_REAL)
        started = time.monotonic()

        def fire(number: int, frame: FrameType | None) -> None:
            nonlocal listening
            if time.monotonic() < self.due - MOMENT:
                if callable(outer):
                    outer(number, frame)
            elif listening and is_critical(frame) and time.monotonic() < self.due + PATIENCE:
                signal.setitimer(signal.ITIMER_REAL, AGAIN)
            elif listening:
                listening = False
                raise if_dropped(JobTimeout(self.seconds), fire_again)

        def fire_again() -> None:
            nonlocal listening
            listening = True
            signal.setitimer(signal.ITIMER_REAL, AGAIN)

        left = self.left
        before = signal_handlers.take(signal.SIGALRM, fire)
        signal_handlers.unblock(signal.SIGALRM)
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, min(left, outer_left or left))
                return function()
            finally:
                listening = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal_handlers.give_back(signal.SIGALRM, before)
            if time.monotonic() >= self.due:
                give_back_logging()
            if outer_left:
                rest = outer_left - (time.monotonic() - started)
                signal.setitimer(signal.ITIMER_REAL, max(rest, MOMENT))

    def _watched(self, function: Callable[[], T]) -> T:
        watcher = _Watcher(self.seconds, self.due)
        timer = threading.Timer(self.left, watcher.raise_timeout)
        timer.daemon = True
        timer.start()
        try:
            return function()
        finally:
            watcher.call_off()
            timer.cancel()


class _Watcher:
    """Raises JobTimeout in the thread that made it, unless that thread has called it off."""

    def __init__(self, seconds: float, due: float) -> None:
        self._thread = threading.get_ident()
        self._due = due
        self._lock = threading.Lock()
        self._off = self._raised = False

        dropped = self._later

        class Timeout(JobTimeout):
            """PyThreadState_SetAsyncExc takes a class, not an instance, so this class holds the seconds."""

            def __init__(self) -> None:
                super().__init__(seconds)
                if_dropped(self, dropped)

        Timeout.__qualname__ = JobTimeout.__qualname__
        self._error = Timeout

    def _later(self) -> None:
        timer = threading.Timer(AGAIN, self.raise_timeout)
        timer.daemon = True
        timer.start()

    def raise_timeout(self) -> None:
        """Raise JobTimeout in that thread, if the work has not ended."""
        with self._lock:
            if self._off:
                return
            if raise_in_thread(self._thread, self._error, self._due):
                self._raised = True
            else:
                self._later()

    def call_off(self) -> None:
        """Note that the work has ended, and cancel an error that the thread has not raised yet."""
        while True:
            try:
                with self._lock:
                    self._off = True
                if self._raised:
                    drop_in_this_thread(self._error)
            except self._error:
                continue
            return
