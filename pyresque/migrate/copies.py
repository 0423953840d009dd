"""Copies of jobs that are in queues, delayed, failed or being performed: read, and left where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import WrongKey
from pyresque.failure import record as records
from pyresque.job.job import Job, read_job
from pyresque.ops import Command, answer
from pyresque.store.delayed_walk import DelayedWalk
from pyresque.store.queues import names, to_bytes
from pyresque.store.slices import Forward
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyresque.core import Core
    from pyresque.failure.record import FailedRecord

#: The places, in the order in which they are read.
WORKING, QUEUED, DELAYED, FAILED = PLACES = ("working", "queued", "delayed", "failed")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a job, where it was found, and its failed record if it is of a failed one."""

    job: Job
    place: str
    record: FailedRecord | None = None


#: Elements that are read of one list unless the caller wants another number.
EACH: Final = 1000


class Copies:
    """Walks through the places; of each list it reads the first ``each`` elements. ``more`` reads the next page."""

    def __init__(self, core: Core, each: int = EACH) -> None:
        self.core = core
        self.each = each
        self.wrong_keys = WrongKeyLog()
        self._pages = self._all()

    async def more(self) -> list[Copy] | None:
        """Return the next copies; None at the end."""
        return await anext(self._pages, None)

    async def _all(self) -> AsyncIterator[list[Copy]]:
        working = await self.core.worker_registry.working()
        yield [Copy(one.working_on.job, WORKING) for one in working if one.working_on]
        keys = self.core.keys
        for queue in await self._names(keys.queues):
            async for raws in self._list(keys.queue(queue)):
                yield [Copy(read_job(self.core.codec, queue, raw), QUEUED) for raw in raws]
        for queue in await self._names(keys.moved_queues):
            async for raws in self._list(keys.moved(queue)):
                yield [Copy(read_job(self.core.codec, queue, raw), QUEUED) for raw in raws]
        async for raws in self._delayed():
            yield [Copy(read_job(self.core.codec, "", raw), DELAYED) for raw in raws]
        for queue in dict.fromkeys(["failed", *await self._names(keys.failed_queues)]):
            async for raws in self._list(keys.failed(queue)):
                yield [one for raw in raws if (one := self._failed(queue, raw)) is not None]

    async def _names(self, key: str) -> list[str]:
        return await self.wrong_keys.value_or(answer(Command(("SMEMBERS", key)), names), [])

    async def _list(self, key: str) -> AsyncIterator[list[bytes]]:
        """Yield the first elements of a list, page by page."""
        walk, left = Forward(to_bytes(key), 0, self.each), self.each
        while left > 0:
            try:
                page = await walk.more()
            except WrongKey as error:
                self.wrong_keys.warn(error)
                return
            if page is None:
                return
            yield page[1][:left]
            left -= len(page[1])

    async def _delayed(self) -> AsyncIterator[list[bytes]]:
        walk, left = DelayedWalk(self.core.delayed.table), self.each
        while left > 0:
            try:
                slices = await walk.more()
            except WrongKey as error:
                self.wrong_keys.warn(error)
                return
            if slices is None:
                return
            raws: list[Any] = [raw for one in slices for raw in one.payloads]
            yield raws[:left]
            left -= len(raws)

    def _failed(self, queue: str, raw: bytes) -> Copy | None:
        record = records.read(self.core.codec, raw, 0, queue)
        payload = records.payload_of(self.core.codec, record)
        if payload is None:
            return None
        return Copy(read_job(self.core.codec, record.queue or "", payload), FAILED, record)
