"""The jobs that wait for their next attempt: delayed jobs that have a counter of resque-retry, and ActiveJobs that have run before.

A pass goes through the delayed jobs in the order of time, some hundreds a step, and asks for the counters of each step's jobs. Its
memory is one step's, however many jobs wait.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.activejob import describe
from pyresque.activejob.registry import job_hash
from pyresque.errors import RedisCommandError, RetryCancelled
from pyresque.failure import record as records
from pyresque.failure.base import RefusedJobs
from pyresque.plugins.options import PluginKeyError
from pyresque.plugins.retry import Retry, counter_name
from pyresque.plugins.spellings import joinings
from pyresque.store import attempts
from pyresque.store.delayed import MOVED, NO_LIST, Destination, Move
from pyresque.store.delayed_walk import DelayedWalk
from pyresque.store.queues import integer, seconds, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.clock import Clock
    from pyresque.failure.base import FailureBackend
    from pyresque.failure.record import FailedRecord
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import Registry, Target
    from pyresque.schedule.promote import Promoter
    from pyresque.schedule.search import Search
    from pyresque.store.delayed import ListRange
    from pyresque.store.delayed_walk import DelayedSlice
    from pyresque.store.reserve import FailureEntry

log = logging.getLogger("pyresque")


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """One job that waits for its next attempt.

    ``id``: the class and the digest of its counter, or an ActiveJob's id. ``at``: when it is due, in seconds since 1970.
    ``attempts``: how many have failed. ``failure``: the last failure, where it is kept out of the failed list (``Retry(suppress=True)``).
    """

    id: str
    at: int
    job: Job
    attempts: int
    failure: FailedRecord | None
    place: ListRange

    @property
    def class_name(self) -> str:
        """The job's class; of an ActiveJob its own, not the wrapper's."""
        return describe.class_name(self.job.payload)

    @property
    def exception(self) -> str | None:
        """The name of the last error's class, where that is known."""
        if self.failure is not None:
            return self.failure.exception
        found = job_hash(self.job.payload)
        counts = {} if found is None else found.get("exception_executions")
        if not isinstance(counts, dict) or len(counts) != 1:
            return None
        return str(*counts).strip("[]")

    @property
    def error(self) -> str | None:
        """The last error's text, where that is known."""
        return None if self.failure is None else self.failure.error


@dataclass(frozen=True, slots=True)
class RetryPage:
    """One step of a pass: the jobs that were meant, how many of them were handled, and how many delayed jobs the pass has seen."""

    records: list[WaitingRetry]
    done: int
    seen: int


class RetryPass:
    """A pass over the jobs that wait for their next attempt. This one only reads; ``handle`` of a subclass returns how many it handled."""

    def __init__(self, retries: WaitingRetries, wanted: Callable[[WaitingRetry], bool]) -> None:
        self.retries = retries
        self.wanted = wanted
        self.seen = 0
        self._walk = DelayedWalk(retries.promoter.table)

    async def more(self) -> RetryPage | None:
        """Handle the next step; None at the end."""
        stretches = await self._walk.more()
        if stretches is None:
            return None
        self.seen += sum(len(stretch.payloads) for stretch in stretches)
        found = list(filter(self.wanted, await self.retries.among(stretches)))
        return RetryPage(found, await self.handle(found) if found else 0, self.seen)

    async def handle(self, found: Sequence[WaitingRetry]) -> int:
        """Handle the jobs that are meant; return how many."""
        return len(found)

    async def whole(self) -> int:
        """Go through all; return how many were handled."""
        done = 0
        while (page := await self.more()) is not None:
            done += page.done
        return done

    async def everything(self) -> list[WaitingRetry]:
        """Go through all; return those that are meant."""
        found: list[WaitingRetry] = []
        while (page := await self.more()) is not None:
            found += page.records
        return found


class _Trying(RetryPass):
    async def handle(self, found: Sequence[WaitingRetry]) -> int:
        return await self.retries.enqueue_all(found)


