"""The job that one worker has in hand: finish it and reserve the next one, in one step.

Theory of operation. A worker's state is one key, ``worker:<id>``: the record of its current job, absent while it has none.
``turn.lua`` does three things in one step: it counts the current job and removes its record, it appends the failed record if the
job failed (``ended.py``), and it pops the next payload and writes it into ``worker:<id>``. Therefore a job is always in its
queue, in ``worker:<id>``, or finished; no crash and no lost connection can fall in between.

This object keeps what it believes to be in Redis: ``record``, the bytes in ``worker:<id>``, and ``_finished``, the value of
``stat:processed:<id>``. On the fast path the fork server writes both; a process that prunes us by mistake deletes both.

Reserving has three ways, from the fastest to the most general:

1. ``command`` and ``take_payload``. The job did not fail, and the reply is a bare payload: the first queue's next job. The
   fast path calls these two directly. The command's bytes are prepared once a second, because a record holds ``run_at``.
2. ``read_reply``: any other reply to the same command. No job, the pause key, another queue than the first, wrong keys.
3. ``_reserve``: a job that failed, a connection that broke, a script that Redis does not know, queues that are chosen by a
   pattern. ``RedisRetry`` repeats it for as long as Redis is away.

After a broken connection ``_recover`` finds out whether the script ran: if it did, the record or the counter has changed, and the
reservation is read from ``worker:<id>``; otherwise the command is sent again. So a job is never finished twice.

A job whose plugins write something at its end is finished by the third way: the same step writes that, too (``job/job_end.py``).

A worker whose queue names are patterns chooses its queues from ``resque:queues``. The script gets the SHA1 of that list. If
Redis knows other queues by now, it reserves nothing and replies with the new list; the worker chooses again and repeats.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.clock import SystemClock, utc
from pyresque.errors import PyresqueError, RedisUnavailable, ScriptMissing, WrongKey
from pyresque.failure.lost_jobs import aside
from pyresque.job.embedding import can_embed
from pyresque.job.job import Job, read_job
from pyresque.job.plain import server_can_reserve
from pyresque.process.worker.barred import PassedOver
from pyresque.process.worker.ended import without_writes
from pyresque.process.worker.job_log import JobLog, QueueLog
from pyresque.reply_kinds import misread
from pyresque.store.look_again import Attempts
from pyresque.store.reserve import NO_FAILURE, FailureEntry, Reservation, Reserver
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.ops import Command
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.process.worker.redis_retry import RedisRetry
    from pyresque.routing.counting import PerformedCounter
    from pyresque.store.reserve import CommandPrefix
    from pyresque.store.workers import Redelivery

log = logging.getLogger("pyresque")


class CurrentJob:
    """The current job of one worker, in ``worker:<id>``."""

    #: Whether it takes only some of the jobs of a queue (``selective_job.py``).
    selective = False

    def __init__(
        self, core: Core, worker_id: str, queue_list: QueueList, redis_retry: RedisRetry
    ) -> None:
        self.core = core
        self.id = worker_id
        self.queue_list = queue_list
        self.redis_retry = redis_retry
        self.log = JobLog(core.clock, worker_id, core.registry)
        #: The bytes in ``worker:<id>``; empty: no job.
        self.record = b""
        #: How the current job ended, once that is known; NO_FAILURE: it did not fail.
        self.ended: FailureEntry | None = None
        #: Counts what is performed, by class; None: nobody asked for that. With it the worker takes no fast path.
        self.performed: PerformedCounter | None = None
        self.paused_by_key = False
        #: The queues that the last turn without a job found paused; whether ``pause:all`` pauses them.
        self.paused_queues: tuple[str, ...] = ()
        self.all_queues_paused = False
        self._finished = 0
        #: When it last reserved or tried to, in seconds since 1970; -1: the command must be prepared.
        self.second = -1
        self._known_queues: tuple[str, ...] = ()
        self._queues = queue_list.matching(())
        self.passed_over = PassedOver()
        self._reserver = Reserver(core.keys, worker_id)
        self._time = core.clock.time
        self._queue_log = QueueLog()
        self.wrong_key_log = WrongKeyLog()

    async def read_finished_count(self) -> None:
        """Read how many jobs a worker of this id has finished: ``_recover`` compares with that."""
        self._finished = await self.core.stats.get(f"processed:{self.id}")

    def exists(self) -> bool:
        """Whether there is a job, whose end has to be recorded."""
        return bool(self.record)

    @property
    def all_paused(self) -> bool:
        """Whether each queue that the worker takes from was paused at the last turn."""
        return bool(self.paused_queues) and set(self.paused_queues).issuperset(self._queues)

    async def set(self, job: Job) -> None:
        """Write a job that was reserved elsewhere into ``worker:<id>``."""
        self.record = self.core.worker_registry.record(job, utc(self.core.clock))
        await self.core.worker_registry.table.set_record(self.id, self.record)

    async def next_job(self, failure: FailureEntry) -> Job | None:
        """Finish the current job, if any, and reserve the next one."""
        if failure is NO_FAILURE:
            reply: Any
            try:
                reply = await self.command()
            except PyresqueError as error:
                reply = error
            if reply.__class__ is bytes:
                return read_job(self.core.codec, self.take_payload(reply), reply)
            reserved = await self.read_reply(reply)
        else:
            reserved = await self._reserve(failure)
        return None if reserved is None else read_job(self.core.codec, *reserved)

    def command(self, failure: FailureEntry = NO_FAILURE) -> Command[Any]:
        """The command that finishes a job that did not fail, perhaps with what its plugins write, and reserves the next.

        A reply of bytes is for ``take_payload``; any other, or the error in its place, for ``read_reply``.
        """
        if self.second != (second := int(self._time())):
            self._prepare(second)
        if failure is NO_FAILURE:
            return self._reserver.prepared_command(self.record)
        return self._reserver.command(self.record, failure)

    def take_payload(self, raw: bytes) -> str:
        """Keep a job of the first queue as the current one; returns that queue. Raises UnexpectedReply if there was no queue to take from."""
        reserver = self._reserver
        try:
            record = reserver.template.heads[0] + raw + reserver.template.tail
        except IndexError as error:
            raise misread(raw, ("EVALSHA",), error) from error
        self.ended, self.record = None, record
        self._finished += 1
        self.paused_by_key = False
        return reserver.queues[0]

    async def read_reply(
        self, reply: list[Any] | PyresqueError, failure: FailureEntry = NO_FAILURE
    ) -> tuple[str, bytes] | None:
        """Handle every reply that is not a bare payload; returns the next job's queue and payload.

        Raises an error that no waiting mends; the current job has not failed because of it.
        """
        if not isinstance(reply, PyresqueError):
            return await self._reserve(failure, first=self._reserver.read_reply(reply))
        if isinstance(reply, RedisUnavailable):
            return await self._reserve(failure, first_error=reply)
        if isinstance(reply, ScriptMissing):
            return await self._reserve(failure)
        self.ended = failure
        raise reply

    async def _reserve(
        self,
        failure: FailureEntry,
        *,
        first: Reservation | None = None,
        first_error: RedisUnavailable | None = None,
    ) -> tuple[str, bytes] | None:
        """Finish with this failure and reserve, whatever it takes; returns the next job's queue and payload.

        ``first`` or ``first_error``: what came of an attempt that was made already.
        """
        reservation, attempts = first, None
        while True:
            if reservation is None:
                attempt = partial(self._run_turn, failure, then_reserve=True)
                reservation = await self.redis_retry.until_answered(
                    attempt, self._recover, first_error
                )
            if reservation.refused:
                failure = await without_writes(failure, reservation.refused)
            else:
                self._keep(reservation)
                if reservation.known is None:
                    queue = reservation.queue
                    return None if queue is None else (queue, reservation.raw)
                self._choose_queues(reservation.known)
                failure = NO_FAILURE
            reservation = first_error = None
            attempts = attempts or Attempts("the queues that there are")
            attempts.failed()

    def wait(self, seconds: float, *, paused: bool) -> tuple[float, tuple[str, ...], bool]:
        """How the worker waits for its next job: seconds, keys of the lists to which a push ends the wait, and whether a queue is left out.

        Queues that are paused or passed over are left out: a job there would end each wait at once. All are left out if the worker is
        ``paused``, or chooses its queues by patterns.
        """
        shut = {*self.paused_queues, *self.passed_over.queues}
        unseen = self.queue_list.dynamic or paused or self.paused_by_key
        queues = () if unseen else [name for name in self.queue_list.patterns if name not in shut]
        return seconds, tuple(map(self.core.keys.queue, queues)), bool(shut)

    def again(self) -> bool:
        """Whether there may be jobs although the last turn found none, for a worker that leaves when there is none."""
        return False

    async def finish(self, failure: FailureEntry) -> None:
        """Finish the current job; reserve nothing."""
        attempts = None
        while True:
            attempt = partial(self._run_turn, failure, then_reserve=False)
            reservation = await self.redis_retry.until_answered(attempt, self._recover)
            if not reservation.refused:
                return self._keep(reservation)
            attempts = attempts or Attempts("the end of a job")
            attempts.failed()
            failure = await without_writes(failure, reservation.refused)

    async def finish_at_once(self, failure: FailureEntry) -> None:
        """Finish the current job by one attempt; it stays if Redis refuses what its plugins write."""
        reservation = await self._run_turn(failure, then_reserve=False)
        if not reservation.refused:
            self._keep(reservation)

    async def _run_turn(self, failure: FailureEntry, *, then_reserve: bool) -> Reservation:
        """Run the script once; again with the failed record put aside, if the key of the failed list is of a wrong type."""
        reserver = self._reserver
        if then_reserve and self.second != (second := int(self._time())):
            self._prepare(second)
        run = reserver.reserve if then_reserve else reserver.finish
        try:
            return await run(self.record, failure)
        except WrongKey as error:
            if not failure.record:
                raise
            return await run(self.record, aside(failure, error))

    def _prepare(self, second: int) -> None:
        """Write the beginnings and the end of worker records for jobs that are reserved in that second."""
        self.second = second
        run_at = datetime.fromtimestamp(second, timezone.utc)
        queues = self.passed_over.left(self._queues, second)
        template = self.core.worker_registry.record_template(queues, run_at)
        known = self._known_queues if self.queue_list.dynamic else None
        self._reserver.set_queues(queues, template, known)

    def _choose_queues(self, known: tuple[str, ...]) -> None:
        self._known_queues, self.second = known, -1
        matching = self.queue_list.matching(known)
        self._queues = tuple(q for q in matching if q.encode("utf-8", "ignore").decode() == q)
        for queue in set(matching).difference(self._queues):
            self._queue_log.no_utf8(queue)

    def _keep(self, reservation: Reservation) -> None:
        """Set this object's fields to what the script has left in Redis."""
        if reservation.finished:
            self._finished += 1
        elif self.record:
            log.warning(
                "worker %s was pruned while it worked; it goes on and is entered again", self.id
            )
            self._finished = 0
        self.record, self.ended = reservation.record, None
        self.paused_by_key = reservation.paused
        self.paused_queues = reservation.paused_queues
        self.all_queues_paused = reservation.all_queues_paused
        for key in reservation.wrong_keys:
            self._warn_of_key(key)
        for queue in reservation.wrong_type:
            self._queue_log.no_list(queue, self.core.keys.queue(queue))

    def _warn_of_key(self, key: str) -> None:
        """Log that a key is of a wrong type. The script has overwritten the worker's own keys."""
        keys = self.core.keys
        own_counters = (keys.stat(f"processed:{self.id}"), keys.stat(f"failed:{self.id}"))
        if key == own_counters[0]:
            self._finished = 1
        if key in {keys.worker(self.id), *own_counters}:
            self.wrong_key_log.warn(f"{key} held what it should not, and was written anew")
        else:
            self.wrong_key_log.warn(f"{key} is of a wrong type or no number, or may not be written")

    async def _recover(self) -> Reservation | None:
        """After a broken connection: return what the script did, or None if it did not run.

        If ``worker:<id>`` holds another record than ours, the script ran. If the records are equal, the counter decides.
        """
        registry = self.core.worker_registry
        working_on = await self.wrong_key_log.value_or(registry.working_on(self.id), None)
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

    # -- the fork server's fast path

    def command_prefix(self) -> CommandPrefix | None:
        """Return the command in pieces, for the fork server; None if the fork server cannot reserve as this worker does."""
        clock = type(self.core.clock) is SystemClock
        changing = self.queue_list.dynamic or bool(self.passed_over.queues)
        if not server_can_reserve(self.core.codec.name, system_clock=clock, patterns=changing):
            return None
        self._prepare(int(self._time()))
        return self._reserver.command_prefix()

    def resume(self, turns: int, record: bytes, second: int) -> None:
        """Take over from the fork server, which has run the script ``turns`` times, the last time in ``second`` (0: never)."""
        self._finished += turns
        self.record = record
        if second:
            self._prepare(second)

    async def find(self, turns: int, *, in_turn: bool) -> tuple[Job | None, bool]:
        """Read the current job from Redis after the fork server died. It had run the script at least ``turns`` times.

        Returns the job, and whether no process has begun it: the server died waiting for a reply (``in_turn``), and the script ran.
        """
        finished = self._finished + turns
        await self.redis_retry.until_answered(self.read_finished_count)
        find = partial(self.core.worker_registry.working_on, self.id)
        found = await self.redis_retry.until_answered(find)
        self.record = b"" if found is None else found.record
        return (None if found is None else found.job), in_turn and self._finished != finished

    async def return_unperformed(self, job: Job) -> None:
        """Put the reserved job back at the head of its queue."""
        give_back = self.core.worker_registry.table.return_unperformed
        work = partial(give_back, self.id, self.record, job.queue, job.raw)
        await self.redis_retry.until_answered(work)
        self.record = b""

    async def rewrite_record(self, job: Job) -> None:
        """Rewrite ``worker:<id>`` if Ruby could not read it: a Ruby worker that prunes us would fail at its start."""
        if not can_embed(self.core.codec, job):
            await self.redis_retry.until_answered(partial(self.set, job))

    async def redeliver(self, back: Redelivery) -> None:
        """Put the job back into its queue and count it as finished, in one script."""
        table = self.core.lost_jobs.redeliveries
        done = await self.redis_retry.until_answered(
            partial(table.redeliver, self.id, self.record, back), self._is_counted
        )
        if not done:
            log.warning("worker %s was pruned while it worked, and its job with it", self.id)
        self._finished = self._finished + 1 if done else 0
        self.record = b""

    async def _is_counted(self) -> bool | None:
        """After a broken connection: return True if the counter of finished jobs shows that the script ran."""
        finished = await self.core.stats.get(f"processed:{self.id}")
        return True if finished > self._finished else None
