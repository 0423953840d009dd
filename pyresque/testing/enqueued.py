"""The jobs that are enqueued now, in queues and for later, as a test sees them."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyresque.activejob import describe
from pyresque.activejob.calls import ActiveJobCall
from pyresque.activejob.registry import job_hash
from pyresque.job.job import Job, read_job
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.application import Application
    from pyresque.core import Core
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Target

#: The most letters of an argument in messages.
LONGEST = 60

_short = reprlib.Repr()
_short.maxstring = _short.maxother = LONGEST


@dataclass(frozen=True)
class EnqueuedJob:
    """One job in a queue, or one that waits for its time.

    ``class_name``: its Ruby name, of an ActiveJob its own and not the wrapper's. ``args``: as they were decoded, of an ActiveJob as
    Rails has serialized them; of a tracked job without its id. ``at``: when it is due, aware, in UTC; None: it is in its queue.
    ``payload``: the bytes in Redis.
    """

    class_name: str
    args: list[Any]
    queue: str | None
    at: datetime | None
    payload: bytes
    job: Job = field(repr=False, compare=False)
    resque: Application = field(repr=False, compare=False)

    def __str__(self) -> str:
        """Return ``file_serve: Archive(35, 'master')``, with its time where it has one."""
        call = describe.active_call(self.job.payload)
        if self.job.fault is not None:
            call = f"no job: {self.job.fault}"
        if call is None:
            call = f"{printable(self.class_name)}({', '.join(map(shown, self.args))})"
        at = "" if self.at is None else f" at {self.at.isoformat()}"
        return f"{printable(self.queue or '(no queue)')}: {call}{at}"


def shown(value: object) -> str:
    """Return a value as messages show it."""
    return _short.repr(value)


class Home:
    """One namespace in one Redis: the Resques that enqueue there, and the jobs that are there now."""

    def __init__(
        self,
        resques: Sequence[Application],
        others: Callable[[Home], Sequence[Application]] = lambda _: (),
    ) -> None:
        """``others`` gives the Resques there that have run no verb; it is asked at the first job that no other performs."""
        self.resques = resques
        self._find_others = others
        self._others: Sequence[Application] | None = None

    @property
    def core(self) -> Core:
        """The parts of the first Resque there, which reads and performs for the others."""
        return self.resques[0].core

    async def jobs(self) -> list[EnqueuedJob]:
        """Return the jobs, those of a queue in its order, queues by name; then what is due later, by time."""
        core, found = self.core, list[EnqueuedJob]()
        for queue in sorted(await core.table.queues()):
            for raw in await core.table.everything(queue):
                found.append(self.enqueued(read_job(core.codec, queue, raw)))
        sizes = await core.delayed.delayed_rows(0, 10_000)
        for written, size in sizes[0]:
            for job in await core.delayed.delayed_timestamp_peek(int(written), 0, size):
                found.append(self.enqueued(job, int(written)))
        return found

    def enqueued(self, job: Job, at: int | None = None) -> EnqueuedJob:
        """Return a job that was found there."""
        inside = job_hash(job.payload)
        queue: object = job.queue if at is None else job.payload.extra.get("queue")
        return EnqueuedJob(
            describe.class_name(job.payload),
            _list(inside.get("arguments") if inside is not None else self._args(job)),
            queue if isinstance(queue, str) else None,
            None if at is None else datetime.fromtimestamp(at, timezone.utc),
            job.raw,
            job,
            self.resques[0],
        )

    def _args(self, job: Job) -> object:
        known = None if job.fault is not None else _performer(self.resques, job)
        found = None if known is None else known[1].args_of(job)
        return job.payload.args if found is None else found[0]

    def performer(self, job: Job) -> tuple[Application, JobClass] | None:
        """Return the Resque that a job is registered with, and its entry there; None where only Ruby performs it."""
        if job.fault is not None:
            return None
        found = _performer(self.resques, job)
        if found is None and self._others is None:
            self._others = self._find_others(self)
        return found or _performer(self._others or (), job)


def _performer(resques: Sequence[Application], job: Job) -> tuple[Application, JobClass] | None:
    for resque in resques:
        entry = resque.core.registry.entry_of(job)
        if entry is not None and entry.performs:
            return resque, entry
    return None


def entry_in(resque: Application, target: Target | ActiveJobCall[Any]) -> JobClass | None:
    """Return the entry of a job that is registered with a Resque; None if it is not."""
    if isinstance(target, ActiveJobCall):
        target = target.job_class
    entry = resque.core.registry.describe(target)
    if entry.carrier is not None:
        return entry
    known = resque.core.registry.named(entry.name)
    registered = known is not None and (isinstance(target, str) or known.target is entry.target)
    return entry if registered else None


def _list(args: object) -> list[Any]:
    if isinstance(args, (list, tuple)):
        return list(args)
    return [] if args is None else [args]
