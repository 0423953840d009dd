"""One thread that watches the queues for all slots of a process, and wakes as many slots as there seem to be jobs."""

from __future__ import annotations

import logging
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pyresque.process.host.waiter import LOOK, WakePipe, ready
from pyresque.process.host.waits import REWATCH_DELAY, Waiting, Waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.process.host.waits import Watch

log = logging.getLogger("pyresque")


class SharedWaiter:
    """The waits of all slots, and the thread, which the first wait starts. Without a QueueWatch no slot is woken."""

    def __init__(self, queue_watch: Watch | None, rewatch_delay: float = REWATCH_DELAY) -> None:
        self._queue_watch = queue_watch
        self.waits = None if queue_watch is None else Waits(queue_watch, rewatch_delay)
        self._lock = threading.Lock()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._thread_refused = False
        self._pipe = WakePipe()

    def enter(self, queues: tuple[str, ...], wake: Callable[[str | None], object]) -> Waiting:
        """Begin a wait. ``wake`` is called in the waiter's thread, once, when one of these queues (their keys) seems to hold a job.

        It is also called when such a job could no longer be reported. It must not block.
        """
        waiting, waits = Waiting(frozenset(queues), wake), self.waits
        if waits is None or not queues:
            return waiting
        with self._lock:
            if self._thread is None and not self._start_thread(waits):
                return waiting
        if waits.enter(waiting):
            self._pipe.wake()
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """End a wait: a job no longer wakes it."""
        if self.waits is not None:
            self.waits.leave(waiting)

    def close(self) -> None:
        """End the thread and close its connections."""
        with self._lock:
            self._ending = True
            self._pipe.wake()
        if self._thread is not None:
            self._thread.join()
        self._pipe.close()

    def _start_thread(self, waits: Waits) -> bool:
        """Start the thread. If the system refuses one, the slots look for themselves, and the next wait tries again."""
        thread = threading.Thread(
            target=self._run, args=(waits,), name="shared waiter", daemon=True
        )
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if not self._thread_refused:
                self._thread_refused = True
                log.warning(
                    "no thread can be started to wait for jobs, so they are polled: %s", error
                )
            return False
        self._thread, self._thread_refused = thread, False
        return True

    def _run(self, waits: Waits) -> None:
        """Watch the queues, in the thread, until ``close``."""
        try:
            while not self._ending:
                watched, seconds = waits.begin()
                woken = self._pipe.reading
                if woken in ready([woken, *watched], min(seconds, LOOK)):
                    self._pipe.empty()
                waits.end()
        finally:
            if self._queue_watch is not None:
                self._queue_watch.close()


class ThreadWaiter:
    """The waits of one thread's worker."""

    def __init__(self, shared_waiter: SharedWaiter) -> None:
        self._shared_waiter = shared_waiter
        #: Wake-ups that were not waited for: True for a job, False for ``wake``.
        self._wake_ups: SimpleQueue[bool] = SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one. Called from any thread, and from a signal handler."""
        self._wake_ups.put(False)

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until ``wake``."""
        self._next(seconds)

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """As ``Host.wait_for_jobs``."""
        waiting = self._shared_waiter.enter(queues, lambda _key: self._wake_ups.put(True))
        try:
            woken = self._next(most if waiting.watched else min(look, most))
            return (not waiting.watched and look <= most) if woken is None else woken
        finally:
            self._shared_waiter.leave(waiting)

    def _next(self, seconds: float) -> bool | None:
        try:
            return self._wake_ups.get(timeout=max(0.0, seconds))
        except Empty:
            return None
