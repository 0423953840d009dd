"""The verbs of delayed jobs: enqueue later, look, remove, enqueue now; each an operation (Ruby: ``DelayingExtensions``)."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import NotEncodable
from pyresque.job import hooks
from pyresque.job.queues import wire_args
from pyresque.job.registry import JobClass, Target, validate
from pyresque.ops import Batch, Call
from pyresque.schedule.moments import Wait, When, timestamp_in, timestamp_of
from pyresque.store.delayed import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyresque.job.job import Job
    from pyresque.job.queues import Queues
    from pyresque.ops import Clock, Op
    from pyresque.schedule.moving import Mover
    from pyresque.schedule.searching import Search

#: Jobs in one round trip of ``enqueue_many_at``, and moved at a time by ``enqueue_delayed``.
CHUNK: Final = 500


class Delayed:
    """Delayed jobs: what callers and the scheduler do with them."""

    def __init__(
        self,
        jobs: Queues,
        search: Search,
        mover: Mover,
        clock: Clock,
    ) -> None:
        self.table = mover.table
        self.jobs = jobs
        self.codec = jobs.codec
        self.search = search
        self.mover = mover
        self.clock = clock

    # -- in

    async def enqueue_at(
        self, when: When, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool | None:
        """Enqueue at a time, to the job's own queue unless one is named; what is due already is queued at once.

        None where a before_schedule hook said no, else whether no after_schedule hook answered False. Raises
        NoQueueError, NoClassError, NotEncodable, TimestampError.
        """
        entry = self.jobs.registry.describe(target)
        where = validate(entry, queue)
        return await self._schedule(timestamp_of(when), where, entry, wire_args(args, kwargs))

    async def enqueue_at_with_queue(
        self, queue: str | None, when: When, target: Target, /, *args: Any, **kwargs: Any
    ) -> bool | None:
        """Enqueue at a time to a queue by name; None leaves it to the scheduler that finds the class."""
        entry = self.jobs.registry.describe(target)
        return await self._schedule(timestamp_of(when), queue, entry, wire_args(args, kwargs))

    async def enqueue_in(
        self, wait: Wait, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool | None:
        """Enqueue so far from now: a timedelta or seconds; the rest as ``enqueue_at``."""
        when = timestamp_in(wait, self.clock)
        return await self.enqueue_at(when, target, *args, queue=queue, **kwargs)

    async def enqueue_in_with_queue(
        self, queue: str | None, wait: Wait, target: Target, /, *args: Any, **kwargs: Any
    ) -> bool | None:
        """Enqueue so far from now to a queue by name."""
        when = timestamp_in(wait, self.clock)
        return await self.enqueue_at_with_queue(queue, when, target, *args, **kwargs)

    async def _schedule(
        self, timestamp: int, queue: str | None, entry: JobClass, args: list[Any]
    ) -> bool | None:
        names = entry.hooks
        if names.before_schedule and not await hooks.allowed(
            entry.target, names.before_schedule, *args
        ):
            return None
        if self._at_once(timestamp):
            await self._enqueue_now(queue, entry, args)
        else:
            await self.table.add(((timestamp, self.search.payload(entry.name, args, queue)),))
        if not names.after_schedule:
            return True
        return await hooks.allowed(entry.target, names.after_schedule, *args)

    def _at_once(self, timestamp: int) -> bool:
        return self.jobs.inline or timestamp <= int(self.clock.time())

    async def _enqueue_now(self, queue: str | None, entry: JobClass, args: list[Any]) -> None:
        scheduled = getattr(entry.target, "scheduled", None)
        if callable(scheduled):
            await Call(partial(scheduled, queue, entry.name, *args), offload=True)
        else:
            target = entry.name if entry.target is None else entry.target
            await self.jobs.enqueue_to(queue, target, args, {})

    async def enqueue_many_at(self, calls: Iterable[Sequence[Any]]) -> int:
        """Enqueue many ``(when, target, *args)``, some hundreds in one round trip; how many no hook kept out.

        What cannot be encoded raises NotEncodable that names its place; jobs of earlier round trips are enqueued then.
        """
        enqueued, source = 0, enumerate(calls)
        while chunk := list(islice(source, CHUNK)):
            enqueued += await self._enqueue_chunk(chunk)
        return enqueued

    async def _enqueue_chunk(self, chunk: list[tuple[int, Sequence[Any]]]) -> int:
        waiting: list[tuple[int, bytes]] = []
        allowed: list[tuple[JobClass, list[Any]]] = []
        describe = self.jobs.registry.describe
        for index, (when, target, *args) in chunk:
            entry = describe(target)
            queue, timestamp = validate(entry, None), timestamp_of(when)
            names = entry.hooks
            if names.before_schedule and not await hooks.allowed(
                entry.target, names.before_schedule, *args
            ):
                continue
            allowed.append((entry, args))
            if self._at_once(timestamp):
                await self._enqueue_now(queue, entry, args)
                continue
            try:
                waiting.append((timestamp, self.search.payload(entry.name, args, queue)))
            except NotEncodable as error:
                raise NotEncodable(f"calls[{index}]: {error.path}", error.reason) from None
        if waiting:
            await self.table.add(waiting)
        for entry, args in allowed:
            if entry.hooks.after_schedule:
                await hooks.run(entry.target, entry.hooks.after_schedule, *args)
        return len(allowed)

    async def delayed_push(self, when: When, item: Mapping[str, Any]) -> bool:
        """Enter any object as a delayed job, without hooks; whether it is the first one of that time."""
        raw = self.codec.encode(item, path="item")
        return await self.table.add(((timestamp_of(when), raw),)) == 1

    async def delay_or_enqueue_at(
        self, when: When, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Move every delayed copy of a job to another time, or enqueue it where there is none; how many.

        The old copies go in the very transaction that brings the new ones.
        """
        entry = self.jobs.registry.describe(target)
        where, timestamp, sent = validate(entry, queue), timestamp_of(when), wire_args(args, kwargs)
        copies = [] if self.jobs.inline else await self.search.copies(entry, queue, sent)
        count = max(len(copies), 1)
        names, wanted = entry.hooks, 0
        for _ in range(count):
            wanted += not names.before_schedule or await hooks.allowed(
                entry.target, names.before_schedule, *sent
            )
        old = list(dict.fromkeys(copies))
        if self._at_once(timestamp):
            for _ in range(wanted):
                await self._enqueue_now(where, entry, sent)
            await self.table.remove(old)
        else:
            payload = self.search.payload(entry.name, sent, where)
            added = self.table.adding([(timestamp, payload)] * wanted) if wanted else ()
            await Batch((*self.table.removing(old), *added), atomic=True)
        for _ in range(wanted):
            await hooks.run(entry.target, names.after_schedule, *sent)
        return count

    async def delay_or_enqueue_in(
        self, wait: Wait, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """The same, so far from now."""
        when = timestamp_in(wait, self.clock)
        return await self.delay_or_enqueue_at(when, target, *args, queue=queue, **kwargs)

    # -- finding

    async def find_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> list[Job]:
        """The delayed jobs whose arguments ``wanted`` says yes to, in the order of time."""
        return [self.search.found(raw) for _, raw in await self.search.selected(wanted, target)]

    async def scheduled_at(
        self, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> list[int]:
        """The timestamps at which a job waits, for its own queue unless one is named."""
        entry, sent = self.jobs.registry.describe(target), wire_args(args, kwargs)
        places = await self.search.by_bytes(entry, queue, sent) or await self.search.like(
            entry, queue, sent
        )
        return list(dict.fromkeys(int(timestamp) for timestamp, _ in places))

    async def is_delayed(
        self, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool:
        """Whether a job waits (Ruby: ``delayed?``)."""
        return bool(await self.scheduled_at(target, *args, queue=queue, **kwargs))

    # -- out

    async def remove_delayed(
        self, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Remove every delayed copy of a job; how many. The timestamps stay for the scheduler to clean up, as in Ruby."""
        if self.jobs.inline:
            return 0
        entry, sent = self.jobs.registry.describe(target), wire_args(args, kwargs)
        removed = await self.table.remove(await self.search.by_bytes(entry, queue, sent))
        return removed or await self._removed(await self.search.like(entry, queue, sent))

    async def remove_delayed_in_queue(
        self, target: Target, queue: str, /, *args: Any, **kwargs: Any
    ) -> int:
        """Remove every delayed copy of a job that would go to a queue; how many."""
        return await self.remove_delayed(target, *args, queue=queue, **kwargs)

    async def remove_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> int:
        """Remove the delayed jobs whose arguments ``wanted`` says yes to; how many."""
        if self.jobs.inline:
            return 0
        return await self._removed(await self.search.selected(wanted, target))

    async def _removed(self, copies: list[tuple[str, bytes]]) -> int:
        return await self.table.remove(list(dict.fromkeys(copies)))

    async def remove_delayed_job_from_timestamp(
        self, when: When, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Remove every copy of a job from one timestamp, by bytes and by meaning; how many. Reads that timestamp's jobs."""
        if self.jobs.inline:
            return 0
        entry, timestamp = self.jobs.registry.describe(target), str(timestamp_of(when))
        matches, offset = self.search.matcher(entry, queue, wire_args(args, kwargs)), 0
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
        self, target: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Enqueue every delayed copy of a job now, with its hooks; how many."""
        if self.jobs.inline:
            return 0
        entry = self.jobs.registry.describe(target)
        return await self._enqueue(await self.search.copies(entry, queue, wire_args(args, kwargs)))

    async def enqueue_delayed_with_queue(
        self, target: Target, queue: str, /, *args: Any, **kwargs: Any
    ) -> int:
        """Enqueue now every delayed copy of a job that would go to a queue; how many."""
        return await self.enqueue_delayed(target, *args, queue=queue, **kwargs)

    async def enqueue_delayed_selection(
        self, wanted: Callable[[Any], bool], target: Target | None = None
    ) -> int:
        """Enqueue now the delayed jobs whose arguments ``wanted`` says yes to; how many."""
        return (
            0
            if self.jobs.inline
            else await self._enqueue(await self.search.selected(wanted, target))
        )

    async def _enqueue(self, copies: list[tuple[str, bytes]]) -> int:
        moved = 0
        for start in range(0, len(copies), CHUNK):
            batch: dict[str, list[bytes]] = {}
            for timestamp, raw in copies[start : start + CHUNK]:
                batch.setdefault(timestamp, []).append(raw)
            moved += await self.mover.carry(list(batch.items()), clean=False)
        return moved

    async def next_item_for_timestamp(self, when: When) -> Any:
        """Take the first job of a timestamp, decoded, or None. One that cannot be read stays there: DecodeError."""
        timestamp = timestamp_of(when)
        while (raw := await self.table.head(timestamp)) is not None:
            value = self.codec.decode(raw)
            if await self.table.take(timestamp, raw):
                return value
        await self.clean_up_timestamp(timestamp)
        return None

    async def enqueue_next_item(self, when: When) -> Any:
        """Enqueue the first job of a timestamp now; its payload, or None where there is none."""
        timestamp = timestamp_of(when)
        while (raw := await self.table.head(timestamp)) is not None:
            if await self.mover.carry(((str(timestamp), (raw,)),)):
                job = self.search.found(raw)
                return None if job.fault is not None else self.codec.decode(raw)
        return None

    async def move_due(
        self, now: float | None = None, still_master: Callable[[], Op[bool]] | None = None
    ) -> int:
        """Move every job that is due, batch by batch while ``still_master`` says yes; how many were taken out."""
        return await self.mover.move_due(self.clock.time() if now is None else now, still_master)

    async def clean_up_timestamp(self, when: When) -> bool:
        """Forget a timestamp if it has no jobs left; whether it has none."""
        timestamp = str(timestamp_of(when))
        await self.table.move(((timestamp, ()),))
        return (await self.table.sizes((timestamp,))) == [0]

    async def reset_delayed_queue(self) -> int:
        """Delete every delayed job; 1 when there was anything."""
        found = 0
        while heads := (await self.table.due(None, CHUNK)).heads:
            found = 1
            await self.table.drop(heads)
        return found

    # -- looking

    async def delayed_queue_peek(self, start: int, count: int) -> list[int]:
        """Timestamps that have delayed jobs, from ``start`` on, the next one first."""
        return await self.table.peek(start, start + count - 1)

    async def delayed_queue_schedule_size(self) -> int:
        """How many timestamps have delayed jobs."""
        return await self.table.schedule_size()

    async def delayed_timestamp_size(self, when: When) -> int:
        """How many jobs a timestamp has."""
        return (await self.table.sizes((str(timestamp_of(when)),)))[0]

    async def delayed_timestamp_peek(self, when: When, start: int, count: int) -> list[Job]:
        """Jobs of a timestamp from ``start`` on, left where they are."""
        page = await self.table.pages([(str(timestamp_of(when)), start)], count)
        return [self.search.found(raw) for raw in page[0]]

    async def next_delayed_timestamp(self, when: When | None = None) -> int | None:
        """The first timestamp that is due, now or at another time, or None."""
        latest = int(self.clock.time()) if when is None else timestamp_of(when)
        return await self.table.next_timestamp(latest)

    async def count_all_scheduled_jobs(self) -> int:
        """How many delayed jobs there are."""
        total = 0
        timestamps, after = await self.table.timestamps("-inf")
        while timestamps:
            total += sum(await self.table.sizes(timestamps))
            timestamps, after = await self.table.timestamps(after)
        return total

    async def last_enqueued_at(self, name: str, date: str) -> int:
        """Note when a recurring job ran last; 1 when that is noted for the first time."""
        return await self.table.set_last_enqueued_at(name, date)

    async def get_last_enqueued_at(self, name: str) -> str | None:
        """When a recurring job ran last, as written, or None."""
        return await self.table.last_enqueued_at(name)
