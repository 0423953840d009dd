"""Texts for people about a job: an ActiveJob's own class and readable call, in place of the wrapper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob.registry import job_hash

if TYPE_CHECKING:
    from pyresque.job.job import Job, Payload


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


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """A job in a log record: Ruby's ``Job#inspect``, or an ActiveJob's call. Makes its text only when the record is written."""

    job: Job

    def __str__(self) -> str:
        call = active_call(self.job.payload)
        return str(self.job) if call is None else f"(Job{{{self.job.queue}}} | {call})"


def due_since(payload: Payload) -> float | None:
    """Return since when a job waited for a worker, in seconds since 1970: its enqueueing, or the later time it was scheduled for.

    None if that is unknown: Resque's own payloads have no time.
    """
    found = job_hash(payload)
    if found is None:
        return None
    known = [_seconds(found.get(name)) for name in ("enqueued_at", "scheduled_at")]
    return max((seconds for seconds in known if seconds is not None), default=None)


def _seconds(written: object) -> float | None:
    from pyresque.activejob import times  # noqa: PLC0415 - heavy, and needed for ActiveJobs alone

    try:
        moment: datetime = times.read(written, timezone.utc)
        return moment.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
