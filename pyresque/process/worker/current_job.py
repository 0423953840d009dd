"""What one worker has in hand, and the step that finishes it and takes the next.

Law: a job is in its queue, in ``worker:<id>``, or finished. The step is one script; after a broken connection the desk asks
Redis whether it was carried out.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.clock import SystemClock, local, utc
from pyresque.errors import (
    JobInHand,
    PyresqueError,
    RedisUnavailable,
    ScriptMissing,
    WrongKey,
)
from pyresque.failure.lost_jobs import aside
from pyresque.failure.record import Failure
from pyresque.failure.report import report
from pyresque.job.embedding import can_embed
from pyresque.job.job import Job, read_job
from pyresque.process.worker.job_log import JobLog
from pyresque.process.worker.unknown_class import UNKNOWN, registered_instead
from pyresque.store.reserve import NO_FAILURE, FailureEntry, Reservation, Reserver
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.executor.base import Outcome
    from pyresque.ops import Command, Op
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.process.worker.redis_retry import RedisRetry
    from pyresque.store.reserve import Pieces
    from pyresque.store.workers import Redelivery

log = logging.getLogger("pyresque")


class CurrentJob:
    """One worker's ``worker:<id>``."""

    def __init__(
        self, core: Core, worker_id: str, queue_list: QueueList, patience: RedisRetry
    ) -> None:
        self.core = core
        self.id = worker_id
        self.queue_list = queue_list
        self.patience = patience
        self.log = JobLog(core.clock, worker_id)
        self.record = b""
        #: How the job in hand ended, once that is known: NO_FAILURE where it is done.
        self.ended: FailureEntry | None = None
        self.paused_by_key = False
        #: The queues that were paused at the last look that found no job; whether ``pause:all`` pauses them.
        self.paused_queues: tuple[str, ...] = ()
        self.all_queues_paused = False
        self._finished = 0
        #: Seconds since 1970, when it last took a job or looked for one.
        self.second = 0
        self._known: tuple[str, ...] = ()
        self._queues = queue_list.matching(())
        self._turns = Reserver(core.keys, worker_id)
        self._time = core.clock.time
        self._passed_over: set[str] = set()  # queues that were warned of
        self.wrong_key_log = WrongKeyLog()

    async def open(self) -> None:
        """Learn how many jobs a worker of this id has finished: the count tells later what was carried out."""
        self._finished = await self.core.stats.get(f"processed:{self.id}")

    def holding(self) -> bool:
        """Whether there is a job, whose end is to be written down."""
        return bool(self.record)

    @property
    def all_paused(self) -> bool:
        """Whether each queue that the worker takes from was paused at the last look."""
        return bool(self.paused_queues) and set(self.paused_queues).issuperset(self._queues)

    def clear_of_work(self) -> None:
        """Raise JobInHand where there is a job already, which Ruby would forget."""
        if self.record:
            raise JobInHand(
                f"worker {self.id} has a job already: finish it first, by done_working or unregister_worker"
            )

    async def take(self, job: Job) -> None:
        """Enter a job that was reserved elsewhere."""
        self.record = self.core.worker_registry.record(job, utc(self.core.clock))
        await self.core.worker_registry.table.set_record(self.id, self.record)

    async def turn(self, failure: FailureEntry) -> Job | None:
        """Finish what is here, if anything, and reserve the next job."""
        turn = await self._reserved(failure)
        return None if turn.queue is None else read_job(self.core.codec, turn.queue, turn.raw)

    async def next(self) -> tuple[str, bytes] | None:
        """The same where nothing failed: the next job's queue and payload."""
        reply: Any
        try:
            reply = await self.request()
        except PyresqueError as error:
            reply = error
        if reply.__class__ is bytes:
            return self.took(reply), reply
        return await self.answered(reply)

    def request(self) -> Command[Any]:
        """What ``next`` asks for; the reply, or the error in its place, is for ``took`` or ``answered``."""
        if int(self._time()) != self.second or self._turns.queues is not self._queues:
            self._write()
        return self._turns.usual(self.record)

    def took(self, raw: bytes) -> str:
        """Note a reply that is a payload: the first queue's next job. Returns that queue."""
        turns = self._turns
        self.ended = None
        self._finished += 1
        self.record = turns.forms.heads[0] + raw + turns.forms.foot
        self.paused_by_key = False
        return turns.queues[0]

    async def answered(self, reply: list[Any] | PyresqueError) -> tuple[str, bytes] | None:
        """Make the best of any other reply, or of its failing to come; the next job's queue and payload.

        A refusal that no wait mends is raised; the job in hand has not failed for that.
        """
        if isinstance(reply, PyresqueError) and not isinstance(
            reply, (RedisUnavailable, ScriptMissing)
        ):
            self.ended = NO_FAILURE
            raise reply
        broken = reply if isinstance(reply, RedisUnavailable) else None
        if isinstance(reply, list):
            turn = self._turns.read(reply)
            self._note(turn)
            if turn.known is None:
                return None if turn.queue is None else (turn.queue, turn.raw)
            self._choose(turn.known)
        turn = await self._reserved(NO_FAILURE, broken)
        return None if turn.queue is None else (turn.queue, turn.raw)

    async def _reserved(
        self, failure: FailureEntry, broken: RedisUnavailable | None = None
    ) -> Reservation:
        """``broken``: how a first attempt ended."""
        while True:
            take = partial(self._with, failure, self._take)
            turn = await self.patience.steady(take, self._recover, broken)
            self._note(turn)
            if turn.known is None:
                return turn
            self._choose(turn.known)
            failure, broken = NO_FAILURE, None

    def pieces(self) -> Pieces | None:
        """The turns to come in pieces, for a shift of the fork server; None where it could not take them as we do."""
        core = self.core
        if (
            self.queue_list.dynamic
            or core.codec.name != "json"
            or type(core.clock) is not SystemClock
        ):
            return None
        self._write()
        return self._turns.pieces()

    def handed(self, turns: int, record: bytes, second: int) -> None:
        """Go on where a shift ended that took so many turns, the last of them at that second (0: none)."""
        self._finished += turns
        self.record = record
        if second:
            self._write_as_of(second)

    async def find(self, turns: int, *, turning: bool) -> tuple[Job | None, bool]:
        """What the books say is in hand after a shift of which nobody can tell more than that it took so many turns.

        Whether that is a job which nobody has seen yet: ``turning``, a turn was under way, and it was carried out. Then the count
        of finished jobs is another one.
        """
        finished = self._finished + turns
        await self.patience.steady(self.open)
        found = await self.patience.steady(partial(self.core.worker_registry.working_on, self.id))
        self.record = b"" if found is None else found.record
        return (None if found is None else found.job), turning and self._finished != finished

    def _choose(self, known: tuple[str, ...]) -> None:
        self._known = known
        matching = self.queue_list.matching(known)
        self._queues = tuple(queue for queue in matching if _is_text(queue))
        for queue in set(matching).difference(self._queues, self._passed_over):
            self._passed_over.add(queue)
            log.warning(
                "queue %r is passed over: its name is no UTF-8, and no worker's record could tell it",
                queue,
            )

    async def finish(self, failure: FailureEntry) -> None:
        """Finish what is here."""
        finish = partial(self._with, failure, self._finish)
        self._note(await self.patience.steady(finish, self._recover))

    async def _with(
        self, failure: FailureEntry, attempt: Callable[[FailureEntry], Op[Reservation]]
    ) -> Reservation:
        """An attempt; where the list of failed records is none, another one with the record put aside."""
        try:
            return await attempt(failure)
        except WrongKey as error:
            if not failure.record:
                raise
            return await attempt(aside(failure, error))

    async def give_back(self, job: Job) -> None:
        """Put a reserved job back at the head of its queue, unperformed."""
        table = self.core.worker_registry.table
        await self.patience.steady(
            partial(table.return_unperformed, self.id, self.record, job.queue, job.raw)
        )
        self.record = b""

    async def make_readable(self, job: Job) -> None:
        """Write the record anew where Ruby could not read it: it would end the Ruby worker that prunes us.

        The script looks at payloads but briefly.
        """
        if not can_embed(self.core.codec, job):
            await self.patience.steady(partial(self.take, job))

    async def failure(self, job: Job, outcome: Outcome) -> FailureEntry:
        """What to write of a failed attempt, in the step that finishes it; NO_FAILURE where it did not fail.

        A job whose process died may have gone back into its queue: then nothing is left to finish.
        """
        error, lost_jobs = outcome.report, self.core.lost_jobs
        if outcome.dirty is not None:
            back = await self.patience.steady(partial(lost_jobs.redelivery_for, job, outcome.dirty))
            if back is not None:
                self.log.redelivered(job, back, outcome.dirty)
                await self._redeliver(back)
                return NO_FAILURE
            error = report(outcome.dirty)
            await lost_jobs.run_hooks(job, outcome.dirty)
        if lost_jobs.may_redeliver(job):
            await self.patience.steady(partial(lost_jobs.forget, job))
        if error is None:
            self.log.done(job, undone=outcome.undone)
            return NO_FAILURE
        unknown = error.exception in UNKNOWN and job.fault is None
        self.log.failed(job, error, registered_instead(self.core, job) if unknown else "")
        at, failure_id = local(self.core.clock), self.core.new_failure_id()
        failure = Failure(job, error, self.id, at, failure_id)
        entry = self.core.failures.entry(failure)
        if entry is None:
            try:
                await self.core.failures.save(failure)
                entry = FailureEntry(b"")
            except Exception:
                log.exception(
                    "the failure backend failed; the record goes to the list of failed jobs instead"
                )
                entry = self.core.default_failures.entry(failure) or NO_FAILURE
        counted = outcome.dirty is None
        return FailureEntry(entry.record, entry.failure_queue, entry.name, counted)

    async def _redeliver(self, back: Redelivery) -> None:
        table = self.core.lost_jobs.redeliveries
        done = await self.patience.steady(
            partial(table.redeliver, self.id, self.record, back), recover=self._redelivered
        )
        if not done:
            log.warning("worker %s was pruned while it worked, and its job with it", self.id)
        self._finished = self._finished + 1 if done else 0
        self.record = b""

    async def _redelivered(self) -> bool | None:
        """After a break: the count of finished jobs tells whether it was carried out."""
        finished = await self.core.stats.get(f"processed:{self.id}")
        return True if finished > self._finished else None

    async def _take(self, failure: FailureEntry) -> Reservation:
        self._write()
        return await self._turns.take(self.record, failure)

    async def _finish(self, failure: FailureEntry) -> Reservation:
        return await self._turns.finish(self.record, failure)

    def _write(self) -> None:
        """How records begin and end in this second: they are the same for one job after another."""
        second = int(self._time())
        if second != self.second or self._turns.queues is not self._queues:
            self._write_as_of(second)

    def _write_as_of(self, second: int) -> None:
        self.second = second
        forms = self.core.worker_registry.record_template(
            self._queues, datetime.fromtimestamp(second, timezone.utc)
        )
        known = self._known if self.queue_list.dynamic else None
        self._turns.write(self._queues, forms, known)

    async def _recover(self) -> Reservation | None:
        """After a break: was the last exchange carried out? Its outcome as a Turn, or None to send it again.

        Only this worker writes its books: another record than the one we held means that the exchange was carried
        out. The count of finished jobs tells two equal records apart.
        """
        worker_registry = self.core.worker_registry
        working_on = await self.wrong_key_log.value_or(worker_registry.working_on(self.id), None)
        finished = await self.core.stats.get(f"processed:{self.id}")
        carried_out = working_on is not None
        if self.record:
            another = working_on is not None and working_on.record != self.record
            carried_out = finished > self._finished or another
        if not carried_out:
            return None
        if working_on is None:
            return Reservation(finished=True)
        job = working_on.job
        return Reservation(bool(self.record), False, job.queue, job.raw, working_on.record)

    def _note(self, turn: Reservation) -> None:
        if turn.finished:
            self._finished += 1
        elif self.record:
            log.warning(
                "worker %s was pruned while it worked; it goes on and is entered again", self.id
            )
            self._finished = 0
        self.record, self.ended = turn.record, None
        self.paused_by_key = turn.paused
        self.paused_queues, self.all_queues_paused = turn.paused_queues, turn.all_queues_paused
        for key in turn.wrong_keys:
            self._done_without(key)
        for queue in turn.wrong_type:
            if queue not in self._passed_over:
                self._passed_over.add(queue)
                log.warning(
                    "queue %r is no list in Redis (%s), so nothing can be taken from it; other queues go on",
                    queue,
                    self.core.keys.queue(queue),
                )

    def _done_without(self, key: str) -> None:
        """Tell of a key that holds what it should not; our own are written anew by the script."""
        keys = self.core.keys
        if key == keys.stat(f"processed:{self.id}"):
            self._finished = 1
        if key in {keys.worker(self.id), *map(keys.stat, self._own_counters())}:
            self.wrong_key_log.warn(f"{key} held what it should not, and was written anew")
        else:
            self.wrong_key_log.warn(f"{key} is of a wrong type or no number, or may not be written")

    def _own_counters(self) -> tuple[str, str]:
        return f"processed:{self.id}", f"failed:{self.id}"


def _is_text(name: str) -> bool:
    """Whether a name out of Redis was UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