class _Cancelling(RetryPass):
    async def handle(self, found: Sequence[WaitingRetry]) -> int:
        return await self.retries.cancel_all(found)


class WaitingRetries:
    """The verbs of ``resque.retries``, each an operation."""

    def __init__(
        self,
        promoter: Promoter,
        search: Search,
        registry: Registry,
        failures: Callable[[], FailureBackend],
        clock: Clock,
        new_id: Callable[[], str | None],
    ) -> None:
        self.promoter = promoter
        self.search = search
        self.registry = registry
        self.codec: Codec = search.codec
        self.keys = promoter.table.keys
        self._failures = failures
        self._clock = clock
        self._new_id = new_id

    # -- finding

    def each(self, class_name: Target | None = None) -> RetryPass:
        """Return a pass that reads the jobs, of a class where one is given, in the order of time."""
        return RetryPass(self, self._of_class(class_name))

    async def count(self, class_name: Target | None = None) -> int:
        """Return how many jobs wait for their next attempt, of a class where one is given. Reads all delayed jobs."""
        return await self.each(class_name).whole()

    def trying(self, wanted: Callable[[WaitingRetry], bool]) -> RetryPass:
        """Return a pass that enqueues the wanted jobs now."""
        return _Trying(self, wanted)

    def cancelling(self, wanted: Callable[[WaitingRetry], bool]) -> RetryPass:
        """Return a pass that drops the wanted retries."""
        return _Cancelling(self, wanted)

    def _of_class(self, target: Target | None) -> Callable[[WaitingRetry], bool]:
        if target is None:
            return lambda _: True
        name = self.registry.describe(target).name
        return lambda one: name in {one.class_name, one.job.class_name}

    async def among(self, stretches: Iterable[DelayedSlice]) -> list[WaitingRetry]:
        """Return those of these delayed payloads that wait for their next attempt. Two round trips, or one if no counter is there."""
        jobs = [
            (stretch, job, self.counter_names(job))
            for stretch in stretches
            for job in map(self.search.found, stretch.payloads)
        ]
        names = list(dict.fromkeys(name for *_, some in jobs for name in some))
        counters = await attempts.values(list(map(self._counter, names)))
        numbers = {n: integer(c) for n, c in zip(names, counters, strict=True) if c is not None}
        kept = await attempts.values(list(map(self._kept, numbers)))
        failures = dict(zip(numbers, map(self._failure, kept), strict=True))
        found: list[WaitingRetry] = []
        for stretch, job, some in jobs:
            name = next((name for name in some if name in numbers), None)
            at, place = seconds(stretch.timestamp), stretch.list_range
            if name is not None:
                done = max(0, numbers[name] + 1)
                found.append(WaitingRetry(name, at, job, done, failures[name], place))
            elif (runs := _executions(job)) > 0:
                active_id = str((job_hash(job.payload) or {}).get("job_id"))
                found.append(WaitingRetry(active_id, at, job, runs, None, place))
        return found

    def _failure(self, record: bytes | None) -> FailedRecord | None:
        """Return the failure that is kept for a job; None for what is no record."""
        found = records.read(self.codec, record or b"", 0)
        return found if found.readable else None

    def counter_names(self, job: Job) -> list[str]:
        """Return the names that the counter of a job may have."""
        args: Any = job.payload.args
        if job.fault is not None or not job.class_name or not isinstance(args, list):
            return []
        class_name, entry = job.class_name, self.registry.with_plugins.get(job.class_name)
        if entry is not None:
            class_name = entry.name
            for plugin in entry.plugins:
                if isinstance(plugin, Retry) and plugin.identifier is not None:
                    return self._named_by(plugin, job, args)
        return list(dict.fromkeys(counter_name(class_name, text) for text in joinings(args)))

    def _named_by(self, plugin: Retry, job: Job, args: Sequence[Any]) -> list[str]:
        """Return the name that a function of the registration makes; none if it raises."""
        entry = self.registry.with_plugins_of(job)
        if entry is None or entry.plugin_job is None:
            return []
        try:
            return [plugin.name(entry.plugin_job, args)]
        except PluginKeyError as error:
            log.warning("a delayed job is not known for a retry: %s", error)
            return []

    def _counter(self, name: str) -> bytes:
        return to_bytes(self.keys.retry_counter(name))

    def _kept(self, name: str) -> bytes:
        return to_bytes(self.keys.retry_failure(name))

    # -- trying now

    async def try_now(self, which: WaitingRetry | str) -> int:
        """Enqueue a job now that waits for its next attempt, with its hooks; its counter stays. Returns how many, of an id every copy."""
        if isinstance(which, str):
            return await self.trying(lambda one: one.id == which).whole()
        return await self.enqueue_all([which])

    async def try_now_selection(self, wanted: Callable[[WaitingRetry], bool]) -> int:
        """Enqueue now the jobs that ``wanted`` says yes to, in one pass; return how many."""
        return await self.trying(wanted).whole()

    async def enqueue_all(self, found: Sequence[WaitingRetry]) -> int:
        """Enqueue these, those that still wait; return how many."""
        batch: dict[ListRange, list[bytes]] = {}
        for one in found:
            batch.setdefault(one.place, []).append(one.job.raw)
        return await self.promoter.move(list(batch.items()))

    # -- cancelling

    async def cancel(self, which: WaitingRetry | str) -> int:
        """Drop a retry: the delayed job and its counter. Returns how many jobs were dropped, of an id every copy.

        The failed list keeps a record of each: a failure that was kept out of it goes there, an ActiveJob is recorded with the
        error RetryCancelled, and any other job's failure is there already.
        """
        if isinstance(which, str):
            return await self.cancelling(lambda one: one.id == which).whole()
        return await self.cancel_all([which])

    async def cancel_selection(self, wanted: Callable[[WaitingRetry], bool]) -> int:
        """Drop the retries that ``wanted`` says yes to, in one pass; return how many jobs were dropped."""
        return await self.cancelling(wanted).whole()

    async def cancel_all(self, found: Sequence[WaitingRetry]) -> int:
        """Drop these, those that still wait; return how many. Raises RedisCommandError if the failed list's key is no list."""
        moves: dict[ListRange, list[Move]] = {}
        places: dict[ListRange, list[WaitingRetry]] = {}
        for one in found:
            moves.setdefault(one.place, []).append(await self._drop(one))
            places.setdefault(one.place, []).append(one)
        answers = await self.promoter.table.move(list(moves.items()))
        meant = [one for some in places.values() for one in some]
        gone = [one for one, answer in zip(meant, answers, strict=True) if answer == MOVED]
        await attempts.delete_all(
            [key for one in gone for key in (self._counter(one.id), self._kept(one.id))]
        )
        if NO_LIST in answers:
            raise RedisCommandError("WRONGTYPE the failed list is no list")
        return len(gone)

    async def _drop(self, one: WaitingRetry) -> Move:
        """Return how a job leaves the delayed jobs, with the record that it leaves behind."""
        if one.failure is None and job_hash(one.job.payload) is None:
            return Move(one.job.raw)
        error = RetryCancelled(
            f"the retry was cancelled after {one.attempts} failed attempts"
            + (f"; the last error: {one.exception}" if one.exception else "")
        )
        refused = RefusedJobs(self._failures(), self._clock, "cancelled", self._new_id)
        entry: FailureEntry | None = refused.entry(one.job, error)
        if entry is None:
            await refused.save(one.job, error)
            return Move(one.job.raw)
        key = to_bytes(self.keys.failed(entry.failure_queue))
        record = entry.record if one.failure is None else one.failure.raw
        return Move(one.job.raw, Destination(key, to_bytes(entry.name), failed=True), record)


def _executions(job: Job) -> int:
    """Return how often an ActiveJob has run before; 0 for any other job."""
    runs = (job_hash(job.payload) or {}).get("executions")
    return runs if isinstance(runs, int) else 0
