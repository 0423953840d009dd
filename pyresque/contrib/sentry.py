"""Sentry: a transaction for each job, its errors, and the traces that Rails began. The extra is ``sentry``.

>>> import sentry_sdk
>>> from pyresque.contrib.sentry import ResqueIntegration
>>> sentry_sdk.init(dsn, integrations=[ResqueIntegration(resque)])

An active job's hash has the member ``_sentry`` where Rails runs sentry-rails without sentry-resque: ``trace_propagation_headers``
(``sentry-trace``, ``baggage``) and, where Rails sends personal data, ``user``.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyresque.activejob.registry import job_hash
from pyresque.errors import DecodeError, DirtyExit, JobTimeout, MissingPackage
from pyresque.executor.fork.child_flush import ChildFlush
from pyresque.job.enqueue_middleware import ENQUEUED_AT
from pyresque.job.job import Payload
from pyresque.ruby.time import parse_time
from pyresque.user_errors import as_raised, is_retried

try:
    import sentry_sdk
    from sentry_sdk.integrations import Integration
    from sentry_sdk.integrations.logging import ignore_logger
    from sentry_sdk.scope import should_send_default_pii
    from sentry_sdk.utils import event_from_exception
except ModuleNotFoundError as error:
    raise MissingPackage("the integration for Sentry", "sentry", error) from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentry_sdk._types import Event, Hint
    from sentry_sdk.scope import Scope
    from sentry_sdk.tracing import Span

    from pyresque.application import Application
    from pyresque.job.enqueue_middleware import EnqueueNext, OutgoingJob
    from pyresque.job.job import Job
    from pyresque.job.middleware import CallNext

__all__ = ["ResqueIntegration"]

#: The member of an active job's hash; with ``write``, of any other payload, too.
MEMBER: Final = "_sentry"

#: Its members, and what of a user it may hold, as in sentry-rails.
HEADERS, USER, OF_USER = "trace_propagation_headers", "user", ("id", "email", "username")

ORIGIN: Final = "auto.queue.resque"

#: Seconds in which a child must have sent its events, and a worker that of a death.
FLUSH: Final = 1.0

#: Errors whose events belong together by job class alone: their texts differ, and the place where time runs out is chance.
GROUPED: Final = (JobTimeout, DirtyExit)


class ResqueIntegration(Integration):
    """Sentry's integration for a Resque. Make it before other middleware is added, so that the errors of that are seen, too.

    An error is reported once no retry is left. ``write``: jobs that are enqueued bear ``_sentry``, so that whoever performs them goes
    on with the trace; by default payloads stay as they are.
    """

    identifier = "resque"
    origin: ClassVar[str] = ORIGIN

    def __init__(self, resque: Application, *, write: bool = False) -> None:
        self.write = write
        if any(layer.middleware is _perform for layer in resque.registry.middleware):
            return  # ``sentry_sdk.init`` was called before, or for another face of the same jobs
        resque.middleware(_perform)
        resque.enqueue_middleware(_enqueue)
        resque.job_lost(_report_death)
        resque.child_exit(ChildFlush(_flush))

    @staticmethod
    def setup_once() -> None:
        """Make no events of the log: the worker writes a line for each job that fails."""
        ignore_logger("pyresque")


def _flush() -> None:
    sentry_sdk.get_client().flush(timeout=FLUSH)


def _allows(data: str) -> bool:
    """Whether the options let such data be sent: by ``data_collection``, else by ``send_default_pii``."""
    collected = sentry_sdk.get_client().options.get("data_collection")
    if isinstance(collected, dict) and collected.get("provided_by_user"):
        return bool(collected.get(data))
    return bool(should_send_default_pii())


def _integration() -> ResqueIntegration | None:
    return sentry_sdk.get_client().get_integration(ResqueIntegration)


# -- a job that is performed


def _perform(call_next: CallNext, job: Job) -> None:
    """Middleware: perform a job inside a transaction of its own."""
    if _integration() is None:
        call_next(job)
        return
    seen = _Seen(job)
    with sentry_sdk.isolation_scope() as scope:
        seen.describe(scope)
        transaction = sentry_sdk.continue_trace(
            seen.headers, op="queue.task.resque", name=seen.name, source="task", origin=ORIGIN
        )
        with (
            sentry_sdk.start_transaction(transaction, custom_sampling_context={"resque_job": job}),
            sentry_sdk.start_span(op="queue.process", name=seen.name, origin=ORIGIN) as span,
        ):
            seen.measure(span)
            try:
                call_next(job)
            except BaseException as error:
                if not is_retried(error):
                    _capture(as_raised(error))
                raise


def _report_death(job: Job, error: BaseException) -> None:
    """Report a job whose process died, in the process that found that."""
    if _integration() is None or is_retried(error):
        return
    seen = _Seen(job)
    with sentry_sdk.isolation_scope() as scope:
        seen.describe(scope)
        sentry_sdk.continue_trace(seen.headers)
        _capture(error)
    _flush()  # a child that is forked before it is sent would send it, too


def _capture(error: BaseException) -> None:
    event, hint = event_from_exception(
        error,
        client_options=sentry_sdk.get_client().options,
        mechanism={"type": "resque", "handled": False},
    )
    sentry_sdk.capture_event(event, hint=hint)


class _Seen:
    """What Sentry is told of a job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.active = _active_job(job.payload.class_name, job.payload.args)
        self.name = job.class_name if self.active is None else str(self.active["job_class"])
        carried = (self.active or job.payload.extra).get(MEMBER)
        self._carried: Mapping[str, Any] = carried if isinstance(carried, dict) else {}
        self.headers = _texts(self._carried.get(HEADERS))

    def describe(self, scope: Scope) -> None:
        """Tell a new scope of the job."""
        scope.clear_breadcrumbs()
        scope.set_tag("resque.queue", self.job.queue)
        scope.set_context("Resque" if self.active is None else "Active-Job", self._context())
        found = self._carried.get(USER)
        user = found if isinstance(found, dict) else {}
        if any(name in user for name in OF_USER):
            scope.set_user({name: user[name] for name in OF_USER if name in user})
        scope.add_event_processor(self._processed)

    def _context(self) -> dict[str, Any]:
        found: dict[str, Any] = {"job_class": self.name, "queue": self.job.queue}
        if self.active is not None:
            kept = ("job_id", "executions", "exception_executions", "locale", ENQUEUED_AT)
            found.update({name: self.active.get(name) for name in kept})
        if _allows("queues"):
            args = self.job.payload.args if self.active is None else self.active.get("arguments")
            found["arguments"] = args
        return found

    def measure(self, span: Span) -> None:
        """Tell a span of the message that the job is, by Sentry's names."""
        span.set_data("messaging.system", "resque")
        span.set_data("messaging.destination.name", self.job.queue)
        span.set_data("messaging.message.body.size", len(self.job.raw))
        if self.active is not None:
            span.set_data("messaging.message.id", self.active.get("job_id"))
            executions = self.active.get("executions")
            if isinstance(executions, int):
                span.set_data("messaging.message.retry.count", executions)
        latency = self._latency()
        if latency is not None:
            span.set_data("messaging.message.receive.latency", latency)

    def _latency(self) -> float | None:
        """Milliseconds since the job was enqueued, if it tells."""
        told = (self.active or self.job.payload.extra).get(ENQUEUED_AT)
        if not isinstance(told, str):
            return None
        try:
            return round(1000 * max(0.0, time() - parse_time(told, None).timestamp()))
        except (DecodeError, ValueError, OverflowError):
            return None

    def _processed(self, event: Event, hint: Hint) -> Event:
        """Group an event, and take the arguments out that pyresque's own frames show."""
        raised = (hint or {}).get("exc_info")
        if raised is not None and issubclass(raised[0], GROUPED):
            event["fingerprint"] = ["resque", raised[0].__name__, self.name]
        if not _allows("queues"):
            for frame in _frames(event):
                if str(frame.get("module", "")).startswith("pyresque."):
                    frame.pop("vars", None)
        return event


