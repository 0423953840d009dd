"""Heartbeats, and unregistering workers that have none left (Ruby: ``Worker#heartbeat!`` and ``#prune_dead_workers``)."""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import (
    DecodeError,
    RedisCommandError,
    RedisUnavailable,
    WorkerIdError,
)
from pyresque.failure.dead_workers import unregister_dead
from pyresque.failure.interrupted import finish_prunings
from pyresque.job.worker_registry import WorkerId
from pyresque.lightweight import rather_sooner, within
from pyresque.ops import Batch, Sleep
from pyresque.printable import many
from pyresque.process.health.state import Flag
from pyresque.ruby import time as ruby_time
from pyresque.store.workers import START
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from pyresque.core import Core
    from pyresque.ops import Command
    from pyresque.plugins.undeclared import UndeclaredPlugins
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.process.worker.remote import RemoteControl

log = logging.getLogger("pyresque")

#: Seconds until a heartbeat that could not be written is tried again.
RETRY = 5.0


class Upkeep:
    """A worker's duties during a long job: the heartbeat, and from time to time pruning dead workers and trimming failed lists."""

    def __init__(
        self, core: Core, heartbeat: HeartbeatBase, pruner: Pruner, health: HealthState
    ) -> None:
        self.clock = core.clock
        self.retention = core.retention
        self.heartbeat = heartbeat
        self.pruner = pruner
        self.health = health
        #: Warns of classes without the plugins that they have in Ruby. The code that builds the worker sets it, and the next one.
        self.undeclared: UndeclaredPlugins | None = None
        self.remote: RemoteControl | None = None
        self.prune_period = max(core.settings.prune_interval, core.settings.heartbeat_interval)
        self._pruned_before = False
        self._prune_at = math.inf  # the worker's start runs the first pruning
        self._due_at = -math.inf

    async def run(self) -> float:
        """Send the heartbeat, prune and trim, each if it is due. Returns the seconds until the next is due."""
        left = self._due_at - self.clock.monotonic()
        if left > 0:
            self.health.upkeep_done()
            return left
        next_beat = await self.heartbeat.beat_if_due()
        self.health.upkeep_done()
        self.health.mark(Flag.AWAY, self.heartbeat.failing)
        if self.clock.monotonic() >= self._prune_at:
            await self.prune()
        await self.retention.trim_if_due()
        look_in = math.inf
        if self.undeclared is not None:
            await self.undeclared.look_if_due()
            look_in = self.undeclared.due_in()
        if self.remote is not None:
            await self.remote.look_if_due()
            look_in = min(look_in, self.remote.due_in())
        now = self.clock.monotonic()
        left = max(0.0, min(next_beat, self._prune_at - now, self.retention.due_in(), look_in))
        self._due_at = now + left
        return left

    async def run_forever(self) -> None:
        """Run again and again, in a thread or task of its own."""
        while True:
            await Sleep(await self.run())

    async def prune(self) -> list[str] | None:
        """Prune dead workers now. If Redis is away or refuses, log that and return None."""
        period = self.prune_period
        wait = rather_sooner(period) if self._pruned_before else within(period)
        self._prune_at, self._pruned_before = self.clock.monotonic() + wait, True
        self._due_at = -math.inf
        pruned = None
        try:
            pruned = await self.pruner.prune()
        except (RedisUnavailable, RedisCommandError) as error:
            log.warning("dead workers not pruned this time: %s", error)
        if pruned is not None and self.undeclared is not None:
            self.undeclared.allow()
        return pruned


