"""The verbs of recurring jobs, each an operation: set, read, remove, run, next runs (Ruby: ``SchedulingExtensions``)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from pyresque.clock import local
from pyresque.errors import DecodeError, ScheduleError
from pyresque.ruby import time as ruby_time
from pyresque.ruby.time import parse_time
from pyresque.store.schedules import FIRED, FIRED_UNNOTED, LISTED, NOT_MASTER, RUN_BY_ANOTHER
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.clock import Clock
    from pyresque.job.job import Codec
    from pyresque.schedule.cron.next_run import Cron
    from pyresque.schedule.enqueue_from_config import EnqueuePlan, Overlap, ScheduledEnqueue
    from pyresque.schedule.entries import Entry
    from pyresque.store.schedules import Claim, MasterLock, ScheduleTable

log = logging.getLogger("pyresque")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a scheduler runs: the valid entries, the faults of the others, and when each ran last, in seconds."""

    entries: dict[str, Entry]
    faults: list[ScheduleError]
    last_runs: dict[str, float]


@dataclass(frozen=True, slots=True)
class NextRuns:
    """An entry, when it ran last (the text in Redis), and when it runs next; ``fault`` if it is wrong."""

    name: str
    config: Any
    last: str | None
    runs: list[datetime]
    fault: ScheduleError | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of one run: ``enqueued``, ``skipped``, ``vetoed``, ``not master`` or ``run by another``."""

    outcome: str

    @property
    def lost(self) -> bool:
        """Whether another scheduler holds the master lock now."""
        return self.outcome == "not master"


_OUTCOMES = {
    FIRED: Run("enqueued"),
    FIRED_UNNOTED: Run("enqueued"),
    NOT_MASTER: Run("not master"),
    RUN_BY_ANOTHER: Run("run by another"),
}


class Recurring:
    """The recurring jobs of one application.

    Entries without ``persist`` live in ``memory``, in this process alone, as in Ruby.
    """

    def __init__(
        self,
        table: ScheduleTable,
        enqueuer: ScheduledEnqueue,
        overlap: Overlap,
        clock: Clock,
        zone: tzinfo,
        memory: dict[str, Any],
    ) -> None:
        self.table = table
        self.enqueuer = enqueuer
        self.codec: Codec = enqueuer.codec
        self.overlap = overlap
        self.clock = clock
        self.zone = zone
        self.memory = memory
        self.wrong_key_log = WrongKeyLog()

    # -- configurations

    async def set_schedule(
        self, name: str, config: Mapping[str, Any], *, persist: bool | None = None
    ) -> None:
        """Create or replace an entry. With ``persist`` (argument or key) Redis keeps it, else this process alone.

        A running dynamic scheduler loads the change. Raises NotEncodable. A wrong configuration is not refused here, but by
        ``pyresque schedule validate`` and by the scheduler.
        """
        kept = {key: value for key, value in config.items() if key != "persist"}
        raw = self.codec.encode(kept, path="config")
        if config.get("persist") if persist is None else persist:
            await self.table.save(name, raw)
        else:
            self.memory[name] = self.codec.decode(raw)
            await self.table.changed(name)

    async def assign_schedule(self, schedule: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace this process's entries (Ruby: ``Resque.schedule =``); entries in Redis stay.

        An entry without a class is of the class that it is named after.
        """
        self.memory.clear()
        for name, config in schedule.items():
            filled = config if "class" in config else {**config, "class": name}
            await self.set_schedule(name, filled)

    async def remove_schedule(self, name: str) -> bool:
        """Remove an entry; return whether there was one. The date of its last run stays, as in Ruby."""
        known = self.memory.pop(name, None) is not None
        return await self.table.remove(name) or known

    async def schedule(self) -> dict[str, Any]:
        """Return every entry's configuration, this process's and Redis's; of two with one name Redis's. Raises DecodeError.

        Read anew each time; Ruby's is remembered until ``reload_schedule!``.
        """
        found = await self.wrong_key_log.value_or(self.table.all(), {})
        kept = {name: self.codec.decode(raw) for name, raw in found.items()}
        return {**self.memory, **kept}

    async def fetch_schedule(self, name: str) -> Any:
        """Return one entry's configuration, or None."""
        raw = await self.table.get(name)
        return self.memory.get(name) if raw is None else self.codec.decode(raw)

    # -- what a scheduler runs

    async def load(self, *, afresh: bool = False) -> Loaded:
        """Load all entries; ``afresh`` also clears ``schedules_changed``. A wrong entry becomes a fault, and stops no other one."""
        kept = await self.wrong_key_log.value_or(
            self.table.all_afresh() if afresh else self.table.all(), {}
        )
        entries: dict[str, Entry] = {}
        faults: list[ScheduleError] = []
        for name in [*self.memory, *(name for name in kept if name not in self.memory)]:
            found = self._read_or_fault(name, kept.get(name))
            if isinstance(found, ScheduleError):
                faults.append(found)
            else:
                entries[name] = found
        return Loaded(entries, faults, await self.last_runs())

    async def load_one(self, name: str) -> Entry | None:
        """Load one entry, or None. Raises ScheduleError."""
        raw = await self.table.get(name)
        if raw is None and name not in self.memory:
            return None
        return self._read(name, raw)

    def _read_or_fault(self, name: str, raw: bytes | None) -> Entry | ScheduleError:
        try:
            return self._read(name, raw)
        except ScheduleError as fault:
            return fault

    def _read(self, name: str, raw: bytes | None) -> Entry:
        from pyresque.schedule.entries import Entry  # noqa: PLC0415 - heavy, and needed by schedulers alone

        if raw is None:
            return Entry.read(name, self.memory[name], self.clock)
        try:
            config = self.codec.decode(raw)
        except DecodeError as error:
            raise ScheduleError(name, (str(error),)) from error
        return Entry.read(name, config, self.clock)

    async def last_enqueued_at(self, name: str, date: str) -> int:
        """Write when a recurring job ran last; return 1 the first time."""
        return await self.table.note_run(name, date)

    async def get_last_enqueued_at(self, name: str) -> str | None:
        """Return when a recurring job ran last, as the text in Redis, or None."""
        return await self.table.last_run(name)

    async def last_runs(self) -> dict[str, float]:
        """Return when each entry ran last, in seconds since 1970, without unreadable dates."""
        noted = await self.noted_runs()
        found = {name: self._seconds(date) for name, date in noted.items()}
        return {name: seconds for name, seconds in found.items() if seconds is not None}

    async def noted_runs(self) -> dict[str, str]:
        """Return when each entry ran last, as the text in Redis."""
        return await self.wrong_key_log.value_or(self.table.last_runs(), {})

    def _seconds(self, date: str | None) -> float | None:
        if not date:
            return None
        try:
            return parse_time(date, local(self.clock).tzinfo).timestamp()
        except DecodeError:
            return None

    # -- running

    async def enqueue_from_config(self, config: Mapping[str, Any]) -> Any:
        """Enqueue the job of a configuration now, with the hooks of a registered class. No date is written.

        True, or None if a before_schedule hook said no; for a class that only Ruby knows a Pushed. Raises NoQueueError, NotEncodable.
        """
        planned = await self.enqueuer.plan(config)
        if planned.job is None:
            return planned.answer
        return await self.enqueuer.after(planned, await self.enqueuer.push(planned.job))

    async def run(
        self,
        entry: Entry,
        *,
        due: float | None = None,
        lock: tuple[MasterLock, Claim] | None = None,
    ) -> Run:
        """Enqueue a run of an entry and write its date; return the outcome.

        With ``due`` it is left out if a run is noted from then on. With ``lock`` it is queued in the very step that
        sees the lock still held, so that two schedulers never run it both. Raises what its hooks raise, and
        NoQueueError; then nothing is noted (Ruby notes a run that failed).
        """
        seen = await self.wrong_key_log.value_or(self.table.last_run(entry.name), None) or ""
        if due is not None and (self._seconds(seen) or due - 1) >= due:
            return _OUTCOMES[RUN_BY_ANOTHER]
        if await self._is_there(entry):
            return Run("skipped")
        at_once = lock is not None and self.enqueuer.acts_at_once(entry.config)
        if lock is not None and at_once and not await lock[0].hold(lock[1]):
            return _OUTCOMES[NOT_MASTER]
        planned = await self.enqueuer.plan(entry.config)
        if planned.vetoed:
            return Run("vetoed")
        return await self._fire(entry, seen, planned, lock)

    async def _fire(
        self,
        entry: Entry,
        seen: str,
        planned: EnqueuePlan,
        lock: tuple[MasterLock, Claim] | None,
    ) -> Run:
        date = ruby_time.to_s(local(self.clock))
        answer = await self.table.fire(entry.name, seen, date, planned.job, lock)
        if answer in {FIRED, FIRED_UNNOTED} and planned.job is not None:
            await self.enqueuer.after(planned, True)
        return _OUTCOMES[answer]

    async def _is_there(self, entry: Entry) -> bool:
        """Whether an earlier run is queued or running, if the entry has ``skip_if_queued`` or ``skip_if_running``."""
        for key, look in (
            ("skip_if_queued", self.overlap.is_queued),
            ("skip_if_running", self.overlap.is_running),
        ):
            if entry.wants(key) and await look(self.enqueuer.identity(entry.config)):
                log.info("%s is left out: an earlier run is still there (%s)", entry.name, key)
                return True
        return False

    # -- next runs

    async def next_runs(self, count: int = 1) -> list[NextRuns]:
        """Return every entry and when it runs next, by the clock of this process.

        Only the scheduler knows the phase of an ``every``: here it is computed from the last run in Redis.
        """
        found: list[NextRuns] = []
        names = await self.names()
        for start in range(0, len(names), LISTED):
            found += await self.next_runs_of(names[start : start + LISTED], count)
        return [one for one in found if one.fault is None] + [one for one in found if one.fault]

    async def names(self) -> list[str]:
        """Return the names of all entries: this process's, then those that only Redis has."""
        kept = await self.wrong_key_log.value_or(self.table.names(), [])
        return [*self.memory, *(name for name in kept if name not in self.memory)]

    async def next_runs_of(self, names: Sequence[str], count: int) -> list[NextRuns]:
        """Return these entries and when they run next, without those removed meanwhile."""
        if not names:
            return []
        none: list[Any] = [None] * len(names)
        kept = await self.wrong_key_log.value_or(self.table.some(names), none)
        noted = await self.wrong_key_log.value_or(self.table.some_last_runs(names), none)
        found = []
        known: dict[Cron | float | None, list[datetime]] = {}
        for name, raw, last in zip(names, kept, noted, strict=True):
            if raw is None and name not in self.memory:
                continue
            read, seconds = self._read_or_fault(name, raw), self._seconds(last)
            if isinstance(read, ScheduleError):
                found.append(NextRuns(name, None, last, [], read))
            else:
                since = {} if seconds is None else {name: seconds}
                runs = self.runs(read, count, since, known)
                found.append(NextRuns(name, read.config, last, runs))
        return found

    def runs(
        self,
        entry: Entry,
        count: int,
        last_runs: Mapping[str, float] | None = None,
        known: dict[Cron | float | None, list[datetime]] | None = None,
    ) -> list[datetime]:
        """The next runs of an entry, in the schedule's zone.

        ``known`` keeps the runs of cron lines for a caller that asks for many entries with the same count: many of them run by
        the same line.
        """
        now = self.clock.time()
        last = (last_runs or {}).get(entry.name)
        cron_alone = not isinstance(entry.timing, float) and entry.limits.unset
        if known is not None and cron_alone and entry.timing in known:
            return known[entry.timing]
        at = entry.first_run(now, self.zone)
        if last is not None and isinstance(entry.timing, float) and entry.limits.first is None:
            at = entry.run_after(last, now, self.zone)
        found: list[datetime] = []
        most = min(count, entry.limits.times or count)
        while at is not None and most > 0:
            try:
                found.append(datetime.fromtimestamp(at, timezone.utc).astimezone(self.zone))
            except (ValueError, OverflowError, OSError):
                break  # beyond the year 9999
            if len(found) == most:
                break
            at = entry.run_after(at, at, self.zone)
        if known is not None and cron_alone:
            known[entry.timing] = found
        return found
