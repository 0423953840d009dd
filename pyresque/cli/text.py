"""Jobs in tables and lines of the terminal: an ActiveJob by its own class and its readable call."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob import describe
from pyresque.activejob.registry import job_hash
from pyresque.cli.output import compact, plain, short
from pyresque.errors import DecodeError
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyresque.client import Resque
    from pyresque.job.job import Job, Payload
    from pyresque.job.worker_registry import WorkerInfo

#: Workers that are read at a time.
WORKERS = 500

#: The units of an age, and their seconds.
AGES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))

NO_JOB = "(no job)"


def class_of(payload: Payload | None) -> str:
    """The class a payload is about."""
    return (describe.class_name(payload) if payload is not None else "") or NO_JOB


def args_of(job: Job, *, full: bool = False) -> str:
    """The arguments on one line, cut unless they are wanted in full; for what is no job, why."""
    if job.fault is not None:
        told = str(job.fault)
    else:
        found = job_hash(job.payload)
        if found is None:
            told = compact(list(job.args))
        else:
            told = (
                compact(found.get("arguments")) if full else describe.arguments(job.payload) or ""
            )
    return plain(told) if full else short(plain(told))


def told(job: Job, width: int | None = None) -> str:
    """A job in a line: class and arguments, an ActiveJob as a call; arguments cut at ``width``."""
    call = describe.active_call(job.payload)
    if call is not None:
        return call
    args = compact(list(job.args)) if job.fault is None else str(job.fault)
    return f"{class_of(job.payload)} {args if width is None else short(args, width)}"


def each_worker(resque: Resque, *, working: bool) -> Iterator[WorkerInfo]:
    """Every registered worker, or those that perform a job; some hundreds are read at a time."""
    worker_registry = resque.core.worker_registry
    if working:
        return those_working(resque, resque.run(worker_registry.with_job())[1])
    return _read(resque, resque.run(worker_registry.table.ids()))


def those_working(resque: Resque, ids: Sequence[str]) -> Iterator[WorkerInfo]:
    """Those of these workers that still perform a job."""
    return (worker for worker in _read(resque, ids) if worker.working_on is not None)


def _read(resque: Resque, ids: Sequence[str]) -> Iterator[WorkerInfo]:
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
    """A time as ISO 8601 with its zone; None where there is none, or where it cannot be read as one."""
    if written is None:
        return None
    try:
        return parse_time(written).isoformat()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None


def iso_of_seconds(seconds: float) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; None for what is no date."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def iso_and_written(name: str, written: str | None) -> dict[str, str | None]:
    """A time under its name, and as it is written in Redis under ``NAME_in_redis``."""
    return {name: iso(written), f"{name}_in_redis": written}
