"""Jobs, workers and times as commands print them: an ActiveJob by its own class and as a readable call."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob import describe
from pyresque.activejob.registry import job_hash
from pyresque.cli.output import compact, safe_text, short
from pyresque.errors import DecodeError
from pyresque.ruby.time import parse_time
from pyresque.store.worker_rows import busy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyresque.client import Resque
    from pyresque.job.job import Job, Payload
    from pyresque.job.worker_registry import WorkerInfo

#: Workers that are read at a time.
WORKERS = 5000

#: The units of an age, and their seconds.
AGES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))

NO_JOB = "(no job)"


def class_of(payload: Payload | None) -> str:
    """Return the job class of a payload; ``NO_JOB`` for what is no job."""
    return (describe.class_name(payload) if payload is not None else "") or NO_JOB


def args_of(job: Job, *, full: bool = False) -> str:
    """Return the arguments on one line, cut unless ``full``; for what is no job, the reason."""
    if job.fault is not None:
        text = str(job.fault)
    else:
        found = job_hash(job.payload)
        if found is None:
            text = compact(list(job.args))
        else:
            text = (
                compact(found.get("arguments")) if full else describe.arguments(job.payload) or ""
            )
    return safe_text(text) if full else short(safe_text(text))


def job_line(job: Job, width: int | None = None) -> str:
    """Return a job on one line: class and arguments, an ActiveJob as a call. ``width`` cuts the arguments."""
    call = describe.active_call(job.payload)
    if call is not None:
        return call
    args = compact(list(job.args)) if job.fault is None else str(job.fault)
    return f"{class_of(job.payload)} {args if width is None else short(args, width)}"


def job_json(job: Job) -> dict[str, object]:
    """Return a job's members for JSON: its payload, or for what is no job the bytes and the reason."""
    if job.fault is None:
        payload = job.payload
        return {"payload": {"class": payload.class_name, "args": payload.args, **payload.extra}}
    raw = base64.b64encode(job.raw).decode("ascii")
    return {"payload": None, "raw_base64": raw, "fault": str(job.fault)}


def each_worker(resque: Resque, ids: list[str], *, working: bool) -> Iterator[WorkerInfo]:
    """Yield these workers, or those that perform a job; some thousands are read at a time."""
    if working:
        return still_working(resque, resque.run(busy(resque.core.keys, ids)))
    return _read_workers(resque, ids)


def still_working(resque: Resque, ids: Sequence[str]) -> Iterator[WorkerInfo]:
    """Yield those of these workers that still perform a job."""
    return (worker for worker in _read_workers(resque, ids) if worker.working_on is not None)


def _read_workers(resque: Resque, ids: Sequence[str]) -> Iterator[WorkerInfo]:
    for start in range(0, len(ids), WORKERS):
        yield from resque.run(resque.core.worker_registry.of(ids[start : start + WORKERS]))


def age(seconds: float | None) -> str | None:
    """A stretch of time in its largest whole unit, such as ``3 min``."""
    if seconds is None:
        return None
    for unit, length in AGES:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def iso(written: str | float | None) -> str | None:
    """Return a time as ISO 8601 with its zone; None for what is no time."""
    if written is None:
        return None
    try:
        return parse_time(written).isoformat()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None


def iso_of_seconds(seconds: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None for what is no date."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def iso_and_written(name: str, written: str | None) -> dict[str, str | None]:
    """Return a time under ``name`` as ISO 8601, and under ``NAME_in_redis`` as Redis has it."""
    return {name: iso(written), f"{name}_in_redis": written}
