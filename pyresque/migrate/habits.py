"""Who wrote a payload, by its habits: Ruby's Resque writes class and args alone; other clients write more, or other names.

pyres names a class ``module.Class``, and adds ``enqueue_timestamp``, ``first_attempt``, and ``queue`` if it enqueues by a name.
node-resque adds ``queue``; php-resque ``id``, ``prefix`` and ``queue_time``, and its ``args`` may hold a map; jesque adds ``vars``.
resque-scheduler adds ``queue``, too, but only while the job is delayed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyresque.activejob.registry import job_hash
from pyresque.errors import DecodeError
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.job.job import Payload

ACTIVE_JOB: Final = "ActiveJob"
RESQUE: Final = "Resque"
PYRES: Final = "pyres"
NODE: Final = "node-resque"
PHP: Final = "php-resque"
JESQUE: Final = "jesque"

#: A name as pyres writes it: a module, dots, and the class.
_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")

#: Extra keys by which a client is known.
_PYRES_KEYS: Final = frozenset({"enqueue_timestamp", "first_attempt"})
_PHP_KEYS: Final = frozenset({"id", "prefix", "queue_time"})
_JESQUE_KEYS: Final = frozenset({"vars"})

#: Keys that tracing writes, in a payload, in a job hash of ActiveJob, or in a trailing hash of arguments.
TRACE_KEYS: Final = frozenset(
    {
        *("traceparent", "tracestate", "baggage", "__otel_headers", "b3", "uber-trace-id"),
        *("_sentry", "_sentry_trace", "sentry-trace", "trace_propagation_headers"),
        *("dd", "_datadog", "x-datadog-trace-id", "x-datadog-parent-id"),
        *("newrelic", "_newrelic", "NewRelicTransaction", "X-Amzn-Trace-Id"),
    }
)

#: Keys of a job hash that Rails itself writes.
RAILS_KEYS: Final = frozenset(
    {
        *("job_class", "job_id", "provider_job_id", "queue_name", "priority", "arguments"),
        *("executions", "exception_executions", "locale", "timezone", "enqueued_at"),
        *("scheduled_at", "continuation", "resumptions"),
    }
)

#: Extra keys that hold the time at which the job was enqueued.
_TIMES: Final = ("enqueued_at", "enqueue_timestamp", "queue_time", "created_at")


def is_dotted(class_name: str) -> bool:
    """Whether a class's name is one of Python's, as pyres writes it: ``module.Class``."""
    return _DOTTED.fullmatch(class_name) is not None


def writer_of(payload: Payload, *, delayed: bool = False) -> str:
    """Return which client wrote a payload. ``delayed``: it is a delayed one, which has a ``queue`` in every language."""
    if job_hash(payload) is not None:
        return ACTIVE_JOB
    extra = payload.extra
    if is_dotted(payload.name) or not _PYRES_KEYS.isdisjoint(extra):
        return PYRES
    if not _PHP_KEYS.isdisjoint(extra) or isinstance(payload.args, dict):
        return PHP
    if not _JESQUE_KEYS.isdisjoint(extra):
        return JESQUE
    return NODE if "queue" in extra and not delayed else RESQUE


def extra_keys(payload: Payload, *, delayed: bool = False) -> Iterator[str]:
    """Yield the keys of a payload beside class and args, and those of a job hash that Rails does not write, without trace keys."""
    for key in payload.extra:
        if key not in TRACE_KEYS and not (delayed and key == "queue"):
            yield key
    for key in job_hash(payload) or ():
        if key not in RAILS_KEYS and key not in TRACE_KEYS:
            yield f"job hash: {key}"


def trace_keys(payload: Payload) -> set[str]:
    """Return the trace keys of a payload, of its job hash, and of a trailing hash of arguments."""
    found = {key for key in payload.extra if key in TRACE_KEYS}
    found.update(key for key in job_hash(payload) or () if key in TRACE_KEYS)
    last = payload.args[-1] if isinstance(payload.args, list) and payload.args else None
    if isinstance(last, dict):
        found.update(key for key in last if key in TRACE_KEYS)
    return found


def enqueued_at(payload: Payload) -> float | None:
    """Return when a job was enqueued, in seconds since 1970; None if its payload does not say so."""
    found = job_hash(payload)
    for holder in (found, payload.extra):
        for name in _TIMES if holder else ():
            seconds = time_of((holder or {}).get(name))
            if seconds is not None:
                return seconds
    return None


def time_of(written: object) -> float | None:
    """Return a time that a client wrote as seconds since 1970; None for what is none."""
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        return None
    try:
        return parse_time(written[:100] if isinstance(written, str) else written).timestamp()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None
