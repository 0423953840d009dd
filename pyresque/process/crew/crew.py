"""Several workers in one process: one title, one heartbeat and one set of signals for all of them.

Rule: each is a Resque worker of its own id with one job at a time. What belongs to the process is done once, by the crew.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.errors import DirtyExit, RedisCommandError, RedisUnavailable
from pyresque.process.worker.liveness import Heartbeats, Upkeep
from pyresque.process.worker.redis_retry import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pyresque.core import Core
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")

#: The worker hooks that each worker of a crew runs; the others are the process's.
OF_EACH = ("queue_empty",)

#: Seconds, after the time of the jobs, for workers that write how theirs have ended: more than they wait for a Redis that is away.
WRITING = 2 * PATIENCE

#: The beginning of a worker's title, after the prefix.
NAME = f"pyresque-{__version__}: "


class SharedTitle:
    """The process title of several workers: how many of them are busy, or if none is, the title of one."""

    def __init__(
        self, set_title: Callable[[str], None], count: int, lock: AbstractContextManager[object]
    ) -> None:
        self._set_title = set_title
        self._count = count
        self._lock = lock
        self._titles: dict[int, str] = {}

    def show(self, number: int, title: str) -> None:
        """Take the title of the worker with that number into account."""
        prefix, _, text = title.partition(NAME)
        if text.startswith("Processing "):
            text = "Processing"
        if self._titles.get(number) == text:
            return
        with self._lock:
            self._titles[number] = text
            busy = sum(each == "Processing" for each in self._titles.values())
            shown = f"Processing {busy} of {self._count} jobs" if busy else text
            self._set_title(f"{prefix}{NAME}{shown}")


class Crew:
    """The workers of one process. The main thread calls the methods, no signal handler does. ``wake`` ends the workers' waits."""

    def __init__(
        self, core: Core, workers: Sequence[Worker], wake: Callable[[], None], health: HealthState
    ) -> None:
        self.core = core
        self.workers = workers
        self.wake = wake
        self.health = health
        heartbeats = Heartbeats(core, [worker.heartbeat for worker in workers])
        self.upkeep = Upkeep(core, heartbeats, workers[0].pruner, health)
        self.stopping = False
        self._term_at = math.inf
        self._kill_at = math.inf
        self._only_write = False

    async def start(self) -> None:
        """Warn of unlimited jobs, prune, and run before_first_fork hooks, before any worker starts."""
        self.workers[0].warn_of_unlimited_jobs()
        await self.upkeep.prune()
        await self.core.hooks.run("before_first_fork")

    async def leave(self) -> None:
        """Unregister all workers; a job that has not ended is recorded as failed."""
        error = DirtyExit("Job still being processed when its process had to end")
        for worker in self.workers:
            worker.heartbeat.registered = False
        left = [worker for worker in self.workers if not worker.registration.given_up]
        if not left:
            return
        try:
            while left:
                await self._unregister(left[0], error)
                left.pop(0)
            if self.upkeep.remote is not None:
                await self.upkeep.remote.end()
        except (RedisUnavailable, RedisCommandError) as away:
            for worker in left:
                worker.registration.log_stay(away)

    async def _unregister(self, worker: Worker, error: DirtyExit) -> None:
        """Unregister a worker. An unused connection may have been closed: the second attempt opens another one."""
        try:
            await worker.unregister_worker(error)
        except RedisUnavailable:
            await worker.unregister_worker(error)

    # -- signals

    def shutdown(self) -> None:
        """Stop after the current jobs (QUIT, and TERM with GRACEFUL_TERM)."""
        if not self.stopping:
            self.stopping = True
            for worker in self.workers:
                worker.shutdown()
            self.core.hooks.run_now("shutdown")
            self.wake()

    def shutdown_now(self) -> None:
        """Stop, and wait for jobs no longer than a child would be given (INT, TERM)."""
        self.shutdown()
        if self._kill_at == math.inf:
            settings, now = self.core.settings, self.core.clock.monotonic()
            self._term_at = now + settings.pre_shutdown_timeout
            self._kill_at = self._term_at + settings.term_timeout

    def terminate(self) -> None:
        """TERM: what it means depends on GRACEFUL_TERM."""
        if self.core.settings.graceful_term:
            self.shutdown()
        else:
            self.shutdown_now()

    def kill_jobs(self) -> None:
        """End the running jobs, as far as they can be (USR1)."""
        for worker in self.workers:
            worker.kill_child()

    def pause_processing(self) -> None:
        """Take no new jobs (USR2)."""
        self.core.hooks.run_now("before_pause", self.workers[0])
        self.health.pause(True)
        self.wake()

    def unpause_processing(self) -> None:
        """Take jobs again (CONT)."""
        self.health.pause(False)
        self.core.hooks.run_now("after_pause", self.workers[0])
        self.wake()

    def due(self) -> float:
        """Seconds until ``end_jobs`` has something to do; infinite: never."""
        return min(self._term_at, self._kill_at) - self.core.clock.monotonic()

    def end_jobs(self) -> bool:
        """Interrupt the jobs when the pre-shutdown time is over. Returns whether the term time-out is over, too.

        Workers whose jobs have ended get some more time, in which they write that: Redis may be away.
        """
        now = self.core.clock.monotonic()
        if now >= self._term_at:
            self._term_at = math.inf
            self.kill_jobs()
        if now >= self._kill_at and not (self._only_write or self.performing):
            self._only_write, self._kill_at = True, now + WRITING
        return now >= self._kill_at

    @property
    def performing(self) -> bool:
        """Whether any job is under way."""
        return any(worker.executor.performing for worker in self.workers)


#: What each signal does.
SIGNALS: Mapping[str, Callable[[Crew], None]] = {
    "SIGTERM": Crew.terminate,
    "SIGINT": Crew.shutdown_now,
    "SIGQUIT": Crew.shutdown,
    "SIGUSR1": Crew.kill_jobs,
    "SIGUSR2": Crew.pause_processing,
    "SIGCONT": Crew.unpause_processing,
    "SIGIO": Crew.shutdown,  # a pool's master is gone
}

#: The signals that stop a crew.
STOPS = frozenset({"SIGTERM", "SIGINT", "SIGQUIT", "SIGIO"})
