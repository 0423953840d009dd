"""Log lines that tell of which job they are: queue, class, id and worker, bound to the context in which a job runs.

>>> bind_jobs(resque)
>>> handler.addFilter(JobFilter())
>>> handler.setFormatter(logging.Formatter("%(queue)s %(job_id)s %(message)s", defaults=NO_JOB))

A worker's own lines (``got``, ``done``, ``failed``) bear the same fields, whether anything is bound or not.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from socket import gethostname
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.describe import class_name, job_id
from pyresque.job.middleware import of_kind
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from pyresque.application import Application
    from pyresque.job.job import Job
    from pyresque.job.middleware import AsyncCallNext, CallNext
    from pyresque.job.registry import Registry

__all__ = ["NO_JOB", "JobFilter", "bind_jobs", "job_fields"]

#: Every field, for ``logging.Formatter(defaults=...)``: what a line shows that belongs to no job, or to one without an id.
NO_JOB: Final[Mapping[str, str]] = {"queue": "-", "class": "-", "job_id": "-", "worker": "-"}

_fields: ContextVar[Mapping[str, str]] = ContextVar("fields of the job")


def bind_jobs(resque: Application, *, structlog: bool = False) -> None:
    """Bind the fields of each job that is performed here while it runs: ``queue``, ``class``, ``job_id`` and ``worker``.

    ``job_id`` is that of an active job, or the uuid of a tracked one; other jobs have none. ``worker`` is the id in Redis. With
    ``structlog`` they are bound to ``structlog.contextvars``, too. Call it before other middleware is added, so that those are inside.
    Called again it binds nothing twice.
    """
    known = of_kind(resque.registry.middleware, _Binding)
    if known is None:
        known = _Binding(resque.registry)
        resque.middleware(known)
    if structlog:
        from structlog.contextvars import bound_contextvars  # noqa: PLC0415 - for those who have it

        known.bound = bound_contextvars


def job_fields() -> dict[str, str]:
    """The fields of the job whose code calls this, printable; empty where no job runs. One without an id has no ``job_id``."""
    return dict(_fields.get({}))


class JobFilter(logging.Filter):
    """Gives log records the fields of their job as attributes, so that any formatter finds them. Drops none.

    Add it to handlers. No text has a line end or an escape sequence: queues and ids come from Redis. Of a worker's own line it gives what ``LOGFORMAT=json`` shows: ``event``, ``duration`` and so on. An attribute that
    a record has already stays, such as ``args``.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attributes."""
        own = getattr(record, "fields", None)
        attributes = vars(record)
        for name, value in {**job_fields(), **(own if isinstance(own, dict) else {})}.items():
            attributes.setdefault(name, printable(value) if isinstance(value, str) else value)
        return True


class _Binding:
    """The middleware, for threads and for event loops."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        #: Binds the fields once more: those of structlog, where asked for.
        self.bound: Callable[..., AbstractContextManager[Any]] = _nothing

    def __call__(self, call_next: CallNext, job: Job) -> None:
        with self.around(job):
            call_next(job)

    async def awaited(self, call_next: AsyncCallNext, job: Job) -> None:
        """Do the same in an event loop."""
        with self.around(job):
            await call_next(job)

    @contextmanager
    def around(self, job: Job) -> Iterator[None]:
        """Bind the fields of a job, and unbind them."""
        fields = _fields_of(job, self.registry)
        token = _fields.set(fields)
        try:
            with self.bound(**fields):
                yield
        finally:
            _fields.reset(token)


def _nothing(**_: str) -> AbstractContextManager[Any]:
    return nullcontext()


def _fields_of(job: Job, registry: Registry) -> dict[str, str]:
    found = {
        "queue": job.queue,
        "class": class_name(job.payload),
        "job_id": job_id(job, registry),
        "worker": _worker_here(registry),
    }
    return {name: printable(value) for name, value in found.items() if value}


def _worker_here(registry: Registry) -> str:
    """Return the id of the worker that this process, thread or task works for; empty if it is none's."""
    slots = sys.modules.get("pyresque.process.crew.slots")  # without it no workers share a process
    slot: str = "" if slots is None else slots.worker_here.get("")
    if slot or registry.worker is None:
        return slot
    pid, queues = registry.worker
    return f"{gethostname()}:{pid}:{','.join(one for one in queues if not one.startswith('!'))}"
