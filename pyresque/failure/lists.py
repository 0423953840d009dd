"""Records of failed lists in Redis, read, requeued and deleted: what both backends do with a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.errors import NoSuchFailure
from pyresque.failure import record as records
from pyresque.failure.passes import Reading, Removing, Requeueing
from pyresque.failure.record import FailedRecord
from pyresque.lightweight import replace
from pyresque.store.look_again import Attempts
from pyresque.store.slices import Backward

if TYPE_CHECKING:
    from pyresque.failure.base import Order, Wanted
    from pyresque.failure.passes import Names
    from pyresque.job.job import Codec
    from pyresque.store.failed import FailedTable
    from pyresque.store.queues import Pushed


#: What is looked for again, for the message.
RECORD = "a failed record"


class FailureLists:
    """Reads, requeues and deletes records of a list; starts passes over several lists."""

    def __init__(self, table: FailedTable, codec: Codec) -> None:
        self.table = table
        self.codec = codec

    async def page(self, offset: int, limit: int, queue: str) -> list[FailedRecord]:
        """Return records from ``offset`` on. With a limit of 1 a negative ``offset`` counts from the end, as LINDEX does."""
        if limit == 1:
            raw = await self.table.element(offset, queue)
            found = [] if raw is None else [raw]
        else:
            found = await self.table.slice(offset, offset + limit - 1, queue)
        return [records.read(self.codec, raw, offset + i, queue) for i, raw in enumerate(found)]

    async def requeue(
        self, which: int | FailedRecord, queue: str, retried_at: str, *, again: bool = True
    ) -> Pushed:
        """Requeue the job of the record at an index, or of this record, wherever it stands now.

        Raises NoSuchFailure if there is none; without ``again`` also if the job was requeued since the record was read.
        """
        found = await self._found(which, queue)
        payload = records.payload_of(self.codec, found)
        if payload is None or found.queue is None:
            raise NoSuchFailure(records.no_job(found, payload))
        meant: FailedRecord | None = found
        attempts = Attempts(RECORD)
        while meant is not None:
            marked = records.marked(self.codec, meant, retried_at)
            done = await self.table.requeue(
                meant.index, meant.raw, marked, found.queue, payload, queue
            )
            if done is not None:
                return done
            attempts.failed()
            meant = await self._meant(found, queue)
            if not again and meant is not None and meant.retried_at != found.retried_at:
                raise NoSuchFailure(
                    f"the job was requeued meanwhile, at {meant.retried_at}: it was not requeued again"
                )
        msg = f"the list {queue!r} has changed: another record stands at {found.index} now"
        raise NoSuchFailure(msg)

    async def delete(self, which: int | FailedRecord, queue: str) -> int:
        """Remove the record at an index, or this record, wherever it stands now; return how many were removed."""
        if isinstance(which, FailedRecord):
            removed = await self.table.remove_record(which.raw, queue)
            attempts = Attempts(RECORD)
            while not removed and (meant := await self._meant(which, queue)) is not None:
                attempts.failed()
                removed = await self.table.remove_record(meant.raw, queue)
            return removed
        return await self.table.remove_at(which, queue)

    async def _meant(self, record: FailedRecord, queue: str) -> FailedRecord | None:
        """Find the record in the list again: it may have moved, or been marked by a requeue, since it was read."""
        index = await self.table.index_of(record.raw, queue)
        if index is not None:
            return replace(record, index=index)
        walk = Backward(self.table.key(queue))
        while (page := await walk.more()) is not None:
            first, raws = page
            for at in reversed(range(len(raws))):
                if records.is_same(self.codec, raws[at], record):
                    return records.read(self.codec, raws[at], first + at, queue)
        return None

    def reading(self, names: Names, **options: Any) -> Reading:
        """Return a pass that reads these lists; the options are those of Reading."""
        return Reading(self.table, self.codec, names, **options)

    def removing(self, names: Names, wanted: Wanted) -> Removing:
        """Return a pass that deletes records of these lists."""
        return Removing(self.table, self.codec, names, wanted)

    def requeueing(
        self, names: Names, wanted: Wanted, retried_at: str, order: Order = "asc"
    ) -> Requeueing:
        """Return a pass that requeues the jobs of records of these lists."""
        return Requeueing(self.table, self.codec, names, wanted, retried_at, order)

    async def _found(self, which: int | FailedRecord, queue: str) -> FailedRecord:
        if isinstance(which, FailedRecord):
            return which
        page = await self.page(which, 1, queue)
        if not page:
            raise NoSuchFailure(f"there is no failed record at {which} of {queue!r}")
        return page[0]
