"""Heartbeats, and clearing away workers that have none left (Ruby: ``Worker#heartbeat!`` and ``#prune_dead_workers``)."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import (
    DirtyExit,
    PruneDeadWorkerDirtyExit,
    RedisCommandError,
    RedisUnavailable,
)
from pyresque.ops import Batch, Sleep
from pyresque.printable import many
from pyresque.process.health.state import Flag
from pyresque.process.worker.dead_workers import DeadWorkers
from pyresque.ruby import time as ruby_time
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyresque.core import Core
    from pyresque.job.worker_registry import WorkerId
    from pyresque.ops import Command
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.queue_list import QueueList

log = logging.getLogger("pyresque")

#: Seconds until a heartbeat that could not be written is tried again.
AGAIN = 5.0


class Upkeep:
    """What one worker must see to however long its jobs are: its heartbeat and, every so often, workers that are dead."""

    def __init__(
        self, core: Core, pulse: HeartbeatBase, pruner: Pruner, vitals: HealthState
    ) -> None:
        self.clock = core.clock
        self.pulse = pulse
        self.pruner = pruner
        self.vitals = vitals
        self.period = max(core.settings.prune_interval, core.settings.heartbeat_interval)
        self._prune_at = math.inf  # the first pruning belongs to the worker's start
        self._idle_until = -math.inf

    async def make(self) -> float:
        """Beat and prune where it is time to; the seconds until it is time again."""
        left = self._idle_until - self.clock.monotonic()
        if left > 0:
            self.vitals.tended()
            return left
        beat = await self.pulse.beat_if_due()
        self.vitals.tended()
        self.vitals.mark(Flag.AWAY, self.pulse.failing)
        if self.clock.monotonic() >= self._prune_at:
            await self.prune()
        now = self.clock.monotonic()
        left = max(0.0, min(beat, self._prune_at - now))
        self._idle_until = now + left
        return left

    async def keep(self) -> None:
        """Make them for ever; for a thread or task of its own."""
        while True:
            await Sleep(await self.make())

    async def prune(self) -> list[str] | None:
        """Clear away dead workers; trouble with Redis puts it off."""
        self._prune_at = self.clock.monotonic() + self.period
        self._idle_until = -math.inf
        try:
            return await self.pruner.prune()
        except (RedisUnavailable, RedisCommandError) as error:
            log.warning("dead workers not pruned this time: %s", error)
            return None


class HeartbeatBase:
    """What beats for one worker, or for all of a process."""

    def __init__(self, core: Core, due: float = math.inf) -> None:
        self.core = core
        self.interval = core.settings.heartbeat_interval
        self.failing = False
        self.wrong_key_log = WrongKeyLog()
        self._due = due

    def signs(self, now: str) -> list[Command[int]]:
        """What is to be written at that time; nothing: there is nobody to beat for."""
        raise NotImplementedError

    async def beat(self) -> None:
        """Write the server's time as the last heartbeat."""
        now = await self.core.worker_registry.table.server_time()
        zone = local(self.core.clock).tzinfo
        signs = tuple(self.signs(ruby_time.heartbeat(now.astimezone(zone))))
        self.wrong_key_log.replies_or(await Batch(signs, lenient=True))
        self._due = self.core.clock.monotonic() + self.interval

    async def beat_if_due(self) -> float:
        """Beat when it is time; the seconds until it is time again. A Redis that is away is waited for."""
        left = self._due - self.core.clock.monotonic()
        if left > 0:
            return left
        try:
            await self.beat()
            self.failing = False
        except (RedisUnavailable, RedisCommandError) as error:
            self.failing = True
            log.warning("heartbeat of %s not written, trying again: %s", self, error)
            again = min(AGAIN, self.interval)
            self._due = self.core.clock.monotonic() + again
            return again
        return self.interval


