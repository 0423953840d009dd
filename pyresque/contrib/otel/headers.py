"""Where a payload holds the context of a trace: the places of Ruby's instrumentations.

opentelemetry-instrumentation-resque: members of the payload beside ``class`` and ``args``, such as ``traceparent``.
opentelemetry-instrumentation-active_job: the member ``__otel_headers`` of the job hash, a list of pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from pyresque.activejob.registry import job_hash
from pyresque.job.enqueue_middleware import OWN
from pyresque.job.job import Payload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.enqueue_middleware import OutgoingJob
    from pyresque.job.job import Job

#: The member of an active job's hash.
ACTIVE_JOB: Final = "__otel_headers"


def active_job_in(class_name: object, args: object) -> dict[str, Any] | None:
    """Return the hash of the active job that a job carries; None for any other job."""
    found = job_hash(Payload(class_name, list(args) if isinstance(args, tuple) else args))
    return cast("dict[str, Any] | None", found)


def read(job: Job) -> dict[str, str]:
    """Return the headers that a job came with: those of the active job if it has any, else the payload's own."""
    active = active_job_in(job.payload.class_name, job.payload.args)
    found = {} if active is None else _pairs(active.get(ACTIVE_JOB))
    return found or _texts(job.payload.extra)


def write(job: OutgoingJob, headers: Mapping[str, str]) -> None:
    """Put headers into a job that is about to be enqueued, at both places if it is an active job: a Ruby worker reads either."""
    active = active_job_in(job.class_name, job.args)
    if active is not None:
        active[ACTIVE_JOB] = [[name, value] for name, value in headers.items()]
    job.extra.update({name: value for name, value in headers.items() if name not in OWN})


def _pairs(found: object) -> dict[str, str]:
    pairs = found if isinstance(found, list) else []
    two = [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2]  # noqa: PLR2004 - a name and a value
    return _texts({pair[0]: pair[1] for pair in two if isinstance(pair[0], str)})


def _texts(found: Mapping[str, object]) -> dict[str, str]:
    """Return the members that are texts; a payload may hold anything."""
    return {name: value for name, value in found.items() if isinstance(value, str)}
