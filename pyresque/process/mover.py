"""The mover: while it runs, jobs that the routing table leads to Python leave their queues before Ruby's workers come to them.

Rule: where the routing table cannot be read, nothing is moved: Ruby keeps its jobs.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from pyresque import __version__
from pyresque.errors import RedisCommandError, RedisUnavailable, RoutingError, WrongKey
from pyresque.ops import Call
from pyresque.printable import many, printable
from pyresque.process.health.state import Flag, HealthState
from pyresque.process.worker.controls import no_hurry
from pyresque.routing.moving import QueueMover
from pyresque.routing.rules import Routes
from pyresque.store.moved import ANY, OTHER_MOVER
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.job.job import Job
    from pyresque.process.worker.idle import Host
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.routing.brake import Brakes
    from pyresque.routing.moving import Step
    from pyresque.store.moved import Ends, MovedTable

log = logging.getLogger("pyresque")

#: Elements at a queue's head from which Python's jobs are moved; those behind them follow as the queue is worked off.
AHEAD: Final = 10_000

#: Seconds between two looks at the queues while nothing is moved.
POLL: Final = 0.05

#: A mover with nothing to do waits so many times as long as its look took: many queues must not keep a processor busy.
IDLE_SHARE: Final = 10.0

#: Seconds after which a queue is looked at although its length, head and tail are the same.
LOOK: Final = 1.0

#: Seconds between two looks for queues, for jobs that lie aside and belong to Ruby again, and at the brakes.
LOOK_FOR_QUEUES, LOOK_BACK, LOOK_AT_BRAKES = 1.0, 10.0, 5.0

#: Seconds to wait while Redis is away or refuses.
REFUSED: Final = 1.0

#: Seconds between two lines of the log that tell what was moved.
TOLD: Final = 5.0

#: Names of classes that are told of, at most: they come from payloads.
MOST_NAMES: Final = 1000

#: No limit.
WHOLE: Final = 1 << 62


class Mover:
    """One mover of one application. ``registered`` as in QueueMover."""

    def __init__(
        self,
        core: Core,
        table: MovedTable,
        queue_list: QueueList,
        host: Host,
        *,
        ahead: int = AHEAD,
        poll: float = POLL,
        registered: Callable[[Job], bool] | None = None,
        brakes: Brakes | None = None,
        health: HealthState | None = None,
    ) -> None:
        self.core = core
        self.table = table
        self.queue_list = queue_list
        self.host = host
        self.ahead = ahead
        self.poll = poll
        self.registered = registered
        self.brakes = brakes
        self.health = health or HealthState(core.clock)
        self.stopping = False
        self.paused = False
        self.moved = 0
        self.moved_back = 0
        self.wrong_key_log = WrongKeyLog()
        self._raw: object = b"?"  # the routing table as it was read last
        self._routes: Routes | None = None
        self._queues: tuple[str, ...] = ()
        self._movers: dict[str, QueueMover] = {}
        self._seen: dict[str, tuple[Ends, float]] = {}
        self._looked_back: dict[str, float] = {}
        self._due = {"queues": 0.0, "brakes": 0.0, "told": 0.0}
        self._untold = [0, 0]
        self._complained = ""  # of Redis; said once
        self._fault = ""  # what is wrong with the routing table
        self._told_of: set[str] = set()
        #: Bounds the waits for Redis once the mover stops (``driver/hurry.py``). The code that builds the mover sets it.
        self.hurry: Callable[[], None] = no_hurry

    # -- the loop

    async def work(self) -> None:
        """Move jobs until a signal stops the mover."""
        self.procline("Starting")
        self.health.mark(Flag.REGISTERED, True)
        while not self.stopping:
            before = self.core.clock.monotonic()
            busy = not self.paused and await self.turn()
            took = self.core.clock.monotonic() - before
            if self.paused:
                self.health.turned()
                self.health.upkeep_done()
            self._tell()
            if not (busy or self.stopping):
                wait = max(self.poll, IDLE_SHARE * took)
                await Call(partial(self.host.sleep, wait), offload=True)
        self._tell(at_once=True)
        log.info("Exiting")

    async def turn(self) -> bool:
        """Run one round over all queues; return whether there is more to do at once. An error is logged, and the next round tries again."""
        try:
            busy = await self._turn()
        except (RedisUnavailable, RedisCommandError) as error:
            self.health.redis_away(isinstance(error, RedisUnavailable))
            if isinstance(error, WrongKey):
                self.wrong_key_log.warn(error)
            elif str(error) != self._complained:
                self._complained = str(error)
                log.error("nothing is moved: %s; the mover tries again", error)
            self._forget()
            await Call(partial(self.host.sleep, REFUSED), offload=True)
            return False
        self.health.turned()
        self.health.upkeep_done()
        if self._complained:
            self._complained = ""
            self.health.redis_away(False)
            log.warning("the mover goes on")
        return busy

    async def _turn(self) -> bool:
        now = self.core.clock.monotonic()
        if self._is_due("queues", LOOK_FOR_QUEUES, now):
            await self._find_queues()
        table, ends = await self.table.ends(self._queues)
        self._read_table(table)
        await self._look_at_brakes(now)
        routes = self._routes
        if routes is None:
            return False
        busy = False
        for queue, end in zip(self._queues, ends, strict=True):
            if self.stopping:
                return False
            if isinstance(end, Exception):
                self.wrong_key_log.warn(f"queue {printable(queue)}: {end}")
                continue
            try:
                busy |= await self._turn_of(queue, end, routes, table or b"", now)
            except WrongKey as error:
                self.wrong_key_log.warn(error)
        return busy

    async def _turn_of(
        self, queue: str, ends: Ends, routes: Routes, table: bytes, now: float
    ) -> bool:
        """One step of one queue; return whether there is more to do."""
        mover = self._mover(queue)
        if ends.aside and now >= self._looked_back.get(queue, 0.0):
            step = await mover.back(routes, table)
            self._counted(step, back=True)
            if step.refused:
                return step.refused != OTHER_MOVER
            self._looked_back[queue] = now + LOOK_BACK
        seen = self._seen.get(queue)
        if seen is not None and seen[0][:3] == ends[:3] and now < seen[1]:
            return False
        new_head = ends.head if seen is not None and seen[0].head != ends.head else None
        if new_head is not None and mover.is_pythons(routes, new_head):
            mover.restart()  # it came to the head by a push there
        step = await mover.step(routes, table)
        self._counted(step)
        self._warn_of_unknown(mover)
        if step.more:
            self._seen.pop(queue, None)
            return step.refused != OTHER_MOVER
        self._seen[queue] = (ends, now + LOOK)
        return False

    def _counted(self, step: Step, *, back: bool = False) -> None:
        self._untold[back] += step.moved
        if back:
            self.moved_back += step.moved
        else:
            self.moved += step.moved

    # -- one pass

    async def once(self, *, aside: bool = True, everything_back: bool = False) -> None:
        """Go through all queues once: back what belongs to Ruby, and ``aside`` what belongs to Python, however long they are.

        ``everything_back``: whatever the routing table says. Raises RoutingError for a table that cannot be read, or while another
        process moves jobs; and the errors of Redis.
        """
        await self._find_queues()
        for queue in self._queues:
            mover = QueueMover(self.table, self.core.codec, queue, WHOLE, self.registered)
            waits, more, returned = 0, True, False
            while more and not self.stopping:
                table, (ends,) = await self.table.ends((queue,))
                self._read_table(table)
                if isinstance(ends, Exception):
                    raise ends
                if self._routes is None and not everything_back:
                    raise RoutingError(self._fault)
                if not returned:
                    routes, raw = (None, ANY) if everything_back else (self._routes, table or b"")
                    step = await mover.back(routes, raw)
                    returned = not step.refused
                    self._counted(step, back=True)
                elif aside and self._routes is not None:
                    step = await mover.step(self._routes, table or b"")
                    self._counted(step)
                    more = step.more
                else:
                    break
                if step.refused == OTHER_MOVER:
                    waits += 1
                    if waits > 100:  # noqa: PLR2004 - ten seconds
                        raise RoutingError(
                            f"another process moves jobs of queue {printable(queue)} all the time: stop it, or leave the work to it"
                        )
                    await Call(partial(self.host.sleep, 0.1), offload=True)
            self._warn_of_unknown(mover)

    # -- what it knows

    def _mover(self, queue: str) -> QueueMover:
        if queue not in self._movers:
            args = (self.table, self.core.codec, queue, self.ahead, self.registered)
            self._movers[queue] = QueueMover(*args)
        return self._movers[queue]

    async def _find_queues(self) -> None:
        if not self.queue_list.dynamic:
            self._queues = self.queue_list.patterns
            return
        known = await self.wrong_key_log.value_or(self.core.table.queues(), [])
        moved = await self.wrong_key_log.value_or(self.table.queues(), [])
        self._queues = self.queue_list.matching(sorted({*known, *moved}))
        for gone in set(self._movers).difference(self._queues):
            del self._movers[gone]
            self._seen.pop(gone, None)
            self._looked_back.pop(gone, None)

    def _read_table(self, raw: object) -> None:
        """Read the routing table, if it is another one than before; a broken one moves nothing."""
        if raw == self._raw or (isinstance(raw, Exception) and str(raw) == str(self._raw)):
            return
        self._raw = raw
        self._forget()
        try:
            if isinstance(raw, Exception):
                raise RoutingError(str(raw))  # noqa: TRY301 - told alike
            self._routes = Routes.decode(raw if isinstance(raw, bytes) else None)
        except RoutingError as error:
            self._routes = None
            self._fault = f"{error}: nothing is moved until `pyresque migrate route rollback` or `set` mends it"
            log.error("%s", self._fault)
        else:
            if self._fault:
                log.warning("the routing table can be read again")
            self._fault = ""

    def _forget(self) -> None:
        """Begin at the head of each queue: other routes may hold."""
        self._seen.clear()
        self._looked_back.clear()
        for mover in self._movers.values():
            mover.restart()

    def _is_due(self, what: str, seconds: float, now: float) -> bool:
        if now < self._due[what]:
            return False
        self._due[what] = now + seconds
        return True

    async def _look_at_brakes(self, now: float) -> None:
        if self.brakes is None or self._routes is None:
            return
        if self._is_due("brakes", LOOK_AT_BRAKES, now):
            try:
                await self.wrong_key_log.value_or(self.brakes.look(self._routes), [])
            except RoutingError as error:
                log.warning("the brakes were not looked at: %s", error)

    # -- log, title, signals

    def _warn_of_unknown(self, mover: QueueMover) -> None:
        name, mover.unknown = mover.unknown, ""
        if name and name not in self._told_of and len(self._told_of) < MOST_NAMES:
            self._told_of.add(name)
            log.warning(
                "the routing table leads %s to Python, but the application registers no such class: Ruby keeps its jobs",
                printable(name[:200]),
            )

    def _tell(self, *, at_once: bool = False) -> None:
        if any(self._untold) and (
            self._is_due("told", TOLD, self.core.clock.monotonic()) or at_once
        ):
            aside, back = self._untold
            self._untold = [0, 0]
            parts = [f"{many(aside, 'job')} aside for Python"] if aside else []
            parts += [f"{many(back, 'job')} back to Ruby"] if back else []
            self.procline(f"moved {' and '.join(parts)}")

    def shutdown(self) -> None:
        """Stop after the current step (TERM, INT, QUIT)."""
        if not self.stopping:
            self.stopping = True
            self.hurry()
            self.health.mark(Flag.STOPPING, True)

    def pause_processing(self) -> None:
        """Move nothing until ``unpause_processing`` (USR2)."""
        self.paused = True
        self.health.mark(Flag.PAUSED, True)
        log.warning("paused: nothing is moved until CONT")

    def unpause_processing(self) -> None:
        """Go on after ``pause_processing`` (CONT)."""
        if self.paused:
            self.paused = False
            self.health.mark(Flag.PAUSED, False)
            log.warning("the mover goes on")

    def procline(self, text: str) -> None:
        """Log, and set the process title."""
        log.info("%s", text)
        self.host.title(f"{self.core.settings.procline_prefix}pyresque-mover-{__version__}: {text}")
