"""What a worker does at its times, however long its job is: it writes its heartbeat, prunes, trims and looks (Ruby: ``Worker#heartbeat!``)."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.lightweight import rather_sooner, within
from pyresque.ops import Batch, Sleep
from pyresque.printable import many
from pyresque.process.health.state import Flag
from pyresque.ruby import time as ruby_time
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.core import Core
    from pyresque.ops import Command
    from pyresque.plugins.undeclared import UndeclaredPlugins
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.pruning import Pruner
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
        """Send the heartbeat, prune and trim, each if it is due. Returns the seconds until the next is due.

        Only the heartbeat is tried while Redis does not take it: each attempt may hang.
        """
        left = self._due_at - self.clock.monotonic()
        if left > 0:
            self.health.upkeep_done()
            return left
        next_beat = await self.heartbeat.beat_if_due()
        self.health.upkeep_done()
        self.health.mark(Flag.AWAY, self.heartbeat.failing)
        if self.heartbeat.failing:
            self._due_at = self.clock.monotonic() + next_beat
            return next_beat
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

    Workers that begin together, or lose Redis together, would write all their heartbeats at the same moments. So the next one comes at a
    random moment within the interval, and each later one at most a tenth of the interval early, by chance.
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
