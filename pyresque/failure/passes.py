"""Passes over failed records, page by page: read them, remove some, or requeue the jobs of some.

A pass holds one page in memory, however long the list is. One script handles a page, so a caller may stop between two pages:
what is done is done whole, and the rest of the list is unchanged.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyresque.failure import record as records
from pyresque.lightweight import dataclass, field
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

    #: Returns the names of the failed lists.
    Names: TypeAlias = Callable[[], Op[list[str]]]

#: Answers of the script that requeues: the job is in its queue; an equal one is there by its mark.
QUEUED, EQUAL_QUEUED = 1, 3

#: How often a page is read again while others change it.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a pass: the records handled, those left with the reason, and how many the pass has seen so far.

    ``equal``: those of a requeue whose job was in its queue already, by its mark: the record was marked, and no job was put there.
    """

    records: list[FailedRecord]
    left: list[tuple[FailedRecord, str]] = field(default_factory=list)
    seen: int = 0
    equal: list[FailedRecord] = field(default_factory=list)


class Pass:
    """A pass over failed records; this one finds none."""

    async def more(self) -> Page | None:
        """Handle the next page; None at the end."""
        return None

    async def whole(self) -> int:
        """Go through all pages; return how many records were handled."""
        found = 0
        while (page := await self.more()) is not None:
            found += len(page.records)
        return found

    async def everything(self) -> list[FailedRecord]:
        """Go through all pages; return their records."""
        found: list[FailedRecord] = []
        while (page := await self.more()) is not None:
            found += page.records
        return found


class Reading(Pass):
    """Reads the records of several lists as if they were one, from ``offset`` on; the latest first, or the oldest.

    ``limit`` is how many records are read; ``matching`` how many wanted ones are returned (None: all).
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
        self._last: FailedRecord | None = None
        self._seen = 0

    async def more(self) -> Page | None:
        """Return the next page, which may be empty before the end."""
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
        self._last = found[-1] if found else None
        if self.wanted is not None:
            found = [one for one in found if self.wanted(one)]
        if self.latest_first:
            found.reverse()
        if self.left is not None:
            found = found[: self.left]
            self.left -= len(found)
        return found

    def changed_last(self, changed: set[bytes], to: Callable[[FailedRecord], bytes]) -> None:
        """Tell the forward walk what the caller made of the last record of the page, if it changed it."""
        last = self._last
        if last is not None and isinstance(self._walk, Forward):
            self._walk.before = to(last) if last.raw in changed else last.raw

    async def _all_spans(self) -> list[tuple[str, int, int]]:
        """Return name, first index and end of the part of each list that is to be read."""
        names = await self.names()
        sizes = [await self.table.size(name) for name in names]
        offset = self.offset if self.offset >= 0 else max(0, sum(sizes) + self.offset)
        stop = sum(sizes) if self.limit is None else offset + self.limit
        spans, skipped = [], 0
        for name, size in zip(names, sizes, strict=True):
            first, end = max(0, offset - skipped), min(size, stop - skipped)
            if first < end:
                spans.append((name, first, end))
            skipped += size
        return spans


class Removing(Pass):
    """Removes the wanted records, list by list."""

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
        """Remove the wanted records of the next page."""
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
    """Requeues the jobs of the wanted records and marks the records with ``retried_at``; the oldest first, or the latest."""

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
        # Marked records of the last two pages: when others remove records, a backward walk may meet them again.
        self._marked: set[bytes] = set()
        self._marked_before: set[bytes] = set()
        self._equal: list[FailedRecord] = []

    async def more(self) -> Page | None:
        """Requeue the wanted records of the next page."""
        page = await self._reading.more()
        if page is None:
            return None
        done: list[FailedRecord] = []
        left: dict[int, tuple[FailedRecord, str]] = {}
        # A forward walk meets no record twice.
        self._marked_before = self._marked if self._reading.latest_first else set()
        self._marked = set()
        self._equal = []
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
        self._reading.changed_last({one.raw for one in done}, self._mark)
        return Page(done, list(left.values()), page.seen, self._equal)

    async def _requeue(
        self,
        chosen: Sequence[FailedRecord],
        done: list[FailedRecord],
        left: dict[int, tuple[FailedRecord, str]],
    ) -> list[FailedRecord]:
        """Requeue these records; return those at whose index another record stands now."""
        marks: dict[int, Requeued] = {}
        for one in chosen:
            payload = records.payload_of(self.codec, one)
            if payload is None or one.queue is None:
                left[one.index] = (one, records.no_job(one, payload))
                continue
            marks[one.index] = Requeued(one.index, one.raw, self._mark(one), one.queue, payload)
        if not marks:
            return []
        name = chosen[0].failure_queue
        answers = dict(
            zip(marks, await self.table.requeue_seen(list(marks.values()), name), strict=True)
        )
        for one in chosen:
            answer = answers.get(one.index)
            if answer in {QUEUED, EQUAL_QUEUED}:
                self._marked.add(marks[one.index].marked)
                done.append(one)
                if answer == EQUAL_QUEUED:
                    self._equal.append(one)
            elif answer is not None and answer != 0:
                left[one.index] = (one, f"the key of queue {one.queue!r} is no list in Redis")
        return [one for one in chosen if answers.get(one.index) == 0]

    async def _moved(self, sought: Sequence[FailedRecord], most: int) -> list[FailedRecord]:
        """Find where these records are now, after others removed up to ``most`` below; records that are gone are left out."""
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

    def _mark(self, one: FailedRecord) -> bytes:
        return records.marked(self.codec, one, self.retried_at)


def of_queue(queue: str, one: FailedRecord) -> bool:
    """Whether a record's job came from a queue."""
    return one.queue == queue


def of_class(class_name: str, one: FailedRecord) -> bool:
    """Whether a record's job is of a class."""
    return one.class_name == class_name


def every(_one: FailedRecord) -> bool:
    """Whether a record is wanted: always."""
    return True


def retried(one: FailedRecord) -> bool:
    """Whether a record's job was requeued."""
    return one.retried_at is not None
