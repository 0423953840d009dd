"""Jobs as people are shown them: an ActiveJob by its own class and a readable call, any other as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob.registry import job_hash

if TYPE_CHECKING:
    from pyresque.job.job import Job, Payload


def class_name(payload: Payload) -> str:
    """The class a payload is about: ``SyncAccountJob``, not the wrapper; empty where there is none."""
    found = job_hash(payload)
    if found is None:
        return payload.name
    from pyresque.activejob.render import class_of  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    return class_of(found)


def active_call(payload: Payload) -> str | None:
    """``SyncAccountJob(gid://shop/Account/7, force: true)``; None for what is no ActiveJob."""
    found = job_hash(payload)
    if found is None:
        return None
    from pyresque.activejob.render import call  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    return call(found)


def arguments(payload: Payload) -> str | None:
    """The same without class and brackets: ``gid://shop/Account/7, force: true``."""
    found = job_hash(payload)
    if found is None:
        return None
    from pyresque.activejob.render import arguments_of  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    return arguments_of(found)


@dataclass(frozen=True, slots=True)
class Line:
    """A job for a log, made text only if the line is written: Ruby's ``Job#inspect``, an ActiveJob as its call."""

    job: Job

    def __str__(self) -> str:
        shown = active_call(self.job.payload)
        return str(self.job) if shown is None else f"(Job{{{self.job.queue}}} | {shown})"


def due_since(payload: Payload) -> float | None:
    """Seconds since 1970 from which on it waited for a worker: its enqueueing, or the later time it was meant for.

    None where nobody knows: Resque's own payloads bear no time.
    """
    found = job_hash(payload)
    if found is None:
        return None
    known = [_seconds(found.get(name)) for name in ("enqueued_at", "scheduled_at")]
    return max((seconds for seconds in known if seconds is not None), default=None)


def _seconds(written: object) -> float | None:
    from pyresque.activejob import times  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    try:
        moment: datetime = times.read(written, timezone.utc)
        return moment.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
