"""Tracing: middleware that makes a span of each enqueue and of each job, and reads and writes the context of their trace."""

from __future__ import annotations

import logging
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry import context as contexts, metrics, propagate, trace
from opentelemetry.trace import INVALID_SPAN, Link, SpanKind, set_span_in_context

from pyresque import __version__
from pyresque.contrib.otel import headers
from pyresque.contrib.otel.described import (
    BODY_SIZE,
    PROCESS,
    SEND,
    name_of,
    note_error,
    span_attributes,
)
from pyresque.contrib.otel.instruments import Instruments
from pyresque.errors import JobOptionError
from pyresque.executor.fork.child_flush import ChildFlush
from pyresque.job.middleware import of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

    from pyresque.application import Application
    from pyresque.job.enqueue_middleware import EnqueueNext, OutgoingJob
    from pyresque.job.job import Job
    from pyresque.job.middleware import CallNext

    Propagation = Literal["link", "child", "none"]

log = logging.getLogger("pyresque")

#: How a job's span can be joined to that of its enqueue, by Ruby's names.
PROPAGATIONS: Final = ("link", "child", "none")

#: The name by which spans and metrics tell who made them.
SCOPE: Final = "pyresque"


class Tracing:
    """Traces what a Resque enqueues and performs. Add it before other middleware, so that their time is in the spans.

    ``write``: payloads get the context of their enqueue, where Ruby's instrumentations write it; by default their bytes stay as
    they are. ``propagation``: the span of a job is "link"ed to that of its enqueue, its "child", or "none" of these. ``tracer_provider``, ``meter_provider``:
    those of the process unless given.
    Made again for the same jobs, the last one counts. Raises JobOptionError.

    >>> Tracing(resque, write=True)
    """

    def __init__(
        self,
        resque: Application,
        *,
        write: bool = False,
        propagation: Propagation = "link",
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        if propagation not in PROPAGATIONS:
            raise JobOptionError(
                f"propagation={propagation!r} is unknown: give 'link', 'child' or 'none'"
            )
        self.write = write
        self.propagation = propagation
        self._hooks = resque.hooks
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider
        self._tracer: Tracer = trace.get_tracer(SCOPE, __version__, tracer_provider)
        self._instruments = Instruments(metrics.get_meter(SCOPE, __version__, meter_provider))
        attached = of_kind(resque.registry.middleware, _Attached) or _Attached(resque)
        attached.perform, attached.enqueue = self._perform, self._enqueue
        attached.lost, attached.flush = self._lost, self._flush

    # -- the middleware

    def _enqueue(self, call_next: EnqueueNext, job: OutgoingJob) -> None:
        """Make a span of an enqueue."""
        kind = SpanKind.PRODUCER if self.write else SpanKind.CLIENT
        attributes = span_attributes(SEND, job.queue, job.class_name, job.args)
        span = self._tracer.start_span(name_of(SEND, job.queue), kind=kind, attributes=attributes)
        token = contexts.attach(set_span_in_context(span))
        started, error, sent = perf_counter(), None, False
        try:
            if self.write:
                written: dict[str, str] = {}
                propagate.inject(written)
                headers.write(job, written)
            sent = call_next(job)
        except BaseException as raised:
            error = note_error(span, raised)
            raise
        finally:
            contexts.detach(token)
            span.end()
            self._instruments.sent(job.queue, perf_counter() - started, error, sent=sent)

    def _perform(self, call_next: CallNext, job: Job) -> None:
        """Make a span of a job."""
        span, context = self._begin(job)
        token = contexts.attach(set_span_in_context(span, context))
        started, error = perf_counter(), None
        try:
            call_next(job)
        except BaseException as raised:
            error = note_error(span, raised)
            raise
        finally:
            contexts.detach(token)
            span.end()
            self._instruments.processed(job.queue, perf_counter() - started, error)

    def _lost(self, job: Job, error: BaseException) -> None:
        """Make a span, without a duration, of a job whose process died and took its own span along.

        It is counted, too, unless this worker forks by itself: its next child would copy what is not exported yet, and export it again.
        """
        span, _ = self._begin(job)
        kind = note_error(span, error)
        span.end()
        if not self._hooks.any("before_fork"):
            self._instruments.processed(job.queue, None, kind)

    def _begin(self, job: Job) -> tuple[Span, Context]:
        """Return the span of a job, and the context that it came with."""
        context = propagate.extract(headers.read(job))
        sender = trace.get_current_span(context).get_span_context()
        links = [Link(sender)] if self.propagation == "link" and sender.is_valid else []
        attributes = span_attributes(PROCESS, job.queue, job.payload.class_name, job.payload.args)
        attributes[BODY_SIZE] = len(job.raw)
        parent = (
            context if self.propagation == "child" else set_span_in_context(INVALID_SPAN, context)
        )
        span = self._tracer.start_span(
            *(name_of(PROCESS, job.queue), parent, SpanKind.CONSUMER, attributes, links)
        )
        return span, context

    # -- the end of a child

    def _flush(self) -> None:
        """Export what this process still holds: spans, metrics and logs of the providers in use."""
        providers: list[Any] = [
            self._tracer_provider or trace.get_tracer_provider(),
            self._meter_provider or metrics.get_meter_provider(),
        ]
        logs = sys.modules.get("opentelemetry._logs")
        if logs is not None:
            providers.append(logs.get_logger_provider())
        for provider in providers:
            force_flush = getattr(provider, "force_flush", None)  # the SDK's own, not the API's
            if force_flush is not None:
                try:
                    force_flush()
                except Exception:
                    log.exception("%r could not export", provider)


class _Attached:
    """What a Resque and its other faces call: the methods of the Tracing that was made last for their jobs."""

    perform: Callable[[CallNext, Job], None]
    enqueue: Callable[[EnqueueNext, OutgoingJob], None]
    lost: Callable[[Job, BaseException], None]
    flush: Callable[[], None]

    def __init__(self, resque: Application) -> None:
        resque.middleware(self)
        resque.enqueue_middleware(lambda call_next, job: self.enqueue(call_next, job))  # noqa: PLW0108 - whichever it is then
        resque.job_lost(lambda job, error: self.lost(job, error))  # noqa: PLW0108 - whichever it is then
        resque.child_exit(ChildFlush(lambda: self.flush()))  # noqa: PLW0108 - whichever it is then

    def __call__(self, call_next: CallNext, job: Job) -> None:
        self.perform(call_next, job)
