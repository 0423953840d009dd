"""Failed jobs in Redis: one list for all (``RedisBackend``), or one for each queue (``RedisMultiQueueBackend``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.clock import local
from pyresque.errors import InvalidFailureQueue, NoSuchFailure
from pyresque.failure import record as records
from pyresque.failure.base import FailureBackend
from pyresque.failure.passes import (
    Reading,
    Removing,
    Requeueing,
    every,
    of_class,
    of_queue,
    retried,
)
from pyresque.failure.record import FailedRecord, Failure
from pyresque.failure.trimming import ListTrimmer
from pyresque.lightweight import replace
from pyresque.ruby import time as ruby_time
from pyresque.store.reserve import FailureEntry
from pyresque.store.slices import Backward

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.failure.base import Order, Wanted
    from pyresque.failure.passes import Names
    from pyresque.failure.trimming import Limits
    from pyresque.job.job import Codec
    from pyresque.store.failed import FailedTable
    from pyresque.store.queues import Pushed


class FailureLists:
    """Reads, requeues and deletes records of one list; both backends use it."""

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.codec = codec
        self.clock = clock

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
        """Requeue the job of the record at an index, or of this record, wherever it stands now. Raises NoSuchFailure.

        Not ``again``: also where the job was requeued since the record was read.
        """
        found = await self._found(which, queue)
        payload = records.payload_of(self.codec, found)
        if payload is None or found.queue is None:
            raise NoSuchFailure(records.no_job(found, payload))
        meant: FailedRecord | None = found
        while meant is not None:
            marked = records.marked(self.codec, meant, retried_at)
            done = await self.table.requeue(
                meant.index, meant.raw, marked, found.queue, payload, queue
            )
            if done is not None:
                return done
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
            while not removed and (meant := await self._meant(which, queue)) is not None:
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


class RedisBackend(FailureBackend):
    """One list, ``failed``, for all queues (``Failure::Redis``); Resque's default."""

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.lists = FailureLists(table, codec, clock)
        self.trimmer = ListTrimmer(table, codec)

    async def save(self, failure: Failure) -> None:
        """Append the record to the list ``failed``."""
        await self.table.append(records.write(self.lists.codec, failure))

    def entry(self, failure: Failure) -> FailureEntry:
        """Return the append, for ``turn.lua``."""
        return FailureEntry(records.write(self.lists.codec, failure))

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """Return how many records there are, of a class if one is given."""
        _only_failed(queue)
        if class_name is None:
            return await self.table.size()
        return await self.each(class_name=class_name).whole()

    async def queues(self) -> list[str]:
        """Return the name of the one list."""
        return ["failed"]

    async def all(
        self, offset: int = 0, limit: int = 1, queue: str | None = None
    ) -> list[FailedRecord]:
        """Return records from ``offset`` on, the oldest first."""
        _only_failed(queue)
        return await self.lists.page(offset, limit, "failed")

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> Reading:
        """Return a pass over ``limit`` records from ``offset`` on; with a class over ``limit`` records of that class."""
        _only_failed(queue)
        if class_name is None:
            return self.lists.reading(self.queues, offset=offset, limit=limit, order=order)
        wanted = partial(of_class, class_name)
        return self.lists.reading(
            self.queues, offset=offset, wanted=wanted, matching=limit, order=order
        )

    async def clear(self, queue: str | None = None) -> int:
        """Delete the list; 1 when there was one."""
        _only_failed(queue)
        return await self.table.clear()

    async def requeue(
        self, which: int | FailedRecord, queue: str | None = None, *, again: bool = True
    ) -> Pushed:
        """Requeue one job and mark its record, which stays."""
        _only_failed(queue)
        return await self.lists.requeue(which, "failed", self._retried_at(), again=again)

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record; return how many were deleted."""
        _only_failed(queue)
        return await self.lists.delete(which, "failed")

    async def requeue_queue(self, queue: str) -> int:
        """Requeue every job that came from a queue."""
        return await self.requeueing(partial(of_queue, queue)).whole()

    async def requeue_all(self) -> int:
        """Requeue the job of every record; return how many."""
        return await self.requeueing(every).whole()

    async def remove_queue(self, queue: str) -> int:
        """Delete every record of jobs that came from a queue."""
        return await self.removing(partial(of_queue, queue)).whole()

    async def clear_retried(self) -> int:
        """Delete every record whose job was requeued."""
        return await self.removing(retried).whole()

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Requeueing:
        """Return a pass that requeues the jobs of the wanted records, the oldest first."""
        _only_failed(queue)
        return self.lists.requeueing(self.queues, wanted, self._retried_at())

    async def trim(self, limits: Limits) -> int:
        """Remove the oldest records of each list, down to the limits; return how many."""
        return await self.trimmer.trim(await self.queues(), limits)

    def removing(self, wanted: Wanted, queue: str | None = None) -> Removing:
        """Return a pass that deletes the wanted records."""
        _only_failed(queue)
        return self.lists.removing(self.queues, wanted)

    def _retried_at(self) -> str:
        return ruby_time.failed_at(local(self.lists.clock))


def _only_failed(queue: str | None) -> None:
    if queue and queue != "failed":
        raise InvalidFailureQueue(f"invalid queue: {queue}")


def failure_queue_name(queue: str) -> str:
    """Return the name of a queue's failure queue."""
    return f"{queue}_failed"


