"""Perform a copy of a job: the handler's own function with the arguments that a worker would give it, and nothing around it.

No hook and no middleware runs, no plugin writes: those of the real job run where that is performed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.activejob import times
from pyresque.activejob.arguments import deserialize
from pyresque.activejob.continuation import Continuable
from pyresque.activejob.envelope import Envelope
from pyresque.activejob.registry import job_hash
from pyresque.errors import UnknownJobClass
from pyresque.job.limits import bounded
from pyresque.job.perform import arguments, guarded_call
from pyresque.job.tracked import TrackedJob
from pyresque.ops import Call
from pyresque.ruby.names import missing_constant

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass


def find(core: Core, name: str) -> JobClass | None:
    """Return the entry that performs a class here: a job or an active job; None if nothing does."""
    active = core.active_job_classes.find(name)
    if active is not None:
        return active.entry
    if not core.registry.knows(name):
        return None
    entry = core.registry.find(name)
    return entry if entry.target is not None else None


async def shadowed(core: Core, job: Job) -> Any:
    """Call the handler; return what it returns. Raises what it raises, and what keeps a job from its handler."""
    if job.fault is not None:
        raise job.fault
    found = job_hash(job.payload)
    active = None if found is None else core.active_job_classes.find(str(found["job_class"]))
    if active is not None:
        envelope = Envelope.from_payload(found, version=core.active_jobs.app.version, started=True)
        bound = envelope if active.resume is None else Continuable(envelope, bool)
        args, kwargs = active.call(bound, *await Call(partial(_read, core, envelope), offload=True))
        entry = active.entry
        perform = entry.perform
    else:
        entry = core.registry.find(job.payload.class_name)
        if entry.target is None:
            raise UnknownJobClass(missing_constant(entry.name, ()))
        args, kwargs = arguments(entry, job)
        perform = entry.perform
    work = bounded(_called(partial(perform, *args, **kwargs)), entry.timeout)
    if entry.plugins:
        work = _Unwritten(core, entry.name).inside(work)
    return await work


def _read(core: Core, envelope: Envelope) -> tuple[list[object], dict[str, object]]:
    """Read an active job's arguments, with its records located."""
    wrapper = core.active_jobs
    zone = times.find_zone(wrapper.app.timezone) if wrapper.app.timezone else None
    jobs, version = wrapper.jobs, wrapper.app.version
    return deserialize(
        envelope.arguments, jobs.locators, jobs.serializers, version=version, zone=zone
    )


async def _called(function: Callable[[], Any]) -> Any:
    return await Call(
        partial(guarded_call, function), offload=True
    )  # a copy that it forks ends there


class _Unwritten(TrackedJob):
    """The status of a tracked job whose steps are not written."""

    def __init__(self, core: Core, name: str) -> None:
        super().__init__(core.statuses.table, core.codec, core.clock, "0" * 32, name)

    async def _nothing(self, *_given: object, **_fields: object) -> Any:
        return None

    at = tick = set = failed = completed = read = _nothing

    async def should_kill(self) -> bool:
        """Return that nobody cancels it."""
        return False
