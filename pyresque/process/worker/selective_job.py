"""The current job of a worker that takes only its own jobs from shared queues, and leaves the rest in place for Ruby.

Theory of operation. The worker reads a window of a queue (``look.lua``), finds out which jobs are its own (``routing/ownership.py``), and
takes them one by one (``take_chosen.lua``). One round trip finishes the former job and takes the next: ``turn.lua`` with no queues, and
behind it the script that takes. That script takes nothing as long as ``worker:<id>`` exists, so a job is never finished twice, and none
is lost: it is in its queue, in ``worker:<id>``, or finished, as ``current_job.py`` says.

Each queue has two lists (``lists.py``): jobs that a mover has put aside for Python come first, then the queue itself. A job from either
has the same queue everywhere else, so that Ruby's retry finds it.

A worker has no job to take once it has seen the end of every list in this turn with none of its own in front of it. The place at the
end is remembered, so the next look reads only what has been pushed since (``places.py``).
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.errors import RoutingError, WrongKey
from pyresque.ops import Command
from pyresque.process.worker.lists import FRESH, Lists
from pyresque.process.worker.requesting_job import RequestingJob
from pyresque.routing.ownership import Ownership
from pyresque.store.queues import names
from pyresque.store.reserve import NO_FAILURE, NO_TEMPLATE
from pyresque.store.selection import (
    ALL_PAUSED,
    GONE,
    MORE_ASIDE,
    NO_LIST,
    NO_LIST_HERE,
    NOT_HELD,
    OTHER_ROUTES,
    QUEUE_PAUSED,
    SEARCH_ON,
    TAKEN,
    carried_out_here,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pyresque.core import Core
    from pyresque.job.job import Job
    from pyresque.ops import Op
    from pyresque.process.worker.places import Place
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.process.worker.redis_retry import RedisRetry
    from pyresque.store.reserve import FailureEntry, RecordTemplate
    from pyresque.store.selection import Look

    #: Reads the replies to commands, and returns the job that was taken.
    Read: TypeAlias = Callable[[list[Any]], Job | None]

log = logging.getLogger("pyresque")

#: Lists that are read in one round trip, at most.
TOGETHER = 8

#: Seconds that an idle worker waits until its next look: at first, at most, and so many times as long after each look in vain.
FIRST_WAIT, LONGEST_WAIT, LONGER = 0.05, 1.0, 1.5


class SelectiveJob(RequestingJob):
    """The current job of one selective worker, in ``worker:<id>``.

    ``between``: the worker's upkeep, which runs between two looks; a long queue may need many. ``over``: returns whether the worker is
    to take no job now.
    """

    selective = True

    def __init__(
        self,
        core: Core,
        worker_id: str,
        queue_list: QueueList,
        redis_retry: RedisRetry,
        between: Callable[[], Op[Any]],
        over: Callable[[], bool],
    ) -> None:
        super().__init__(core, worker_id, queue_list, redis_retry)
        settings = core.settings
        self.ownership = Ownership(
            core.registry, core.active_job_classes, core.codec, settings.routes
        )
        self.performed = core.performed_counter()
        self._between = between
        self._over = over
        self._lists = Lists(core.keys, settings.window)
        self._looked: list[Place] = []
        self._table_at = -FRESH
        self._templates: dict[str, RecordTemplate] = {}
        self._template = NO_TEMPLATE
        self._wait = FIRST_WAIT
        self._barred_at = 0  # the second in which limits were looked at
        self._barred_in: set[str] = set()  # queues with jobs of ours that these bar

    # -- what the worker's loop asks

    async def next_job(self, failure: FailureEntry) -> Job | None:
        """Finish the current job, if any, and take the next one that is ours from the first queue that has one."""
        self._lists.begin_turn()
        shut, passed_over = self._lists.paused or self.paused_by_key, self.passed_over
        if shut or passed_over.queues or passed_over.closed:
            await self._open_all()
        if self._wait != FIRST_WAIT:
            self._lists.begin_again_if_due(self.core.clock.monotonic())
        first = True
        while True:
            commands, read = self._next_request(failure)
            if not commands:
                self._wait = min(LONGER * self._wait, LONGEST_WAIT)
                break
            # After one look there is a job to take, as a rule, and the take finishes the current one.
            held = first and read == self._read_looks
            first = False
            replies = await self._ask(failure, commands, held=held)
            taken = self._recovered if replies is None else read(replies)
            if taken is not None:
                self._wait = FIRST_WAIT
                return taken
            if not self.record:
                failure = NO_FAILURE
            if self._occupied:
                await self._make_way()
            if self._over():
                break
            await self._between()
        if self.record:
            await self.finish(failure)
        return None

    async def _open_all(self) -> None:
        """Forget what was paused at the last turn, and what was barred before this second: it may be open now."""
        self._lists.paused.clear()
        second, passed_over = int(self._time()), self.passed_over
        passed_over.left((), second)
        if passed_over.closed and second != self._barred_at:
            self._barred_at = second
            await self.redis_retry.until_answered(passed_over.look_again)
            self._lists.begin_again(self.core.clock.monotonic(), self._barred_in)
            self._barred_in.clear()
        self.paused_by_key, self.paused_queues, self.all_queues_paused = False, (), False

    def wait(self, seconds: float, *, paused: bool) -> tuple[float, tuple[str, ...], bool]:
        """As ``CurrentJob.wait``: until the next look, longer after each one in vain, or until there is a push to an empty list."""
        shut = paused or self.paused_by_key
        quiet = () if shut else self._lists.quiet(self.passed_over.queues)
        return min(self._wait, seconds), quiet, True

    def again(self) -> bool:
        """Begin again at the head of each list that a job was taken from since it was read from there; whether there is any."""
        return self._lists.begin_again_if_taken(self.core.clock.monotonic())

    async def return_unperformed(self, job: Job) -> None:
        """Put the taken job back at the head of the list that it came from."""
        source = self._source
        give_back = self.core.worker_registry.table.return_unperformed
        key = None if source is None else source.key
        work = partial(give_back, self.id, self.record, job.queue, job.raw, key)
        await self.redis_retry.until_answered(work)
        self.record = b""
        if source is not None:
            source.begin_again(self.core.clock.monotonic())

    # -- the next request: its commands, and what reads their replies

    def _next_request(self, failure: FailureEntry) -> tuple[tuple[Command[Any], ...], Read]:
        """Return the commands of the next request, and what reads their replies. No commands: there is no job to take.

        The command that takes a job finishes the current one, too, if there is little to write of it (``_by_take``).
        """
        self._by_take = False
        now = self.core.clock.monotonic()
        if now - self._table_at >= FRESH:
            return self._table_commands(), self._read_table
        if not self.ownership.known or self.paused_by_key:
            return (), self._read_looks
        place, unread = self._lists.next(now, self.passed_over.queues)
        if place is not None:
            self._source = place
            return (self._taking(place, failure),), self._read_take
        self._looked = unread[:TOGETHER]
        return tuple(map(self._looking, self._looked)), self._read_looks

    def _looking(self, place: Place) -> Command[Look]:
        near = place.near_head
        if near is not None:
            return self.selection.looking_near_head(place.key, *near)
        return self.selection.looking(place.key, *place.wanted)

    def _table_commands(self) -> tuple[Command[Any], ...]:
        keys = self.core.keys
        table: Command[Any] = Command(("GET", keys.routes))
        if not self.queue_list.dynamic:
            return (table,)
        queues: Command[Any] = Command(("SMEMBERS", keys.queues))
        return table, queues, Command(("SMEMBERS", keys.moved_queues))

    def _read_table(self, replies: list[Any]) -> None:
        now = self._table_at = self.core.clock.monotonic()
        table, *known = replies
        if isinstance(table, WrongKey):
            table = RoutingError(str(table))
        if self.ownership.read_table(table):
            self._lists.begin_again(now)
        if known:
            lists = self.wrong_key_log.replies_or(known, ())
            self._choose_queues(tuple({*names(lists[0]), *names(lists[1])}))
        self._lists.set_queues(self._queues)

    def _read_looks(self, replies: list[Any]) -> None:
        now = self.core.clock.monotonic()
        for place, reply in zip(self._looked, replies, strict=True):
            look = NO_LIST_HERE if isinstance(reply, WrongKey) else reply
            if look.start == SEARCH_ON:
                place.search_on(look.length)
                continue
            if look.start < 0:
                self._warn_of_list(place)
            place.read(look, self._choose, now)
            self._lists.was_read(place)

    def _choose(self, queue: str, payloads: Sequence[bytes]) -> list[tuple[int, bytes, Job]]:
        """The jobs that are ours and that no limit bars, as ``Ownership.choose``."""
        found = self.ownership.choose(queue, payloads)
        if not (found and self.passed_over.closed):
            return found
        bars, entry_of = self.passed_over.bars, self.core.registry.with_plugins_of
        free = [one for one in found if not bars(entry_of(one[2]))]
        if len(free) < len(found):
            self._barred_in.add(queue)
        return free

    def _taking(self, place: Place, failure: FailureEntry) -> Command[Any]:
        second = int(self._time())
        if second != self.second:
            self.second = second
            self._templates.clear()
        template = self._templates.get(place.queue)
        if template is None:
            run_at = datetime.fromtimestamp(second, timezone.utc)
            template = self.core.worker_registry.record_template((place.queue,), run_at)
            self._templates[place.queue] = template
        self._template = template
        simple = failure is NO_FAILURE or (
            not (failure.record or failure.counted) and carried_out_here(failure.writes)
        )
        self._by_take = simple and not self._pruned
        finished, writes = (self.record, failure.writes) if self._by_take else (b"", ())
        mark, chosen = self.ownership.mark, place.chosen()
        seen = -1 if place.aside is None else place.aside.length
        return self.selection.taking(
            place.key, place.queue, template, mark, chosen, finished, writes, seen
        )

    def _read_take(self, replies: list[Any]) -> Job | None:
        """Return the job that was taken."""
        place = self._source
        ((what, *more),) = replies
        if place is None:
            return None
        if what != TAKEN:
            self._not_taken(place, what, more)
            return None
        number, index, *wrong = more
        job = place.taken(number, index)
        if self.record:
            self._finished += 1
            for numbers in wrong:
                for key in self.selection.keys_of(place.key, place.queue, numbers):
                    self._warn_of_key(key)
        self.ended = None
        self.record = self._template.heads[0] + job.raw + self._template.tail
        return job

    def _not_taken(self, place: Place, what: int, more: list[int]) -> None:
        if what == GONE:
            place.missed()
        elif what == OTHER_ROUTES:
            self._table_at = -FRESH
        elif what == NOT_HELD:
            self._pruned = bool(self.record)
            self._occupied = not self.record
        elif what == ALL_PAUSED:
            self.paused_by_key = True
        elif what == QUEUE_PAUSED:
            self._on_pause(place, everything=more == [1])
        elif what == MORE_ASIDE and place.aside is not None:
            place.aside.read_at = -1.0
        elif what == NO_LIST:
            self._warn_of_list(place)
            place.forget()

    def _on_pause(self, place: Place, *, everything: bool) -> None:
        self._lists.pause(place.queue, everything=everything)
        self.all_queues_paused = everything
        paused = self._queues if everything else (*self.paused_queues, place.queue)
        self.paused_queues = tuple(dict.fromkeys(paused))

    def _warn_of_list(self, place: Place) -> None:
        self.wrong_key_log.warn(f"{place.key.decode('utf-8', 'replace')} holds no list of jobs")
