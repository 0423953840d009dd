"""The kit of one test: the Redis that stands for the application's, and the places there to which Resques were led."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.clock import SystemClock
from pyresque.errors import TestKitError
from pyresque.ops import Command, answer
from pyresque.testing.enqueued import EnqueuedJob, Home, entry_in
from pyresque.testing.expected import name_of
from pyresque.testing.redis_of_tests import same_redis
from pyresque.testing.takeover import Takeover, every_resque

if TYPE_CHECKING:
    from pyresque.application import Application
    from pyresque.clock import Clock
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Target
    from pyresque.ops import Op
from pyresque.testing.redis_of_tests import RedisOfTests

T = TypeVar("T")

#: Those at work, one inside another.
_at_work: list[Places] = []


class Places:
    """The Redis of a test, and the places in it to which Resques of the process were led."""

    def __init__(self, redis: RedisOfTests, *, inline: bool = False) -> None:
        self.redis = redis
        self.inline = inline
        self.takeover = Takeover(redis, inline=inline)
        self._all: list[Application] = []

    def begin(self) -> None:
        """Lead every Resque here."""
        self.takeover.begin()
        _at_work.append(self)

    def end(self) -> None:
        """Lead every Resque where it was before."""
        try:
            self.redis.close()
        finally:
            _at_work.remove(self)
            self.takeover.end()

    def jobs(self) -> list[EnqueuedJob]:
        """Return the jobs that are enqueued now."""
        return [job for home in self.homes() for job in self.run(home, home.jobs())]

    def resques(self) -> list[Application]:
        """Return the Resques that have run a verb. If there are none, another process may have used the test's Redis: every one of this process."""
        seen = list(self.takeover.seen.values())
        if seen or not self.redis.first:
            return seen
        if not self._all:
            self._all = every_resque()
        return self._all

    @property
    def clock(self) -> Clock:
        """The clock of the application."""
        seen = self.resques()
        return seen[0].core.clock if seen else SystemClock()

    def homes(self) -> list[Home]:
        """Return where those Resques enqueue, each place once."""
        found: dict[object, list[Application]] = {}
        for resque in self.resques():
            found.setdefault(_place(resque), []).append(resque)
        return [Home(resques, self._others) for resques in found.values()]

    def _others(self, home: Home) -> list[Application]:
        """Return the Resques of the process that share a place, and have run no verb."""
        place = _place(home.resques[0])
        return [
            each for each in every_resque() if each not in home.resques and _place(each) == place
        ]

    def registered(self, target: Target) -> tuple[Application, JobClass] | None:
        """Return the Resque that a job is registered with, and its entry there; None if no Resque of the process knows it."""
        for known in (self.resques, every_resque):
            for resque in known():
                entry = entry_in(resque, target)
                if entry is not None:
                    return resque, entry
            if isinstance(target, str):
                break  # a name is what it is
        return None

    def performer_of(self, target: Target) -> tuple[Application, JobClass]:
        """Return the Resque that performs a job, and its entry there. Raises TestKitError if there is none."""
        for known in (self.resques, every_resque):
            for resque in known():
                entry = entry_in(resque, target)
                if entry is not None and (entry.performs or entry.carrier is not None):
                    return resque, entry
        raise TestKitError(
            f"{name_of(target, None)} cannot be performed here: no Resque of this process has registered it (@resque.job)"
        )

    def run(self, home: Home, operation: Op[T]) -> T:
        """Run an operation on the Redis of that place, blocking."""
        try:
            return self.redis.blocking(home.resques[0].settings.server_url).run(operation)
        finally:
            operation.close()

    async def run_awaited(self, home: Home, operation: Op[T]) -> T:
        """Run an operation on the Redis of that place, in the running event loop."""
        try:
            return await self.redis.awaiting(home.resques[0].settings.server_url).run(operation)
        finally:
            operation.close()


class Kit:
    """What the fixtures and ``recorded``, ``inline`` and ``with_redis`` give."""

    def __init__(self, places: Places) -> None:
        self._places = places

    @property
    def jobs(self) -> list[EnqueuedJob]:
        """The jobs that are enqueued now, as ``enqueued_jobs`` gives them."""
        return self._places.jobs()

    @property
    def url(self) -> str:
        """The URL of the test's Redis, for a process that the test starts. Raises TestKitError in memory, which no other process reaches."""
        redis = self._places.redis
        if not redis.first:
            raise TestKitError("these jobs are in memory, which has no URL: use resque_redis")
        seen = self._places.takeover.seen.values()
        return next((redis.url(one.settings.server_url) for one in seen), redis.first)

    def clear(self) -> None:
        """Delete every job, and all else that is in the test's Redis."""
        for home in self._places.homes():
            self._places.run(home, answer(Command(("FLUSHDB",))))


def active() -> Places:
    """Return the places of the kit that is at work. Raises TestKitError if there is none."""
    if not _at_work:
        raise TestKitError(
            "no test kit is at work: ask for the fixture resque_recorded (or resque_inline, resque_redis), "
            "or wrap the code in `with pyresque.testing.recorded():`"
        )
    return _at_work[-1]


def _place(resque: Application) -> Any:
    return same_redis(resque.settings.server_url), resque.settings.namespace