def _frames(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = (event.get("exception") or {}).get("values") or []
    traces = [one.get("stacktrace") or {} for one in found]
    return [frame for trace in traces for frame in trace.get("frames") or []]


# -- a job that is enqueued


def _enqueue(call_next: EnqueueNext, job: OutgoingJob) -> None:
    """Enqueue middleware: a span inside the transaction that is under way; ``_sentry`` where it is asked for."""
    integration = _integration()
    if integration is None:
        call_next(job)
        return
    active = _active_job(job.class_name, job.args)
    if sentry_sdk.get_current_span() is None:
        _write(integration, job, active)
        call_next(job)
        return
    name = job.class_name if active is None else str(active["job_class"])
    with sentry_sdk.start_span(op="queue.publish", name=name, origin=ORIGIN) as span:
        span.set_data("messaging.system", "resque")
        if job.queue:
            span.set_data("messaging.destination.name", job.queue)
        if active is not None:
            span.set_data("messaging.message.id", active.get("job_id"))
        _write(integration, job, active)
        call_next(job)


def _write(integration: ResqueIntegration, job: OutgoingJob, active: dict[str, Any] | None) -> None:
    if not integration.write:
        return
    written: dict[str, Any] = {}
    scope = sentry_sdk.get_current_scope()
    headers = dict(scope.iter_trace_propagation_headers())
    if headers:
        written[HEADERS] = headers
    if _allows("user_info"):
        user = sentry_sdk.get_isolation_scope()._user or {}  # noqa: SLF001 - Sentry has no verb that reads it
        kept = {name: user[name] for name in OF_USER if name in user}
        if kept:
            written[USER] = kept
    if written:
        (job.extra if active is None else active)[MEMBER] = written


def _active_job(class_name: object, args: Sequence[Any] | object) -> dict[str, Any] | None:
    found = job_hash(Payload(class_name, list(args) if isinstance(args, tuple) else args))
    return found if isinstance(found, dict) else None


def _texts(found: object) -> dict[str, str]:
    pairs = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}
