"""The verbs that enqueue for later, each an operation (Ruby: ``enqueue_at``, ``enqueue_in`` and others)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyresque.errors import NotEncodable, TimestampError
from pyresque.job import hooks
from pyresque.job.enqueue_middleware import OutgoingJob
from pyresque.job.plugin import or_refused
from pyresque.job.registry import validate
from pyresque.job.sending import wire_args
from pyresque.ops import Call
from pyresque.store.queues import natural_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyresque.clock import Clock
    from pyresque.job.job_class import JobClass
    from pyresque.job.queues import Queues
    from pyresque.job.registry import Target
    from pyresque.job.sending import Carried
    from pyresque.schedule.promote import Promoter
    from pyresque.schedule.search import Search

#: Jobs in one round trip of ``enqueue_many_at``, and of a move that a caller asked for.
CHUNK: Final = 500

#: A point in time: an aware datetime, seconds since 1970, or a text of these seconds.
When: TypeAlias = "datetime | float | str"

#: A time span: a timedelta or seconds.
Wait: TypeAlias = "timedelta | float"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Later:
    """Adds delayed jobs. The keyword ``queue`` of the verbs names a queue; it is not an argument of the job."""

    def __init__(
        self,
        jobs: Queues,
        search: Search,
        promoter: Promoter,
        clock: Clock,
    ) -> None:
        self.table = promoter.table
        self.jobs = jobs
        self.codec = jobs.codec
        self.search = search
        self.promoter = promoter
        self.clock = clock

    async def enqueue_at(
        self, when: When, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool | None:
        """Enqueue at a time, to the job's own queue unless one is named; what is due already is queued at once.

        None if a before_schedule hook vetoed the job, else whether no after_schedule hook returned False. Raises
        NoQueueError, NoClassError, NotEncodable, TimestampError.

        >>> resque.enqueue_at(4102444800, "Archive", 35)
        True
        """
        entry = self.jobs.registry.describe(job)
        where = validate(entry, queue)
        return await self._schedule(timestamp_of(when), where, entry, args, kwargs)

    async def enqueue_at_with_queue(
        self, queue: str | None, when: When, job: Target, /, *args: Any, **kwargs: Any
    ) -> bool | None:
        """Enqueue at a time to a queue by name; None leaves it to the scheduler that finds the class."""
        entry = self.jobs.registry.describe(job)
        return await self._schedule(timestamp_of(when), queue, entry, args, kwargs)

    async def enqueue_in(
        self, wait: Wait, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> bool | None:
        """Enqueue after a span of time (a timedelta or seconds); otherwise like ``enqueue_at``.

        >>> resque.enqueue_in(300, "Archive", 35)
        True
        """
        when = timestamp_in(wait, self.clock)
        return await self.enqueue_at(when, job, *args, queue=queue, **kwargs)

    async def enqueue_in_with_queue(
        self, queue: str | None, wait: Wait, job: Target, /, *args: Any, **kwargs: Any
    ) -> bool | None:
        """Enqueue after a span of time to a queue by name."""
        when = timestamp_in(wait, self.clock)
        return await self.enqueue_at_with_queue(queue, when, job, *args, **kwargs)

    async def _schedule(
        self,
        timestamp: int,
        queue: str | None,
        entry: JobClass,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> bool | None:
        if entry.carrier is not None:
            carried = await entry.carrier.made(args, kwargs, queue, timestamp)
            if carried is None or not await self._carried(timestamp, carried):
                return None
            await carried.after()
            return True
        sent, names = wire_args(entry, args, kwargs), entry.hooks
        if entry.plugins:
            entry = self.jobs.registry.bound_to_job(entry, queue, sent)
            placed = await or_refused(entry, self._placed(timestamp, queue, entry, sent))
        else:
            placed = await self._placed(timestamp, queue, entry, sent)
        if not placed:
            return None
        if not names.after_schedule:
            return True
        return await hooks.allowed(entry, names.after_schedule, *sent)

    async def _placed(
        self, timestamp: int, queue: str | None, entry: JobClass, args: list[Any]
    ) -> bool:
        """Bring a job to its time, or into its queue if that has come; False if a hook or a middleware refused it."""
        names = entry.hooks.before_schedule
        if names and not await hooks.allowed(entry, names, *args):
            return False
        if self._at_once(timestamp):
            await self._enqueue_now(queue, entry, args)
            return True
        return await self._add(timestamp, entry.name, args, queue)

    async def _carried(self, timestamp: int, carried: Carried) -> bool:
        """Enqueue a job that travels inside another one; False if a middleware refused it."""
        if self._at_once(timestamp):
            return await self.jobs.push_carried(carried)
        added = self._add(timestamp, carried.class_name, carried.args, carried.queue)
        return await carried.unless_refused(added)

    async def _add(
        self, timestamp: int, class_name: str, args: Sequence[Any], queue: str | None
    ) -> bool:
        """Add a delayed job, with the enqueue middleware around it; False if one refused it."""
        outgoing = self.jobs.outgoing
        if not outgoing.layers:
            await self.table.add(((timestamp, self.search.payload(class_name, args, queue)),))
            return True
        job = OutgoingJob(class_name, args, queue, timestamp)

        async def add(given: OutgoingJob) -> bool:
            await self.table.add(((timestamp, outgoing.write(job, given)),))
            return True

        return await outgoing.through(job, add)

    async def _payload(
        self, timestamp: int, class_name: str, args: Sequence[Any], queue: str | None
    ) -> bytes | None:
        """Return a delayed payload for a command that follows; None if a middleware refused the job."""
        outgoing = self.jobs.outgoing
        if not outgoing.layers:
            return self.search.payload(class_name, args, queue)
        return await outgoing.payload(OutgoingJob(class_name, args, queue, timestamp))

    def _at_once(self, timestamp: int) -> bool:
        return self.jobs.inline or timestamp <= int(self.clock.time())

    async def _enqueue_now(self, queue: str | None, entry: JobClass, args: list[Any]) -> None:
        scheduled = getattr(entry.target, "scheduled", None)
        if callable(scheduled):
            await Call(partial(scheduled, queue, entry.name, *args), offload=True)
        elif entry.plugins:
            bound = self.jobs.registry.bound_to_job(entry, queue, args)
            await self.jobs.enqueue_bound(queue, bound, args)
        else:
            target = entry.name if entry.target is None else entry.target
            await self.jobs.enqueue_to(queue, target, *args)

    async def enqueue_many_at(self, calls: Iterable[Sequence[Any]]) -> int:
        """Enqueue many ``(when, job, *args)``, some hundreds in one round trip; return how many no hook vetoed.

        What cannot be encoded raises NotEncodable that names its place; jobs of earlier round trips are enqueued then.
        """
        enqueued, source = 0, enumerate(calls)
        while chunk := list(islice(source, CHUNK)):
            enqueued += await self._enqueue_chunk(chunk)
        return enqueued

    async def _enqueue_chunk(self, chunk: list[tuple[int, Sequence[Any]]]) -> int:  # noqa: C901 - calls would cost each job more than they say
        enqueued, waiting = 0, list[tuple[int, bytes]]()
        allowed: list[tuple[JobClass, list[Any]]] = []
        describe = self.jobs.registry.describe
        for index, (when, job, *args) in chunk:
            entry = describe(job)
            queue, timestamp = validate(entry, None), timestamp_of(when)
            if entry.carrier is not None or entry.by_name:
                enqueued += bool(await self._schedule(timestamp, queue, entry, args, {}))
                continue
            names = entry.hooks
            if entry.plugins:
                entry = self.jobs.registry.bound_to_job(entry, queue, args)
            if names.before_schedule and not await hooks.allowed(
                entry, names.before_schedule, *args
            ):
                continue
            if self._at_once(timestamp):
                allowed.append((entry, args))
                await self._enqueue_now(queue, entry, args)
                continue
            try:
                if not self.jobs.outgoing.layers:
                    raw: bytes | None = self.search.payload(entry.name, args, queue)
                else:
                    raw = await self._payload(timestamp, entry.name, args, queue)
            except NotEncodable as error:
                raise NotEncodable(f"calls[{index}]: {error.path}", error.reason) from None
            if raw is not None:
                allowed.append((entry, args))
                waiting.append((timestamp, raw))
        if waiting:
            await self.table.add(waiting)
        for entry, args in allowed:
            if entry.hooks.after_schedule:
                await hooks.run(entry, entry.hooks.after_schedule, *args)
        return enqueued + len(allowed)

    async def delayed_push(self, when: When, item: Mapping[str, Any]) -> bool:
        """Enter any object as a delayed job, without hooks; whether it is the first one of that time."""
        raw = self.codec.encode(item, path="item")
        return await self.table.add(((timestamp_of(when), raw),)) == 1

    async def delay_or_enqueue_at(
        self, when: When, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Move every delayed copy of a job to another time, or enqueue it if there is none; how many.

        The old copies go in the very transaction that brings the new ones.
        """
        entry = self.jobs.registry.describe(job)
        where, timestamp = validate(entry, queue), timestamp_of(when)
        sent = wire_args(entry, args, kwargs)
        copies = [] if self.jobs.inline else await self.search.copies(entry, queue, sent)
        count = max(len(copies), 1)
        if entry.carrier is not None:
            copy = bool(copies)
            made = [
                await entry.carrier.made(args, kwargs, where, timestamp, copy=copy)
                for _ in range(count)
            ]
            await self._replace_copies(
                copies, timestamp, [each for each in made if each is not None]
            )
            return count
        names, wanted = entry.hooks, 0
        if entry.plugins:
            entry = self.jobs.registry.bound_to_job(entry, where, sent)
        for _ in range(count):
            wanted += not names.before_schedule or await hooks.allowed(
                entry, names.before_schedule, *sent
            )
        old = list(dict.fromkeys(copies))
        if self._at_once(timestamp):
            for _ in range(wanted):
                await self._enqueue_now(where, entry, sent)
            await self.table.remove(old)
        else:
            raws = [await self._payload(timestamp, entry.name, sent, where) for _ in range(wanted)]
            new = [(timestamp, raw) for raw in raws if raw is not None]
            wanted = len(new)
            added = self.table.adding(new) if new else ()
            await self.table.apply((*self.table.removing(old), *added))
        for _ in range(wanted):
            await hooks.run(entry, names.after_schedule, *sent)
        return count

    async def _replace_copies(
        self, copies: list[tuple[str, bytes]], timestamp: int, made: list[Carried]
    ) -> None:
        """Replace delayed copies by new envelopes."""
        old = list(dict.fromkeys(copies))
        if self._at_once(timestamp):
            kept = [carried for carried in made if await self.jobs.push_carried(carried)]
            await self.table.remove(old)
        else:
            raws = [
                await self._payload(timestamp, one.class_name, one.args, one.queue) for one in made
            ]
            kept = [one for one, raw in zip(made, raws, strict=True) if raw is not None]
            new = [(timestamp, raw) for raw in raws if raw is not None]
            added = self.table.adding(new) if new else ()
            await self.table.apply((*self.table.removing(old), *added))
        for carried in kept:
            await carried.after()

    async def delay_or_enqueue_in(
        self, wait: Wait, job: Target, /, *args: Any, queue: str | None = None, **kwargs: Any
    ) -> int:
        """Move every delayed copy of a job to a time from now, or enqueue it if there is none; return how many."""
        when = timestamp_in(wait, self.clock)
        return await self.delay_or_enqueue_at(when, job, *args, queue=queue, **kwargs)


def timestamp_of(when: When) -> int:
    """Return whole seconds since 1970; fractions are cut off, as in Ruby. Raises TimestampError."""
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise TimestampError(
                f"{when!r} has no time zone, so it names no point in time: "
                "use datetime.now(timezone.utc), .astimezone() or a ZoneInfo"
            )
        return math.floor((when - _EPOCH) / timedelta(seconds=1))
    if not isinstance(when, str):
        if _is_number(when):
            return int(when)
    elif natural_number(when.strip().removeprefix("-")) is not None:
        return int(when)
    raise TimestampError(f"{when!r} is no timestamp: give an aware datetime or seconds since 1970")


def timestamp_in(wait: Wait, clock: Clock) -> int:
    """Return the whole second that lies a span from now. Raises TimestampError."""
    if isinstance(wait, timedelta):
        wait = wait.total_seconds()
    if not _is_number(wait):
        raise TimestampError("Please supply a numeric number of seconds")
    return math.floor(clock.time() + wait)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
