"""Failed jobs in Redis: one list for all (``RedisBackend``), or one for each queue (``RedisMultiQueueBackend``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import InvalidFailureQueue
from pyresque.failure import record as records
from pyresque.failure.base import FailureBackend
from pyresque.failure.lists import FailureLists
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
from pyresque.ruby import time as ruby_time
from pyresque.store.reserve import FailureEntry

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.failure.base import Order, Wanted
    from pyresque.failure.trimming import Limits
    from pyresque.job.job import Codec
    from pyresque.store.failed import FailedTable
    from pyresque.store.queues import Pushed


class _InRedis(FailureBackend):
    """What both backends have in common."""

    def __init__(self, table: FailedTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.clock = clock
        self.lists = FailureLists(table, codec)
        self.trimmer = ListTrimmer(table, codec)

    async def requeue_all(self) -> int:
        """Requeue the job of every record, in the order of ``requeueing``; return how many."""
        return await self.requeueing(every).whole()

    async def clear_retried(self) -> int:
        """Delete every record whose job was requeued."""
        return await self.removing(retried).whole()

    async def trim(self, limits: Limits) -> int:
        """Remove the oldest records of each list, down to the limits; return how many."""
        return await self.trimmer.trim(await self.queues(), limits)


class RedisBackend(_InRedis):
    """One list, ``failed``, for all queues (``Failure::Redis``); Resque's default."""

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

    async def remove_queue(self, queue: str) -> int:
        """Delete every record of jobs that came from a queue."""
        return await self.removing(partial(of_queue, queue)).whole()

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Requeueing:
        """Return a pass that requeues the jobs of the wanted records, the oldest first."""
        _only_failed(queue)
        return self.lists.requeueing(self.queues, wanted, self._retried_at())

    def removing(self, wanted: Wanted, queue: str | None = None) -> Removing:
        """Return a pass that deletes the wanted records."""
        _only_failed(queue)
        return self.lists.removing(self.queues, wanted)

    def _retried_at(self) -> str:
        return ruby_time.failed_at(local(self.clock))


def _only_failed(queue: str | None) -> None:
    if queue and queue != "failed":
        raise InvalidFailureQueue(f"invalid queue: {queue}")


def failure_queue_name(queue: str) -> str:
    """Return the name of a queue's failure queue."""
    return f"{queue}_failed"


def job_queue_name(failure_queue: str) -> str:
    """Return the name of a failure queue's queue."""
    return failure_queue.removesuffix("_failed")


class RedisMultiQueueBackend(_InRedis):
    """A list for each queue, ``QUEUE_failed`` (``Failure::RedisMultiQueue``); ``queue`` is such a failure queue's name.

    Ruby's methods without a queue mostly read a key that does not exist; here they mean all failure queues.
    """

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

    async def remove_queue(self, queue: str) -> int:
        """Delete the records of jobs that came from a queue; return 1 when there were any."""
        return await self.table.clear(failure_queue_name(queue))

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Requeueing:
        """Return a pass that requeues the jobs of the wanted records, the latest of each list first."""
        names = partial(self._named, queue)
        return self.lists.requeueing(names, wanted, self._retried_at(), "desc")

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
        return ruby_time.retried_at(local(self.clock))


async def requeue_once(failures: FailureBackend, record: FailedRecord) -> None:
    """Requeue the job of a record that was read, once: not if somebody else has done so since. Raises NoSuchFailure.

    A backend of the application's own is asked without ``again``: it may requeue the job twice.
    """
    if isinstance(failures, (RedisBackend, RedisMultiQueueBackend)):
        await failures.requeue(record, record.failure_queue, again=False)
    else:
        await failures.requeue(record, record.failure_queue)
