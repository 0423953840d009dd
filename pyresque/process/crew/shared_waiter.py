"""One thread that watches the queues for all slots of a process, and wakes as many slots as there seem to be jobs.

Rule: while a queue holds a job, a slot that waits for it is woken. The thread watches a queue again REWATCH_DELAY after each
report. If no slot has taken the job by then, because the woken one is about to end, Redis reports it at once and others are woken.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pyresque.process.host.waiter import WakePipe, ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.process.host.queue_watch import QueueWatch

log = logging.getLogger("pyresque")

#: Seconds that a slot may take to reserve the job that it was woken for, before its queue is watched again.
REWATCH_DELAY = 0.002


class Waiting:
    """One wait for a job in any of ``queues`` (their keys). ``wake`` is called once, unless the wait ends before."""

    def __init__(self, queues: frozenset[str], wake: Callable[[], object]) -> None:
        self.queues = queues
        self.wake = wake
        #: Whether a job in any of these queues will be reported; else the slot must look for itself, at intervals.
        self.watched = False


class SharedWaiter:
    """The waits of all slots, and the thread, which the first wait starts. Without a QueueWatch no slot is woken."""

    def __init__(
        self, queue_watch: QueueWatch | None, rewatch_delay: float = REWATCH_DELAY
    ) -> None:
        self._queue_watch = queue_watch
        self._rewatch_delay = rewatch_delay
        self._lock = threading.Lock()
        self._waits: dict[Waiting, None] = {}
        self._could_watch: set[str] = set()  # queues that Redis let us watch the last time
        self._watched: frozenset[str] = frozenset()  # queues that the thread watches right now
        self._reported: dict[str, tuple[float, int]] = {}  # by queue: when, and how many were woken
        self._ending = False
        self._thread: threading.Thread | None = None
        self._thread_refused = False
        self._pipe = WakePipe()

    def enter(self, queues: tuple[str, ...], wake: Callable[[], object]) -> Waiting:
        """Begin a wait. ``wake`` is called in the waiter's thread, once, when one of these queues (their keys) seems to hold a job.

        It is also called when such a job could no longer be reported. It must not block.
        """
        waiting = Waiting(frozenset(queues), wake)
        if self._queue_watch is None or not queues:
            return waiting
        with self._lock:
            if self._thread is None and not self._start_thread(self._queue_watch):
                return waiting
            self._waits[waiting] = None
            waiting.watched = waiting.queues <= self._could_watch
            if not waiting.queues <= self._watched:
                self._pipe.wake()
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """End a wait: a job no longer wakes it."""
        with self._lock:
            self._waits.pop(waiting, None)

    def close(self) -> None:
        """End the thread and close its connections."""
        with self._lock:
            self._ending = True
            self._pipe.wake()
        if self._thread is not None:
            self._thread.join()
        self._pipe.close()

    def _start_thread(self, queue_watch: QueueWatch) -> bool:
        """Start the thread. If the system refuses one, the slots look for themselves, and the next wait tries again."""
        thread = threading.Thread(
            target=self._run, args=(queue_watch,), name="shared waiter", daemon=True
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

    def _run(self, queue_watch: QueueWatch) -> None:
        """Watch the queues, in the thread, until ``close``."""
        now = queue_watch.clock.monotonic
        keys: tuple[str, ...] = ()
        try:
            while not self._ending:
                before = keys
                keys, settled_at = self._queues_to_watch(now())
                queue_watch.take_ready(
                    set(keys).difference(before)
                )  # reports that came while nobody waited
                queue_watch.arm(keys)
                self._publish(queue_watch, keys)
                until = min(queue_watch.due(keys), settled_at)
                woken = self._pipe.reading
                if woken in ready([woken, *queue_watch.watched(keys)], until - now()):
                    self._pipe.empty()
                for key in queue_watch.take_ready(keys):
                    self._report(key, now())
        finally:
            queue_watch.close()

    def _queues_to_watch(self, now: float) -> tuple[tuple[str, ...], float]:
        """The queues to watch now, and when there will be more of them: a queue reported just now waits REWATCH_DELAY first."""
        with self._lock:
            keys = dict.fromkeys(key for waiting in self._waits for key in sorted(waiting.queues))
        settled = {
            key: self._reported[key][0] + self._rewatch_delay
            for key in keys
            if key in self._reported
        }
        settling = {key: at for key, at in settled.items() if at > now}
        return tuple(key for key in keys if key not in settling), min(
            settling.values(), default=inf
        )

    def _publish(self, queue_watch: QueueWatch, keys: tuple[str, ...]) -> None:
        """Note which queues are watched, and wake every slot that waits for a queue that no longer can be watched."""
        watched = frozenset(key for key in keys if queue_watch.all_armed((key,)))
        with self._lock:
            lost = self._could_watch.intersection(keys) - watched
            self._could_watch = (self._could_watch - lost) | watched
            self._watched = watched
            if lost:
                self._wake([waiting for waiting in self._waits if waiting.queues & lost])

    def _report(self, key: str, now: float) -> None:
        """Wake one slot. If the last report was just now, its job was not taken or there are more: wake twice as many as then."""
        last, woken = self._reported.get(key, (-inf, 0))
        with self._lock:
            self._watched -= {key}
            waits = [waiting for waiting in self._waits if key in waiting.queues]
            woken = min(2 * woken if now < last + 2 * self._rewatch_delay else 1, len(waits))
            self._reported[key] = (now, woken)
            self._wake(waits[:woken])

    def _wake(self, waits: list[Waiting]) -> None:
        for waiting in waits:
            del self._waits[waiting]
            waiting.wake()


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
        waiting = self._shared_waiter.enter(queues, partial(self._wake_ups.put, True))
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
