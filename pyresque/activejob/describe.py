"""Texts for people about a job: an ActiveJob's own class and readable call, in place of the wrapper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.activejob.registry import job_hash
from pyresque.job.plugin import tracking_id
from pyresque.lightweight import dataclass

if TYPE_CHECKING:
    from pyresque.job.job import Job, Payload
    from pyresque.job.registry import Registry


def class_name(payload: Payload) -> str:
    """Return the class of a payload: ``SyncAccountJob``, not the wrapper; empty if there is none."""
    found = job_hash(payload)
    if found is None:
        return payload.name
    from pyresque.activejob.render import class_of  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    return class_of(found)


def active_call(payload: Payload) -> str | None:
    """Return ``SyncAccountJob(gid://shop/Account/7, force: true)``; None for a payload that is no ActiveJob."""
    found = job_hash(payload)
    if found is None:
        return None
    from pyresque.activejob.render import call  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    return call(found)


def arguments(payload: Payload) -> str | None:
    """Return the arguments of that call: ``gid://shop/Account/7, force: true``; None for a payload that is no ActiveJob."""
    found = job_hash(payload)
    if found is None:
        return None
    from pyresque.activejob.render import arguments_of  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    return arguments_of(found)


def job_id(job: Job, registry: Registry) -> str:
    """Return the job_id of an ActiveJob, or the uuid of a job that has a status; empty for any other job."""
    found = job_hash(job.payload)
    if found is not None:
        given = found.get("job_id")
        return given if isinstance(given, str) else ""
    entry = registry.named(job.payload.class_name)
    return tracking_id(entry.plugins, job.args) if entry is not None and entry.plugins else ""


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """A job in a log record: Ruby's ``Job#inspect``, or an ActiveJob's call. Makes its text only when the record is written."""

    job: Job

    def __str__(self) -> str:
        call = active_call(self.job.payload)
        return str(self.job) if call is None else f"(Job{{{self.job.queue}}} | {call})"
