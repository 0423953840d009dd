"""Several workers in one process: one title, one heartbeat and one set of orders for all of them.

Law: each is a Resque worker of its own id with one job at a time; what belongs to the process is done once, by the crew.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.errors import DirtyExit, RedisCommandError, RedisUnavailable
from pyresque.process.worker.liveness import Heartbeats, Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pyresque.core import Core
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")

#: The worker hooks that each worker of a crew runs; the others are the process's.
OF_EACH = ("queue_empty",)

#: What a worker's title begins with, after the prefix.
NAME = f"pyresque-{__version__}: "


class SharedTitle:
    """The title of a process of so many workers: what one says where all are idle, else how many are not."""

    def __init__(
        self, show: Callable[[str], None], count: int, lock: AbstractContextManager[object]
    ) -> None:
        self._show = show
        self._count = count
        self._lock = lock
        self._said: dict[int, str] = {}

    def say(self, number: int, text: str) -> None:
        """A worker's own title."""
        prefix, _, said = text.partition(NAME)
        if said.startswith("Processing "):
            said = "Processing"
        if self._said.get(number) == said:
            return
        with self._lock:
            self._said[number] = said
            busy = sum(each == "Processing" for each in self._said.values())
            told = f"Processing {busy} of {self._count} jobs" if busy else said
            self._show(f"{prefix}{NAME}{told}")


class Crew:
    """The workers. Orders come from the process's main thread, but not from within a signal handler."""

    def __init__(
        self, core: Core, workers: Sequence[Worker], wake: Callable[[], None], vitals: HealthState
    ) -> None:
        self.core = core
        self.workers = workers
        self.wake = wake
        self.rounds = Upkeep(
            core, Heartbeats(core, [worker.pulse for worker in workers]), workers[0].pruner, vitals
        )
        self.stopping = False
        self._tell_at = math.inf
        self._leave_at = math.inf

    async def start(self) -> None:
        """What comes before any of them starts."""
        self.workers[0].tell_of_limits()
        await self.rounds.prune()
        await self.core.hooks.run("before_first_fork")

    async def leave(self) -> None:
        """Take all out of the books; what one has that did not come to an end is recorded as failed."""
        error = DirtyExit("Job still being processed when its process had to end")
        for worker in self.workers:
            worker.pulse.registered = False
        try:
            for worker in self.workers:
                await self._unregister(worker, error)
        except (RedisUnavailable, RedisCommandError) as trouble:
            log.warning("workers are left in the books, for others to prune: %s", trouble)

    async def _unregister(self, worker: Worker, error: DirtyExit) -> None:
        """Take one out. A connection that was at rest may have been lost: the second attempt makes another one."""
        try:
            await worker.unregister_worker(error)
        except RedisUnavailable:
            await worker.unregister_worker(error)

    # -- orders

    def shutdown(self) -> None:
        """Stop after the current jobs (QUIT, and TERM with GRACEFUL_TERM)."""
        if not self.stopping:
            self.stopping = True
            for worker in self.workers:
                worker.shutdown()
            self.core.hooks.run_now("shutdown")
            self.wake()

    def shutdown_now(self) -> None:
        """Stop, and do not wait for jobs for longer than a child would be given (INT, TERM)."""
        self.shutdown()
        if self._leave_at == math.inf:
            settings, now = self.core.settings, self.core.clock.monotonic()
            self._tell_at = now + settings.pre_shutdown_timeout
            self._leave_at = self._tell_at + settings.term_timeout

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
        for worker in self.workers:
            worker.pause_processing()
        self.wake()

    def unpause_processing(self) -> None:
        """Take jobs again (CONT)."""
        for worker in self.workers:
            worker.unpause_processing()
        self.core.hooks.run_now("after_pause", self.workers[0])
        self.wake()

    def due(self) -> float:
        """Seconds until the jobs are to be told to end, or to be left where they are; infinite: never."""
        return min(self._tell_at, self._leave_at) - self.core.clock.monotonic()

    def press(self) -> bool:
        """Tell the jobs to end when it is time to; whether it is time to leave them where they are."""
        now = self.core.clock.monotonic()
        if now >= self._tell_at:
            self._tell_at = math.inf
            self.kill_jobs()
        return now >= self._leave_at


ORDERS: Mapping[str, Callable[[Crew], None]] = {
    "SIGTERM": Crew.terminate,
    "SIGINT": Crew.shutdown_now,
    "SIGQUIT": Crew.shutdown,
    "SIGUSR1": Crew.kill_jobs,
    "SIGUSR2": Crew.pause_processing,
    "SIGCONT": Crew.unpause_processing,
    "SIGIO": Crew.shutdown,  # a pool's master is gone
}
