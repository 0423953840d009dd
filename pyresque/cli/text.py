"""Jobs and workers as commands print them: an ActiveJob as a readable call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.activejob import describe
from pyresque.activejob.registry import job_hash
from pyresque.cli.output import compact, safe_text, short
from pyresque.failed_filter import contains
from pyresque.job.job import read_job
from pyresque.job_text import class_of
from pyresque.store.worker_rows import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyresque.client import Resque
    from pyresque.job.job import Codec, Job
    from pyresque.job.worker_registry import WorkerInfo

#: Workers that are read at a time.
WORKERS = 5000


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


def having(text: str, codec: Codec, queue: str) -> Callable[[bytes], bool]:
    """Return a test of payloads: whether a text stands in class, arguments or what else they hold, in any case."""

    def takes(raw: bytes) -> bool:
        def decoded() -> object:
            payload = read_job(codec, queue, raw).payload
            return [payload.class_name, class_of(payload), payload.args, dict(payload.extra)]

        return contains(text, raw, decoded)

    return takes


def job_line(job: Job, width: int | None = None) -> str:
    """Return a job on one line: class and arguments, an ActiveJob as a call. ``width`` cuts the arguments."""
    call = describe.active_call(job.payload)
    if call is not None:
        return call
    args = compact(list(job.args)) if job.fault is None else str(job.fault)
    return f"{class_of(job.payload)} {args if width is None else short(args, width)}"


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
