"""One thread that waits at the lines of a process on behalf of all its slots, and calls as many of them as there seem to be jobs.

Law: whoever expects a job is called as long as one is there. A line is armed again a moment after it rang; where the job
has not been taken by then, the one who was called being on its way out, Redis answers at once, and others are called.
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

#: Seconds that a slot is given to take the job it was called for, before its line is armed again.
SETTLE = 0.002


class Waiting:
    """One who waits for a job, until it is called or leaves."""

    def __init__(self, queues: frozenset[str], ring: Callable[[], object]) -> None:
        self.queues = queues
        self.ring = ring
        #: Whether a job in any of these queues will be told; else they must be looked at, at intervals.
        self.heard = False


class SharedWaiter:
    """The thread, started when the first one waits. Without lines nobody is called."""

    def __init__(self, lines: QueueWatch | None, settle: float = SETTLE) -> None:
        self._lines = lines
        self._settle = settle
        self._lock = threading.Lock()
        self._visits: dict[Waiting, None] = {}
        self._heard: set[str] = set()  # whose lines could be armed the last time
        self._watched: frozenset[str] = frozenset()  # whose lines the thread polls right now
        self._rang: dict[str, tuple[float, int]] = {}  # when, and how many were called
        self._ending = False
        self._thread: threading.Thread | None = None
        self._refused = False
        self._pipe = WakePipe()

    def expect(self, queues: tuple[str, ...], ring: Callable[[], object]) -> Waiting:
        """Have ``ring`` called, once and from the bell's thread, when one of these queues (their keys) seems to hold a job.

        It is also called when that can no longer be told. It must not block.
        """
        visit = Waiting(frozenset(queues), ring)
        if self._lines is None or not queues:
            return visit
        with self._lock:
            if self._thread is None and not self._started(self._lines):
                return visit
            self._visits[visit] = None
            visit.heard = visit.queues <= self._heard
            if not visit.queues <= self._watched:
                self._wake()
        return visit

    def leave(self, visit: Waiting) -> None:
        """Expect nothing any more."""
        with self._lock:
            self._visits.pop(visit, None)

    def close(self) -> None:
        """End the thread and hang up."""
        with self._lock:
            self._ending = True
            self._wake()
        if self._thread is not None:
            self._thread.join()
        self._pipe.close()

    def _started(self, lines: QueueWatch) -> bool:
        """Start the thread; where the system has none to give whoever waits looks by itself, and it is tried again."""
        thread = threading.Thread(target=self._wait, args=(lines,), name="doorbell", daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            if not self._refused:
                self._refused = True
                log.warning(
                    "no thread can be started to wait for jobs, so they are polled: %s", error
                )
            return False
        self._thread, self._refused = thread, False
        return True

    def _wake(self) -> None:
        self._pipe.wake()

    def _wait(self, lines: QueueWatch) -> None:
        """The thread's life."""
        now = lines.clock.monotonic
        keys: tuple[str, ...] = ()
        try:
            while not self._ending:
                before = keys
                keys, resting = self._wanted(now())
                lines.rung(set(keys).difference(before))  # said while nobody waited for them
                lines.hold(keys)
                self._publish(lines, keys)
                until = min(lines.due(keys), resting)
                poked = self._pipe.reading
                if poked in ready([poked, *lines.watched(keys)], until - now()):
                    self._pipe.empty()
                for key in lines.rung(keys):
                    self._call(key, now())
        finally:
            lines.close()

    def _wanted(self, now: float) -> tuple[tuple[str, ...], float]:
        """The queues whose lines are to be armed, and when there will be more of them."""
        with self._lock:
            keys = dict.fromkeys(key for visit in self._visits for key in sorted(visit.queues))
        again = {key: self._rang[key][0] + self._settle for key in keys if key in self._rang}
        resting = {key: at for key, at in again.items() if at > now}
        return tuple(key for key in keys if key not in resting), min(resting.values(), default=inf)

    def _publish(self, lines: QueueWatch, keys: tuple[str, ...]) -> None:
        armed = frozenset(key for key in keys if lines.heard((key,)))
        with self._lock:
            lost = self._heard.intersection(keys) - armed
            self._heard = (self._heard - lost) | armed
            self._watched = armed
            if lost:
                self._ring([visit for visit in self._visits if visit.queues & lost])

    def _call(self, key: str, now: float) -> None:
        """Call one; twice as many as before where nobody took the job since then, or there are more."""
        last, called = self._rang.get(key, (-inf, 0))
        with self._lock:
            self._watched -= {key}
            waiting = [visit for visit in self._visits if key in visit.queues]
            called = min(2 * called if now < last + 2 * self._settle else 1, len(waiting))
            self._rang[key] = (now, called)
            self._ring(waiting[:called])

    def _ring(self, visits: list[Waiting]) -> None:
        for visit in visits:
            del self._visits[visit]
            visit.ring()


class ThreadWaiter:
    """One thread's place at the doorbell: waiting as a worker's surroundings do it."""

    def __init__(self, bell: SharedWaiter) -> None:
        self._bell = bell
        self._calls: SimpleQueue[bool] = SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one: an order came. Also from a signal handler."""
        self._calls.put(False)

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until it is woken."""
        self._next(seconds)

    def wait(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """As ``Surroundings.wait_for_jobs``."""
        visit = self._bell.expect(queues, partial(self._calls.put, True))
        try:
            call = self._next(most if visit.heard else min(look, most))
            return (not visit.heard and look <= most) if call is None else call
        finally:
            self._bell.leave(visit)

    def _next(self, seconds: float) -> bool | None:
        try:
            return self._calls.get(timeout=max(0.0, seconds))
        except Empty:
            return None
