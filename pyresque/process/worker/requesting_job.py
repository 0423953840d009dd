"""Requests that finish the current job and ask for the next one in one round trip. After a broken one, find out what Redis has done of it.

``SelectiveJob`` decides what is asked. Rule: whatever breaks, the current job is finished once, and a job that was taken is performed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.errors import (
    DirtyExit,
    PyresqueError,
    RedisUnavailable,
    ScriptMissing,
    WrongKey,
)
from pyresque.job.job import read_job
from pyresque.ops import Batch
from pyresque.process.worker.current_job import CurrentJob
from pyresque.process.worker.ended import without_writes
from pyresque.store.selection import Selection

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.job.job import Job
    from pyresque.ops import Command
    from pyresque.process.worker.places import Place
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.process.worker.redis_retry import RedisRetry
    from pyresque.store.reserve import FailureEntry, Reservation


class RequestingJob(CurrentJob):
    """The current job of one worker, with requests that end it and take another one."""

    def __init__(
        self, core: Core, worker_id: str, queue_list: QueueList, redis_retry: RedisRetry
    ) -> None:
        super().__init__(core, worker_id, queue_list, redis_retry)
        self.selection = Selection(core.keys, worker_id)
        #: The list that a job was taken from, or that one was asked of when the connection broke.
        self._source: Place | None = None
        #: The job that was taken although the connection broke.
        self._recovered: Job | None = None
        #: Whether the request finishes the current job by the script that takes.
        self._by_take = False
        #: Whether there is another record in ``worker:<id>`` than that of the current job, or none.
        self._pruned = False
        #: Whether there is a record, and no current job.
        self._occupied = False

    async def _ask(
        self, failure: FailureEntry, commands: tuple[Command[Any], ...], *, held: bool = False
    ) -> list[Any] | None:
        """Finish the current job, if any, and send these commands, in one round trip; returns their replies.

        ``held``: leave the current job to the next request.

        Returns None if the connection broke, or if Redis refused a part of it. The current job is finished by then. If the request took
        a job, that is the current one, and ``_recovered``.
        """
        self._recovered = None
        finishing: tuple[Command[Any], ...] = ()
        if self.record and not self._by_take and not held:
            finishing, self._pruned = (self._reserver.finishing(self.record, failure),), False
        replies = await self._sent(failure, finishing, commands)
        if replies is None:
            return None
        if not finishing:
            return replies
        finished = replies.pop(0)
        if isinstance(finished, WrongKey):
            await self._sort_out(failure)
            return None
        reservation = self._reserver.read_reply(finished, ())
        if reservation.refused:
            await self.finish(await without_writes(failure, reservation.refused))
            return None
        self._keep(reservation)
        return replies

    async def _sent(
        self,
        failure: FailureEntry,
        finishing: tuple[Command[Any], ...],
        commands: tuple[Command[Any], ...],
    ) -> list[Any] | None:
        """Return the replies; None after a fault, when ``_sort_out`` has done the rest."""
        by_text, self.selection.by_text = self.selection.by_text, False
        try:
            if self._by_take:
                return [await commands[0]]
            return await Batch((*finishing, *commands), lenient=True)
        except RedisUnavailable as error:
            await self._sort_out(failure, error)
        except ScriptMissing:
            self.selection.by_text = not by_text
            await self._sort_out(failure)
        except PyresqueError:
            await self._sort_out(failure)
            raise
        return None

    async def _sort_out(
        self, failure: FailureEntry, broken: RedisUnavailable | None = None
    ) -> None:
        """Find out what of the last request was carried out, and finish the current job if it is not finished."""
        attempt = partial(self._finished_or_taken, failure)
        found = await self.redis_retry.until_answered(attempt, None, broken)
        if found is None:
            return
        if found.refused:
            await self.finish(await without_writes(failure, found.refused))
            return
        self._keep(found)
        if found.queue is not None:
            self._recovered = read_job(self.core.codec, found.queue, found.raw)
            if self._source is not None:
                self._source.forget()

    async def _finished_or_taken(self, failure: FailureEntry) -> Reservation | None:
        found = await self._recover()
        if found is not None or not self.record:
            return found
        return await self._run_turn(failure, then_reserve=False)

    async def _make_way(self) -> None:
        """There is a record in ``worker:<id>`` that is not ours: what wrote it there has lost a job, which becomes a failure."""
        self._occupied = False
        lost = DirtyExit("Job still being processed")
        unregister = partial(self.core.lost_jobs.unregister, self.id, lost)
        await self.redis_retry.until_answered(unregister)
        self._finished = 0
        await self.redis_retry.until_answered(self._entered_again)

    async def _entered_again(self) -> None:
        await self.core.worker_registry.table.entering(self.id)
