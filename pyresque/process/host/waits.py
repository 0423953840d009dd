"""The waits of several workers on the waiting connections that they share: as many are woken as there seem to be jobs.

Rule: while a queue holds a job, a worker that waits for it is woken. A queue is watched again REWATCH_DELAY after each report. If no
worker has taken the job by then, because the woken one is about to end, Redis reports it at once and others are woken.
"""

from __future__ import annotations

import threading
from math import inf
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.clock import Clock

#: Seconds that a worker may take to reserve the job that it was woken for, before its queue is watched again.
REWATCH_DELAY = 0.002


class Watch(Protocol):
    """What reports that queues (their keys) hold a job: a ``QueueWatch``, or in a worker of a pool the master."""

    clock: Clock

    def arm(self, keys: Iterable[str]) -> None:
        """Have these queues watched, those that are not watched already."""

    def all_armed(self, keys: Iterable[str]) -> bool:
        """Return whether all of these queues are watched."""

    def take_ready(self, keys: Iterable[str]) -> list[str]:
        """Return those of these queues that hold a job, by what has come; they are no longer watched."""

    def watched(self, keys: Iterable[str]) -> list[int]:
        """Return the descriptors to poll."""

    def due(self, keys: Iterable[str]) -> float:
        """Return the monotonic time at which ``arm`` must be called again although nothing came."""

    def leave(self, keys: Iterable[str] | None = None) -> None:
        """Nobody here waits for these queues any more, or for any."""

    def close(self) -> None:
        """Close every descriptor."""


class Waiting:
    """One wait for a job in any of ``queues`` (their keys). ``wake`` is called once, unless the wait ends before.

    It gets the key of the queue that seems to hold a job; None: such a job could no longer be reported.
    """

    def __init__(self, queues: frozenset[str], wake: Callable[[str | None], object]) -> None:
        self.queues = queues
        self.wake = wake
        #: Whether a job in any of these queues will be reported; else the worker must look for itself, at intervals.
        self.watched = False


class Waits:
    """All waits. Any thread may ``enter`` and ``leave``; one of them watches: ``begin``, wait for the descriptors, ``end``."""

    def __init__(self, queue_watch: Watch, rewatch_delay: float = REWATCH_DELAY) -> None:
        self.rewatch_delay = rewatch_delay
        self._queue_watch = queue_watch
        self._now = queue_watch.clock.monotonic
        self._lock = threading.Lock()
        self._waits: dict[Waiting, None] = {}
        self._could_watch: set[str] = set()  # queues that Redis let us watch the last time
        self._watched: frozenset[str] = frozenset()  # queues that are watched right now
        self._reported: dict[str, tuple[float, int]] = {}  # by queue: when, and how many were woken
        self._wanted: frozenset[str] = frozenset()  # queues that somebody waited for the last time
        self._keys: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waits)

    # -- who waits

    def enter(self, waiting: Waiting) -> bool:
        """Begin a wait; return whether whoever watches must go round at once, because of another queue."""
        with self._lock:
            self._waits[waiting] = None
            waiting.watched = self.watches(waiting)
            return not waiting.queues <= self._watched

    def leave(self, waiting: Waiting) -> None:
        """End a wait: a job no longer wakes it."""
        with self._lock:
            self._waits.pop(waiting, None)

    def watches(self, waiting: Waiting) -> bool:
        """Whether a job in any of its queues is reported."""
        return waiting.queues <= self._could_watch

    # -- who watches

    def begin(self) -> tuple[list[int], float]:
        """Watch the queues that somebody waits for; return the descriptors to wait for, and the seconds at most."""
        watch = self._queue_watch
        with self._lock:
            wanted = dict.fromkeys(key for waiting in self._waits for key in sorted(waiting.queues))
            # Who enters from now on for another queue needs another round.
            self._watched &= wanted.keys()
        keys, settled_at = self._to_watch_now(wanted, self._now())
        watch.take_ready(set(keys).difference(self._keys))  # reports that came while nobody waited
        if not self._wanted <= wanted.keys():
            watch.leave(self._wanted - wanted.keys())
        watch.arm(keys)
        self._publish(keys)
        self._wanted, self._keys = frozenset(wanted), keys
        return watch.watched(keys), min(watch.due(keys), settled_at) - self._now()

    def end(self) -> None:
        """Read what has come, and wake those that wait for it."""
        for key in self._queue_watch.take_ready(self._keys):
            self._report(key, self._now())

    def _to_watch_now(self, wanted: Iterable[str], now: float) -> tuple[tuple[str, ...], float]:
        """The queues to watch now, and when there will be more of them: a queue reported just now waits REWATCH_DELAY first."""
        settling = {
            key: at
            for key in wanted
            if key in self._reported and (at := self._reported[key][0] + self.rewatch_delay) > now
        }
        return tuple(key for key in wanted if key not in settling), min(
            settling.values(), default=inf
        )

    def _publish(self, keys: tuple[str, ...]) -> None:
        """Note which queues are watched, and wake every worker that waits for a queue that no longer can be watched."""
        watched = frozenset(key for key in keys if self._queue_watch.all_armed((key,)))
        with self._lock:
            lost = self._could_watch.intersection(keys) - watched
            self._could_watch = (self._could_watch - lost) | watched
            self._watched = watched
            if lost:
                self._wake([waiting for waiting in self._waits if waiting.queues & lost], None)

    def _report(self, key: str, now: float) -> None:
        """Wake one worker. If the last report was just now, its job was not taken or there are more: wake twice as many as then."""
        last, woken = self._reported.get(key, (-inf, 0))
        with self._lock:
            self._watched -= {key}
            waits = [waiting for waiting in self._waits if key in waiting.queues]
            woken = min(2 * woken if now < last + 2 * self.rewatch_delay else 1, len(waits))
            self._reported[key] = (now, woken)
            self._wake(waits[:woken], key)

    def _wake(self, waits: list[Waiting], key: str | None) -> None:
        for waiting in waits:
            del self._waits[waiting]
            waiting.wake(key)
