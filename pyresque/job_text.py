"""Jobs and times as commands and pages show them: an ActiveJob by its own class, a date as ISO 8601, an age in its largest unit."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob import describe
from pyresque.errors import DecodeError
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from pyresque.job.job import Job, Payload

#: The units of an age, and their seconds.
AGES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))

NO_JOB = "(no job)"

#: Letters of the longest text that may be a date.
LONGEST = 64


def class_of(payload: Payload | None) -> str:
    """Return the job class of a payload; ``NO_JOB`` for what is no job."""
    return (describe.class_name(payload) if payload is not None else "") or NO_JOB


def job_json(job: Job) -> dict[str, object]:
    """Return a job's members for JSON: its payload, or for what is no job the bytes and the reason."""
    if job.fault is None:
        payload = job.payload
        return {"payload": {"class": payload.class_name, "args": payload.args, **payload.extra}}
    raw = base64.b64encode(job.raw).decode("ascii")
    return {"payload": None, "raw_base64": raw, "fault": str(job.fault)}


def age(seconds: float | None) -> str | None:
    """A stretch of time in its largest whole unit, such as ``3 min``."""
    if seconds is None:
        return None
    for unit, length in AGES:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def moment(written: str | float | None) -> datetime | None:
    """Return a time as it stands in Redis as an aware datetime; None for what is no time."""
    if written is None or (isinstance(written, str) and len(written) > LONGEST):
        return None
    try:
        found = parse_time(written)
        found.timestamp()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None
    return found


def iso(written: str | float | None) -> str | None:
    """Return a time as ISO 8601 with its zone; None for what is no time."""
    found = moment(written)
    return None if found is None else found.isoformat()


def iso_of_seconds(seconds: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None for what is no date."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def iso_and_written(name: str, written: str | None) -> dict[str, str | None]:
    """Return a time under ``name`` as ISO 8601, and under ``NAME_in_redis`` as Redis has it."""
    return {name: iso(written), f"{name}_in_redis": written}
