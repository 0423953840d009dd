"""Going through failed records page by page: to look at them, to remove some, to put the jobs of some back.

What is in hand stays small, however long a list is. Each page is dealt with by one script, so that a pass may be given up
between two pages: what is done is done whole, and what is left is as it was.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyresque.failure import record as records
from pyresque.store.failed import Requeued
from pyresque.store.slices import SLICE, Backward, Forward, Removal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pyresque.failure.base import Order, Wanted
    from pyresque.failure.record import FailedRecord
    from pyresque.job.job import Codec
    from pyresque.ops import Op
    from pyresque.store.failed import FailedTable

    #: Tells which lists there are.
    Names: TypeAlias = Callable[[], Op[list[str]]]

#: How often a page is looked at anew while others change it.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a pass: what was done to which records, why some were left, and how many records were gone through so far."""

    records: list[FailedRecord]
    left: list[tuple[FailedRecord, str]] = field(default_factory=list)
    seen: int = 0


class Pass:
    """A pass over failed records."""

    async def more(self) -> Page | None:
        """The next page, or None at the end."""
        return None

    async def whole(self) -> int:
        """All of it; how many records it gave."""
        found = 0
        while (page := await self.more()) is not None:
            found += len(page.records)
        return found

    async def everything(self) -> list[FailedRecord]:
        """All its records at once."""
        found: list[FailedRecord] = []
        while (page := await self.more()) is not None:
            found += page.records
        return found


class Reading(Pass):
    """Records from ``offset`` on in the order of the lists, one after the other, or from the last one back.

    ``limit`` is how many records are looked at, or with ``matching`` how many are given (None: all).
    """

    def __init__(
        self,
        table: FailedTable,
        codec: Codec,
        names: Names,
        *,
        offset: int = 0,
        limit: int | None = None,
        wanted: Wanted | None = None,
        matching: int | None = None,
        order: Order = "desc",
    ) -> None:
        self.table = table
        self.codec = codec
        self.names = names
        self.offset = offset
        self.limit = limit
        self.wanted = wanted
        self.left = matching
        self.latest_first = order == "desc"
        self._spans: list[tuple[str, int, int]] | None = None
        self._walk: Backward | Forward | None = None
        self._queue = ""
        self._seen = 0

    async def more(self) -> Page | None:
        """The next page; an empty one may come before the last."""
        if self.left is not None and self.left <= 0:
            return None
        if self._spans is None:
            self._spans = await self._all_spans()
        while True:
            if self._walk is None:
                if not self._spans:
                    return None
                self._queue, first, end = self._spans.pop(-1 if self.latest_first else 0)
                kind = Backward if self.latest_first else Forward
                self._walk = kind(self.table.key(self._queue), first, end)
            slice_ = await self._walk.more()
            if slice_ is not None:
                return Page(self._read(*slice_), seen=self._seen)
            self._walk = None

    def _read(self, first: int, raws: list[bytes]) -> list[FailedRecord]:
        self._seen += len(raws)
        found = [
            records.read(self.codec, raw, first + at, self._queue) for at, raw in enumerate(raws)
        ]
        if self.wanted is not None:
            found = [one for one in found if self.wanted(one)]
        if self.latest_first:
            found.reverse()
        if self.left is not None:
            found = found[: self.left]
            self.left -= len(found)
        return found

    async def _all_spans(self) -> list[tuple[str, int, int]]:
        """The part of each list that is meant."""
        names = await self.names()
        sizes = [await self.table.size(name) for name in names]
        offset = self.offset if self.offset >= 0 else max(0, sum(sizes) + self.offset)
        stop = sum(sizes) if self.limit is None else offset + self.limit
        spans, passed = [], 0
        for name, size in zip(names, sizes, strict=True):
            first, end = max(0, offset - passed), min(size, stop - passed)
            if first < end:
                spans.append((name, first, end))
            passed += size
        return spans


class Removing(Pass):
    """Removes the records that are wanted, list by list."""

    def __init__(
        self,
        table: FailedTable,
        codec: Codec,
        names: Names,
        wanted: Wanted,
    ) -> None:
        self.table = table
        self.codec = codec
        self.names = names
        self.wanted = wanted
        self._names: list[str] | None = None
        self._removal: Removal | None = None
        self._queue = ""
        self._seen = 0

    async def more(self) -> Page | None:
        """Remove those of the next page."""
        if self._names is None:
            self._names = await self.names()
        while True:
            if self._removal is None:
                if not self._names:
                    return None
                self._queue = self._names.pop()
                self._removal = Removal(self.table.key(self._queue), self._chosen)
            before = self._removal.seen
            removed = await self._removal.step()
            self._seen += self._removal.seen - before
            if removed is not None:
                found = [self._record(index, raw) for index, raw in removed]
                return Page(found, seen=self._seen)
            self._removal = None

    def _chosen(self, index: int, raw: bytes) -> bool:
        return self.wanted(self._record(index, raw))

    def _record(self, index: int, raw: bytes) -> FailedRecord:
        return records.read(self.codec, raw, index, self._queue)


