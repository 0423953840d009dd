"""Failed jobs in Redis: one list for all (``RedisBackend``), or one for each queue (``RedisMultiQueueBackend``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import InvalidFailureQueue, NoSuchFailure
from pyresque.failure import record as records
from pyresque.failure.record import FailedRecord, Failure
from pyresque.ruby import time as ruby_time
from pyresque.store.turns import FailureEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.failure.base import Order
    from pyresque.job.job import Codec
    from pyresque.ops import Clock
    from pyresque.store.failed import FailedTable

#: Records read at a time where a whole list is gone through.
PAGE = 500


class FailureLists:
    """What both backends do with the records of one list."""

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.codec = codec
        self.clock = clock

    async def page(self, offset: int, limit: int, queue: str) -> list[FailedRecord]:
        """Records from ``offset`` on; a limit of 1 takes one from either end, as LINDEX does."""
        if limit == 1:
            raw = await self.table.element(offset, queue)
            found = [] if raw is None else [raw]
        else:
            found = await self.table.slice(offset, offset + limit - 1, queue)
        return [records.read(self.codec, raw, offset + i, queue) for i, raw in enumerate(found)]

    async def everything(self, queue: str) -> list[FailedRecord]:
        """All records of a list, page by page, oldest first."""
        found: list[FailedRecord] = []
        while page := await self.page(len(found), PAGE, queue):
            found += page
        return found

    async def put_back(self, which: int | FailedRecord, queue: str, retried_at: str) -> list[int]:
        """Requeue the record at a place, or that very record. Raises NoSuchFailure."""
        found = await self._found(which, queue)
        payload = records.put_back(self.codec, found)
        if payload is None or found.queue is None:
            missing = "payload" if payload is None else "queue"
            msg = f"the record at {found.index} of {queue!r} names no {missing}, so it cannot be put back"
            raise NoSuchFailure(msg)
        marked = records.marked(self.codec, found, retried_at)
        done = await self.table.requeue(found.index, found.raw, marked, found.queue, payload, queue)
        if not done:
            raise NoSuchFailure(
                f"the list {queue!r} has changed: another record stands at {found.index} now"
            )
        return done

    async def put_back_all(self, found: Sequence[FailedRecord], retried_at: str) -> int:
        """Requeue these records; those that name no job, or have gone meanwhile, are left. How many were put back."""
        done = 0
        for one in found:
            try:
                await self.put_back(one, one.failure_queue, retried_at)
            except NoSuchFailure:
                continue
            done += 1
        return done

    async def delete(self, which: int | FailedRecord, queue: str) -> int:
        """Remove the record at a place, or that very record."""
        if isinstance(which, FailedRecord):
            return await self.table.remove_record(which.raw, queue)
        return await self.table.remove_at(which, queue)

    async def delete_all(self, found: Sequence[FailedRecord]) -> int:
        """Remove these very records; how many were removed."""
        return sum([await self.table.remove_record(one.raw, one.failure_queue) for one in found])

    async def _found(self, which: int | FailedRecord, queue: str) -> FailedRecord:
        if isinstance(which, FailedRecord):
            return which
        page = await self.page(which, 1, queue)
        if not page:
            raise NoSuchFailure(f"there is no failed record at {which} of {queue!r}")
        return page[0]


def arranged(found: list[FailedRecord], class_name: str | None, order: Order) -> list[FailedRecord]:
    """Those of a class, latest first unless the order is ``asc``."""
    chosen = [one for one in found if class_name is None or one.class_name == class_name]
    return chosen[::-1] if order == "desc" else chosen


class RedisBackend:
    """One list, ``failed``, for all queues (``Failure::Redis``); Resque's default."""

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.lists = FailureLists(table, codec, clock)

    async def save(self, failure: Failure) -> None:
        """Append the record."""
        await self.table.append(records.write(self.lists.codec, failure))

    def entry(self, failure: Failure) -> FailureEntry:
        """The append, for the worker's script."""
        return FailureEntry(records.write(self.lists.codec, failure))

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """How many records, of a class where one is named."""
        _only_failed(queue)
        if class_name is None:
            return await self.table.size()
        return len(arranged(await self.lists.everything("failed"), class_name, "asc"))

    async def queues(self) -> list[str]:
        """The one list there is."""
        return ["failed"]

    async def all(
        self, offset: int = 0, limit: int = 1, queue: str | None = None
    ) -> list[FailedRecord]:
        """Records from ``offset`` on, oldest first."""
        _only_failed(queue)
        return await self.lists.page(offset, limit, "failed")

    async def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> list[FailedRecord]:
        """Records of a page; with a class the limit is of those that match, from ``offset`` to the end of the list."""
        _only_failed(queue)
        size = await self.count()
        wanted = size if limit is None else limit
        if class_name is None:
            return arranged(await self.all(offset, wanted), None, order)
        return arranged(await self.all(offset, size), class_name, order)[:wanted]

    async def clear(self, queue: str | None = None) -> int:
        """Delete the list; 1 when there was one."""
        _only_failed(queue)
        return await self.table.clear()

    async def requeue(self, which: int | FailedRecord, queue: str | None = None) -> list[int]:
        """Put one job back and mark its record; the record stays."""
        _only_failed(queue)
        return await self.lists.put_back(which, "failed", self._retried_at())

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record."""
        _only_failed(queue)
        return await self.lists.delete(which, "failed")

    async def requeue_queue(self, queue: str) -> int:
        """Put back every job that came from a queue."""
        found = [one for one in await self.lists.everything("failed") if one.queue == queue]
        return await self.lists.put_back_all(found, self._retried_at())

    async def requeue_all(self) -> int:
        """Put back every job."""
        return await self.lists.put_back_all(
            await self.lists.everything("failed"), self._retried_at()
        )

    async def remove_queue(self, queue: str) -> int:
        """Delete every record of jobs that came from a queue."""
        found = [one for one in await self.lists.everything("failed") if one.queue == queue]
        return await self.lists.delete_all(found)

    async def clear_retried(self) -> int:
        """Delete every record whose job was put back."""
        found = [one for one in await self.lists.everything("failed") if one.retried_at is not None]
        return await self.lists.delete_all(found)

    def _retried_at(self) -> str:
        return ruby_time.failed_at(local(self.lists.clock))


def _only_failed(queue: str | None) -> None:
    if queue and queue != "failed":
        raise InvalidFailureQueue(f"invalid queue: {queue}")


def failure_queue_name(queue: str) -> str:
    """The failure queue of a job queue."""
    return f"{queue}_failed"


def job_queue_name(failure_queue: str) -> str:
    """The job queue of a failure queue."""
    return failure_queue.removesuffix("_failed")


class RedisMultiQueueBackend:
    """A list for each queue, ``QUEUE_failed`` (``Failure::RedisMultiQueue``); ``queue`` is such a failure queue's name.

    Ruby's verbs without a queue mostly read a key that holds nothing; here they mean all failure queues.
    """

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.lists = FailureLists(table, codec, clock)

    async def save(self, failure: Failure) -> None:
        """Append the record to its queue's list and remember that list."""
        name = failure_queue_name(failure.job.queue)
        await self.table.append_to_named(records.write(self.lists.codec, failure), name)

    def entry(self, failure: Failure) -> FailureEntry:
        """The same, for the worker's script."""
        name = failure_queue_name(failure.job.queue)
        return FailureEntry(records.write(self.lists.codec, failure), name, name)

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """How many records, of a failure queue and of a class where they are named."""
        if class_name is None:
            return sum([await self.table.size(name) for name in await self._named(queue)])
        return len(arranged(await self._everything(queue), class_name, "asc"))

    async def queues(self) -> list[str]:
        """The failure queues that are remembered."""
        return await self.table.names()

    async def all(
        self, offset: int = 0, limit: int = 1, queue: str | None = None
    ) -> list[FailedRecord]:
        """Records of a failure queue from ``offset`` on; without one, of all of them one after the other."""
        if queue is not None:
            return await self.lists.page(offset, limit, queue)
        return (await self._everything(None))[offset:][:limit]

    async def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> list[FailedRecord]:
        """Records of a page, those of a class where one is named."""
        wanted = await self.count(queue) if limit is None else limit
        return arranged(await self.all(offset, wanted, queue), class_name, order)

    async def clear(self, queue: str | None = None) -> int:
        """Delete a failure queue's records, or all; how many lists there were. The names stay, as in Ruby."""
        return sum([await self.table.clear(name) for name in await self._named(queue)])

    async def requeue(self, which: int | FailedRecord, queue: str | None = None) -> list[int]:
        """Put one job back and mark its record. A bare place needs the failure queue's name."""
        return await self.lists.put_back(which, self._one(which, queue), self._retried_at())

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record. A bare place needs the failure queue's name."""
        return await self.lists.delete(which, self._one(which, queue))

    async def requeue_queue(self, queue: str) -> int:
        """Put back every job that came from a queue (the job queue's name), the latest first, as Ruby does."""
        found = await self.lists.everything(failure_queue_name(queue))
        return await self.lists.put_back_all(found[::-1], self._retried_at())

    async def requeue_all(self) -> int:
        """Put back every job, the latest of each queue first, as Ruby does."""
        return await self.lists.put_back_all(
            (await self._everything(None))[::-1], self._retried_at()
        )

    async def remove_queue(self, queue: str) -> int:
        """Delete the records of jobs that came from a queue; 1 when there were any."""
        return await self.table.clear(failure_queue_name(queue))

    async def clear_retried(self) -> int:
        """Delete every record whose job was put back."""
        return await self.lists.delete_all(
            [f for f in await self._everything(None) if f.retried_at is not None]
        )

    async def _named(self, queue: str | None) -> list[str]:
        return [queue] if queue is not None else await self.queues()

    async def _everything(self, queue: str | None) -> list[FailedRecord]:
        return [
            one for name in await self._named(queue) for one in await self.lists.everything(name)
        ]

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