class HeartbeatBase:
    """Writes the heartbeat of one worker, or of all of a process. Rule: never later than the interval.

    Workers that began, or lost Redis, together spread over the interval with the next beat; each comes a little sooner than it must.
    """

    def __init__(self, core: Core, due: float = math.inf) -> None:
        self.core = core
        self.interval = core.settings.heartbeat_interval
        self.failing = False
        self.wrong_key_log = WrongKeyLog()
        self._due = due
        self._in_step = True

    def commands(self, now: str) -> list[Command[int]]:
        """The commands that write a heartbeat of that time; none if there is no worker."""
        raise NotImplementedError

    async def beat(self) -> None:
        """Write the server's time as the last heartbeat."""
        now = await self.core.worker_registry.table.server_time()
        zone = local(self.core.clock).tzinfo
        commands = tuple(self.commands(ruby_time.heartbeat(now.astimezone(zone))))
        self.wrong_key_log.replies_or(await Batch(commands, lenient=True))
        self._wait(within(self.interval) if self._in_step else rather_sooner(self.interval))
        self._in_step = False

    async def beat_if_due(self) -> float:
        """Write the heartbeat when it is due; the seconds until it is due again. If Redis is away it is tried again later."""
        left = self._due - self.core.clock.monotonic()
        if left > 0:
            return left
        try:
            await self.beat()
            self.failing = False
        except (RedisUnavailable, RedisCommandError) as error:
            self.failing = self._in_step = True
            log.warning("heartbeat of %s not written, trying again: %s", self, error)
            self._wait(within(min(RETRY, self.interval)))
        return self._due - self.core.clock.monotonic()

    def _wait(self, seconds: float) -> None:
        self._due = self.core.clock.monotonic() + seconds


class Heartbeat(HeartbeatBase):
    """One worker's heartbeat. A worker that was never started has none."""

    def __init__(self, core: Core, worker_id: str) -> None:
        super().__init__(core)
        self.worker_id = worker_id
        self.registered = False

    def __str__(self) -> str:
        return self.worker_id

    async def start(self) -> None:
        """Delete the heartbeat of an earlier worker of this id, then write one: before the registration, as in Ruby."""
        table = self.core.worker_registry.table
        await self.wrong_key_log.value_or(table.remove_heartbeat(self.worker_id), 0)
        await self.beat()

    def commands(self, now: str) -> list[Command[int]]:
        """HSET of the heartbeat, and SADD to ``workers``: a worker that was pruned by mistake is registered again."""
        table = self.core.worker_registry.table
        beating = [table.beating(now, self.worker_id)]
        if self.registered:
            beating.append(table.entering(self.worker_id))
        return beating


class Heartbeats(HeartbeatBase):
    """The heartbeats of all workers of one process, in one round trip."""

    def __init__(self, core: Core, heartbeats: Sequence[Heartbeat]) -> None:
        super().__init__(core)
        self._wait(within(self.interval))
        self._in_step = False
        self.heartbeats = heartbeats

    def __str__(self) -> str:
        return many(len(self.heartbeats), "worker")

    def commands(self, now: str) -> list[Command[int]]:
        """One HSET and one SADD for all workers that are registered now."""
        table = self.core.worker_registry.table
        ids = [one.worker_id for one in self.heartbeats if one.registered]
        return [table.beating(now, *ids), table.entering(*ids)] if ids else []


class Pruner:
    """Unregisters dead workers on behalf of a living one, ``me``."""

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
        """Prune, and return the ids that were; None if another worker has pruned within the heartbeat interval.

        Ruby prunes any worker whose last heartbeat is older than the prune interval; and on this host a worker of the
        same queues (or any, if we take ``*``) whose process is gone.
        """
        if not await self.acquire():
            return None
        pruned: list[str] = []
        search = self.search()
        while (dead := await search.more()) is not None:
            pruned += await self.unregister(dead)
        if self.core.registry.with_plugins:
            await finish_prunings(self.core.lost_jobs, self.core.settings.prune_interval)
        return pruned

    async def acquire(self) -> bool:
        """Take the lock of the one worker that prunes, for a heartbeat interval; False if another has it."""
        seconds = max(1, int(self.core.settings.heartbeat_interval))
        return await self.core.worker_registry.table.acquire_pruning(str(self.me), seconds)

    def search(self) -> DeadWorkers:
        """A search for the workers to prune."""
        return DeadWorkers(
            self.core, self.me, self.queue_list, self.worker_pids, self.wrong_key_log
        )

    async def unregister(self, dead: Mapping[str, str | None]) -> list[str]:
        """Unregister these, each if its heartbeat is still the one that the search saw; the ids of those that were."""
        return await unregister_dead(self.core.lost_jobs, dead, self.wrong_key_log)