def job_queue_name(failure_queue: str) -> str:
    """Return the name of a failure queue's queue."""
    return failure_queue.removesuffix("_failed")


class RedisMultiQueueBackend(FailureBackend):
    """A list for each queue, ``QUEUE_failed`` (``Failure::RedisMultiQueue``); ``queue`` is such a failure queue's name.

    Ruby's methods without a queue mostly read a key that does not exist; here they mean all failure queues.
    """

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.lists = FailureLists(table, codec, clock)
        self.trimmer = ListTrimmer(table, codec)

    async def save(self, failure: Failure) -> None:
        """Append the record to ``QUEUE_failed``, and add that name to the set ``failed_queues``."""
        name = failure_queue_name(failure.job.queue)
        await self.table.append_to_named(records.write(self.lists.codec, failure), name)

    def entry(self, failure: Failure) -> FailureEntry:
        """Return the append and the name, for ``turn.lua``."""
        name = failure_queue_name(failure.job.queue)
        return FailureEntry(records.write(self.lists.codec, failure), name, name)

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """Return how many records there are, of a failure queue and of a class if given."""
        if class_name is None:
            return sum([await self.table.size(name) for name in await self._named(queue)])
        wanted = partial(of_class, class_name)
        return await self.lists.reading(partial(self._named, queue), wanted=wanted).whole()

    async def queues(self) -> list[str]:
        """Return the names in the set ``failed_queues``."""
        return await self.table.names()

    async def all(
        self, offset: int = 0, limit: int = 1, queue: str | None = None
    ) -> list[FailedRecord]:
        """Return records of a failure queue from ``offset`` on; without one, of all failure queues one after the other."""
        if queue is not None:
            return await self.lists.page(offset, limit, queue)
        reading = self.lists.reading(self.queues, offset=offset, limit=limit, order="asc")
        return await reading.everything()

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> Reading:
        """Return a pass over ``limit`` records from ``offset`` on, of a class if one is given."""
        wanted = None if class_name is None else partial(of_class, class_name)
        names = partial(self._named, queue)
        return self.lists.reading(names, offset=offset, limit=limit, wanted=wanted, order=order)

    async def clear(self, queue: str | None = None) -> int:
        """Delete the records of one failure queue, or of all; return how many lists there were. The names stay, as in Ruby."""
        return sum([await self.table.clear(name) for name in await self._named(queue)])

    async def requeue(
        self, which: int | FailedRecord, queue: str | None = None, *, again: bool = True
    ) -> Pushed:
        """Requeue one job and mark its record. An index needs the failure queue's name."""
        name = self._one(which, queue)
        return await self.lists.requeue(which, name, self._retried_at(), again=again)

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record. An index needs the failure queue's name."""
        return await self.lists.delete(which, self._one(which, queue))

    async def requeue_queue(self, queue: str) -> int:
        """Requeue every job that came from a queue (not the failure queue's name), the latest first, as Ruby does."""
        return await self.requeueing(every, failure_queue_name(queue)).whole()

    async def requeue_all(self) -> int:
        """Requeue every job, the latest of each queue first, as Ruby does."""
        return await self.requeueing(every).whole()

    async def remove_queue(self, queue: str) -> int:
        """Delete the records of jobs that came from a queue; return 1 when there were any."""
        return await self.table.clear(failure_queue_name(queue))

    async def clear_retried(self) -> int:
        """Delete every record whose job was requeued."""
        return await self.removing(retried).whole()

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Requeueing:
        """Return a pass that requeues the jobs of the wanted records, the latest of each list first."""
        names = partial(self._named, queue)
        return self.lists.requeueing(names, wanted, self._retried_at(), "desc")

    async def trim(self, limits: Limits) -> int:
        """Remove the oldest records of each list, down to the limits; return how many."""
        return await self.trimmer.trim(await self.queues(), limits)

    def removing(self, wanted: Wanted, queue: str | None = None) -> Removing:
        """Return a pass that deletes the wanted records."""
        return self.lists.removing(partial(self._named, queue), wanted)

    async def _named(self, queue: str | None) -> list[str]:
        return [queue] if queue is not None else await self.queues()

    def _one(self, which: int | FailedRecord, queue: str | None) -> str:
        if isinstance(which, FailedRecord):
            return which.failure_queue
        if queue is None:
            raise InvalidFailureQueue(
                f"say which failure queue the record at {which} is in, such as 'low_failed'"
            )
        return queue

    def _retried_at(self) -> str:
        return ruby_time.retried_at(local(self.lists.clock))


async def requeue_once(failures: FailureBackend, record: FailedRecord) -> None:
    """Requeue the job of a record that was read, once: not if somebody else has done so since. Raises NoSuchFailure.

    A backend of the application's own does as it does.
    """
    if isinstance(failures, (RedisBackend, RedisMultiQueueBackend)):
        await failures.requeue(record, record.failure_queue, again=False)
    else:
        await failures.requeue(record, record.failure_queue)
