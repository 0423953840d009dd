"""What a test has performed: enqueued jobs, or one job by itself. Each verb blocks; those with an ``a`` before their name are awaited."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pyresque.schedule.later import timestamp_of
from pyresque.testing.enqueued import EnqueuedJob, Home
from pyresque.testing.kit import Places, active
from pyresque.testing.performing import Performing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.registry import Target
    from pyresque.ops import Op
    from pyresque.schedule.later import When


#: The most jobs that one call performs.
MOST = 1000


class _Drain:
    """One call of ``perform_enqueued``: what it performs, in all places."""

    def __init__(
        self,
        jobs: tuple[Target | EnqueuedJob, ...],
        queue: str | Iterable[str] | None,
        at: When | timedelta | None,
        *,
        raise_errors: bool,
        most: int,
    ) -> None:
        self.places = active()
        self.most = most
        self.at = at
        self.raise_errors = raise_errors
        self.queues = {queue} if isinstance(queue, str) else None if queue is None else set(queue)
        self.chosen = [job for job in jobs if isinstance(job, EnqueuedJob)]
        self.names = {_name(self.places, job) for job in jobs if not isinstance(job, EnqueuedJob)}
        self.begun: dict[tuple[int, ...], Performing] = {}

    def wanted(self, job: EnqueuedJob) -> bool:
        """Whether to perform a job."""
        if self.queues is not None and job.queue not in self.queues:
            return False
        if not self.chosen and not self.names:
            return True
        return job.class_name in self.names or any(
            job.payload == one.payload for one in self.chosen
        )

    def stops(self, error: BaseException) -> bool:
        """Whether an error of a job ends the call: one that asks for the end of the process always does."""
        return self.raise_errors or not isinstance(error, (Exception, SystemExit))

    def passes(self) -> list[tuple[Home, Op[None]]]:
        """Return an operation for each place, which performs what is wanted there."""
        found: list[tuple[Home, Op[None]]] = []
        for home in self.places.homes():
            key = tuple(map(id, home.resques))
            work = self.begun.setdefault(key, Performing(home, self.most))
            found.append((home, work.all(self.wanted, _due(home, self.at), self.stops)))
        return found

    @property
    def performed(self) -> list[EnqueuedJob]:
        """What was performed so far."""
        return [job for work in self.begun.values() for job in work.performed]

    def raise_error(self) -> None:
        """Raise the error that ended the call, if one did."""
        __tracebackhide__ = True
        for work in self.begun.values():
            error, work.error = work.error, None
            if error is not None and self.stops(error):
                raise error


def perform_enqueued(
    *jobs: Target | EnqueuedJob,
    queue: str | Iterable[str] | None = None,
    at: When | timedelta | None = None,
    raise_errors: bool = True,
    most: int = MOST,
) -> list[EnqueuedJob]:
    """Perform the jobs that are enqueued, and those that they enqueue, as a worker does; return them in that order.

    ``jobs`` and ``queue`` choose some: by class, or as ``enqueued_jobs`` gave them. Delayed jobs that are due are performed, too; ``at``, a
    time or a timedelta from now, takes those that are due until then. The first job that fails, and is not retried, raises its
    error here; ``raise_errors=False`` goes on. Either way it is in the failed list. Jobs that only Ruby performs, and those of paused
    queues, stay where they are. Raises TestKitError after ``most`` jobs: one that enqueues itself would have no end.

    >>> perform_enqueued()
    []
    """
    __tracebackhide__ = True
    drain = _Drain(jobs, queue, at, raise_errors=raise_errors, most=most)
    before = -1
    while len(drain.performed) > before:
        before = len(drain.performed)
        for home, operation in drain.passes():
            drain.places.run(home, operation)
            drain.raise_error()
    return drain.performed


async def aperform_enqueued(
    *jobs: Target | EnqueuedJob,
    queue: str | Iterable[str] | None = None,
    at: When | timedelta | None = None,
    raise_errors: bool = True,
    most: int = MOST,
) -> list[EnqueuedJob]:
    """Perform jobs as ``perform_enqueued`` does, in the running event loop: ``async def`` jobs there, plain functions in threads."""
    __tracebackhide__ = True
    drain = _Drain(jobs, queue, at, raise_errors=raise_errors, most=most)
    before = -1
    while len(drain.performed) > before:
        before = len(drain.performed)
        for home, operation in drain.passes():
            await drain.places.run_awaited(home, operation)
            drain.raise_error()
    return drain.performed


def perform_job(job: Target, /, *args: Any, **kwargs: Any) -> None:
    """Perform one job as a worker does, with its hooks, plugins and middleware; its arguments travel as a payload's do.

    Nothing is enqueued, and no enqueue hook runs. Raises what the job raises, also if it is retried, and NotEncodable for arguments that cannot travel.

    >>> perform_job(archive, 35)
    """
    __tracebackhide__ = True
    places = active()
    home = Home([places.performer_of(job)[0]])
    work = Performing(home)
    places.run(home, work.call(job, args, kwargs))
    if work.failed is not None:
        raise work.failed


async def aperform_job(job: Target, /, *args: Any, **kwargs: Any) -> None:
    """Perform one job as ``perform_job`` does, in the running event loop."""
    __tracebackhide__ = True
    places = active()
    home = Home([places.performer_of(job)[0]])
    work = Performing(home)
    await places.run_awaited(home, work.call(job, args, kwargs))
    if work.failed is not None:
        raise work.failed


def move_due(at: When | timedelta | None = None) -> int:
    """Move the delayed jobs that are due into their queues, as a scheduler does; return how many.

    ``at``: a time or a timedelta from now, in place of now.
    """
    places = active()
    moved = 0
    for home in places.homes():
        moved += places.run(home, home.core.delayed.move_due(_due(home, at)()))
    return moved


def _due(home: Home, at: When | timedelta | None) -> Callable[[], float]:
    clock = home.core.clock
    if at is None:
        return clock.time
    instant = clock.time() + at.total_seconds() if isinstance(at, timedelta) else timestamp_of(at)
    return lambda: instant


def _name(places: Places, job: Any) -> str:
    return places.performer_of(job)[1].name
