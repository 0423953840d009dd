"""Undo the removal or the requeue of failed jobs, for some minutes and as far as it can be: a job that has begun stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.failure import record as records
from pyresque.store.look_again import Attempts
from pyresque.store.undo import MOST, MOST_BYTES, UndoTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pyresque.failure.record import FailedRecord
    from pyresque.job.job import Codec
    from pyresque.store.failed import FailedTable

#: Records below its old index among which a marked record is looked for: others may have been removed meanwhile.
BELOW: Final = 500

#: The answer of a script where the record has moved since it was looked for.
LOOK_AGAIN: Final = -2

#: What begins the name of an action, by which its undoing knows what to do.
REMOVED, REQUEUED = "removed-", "requeued-"


class Keeping:
    """Keeps the records of one action. ``token`` is empty once they are too many."""

    def __init__(self, table: FailedTable, token: str) -> None:
        self.undo = UndoTable(table.keys)
        self.token = token
        self.count = 0
        self._bytes = 0
        self._lists: set[str] = set()

    async def keep(self, found: Sequence[FailedRecord]) -> None:
        """Keep these records as they were, each requeued one with its index."""
        if not self.token or not found:
            return
        self.count += len(found)
        self._bytes += sum(len(one.raw) for one in found)
        if self.count > MOST or self._bytes > MOST_BYTES:
            if self._lists:
                await self.undo.forget(self.token, sorted(self._lists))
            self.token = ""
            return
        for name in dict.fromkeys(one.failure_queue for one in found):
            own = [one for one in found if one.failure_queue == name]
            requeued = self.token.startswith(REQUEUED)
            elements = [b"%d\n%b" % (one.index, one.raw) if requeued else one.raw for one in own]
            self._lists.add(name)
            await self.undo.keep(self.token, name, elements)


class Undoing:
    """Undoes one action."""

    def __init__(
        self,
        table: FailedTable,
        codec: Codec,
        token: str,
        leaving: Callable[[str, bytes], Awaitable[None]],
    ) -> None:
        self.table = table
        self.codec = codec
        self.token = token
        #: Runs the plugins' moment of a job that leaves its queue.
        self.leaving = leaving
        self.undo = UndoTable(table.keys)
        #: Records that are as they were, and jobs that had left their queues.
        self.done = self.begun = 0

    async def whole(self, names: Sequence[str]) -> None:
        """Undo it in these failed lists: as many records as are kept when it begins."""
        for name in names:
            left = await self.undo.count(self.token, name)
            if self.token.startswith(REMOVED):
                while left > 0 and (number := await self.undo.put_back(self.token, name)):
                    self.done += number
                    left -= number
            elif self.token.startswith(REQUEUED):
                attempts = Attempts("a record that was kept for its undoing")
                while left > 0 and (element := await self.undo.first(self.token, name)) is not None:
                    answer = await self._take_back(name, element)
                    if answer == LOOK_AGAIN:  # others removed records before it meanwhile
                        attempts.failed()
                    elif answer < 0:
                        break
                    else:
                        left -= 1

    async def _take_back(self, name: str, element: bytes) -> int:
        """Undo one requeue; return the script's answer: below 0 if nothing was done."""
        index, _, raw = element.partition(b"\n")
        record = records.read(self.codec, raw, int(index), name)
        payload = records.payload_of(self.codec, record) or b""
        queue = record.queue or ""
        marked = await self._marked(record)
        args = (self.token, name, element, raw, marked, queue, payload)
        answer = await self.undo.take_back(*args)
        if answer == 1:
            self.done += 1
            await self.leaving(queue, payload)
        elif answer == 0:
            self.begun += 1
        return answer

    async def _marked(self, record: FailedRecord) -> tuple[int, bytes] | None:
        """Return index and bytes of the record as the requeue has marked it."""
        at = record.index
        one = await self.table.element(at, record.failure_queue)
        if one is not None and records.is_same(self.codec, one, record):
            return at, one
        low = max(0, at - BELOW)
        found = await self.table.slice(low, at, record.failure_queue)
        for place in reversed(range(len(found))):
            if records.is_same(self.codec, found[place], record):
                return low + place, found[place]
        return None
