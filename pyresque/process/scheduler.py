"""The scheduler: while it holds the master lock, it moves delayed jobs when they are due and runs recurring jobs on time.

Rule: each step checks the master lock in the same script, or between two batches. A scheduler that has lost the lock stops.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.errors import (
    PyresqueError,
    RedisCommandError,
    RedisUnavailable,
    ScheduleError,
    WrongKey,
)
from pyresque.ops import Call
from pyresque.process.worker.controls import no_hurry
from pyresque.schedule.cron.next_run import Cron

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.process.worker.idle import Host
    from pyresque.schedule.entries import Entry
    from pyresque.schedule.recurring import Loaded
    from pyresque.store.schedules import Claim

log = logging.getLogger("pyresque")

#: Seconds between two renewals of the lock while nothing is done; the lock itself lives much longer.
RENEW = 5.0

#: Least seconds between two rounds: an interval of 0 must not keep a processor busy.
SHORTEST = 0.05

#: The shortest wait after a round that failed, where an entry is due: Redis may be away for hours.
RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Timer:
    """An entry, when it runs next (None: never again), and how often it has run here."""

    entry: Entry
    next_at: float | None
    count: int = 0


class Scheduler:
    """One scheduler of one application (Ruby: ``Resque::Scheduler``)."""

    def __init__(self, core: Core, claim: Claim, host: Host) -> None:
        self.core = core
        self.recurring = core.recurring
        self.claim = claim
        self.host = host
        self.stopping = False
        self.master: bool | None = None
        self.timers: dict[str, Timer] = {}
        self._was_master: bool | None = None
        self._reload_asked = False
        self._print_asked = False
        self._renew_at = 0.0
        self._last_look: float | None = None
        self._failed = False
        #: Bounds the waits for Redis once the scheduler stops (``driver/hurry.py``). The code that builds the scheduler sets it.
        self.hurry: Callable[[], None] = no_hurry

    # -- the loop

    async def work(self) -> None:
        """Run rounds until a signal stops the scheduler, then release the lock."""
        self.procline("Starting")
        try:
            while not self.stopping:
                await self.turn()
                await self.wait()
        except Exception:
            await self.release_master()
            raise
        await self.release_master()
        log.info("Exiting")

    async def turn(self) -> None:
        """Run one round: hold the lock, do what is due. An error is logged, and the next round tries again."""
        self._failed = True
        try:
            await self._turn()
            self._failed = False
        except WrongKey as error:
            self.recurring.wrong_key_log.warn(error)
            self._renew_at = 0.0
        except (RedisUnavailable, RedisCommandError) as error:
            log.error("the scheduler goes on at its next look: %s", error)
            self._renew_at = 0.0
        except Exception:
            # An application's failure backend, for example. What was due stays due, and the other entries run.
            log.exception("the scheduler goes on at its next look")

    async def _turn(self) -> None:
        if not self.master or self.core.clock.monotonic() >= self._renew_at:
            await self.hold_master()
        if self.master != self._was_master:
            self.procline("Master scheduler" if self.master else "Child scheduler")
            await self.reload_schedule()
            self._was_master = self.master
        if self.master:
            # Each step by itself: a key of the wrong type stops only the step that reads it.
            wrong_key_log = self.recurring.wrong_key_log
            await wrong_key_log.value_or(self.fire_due(), None)
            await wrong_key_log.value_or(self.update_schedule(), None)
            await wrong_key_log.value_or(self.move_due(), 0)
        else:
            self._last_look = self.core.clock.time()
        await self._run_requests()

    async def _run_requests(self) -> None:
        if self._reload_asked:
            self._reload_asked = False
            await self.reload_schedule()
        if self._print_asked:
            self._print_asked = False
            await self.print_schedule()

    async def wait(self) -> None:
        """Wait for the next round, or for the next run of an entry if that comes first."""
        settings = self.core.settings
        wait = max(SHORTEST, settings.scheduler_interval)
        if self.master:
            wait = min(
                wait, settings.lock_timeout / 3
            )  # else the lock ends while its holder sleeps
        due = [timer.next_at for timer in self.timers.values() if timer.next_at is not None]
        if self.master and due:
            soonest = RETRY if self._failed else 0.0
            wait = min(wait, max(soonest, min(due) - self.core.clock.time()))
        if not (self.stopping or self._reload_asked or self._print_asked):
            await Call(partial(self.host.sleep, wait), offload=True)

    # -- requests by signals

    def shutdown(self) -> None:
        """Stop after the current batch (TERM, INT, QUIT)."""
        if not self.stopping:
            log.info("Shutting down")
            self.stopping = True
            self.hurry()

    def ask_reload(self) -> None:
        """Have the next round load the schedule again (USR2)."""
        self._reload_asked = True

    def ask_print(self) -> None:
        """Have the next round log the schedule (USR1)."""
        self._print_asked = True

    # -- the lock

    async def hold_master(self) -> bool:
        """Take the master lock or renew it; return whether this process holds it."""
        settings = self.core.settings
        now = self.core.clock.monotonic()
        self.master = await self.core.lock.hold(self.claim)
        self._renew_at = now + min(RENEW, settings.lock_timeout / 6)
        return self.master

    async def release_master(self) -> None:
        """Release the master lock, if this process holds it."""
        try:
            await self.core.lock.release(self.claim)
        except (RedisUnavailable, RedisCommandError) as error:
            log.warning("the master lock is left to end by itself: %s", error)
        self.master = None

    # -- delayed jobs

    async def move_due(self) -> int:
        """Move due jobs batch by batch while this process holds the lock; return how many."""
        if await self.core.delayed.next_delayed_timestamp() is None:
            return 0
        self.procline("Processing Delayed Items")
        moved = await self.core.delayed.move_due(None, self._still_master)
        log.debug("queued %s jobs", moved)
        return moved

    async def _still_master(self) -> bool:
        """Before each batch: renew the lock, run recurring jobs (they must not wait for a long list). False stops the batches."""
        if self.stopping or not await self.hold_master():
            return False
        await self.fire_due()
        return self.master is True

    # -- recurring jobs

    async def reload_schedule(self) -> None:
        """Load the schedule. An entry that has not changed keeps the time of its next run."""
        self.procline("Reloading Schedule")
        self.procline("Loading Schedule")
        dynamic = self.core.settings.dynamic_schedule
        now = self.core.clock.time()
        loaded = await self.recurring.load(afresh=dynamic and self.master is True)
        if not loaded.entries and not loaded.faults:
            log.info("Schedule empty!")
        for fault in loaded.faults:
            log.error("%s; it does not run", fault)
        former = self.timers if self.master and self._was_master else {}
        self.timers = {}
        for entry in loaded.entries.values():
            known = former.get(entry.name)
            if known is not None and known.entry.config == entry.config:
                self.timers[entry.name] = known
            else:
                self.set_timer(entry, now, loaded.last_runs.get(entry.name))
        if self.master and not self._was_master:
            await self._catch_up(loaded, now)
        self.procline("Schedules Loaded")

    def set_timer(self, entry: Entry, now: float, last: float | None) -> None:
        """Set the timer of an entry, if it runs in this environment and has a time. ``last``: its last run, as Redis remembers it."""
        configured = self.core.settings.rails_env
        if not entry.runs_in(configured):
            log.debug("Skipping schedule of %s, which does not run in %r", entry.name, configured)
            return
        if entry.timing is None:
            log.info("no cron / every found for %s (%s) - skipping", entry.class_name, entry.name)
            return
        log.info("Scheduling %s", entry.name)
        remembers = (
            self.core.settings.remember_every if entry.remembers is None else entry.remembers
        )
        first = entry.first_run(now, self.recurring.zone, last if remembers else None)
        self.timers[entry.name] = Timer(entry, first)

    async def update_schedule(self) -> None:
        """Follow what changed in Redis, if that is asked for (DYNAMIC_SCHEDULE)."""
        if not self.core.settings.dynamic_schedule or not await self.recurring.table.any_changed():
            return
        if not await self.hold_master():
            return  # the new master takes the names
        self.procline("Updating schedule")
        while not self.stopping and (names := await self.recurring.table.take_changed()):
            for name in names:
                await self._update(name)
        self.procline("Schedules Loaded")

    async def _update(self, name: str) -> None:
        try:
            entry = await self.recurring.load_one(name)
        except ScheduleError as fault:
            log.error("%s; it does not run", fault)
            entry = None
        known = self.timers.get(name)
        if entry is not None and known is not None and known.entry.config == entry.config:
            return
        if self.timers.pop(name, None) is not None:
            log.debug("Removing schedule %s", name)
        if entry is not None:
            last = (await self.recurring.last_runs()).get(name)
            self.set_timer(entry, self.core.clock.time(), last)

    async def fire_due(self) -> None:
        """Enqueue every entry that is due."""
        now = self.core.clock.time()
        due = [(t.next_at, name) for name, t in self.timers.items() if t.next_at is not None]
        for next_at, name in sorted(due):
            if next_at > now or not self.master or self.stopping:
                return
            timer = self.timers[name]
            if not await self.fire(timer.entry, next_at):
                return
            count = timer.count + 1
            following = timer.entry.run_after(next_at, now, self.recurring.zone)
            if timer.entry.limits.times is not None and count >= timer.entry.limits.times:
                following = None
            self.timers[name] = replace(timer, next_at=following, count=count)

    async def fire(self, entry: Entry, due: float | None) -> bool:
        """Run an entry; return False if another process holds the lock now. An entry's own error is logged."""
        log.info("queueing %s (%s)", entry.class_name, entry.name)
        try:
            run = await self.recurring.run(entry, due=due, lock=(self.core.lock, self.claim))
        except RedisUnavailable:
            raise  # the entry stays due; if it was queued nevertheless, the next round sees that
        except PyresqueError as error:
            if isinstance(error, RedisCommandError) and not isinstance(error, WrongKey):
                raise  # a server that loads or only reads is no error of the entry: it stays due
            log.error("%s was not queued: %s", entry.name, error)
            return True
        except Exception:
            log.exception("%s was not queued", entry.name)
            return True
        if run.lost:
            self.master = False
        elif run.outcome != "enqueued":
            log.info("%s: %s", entry.name, run.outcome)
        return not run.lost

    async def _catch_up(self, loaded: Loaded, now: float) -> None:
        """Enqueue missed runs, as far as ``catch_up`` of the entry or of the settings asks for it.

        A cron time between this process's last round and its taking the lock is always made up for: the former master stopped,
        and may or may not have run it. ``delayed:last_enqueued_at`` says whether it did.
        """
        zone = self.recurring.zone
        for timer in list(self.timers.values()):
            entry, last = timer.entry, loaded.last_runs.get(timer.entry.name)
            policy = self.core.settings.catch_up if entry.catch_up is None else entry.catch_up
            count = 0 if last is None else entry.missed(last, now, zone, policy)
            if count == 0 and self._last_look is not None and isinstance(entry.timing, Cron):
                count = entry.missed(max(self._last_look, last or 0.0), now, zone, 1)
            for _ in range(count):
                log.info("%s has missed a run, which is made up for", entry.name)
                if not await self.fire(entry, None):
                    return

    # -- log and title

    async def print_schedule(self) -> None:
        """Log every entry with its next and its last run."""
        log.info("Scheduling Info\tLast Run")
        last_runs = await self.recurring.noted_runs()
        for name, timer in self.timers.items():
            log.info("%s %s\t%s", name, timer.entry.original, last_runs.get(name, ""))

    def procline(self, text: str) -> None:
        """Log, and set the process title, in Ruby's words after the colon."""
        log.info("%s", text)
        settings = self.core.settings
        marks = "".join(f"[{mark}]" for mark in (settings.app_name, settings.rails_env) if mark)
        self.host.title(
            f"{settings.procline_prefix}pyresque-scheduler-{__version__}{marks}: {text}"
        )