class Heartbeat(HeartbeatBase):
    """One worker's heartbeat. A worker that was never started has none."""

    def __init__(self, core: Core, worker_id: str) -> None:
        super().__init__(core)
        self.worker_id = worker_id
        self.registered = False

    def __str__(self) -> str:
        return self.worker_id

    async def start(self) -> None:
        """Forget what an earlier worker of this id left, then beat: before the worker is registered, as in Ruby."""
        await self.wrong_key_log.value_or(
            self.core.worker_registry.table.remove_heartbeat(self.worker_id), 0
        )
        await self.beat()

    def signs(self, now: str) -> list[Command[int]]:
        """The heartbeat. A worker that was pruned by mistake is entered again."""
        table = self.core.worker_registry.table
        beating = [table.beating(self.worker_id, now)]
        if self.registered:
            beating.append(table.entering(self.worker_id))
        return beating


class Heartbeats(HeartbeatBase):
    """The heartbeats of all workers of one process, in one round trip."""

    def __init__(self, core: Core, pulses: Sequence[Heartbeat]) -> None:
        super().__init__(core, core.clock.monotonic() + core.settings.heartbeat_interval)
        self.pulses = pulses

    def __str__(self) -> str:
        return many(len(self.pulses), "worker")

    def signs(self, now: str) -> list[Command[int]]:
        """Those of the workers that are registered: the others have not come yet, or have left."""
        return [sign for pulse in self.pulses if pulse.registered for sign in pulse.signs(now)]


class Pruner:
    """Clears away dead workers on behalf of one that lives."""

    def __init__(
        self,
        core: Core,
        me: WorkerId,
        queue_list: QueueList,
        worker_pids: Callable[[], frozenset[int] | None],
    ) -> None:
        self.core = core
        self.me = me
        self.queue_list = queue_list
        self.worker_pids = worker_pids
        self.wrong_key_log = WrongKeyLog()

    async def prune(self) -> list[str] | None:
        """Prune, unless another worker has done so within a heartbeat's time (None). The ids that were pruned.

        What Ruby prunes: any worker whose last heartbeat is older than the prune interval; and on this host one of the
        same queues (or any, for a worker of ``*``) whose process is gone.
        """
        if not await self.acquire():
            return None
        buried: list[str] = []
        search = self.search()
        while (dead := await search.more()) is not None:
            buried += await self.bury(dead)
        return buried

    async def acquire(self) -> bool:
        """Become the one who prunes for a heartbeat's time; False where another one is it."""
        seconds = max(1, int(self.core.settings.heartbeat_interval))
        return await self.core.worker_registry.table.acquire_pruning(str(self.me), seconds)

    def search(self) -> DeadWorkers:
        """What finds the workers that a prune clears away."""
        return DeadWorkers(
            self.core, self.me, self.queue_list, self.worker_pids, self.wrong_key_log
        )

    async def bury(self, dead: Mapping[str, str | None]) -> list[str]:
        """Clear these away, each if it is still as it was seen; those that were."""
        return [
            worker_id
            for worker_id, beat in dead.items()
            if await self.wrong_key_log.value_or(self._bury(worker_id, beat), False)
        ]

    async def _bury(self, worker_id: str, heartbeat: str | None) -> bool:
        if heartbeat is not None:
            return await self._bury_expired(worker_id, heartbeat)
        log.info("pruning dead worker: %s", worker_id)
        error = DirtyExit("Job still being processed")
        return await self.core.lost_jobs.unregister(worker_id, error) is not None

    async def _bury_expired(self, worker_id: str, heartbeat: str) -> bool:
        log.info("pruning dead worker: %s", worker_id)
        working_on = await self.wrong_key_log.value_or(
            self.core.worker_registry.working_on(worker_id), None
        )
        class_name = None if working_on is None else working_on.job.class_name or None
        error = PruneDeadWorkerDirtyExit(worker_id, class_name)
        return await self.core.lost_jobs.unregister(worker_id, error, heartbeat) is not None