class Requeueing(Pass):
    """Puts the jobs of the records that are wanted back into their queues, and marks the records.

    In the order in which they stand, or the latest first.
    """

    def __init__(
        self,
        table: FailedTable,
        codec: Codec,
        names: Names,
        wanted: Wanted,
        retried_at: str,
        order: Order = "asc",
    ) -> None:
        self.table = table
        self.codec = codec
        self.wanted = wanted
        self.retried_at = retried_at
        self._reading = Reading(table, codec, names, order=order)
        # What was marked of late: where others remove records meanwhile, a page may come to the same ones again.
        self._marked: set[bytes] = set()
        self._marked_before: set[bytes] = set()

    async def more(self) -> Page | None:
        """Put back those of the next page."""
        page = await self._reading.more()
        if page is None:
            return None
        done: list[FailedRecord] = []
        left: dict[int, tuple[FailedRecord, str]] = {}
        # In the lists' order no record comes twice.
        self._marked_before = self._marked if self._reading.latest_first else set()
        self._marked = set()
        chosen = [
            one for one in page.records if one.raw not in self._marked_before and self.wanted(one)
        ]
        for attempt in range(TRIES):
            chosen = await self._requeue(chosen, done, left)
            if not chosen:
                break
            chosen = await self._moved(chosen, SLICE << attempt)
        for one in chosen:
            left[one.index] = (one, f"the list {one.failure_queue!r} keeps changing")
        return Page(done, list(left.values()), page.seen)

    async def _requeue(
        self,
        chosen: Sequence[FailedRecord],
        done: list[FailedRecord],
        left: dict[int, tuple[FailedRecord, str]],
    ) -> list[FailedRecord]:
        """Put these back; those at whose places others stand now."""
        marks: dict[int, Requeued] = {}
        for one in chosen:
            payload = records.payload_of(self.codec, one)
            if payload is None or one.queue is None:
                left[one.index] = (one, records.no_job(one, payload))
                continue
            marked = records.marked(self.codec, one, self.retried_at)
            marks[one.index] = Requeued(one.index, one.raw, marked, one.queue, payload)
        if not marks:
            return []
        name = chosen[0].failure_queue
        answers = dict(
            zip(marks, await self.table.requeue_seen(list(marks.values()), name), strict=True)
        )
        for one in chosen:
            answer = answers.get(one.index)
            if answer == 1:
                self._marked.add(marks[one.index].marked)
                done.append(one)
            elif answer is not None and answer != 0:
                left[one.index] = (one, f"the key of queue {one.queue!r} is no list in Redis")
        return [one for one in chosen if answers.get(one.index) == 0]

    async def _moved(self, sought: Sequence[FailedRecord], most: int) -> list[FailedRecord]:
        """Where these records are now, after others removed up to so many below; those that are gone are left out."""
        first, last = (edge(one.index for one in sought) for edge in (min, max))
        name, wanted = sought[0].failure_queue, Counter(one.raw for one in sought)
        found: list[FailedRecord] = []
        lowest = max(0, first - most)
        while last >= lowest and len(found) < len(sought):
            start = max(lowest, last - SLICE + 1)
            raws = await self.table.slice(start, last, name)
            for at in reversed(range(len(raws))):
                if wanted[raws[at]] > 0:
                    wanted[raws[at]] -= 1
                    found.append(records.read(self.codec, raws[at], start + at, name))
            last = start - 1
        return found if self._reading.latest_first else found[::-1]


def of_queue(queue: str, one: FailedRecord) -> bool:
    """Whether a record's job came from a queue."""
    return one.queue == queue


def of_class(class_name: str, one: FailedRecord) -> bool:
    """Whether a record's job is of a class."""
    return one.class_name == class_name


def every(_one: FailedRecord) -> bool:
    """Every record."""
    return True


def retried(one: FailedRecord) -> bool:
    """Whether a record's job was put back."""
    return one.retried_at is not None
