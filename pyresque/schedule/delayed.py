"""The verbs of delayed jobs, each an operation: find, remove, enqueue now, read (Ruby: ``DelayingExtensions``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.job.sending import wire_args
from pyresque.schedule.later import CHUNK, Later, When, timestamp_of
from pyresque.schedule.search import Enqueueing, Removing, Rescheduling, Selection
from pyresque.store.delayed_times import PAGE
from pyresque.store.delayed_walk import DelayedWalk
from pyresque.store.look_again import Attempts
from pyresque.store.queues import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.registry import Target
    from pyresque.ops import Op

#: The least timestamps in one page of a listing: some may have no jobs and are skipped.
LEAST = 50

#: What is taken, for a message.
NEXT = "the first job of a timestamp"


class Delayed(Later):
    """The delayed jobs of one application."""

    # -- finding

    async def find_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> list[Job]:
        """Return the delayed jobs for whose arguments ``wanted`` is true, in the order of time."""
        found, waiting = self.search.selected(wanted, target), DelayedWalk(self.table)
        jobs: list[Job] = []
        while (stretches := await waiting.more()) is not None:
            for stretch in stretches:
                jobs += map(self.search.found, filter(found, stretch.payloads))
        return jobs

    async def scheduled_at(
        self, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> list[int]:
        """Return the timestamps at which a job is due, in its own queue unless one is named."""
        entry = self.jobs.registry.describe(job)
        sent = wire_args(entry, args, kwargs)
        places = await self.search.by_bytes(entry, queue, sent)
        return list(dict.fromkeys(seconds(timestamp) for timestamp, _ in places))

    async def is_delayed(
        self, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool:
        """Whether a job is delayed (Ruby: ``delayed?``)."""
        return bool(await self.scheduled_at(job, *args, queue=queue, **kwargs))

    # -- out

    async def remove_delayed(
        self, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Remove every delayed copy of a job; return how many. The timestamps stay for the scheduler to clean up, as in Ruby."""
        if self.jobs.inline:
            return 0
        entry = self.jobs.registry.describe(job)
        sent = wire_args(entry, args, kwargs)
        removed = await self.table.remove(await self.search.by_sets(entry, queue, sent))
        if removed or not self.search.by_meaning:
            return removed
        return await Removing(self.table, self.search.meant(entry, queue, sent)).whole()

    async def remove_delayed_in_queue(
        self, job: Target, queue: str, /, *args: Any, **kwargs: Any
    ) -> int:
        """Remove every delayed copy of a job that would go to a queue; return how many."""
        return await self.remove_delayed(job, *args, queue=queue, **kwargs)

    async def remove_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> int:
        """Remove the delayed jobs for whose arguments ``wanted`` is true; return how many."""
        if self.jobs.inline:
            return 0
        return await self.removing(self.search.selected(wanted, target)).whole()

    def removing(
        self,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
        *,
        clean: bool = False,
    ) -> Selection:
        """Return a pass that removes the wanted payloads, at some timestamps only or at all.

        Empty timestamps stay for the scheduler to clean up, as in Ruby, unless ``clean``.
        """
        return Removing(self.table, wanted, only, clean=clean)

    def enqueueing(
        self, wanted: Callable[[bytes], bool], only: Iterable[str] | None = None
    ) -> Selection:
        """Return a pass that enqueues the wanted payloads now."""
        return Enqueueing(self.promoter, wanted, only)

    def rescheduling(
        self, wanted: Callable[[bytes], bool], only: Iterable[str] | None, when: When
    ) -> Selection:
        """Return a pass that moves the wanted payloads to another time."""
        return Rescheduling(self.table, wanted, only, timestamp_of(when))

    def counting(
        self, wanted: Callable[[bytes], bool], only: Iterable[str] | None = None
    ) -> Selection:
        """Return a pass that counts the wanted payloads."""
        return Selection(self.table, wanted, only)

    async def remove_delayed_job_from_timestamp(
        self, when: When, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Remove every copy of a job from one timestamp, by bytes and by meaning; return how many. Reads that timestamp's jobs."""
        if self.jobs.inline:
            return 0
        entry, timestamp = self.jobs.registry.describe(job), str(timestamp_of(when))
        matches, offset = self.search.matcher(entry, queue, wire_args(entry, args, kwargs)), 0
        found: dict[tuple[str, bytes], None] = {}
        while page := (await self.table.pages([(timestamp, offset)]))[0]:
            found |= dict.fromkeys(
                (timestamp, raw) for raw in page if matches(self.search.found(raw))
            )
            offset += PAGE
        removed = await self.table.remove(list(found), clean=True)
        if not found:
            await self.table.move(((timestamp, ()),))
        return removed

    async def enqueue_delayed(
        self, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Enqueue every delayed copy of a job now, with its hooks; return how many."""
        if self.jobs.inline:
            return 0
        entry = self.jobs.registry.describe(job)
        sent = wire_args(entry, args, kwargs)
        places = await self.search.by_sets(entry, queue, sent)
        payloads = {raw for _, raw in places}
        only = dict.fromkeys(timestamp for timestamp, _ in places)
        done = await self.enqueueing(payloads.__contains__, only).whole() if only else 0
        if done or not self.search.by_meaning:
            return done
        return await self.enqueueing(self.search.meant(entry, queue, sent)).whole()

    async def enqueue_delayed_with_queue(
        self, job: Target, queue: str, /, *args: Any, **kwargs: Any
    ) -> int:
        """Enqueue now every delayed copy of a job that would go to a queue; return how many."""
        return await self.enqueue_delayed(job, *args, queue=queue, **kwargs)

    async def enqueue_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> int:
        """Enqueue now the delayed jobs for whose arguments ``wanted`` is true; return how many."""
        if self.jobs.inline:
            return 0
        return await self.enqueueing(self.search.selected(wanted, target)).whole()

    async def next_item_for_timestamp(self, when: When) -> Any:
        """Remove and return the first job of a timestamp, decoded, or None. An unreadable one stays: DecodeError."""
        timestamp, attempts = timestamp_of(when), Attempts(NEXT)
        while (raw := await self.table.head(timestamp)) is not None:
            value = self.codec.decode(raw)
            if await self.table.take(timestamp, raw):
                return value
            attempts.failed()
        await self.clean_up_timestamp(timestamp)
        return None

    async def enqueue_next_item(self, when: When) -> Any:
        """Enqueue the first job of a timestamp now; return its payload, or None if there is none."""
        timestamp, attempts = timestamp_of(when), Attempts(NEXT)
        while (raw := await self.table.head(timestamp)) is not None:
            if await self.promoter.move(((str(timestamp), (raw,)),)):
                job = self.search.found(raw)
                return None if job.fault is not None else self.codec.decode(raw)
            attempts.failed()
        return None

    async def move_due(
        self, now: float | None = None, still_master: Callable[[], Op[bool]] | None = None
    ) -> int:
        """Move every job that is due, batch by batch while ``still_master`` is true; return how many left their lists."""
        return await self.promoter.move_due(self.clock.time() if now is None else now, still_master)

    async def clean_up_timestamp(self, when: When) -> bool:
        """Remove a timestamp if it has no jobs left; return whether it has none."""
        timestamp = str(timestamp_of(when))
        await self.table.move(((timestamp, ()),))
        return (await self.table.sizes((timestamp,))) == [0]

    async def reset_delayed_queue(self) -> int:
        """Delete every delayed job; return 1 when there was any."""
        found = 0
        while heads := (await self.table.due(None, CHUNK)).heads:
            found = 1
            await self.table.drop(heads)
        return found

    # -- looking

    async def delayed_queue_peek(self, start: int, count: int) -> list[int]:
        """Return timestamps that have delayed jobs, from ``start`` on, the next one first."""
        return await self.table.peek(start, start + count - 1)

    async def delayed_rows(self, start: int, count: int) -> tuple[list[tuple[str, int]], int]:
        """Return times that have jobs from a rank on, each with its number of jobs, and the rank after the last one.

        Times whose jobs were all removed stay in Redis until they are due; they are skipped.
        """
        rows: list[tuple[str, int]] = []
        while len(rows) < count and (
            page := await self.table.times.ranked(start, max(count - len(rows), LEAST))
        ):
            sizes = await self.table.times.sizes(page)
            for member, size in zip(page, sizes, strict=True):
                if len(rows) == count:
                    break
                start += 1
                if size:
                    rows.append((member[0], size))
        return rows, start

    async def delayed_queue_schedule_size(self) -> int:
        """Return how many timestamps have delayed jobs."""
        return await self.table.schedule_size()

    async def delayed_timestamp_size(self, when: When) -> int:
        """Return how many jobs a timestamp has."""
        return (await self.table.sizes((str(timestamp_of(when)),)))[0]

    async def delayed_timestamp_peek(self, when: When, start: int, count: int) -> list[Job]:
        """Return jobs of a timestamp from ``start`` on, left where they are."""
        page = await self.table.pages([(str(timestamp_of(when)), start)], count)
        return [self.search.found(raw) for raw in page[0]]

    async def next_delayed_timestamp(self, when: When | None = None) -> int | None:
        """Return the first timestamp that is due, now or at another time, or None."""
        latest = int(self.clock.time()) if when is None else timestamp_of(when)
        return await self.table.next_timestamp(latest)

    async def count_all_scheduled_jobs(self) -> int:
        """Return how many delayed jobs there are.

        >>> resque.count_all_scheduled_jobs()
        0
        """
        walk, total = DelayedWalk(self.table), 0
        while (sizes := await walk.sizes()) is not None:
            total += sum(sizes)
        return total