class DeadWorkers:
    """Finds dead workers as Ruby's ``Worker#prune_dead_workers`` does, page by page: by heartbeats first, then by processes."""

    def __init__(
        self,
        core: Core,
        me: WorkerId,
        queue_list: QueueList,
        worker_pids: Callable[[], frozenset[int] | None],
        wrong_key_log: WrongKeyLog,
    ) -> None:
        self.core = core
        self.me = me
        self.queue_list = queue_list
        self.worker_pids = worker_pids
        self.wrong_key_log = wrong_key_log
        self.seen = 0
        self._beats: bytes | None = START
        self._ids: bytes | None = START
        self._alive: frozenset[int] | None = frozenset()
        self._now: datetime | None = None

    async def total(self) -> int:
        """How many heartbeats and workers there are to go through."""
        return sum(
            self.wrong_key_log.replies_or(await self.core.worker_registry.table.counting(), 0)
        )

    async def more(self) -> dict[str, str | None] | None:
        """The dead of the next page: id and expired heartbeat (None: its process is gone). None when all were seen."""
        if self._beats is not None:
            return {**await self.expired(self._beats)}
        if self._ids is not None:
            return dict.fromkeys(await self._without_process(self._ids))
        return None

    async def _time(self) -> datetime:
        """The server's time when the search began.

        An hour that has passed since makes no living worker dead; and of a later time a heartbeat would expire that was fresh when
        heartbeats were looked at, so that neither search found its worker.
        """
        if self._now is None:
            self._now = await self.core.worker_registry.table.server_time()
        return self._now

    async def expired(self, cursor: bytes) -> dict[str, str]:
        """Workers whose last heartbeat is too old, with its text. A worker whose heartbeat is not a date is left alone."""
        table = self.core.worker_registry.table
        after, beats = await self.wrong_key_log.value_or(table.heartbeats_from(cursor), (START, {}))
        self._beats = None if after == START else after
        self.seen += len(beats)
        now = await self._time()
        expired: dict[str, str] = {}
        for worker_id, text in beats.items():
            try:
                if self._too_old(text, now):
                    expired[worker_id] = text
            except DecodeError as error:
                log.warning(
                    "heartbeat of %s cannot be read, so it is not judged: %s", worker_id, error
                )
        return expired

    async def _without_process(self, cursor: bytes) -> list[str]:
        """Workers of this host whose process is gone, but for those whose heartbeat has expired, as in Ruby."""
        table = self.core.worker_registry.table
        after, ids = await self.wrong_key_log.value_or(table.ids_from(cursor), (START, []))
        self._ids = None if after == START else after
        self.seen += len(ids)
        gone = self._gone([worker_id for worker_id in ids if self._is_ours(worker_id)])
        if not gone:
            return []
        none: list[str | None] = [None] * len(gone)
        beats = await self.wrong_key_log.value_or(table.heartbeats_of(gone), none)
        now = await self._time()
        return [one for one, beat in zip(gone, beats, strict=True) if not self._expired(beat, now)]

    def _gone(self, ids: list[str]) -> list[str]:
        """The ids that have no process. Processes are listed after the ids were read: a worker that registers in between is alive."""
        for afresh in (False, True):
            if afresh and ids:
                self._alive = self.worker_pids()
            alive = self._alive
            if alive is None:
                return []
            ids = [one for one in ids if WorkerId.parse(one).pid not in alive]
        return ids

    def _is_ours(self, worker_id: str) -> bool:
        try:
            other = WorkerId.parse(worker_id)
        except WorkerIdError:
            log.warning("%r in the set of workers is no worker id; it is left alone", worker_id)
            return False
        # Ruby compares what stands between the second colon and the next one.
        queues = {queue for queue in ",".join(other.queues).split(":")[0].split(",") if queue}
        ours = self.queue_list.takes_all or queues == set(self.queue_list.patterns)
        return ours and other.machine == self.me.machine

    def _expired(self, heartbeat: str | None, now: datetime) -> bool:
        try:
            return heartbeat is not None and self._too_old(heartbeat, now)
        except DecodeError:
            return False

    def _too_old(self, heartbeat: str, now: datetime) -> bool:
        age = now - ruby_time.parse_time(heartbeat, local(self.core.clock).tzinfo)
        limit = timedelta(seconds=self.core.settings.prune_interval)
        return timedelta(seconds=int(age.total_seconds())) > limit
