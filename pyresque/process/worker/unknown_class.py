"""What the log tells of a job whose class nobody registered here: what is registered instead, and in which modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.activejob.describe import class_name
from pyresque.activejob.registry import job_hash
from pyresque.errors import UnknownActiveJobError, UnknownJobClass

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass

#: How failed records name the error of a class that nobody has.
UNKNOWN: Final = (UnknownJobClass.ruby_name, UnknownActiveJobError.ruby_name)

#: Names that are told.
MOST: Final = 12


def registered_instead(core: Core, job: Job) -> str:
    """One line for the operator; "" where the class is registered."""
    wrapped = job_hash(job.payload) is not None
    wanted = class_name(job.payload) if wrapped else job.payload.class_name
    active = {entry.name: entry for entry in core.active_job_classes.entries()}
    known = active if wrapped else {entry.name: entry for entry in core.registry}
    if not isinstance(wanted, str):  # a payload may hold anything there
        return ""
    if wanted in known or (not wrapped and core.registry.knows(wanted)):
        return ""
    kind = "active jobs" if wrapped else "jobs"
    if not known:
        listed = f"no {kind} are registered here"
    else:
        listed = f"the {kind} registered here are {_listed(known)}"
    cure = (
        "name the module that registers it by -A, or let only workers that have it take this queue"
    )
    return f"{listed}; {cure}"


def _listed(known: dict[str, JobClass]) -> str:
    names = [f"{name} ({module_of(known[name])})" for name in sorted(known)]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def module_of(entry: JobClass) -> str:
    """Where a job's class or function is."""
    return str(getattr(entry.target, "__module__", "?"))
