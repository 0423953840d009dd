"""What is said of a job in spans and metrics, by OpenTelemetry's messaging conventions."""

from __future__ import annotations

from traceback import format_exception
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Status, StatusCode

from pyresque.contrib.otel.headers import active_job_in
from pyresque.user_errors import class_name, clean, cut, exception_name, text_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

#: The two operations: a job is put into its queue; a job is performed.
SEND: Final = "send"
PROCESS: Final = "process"

SYSTEM: Final = "messaging.system"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
MESSAGE_ID: Final = "messaging.message.id"
BODY_SIZE: Final = "messaging.message.body.size"
ERROR_TYPE: Final = "error.type"
#: As Ruby's instrumentation names it.
JOB_CLASS: Final = "messaging.resque.job_class"

#: The most characters of an error's text in a span, and of its traceback.
MOST_TEXT, MOST_TRACEBACK = 4000, 20_000
#: The most characters of a name that a payload gives. One that is longer would make a whole batch too large for a collector.
MOST_NAME: Final = 255


def name_of(operation: str, queue: str | None) -> str:
    """Return the span's name: ``process reports``."""
    return f"{operation} {queue}" if queue else operation


def metric_attributes(operation: str, queue: str | None) -> dict[str, AttributeValue]:
    """Return what metrics are counted by: few values, whatever a payload holds."""
    found: dict[str, AttributeValue] = {SYSTEM: "resque", OPERATION: operation}
    if queue:
        found[DESTINATION] = queue
    return found


def span_attributes(
    operation: str, queue: str | None, class_name: object, args: object
) -> dict[str, AttributeValue]:
    """Return what a span says of a job. An active job's class and id are its own, not its wrapper's. Arguments are never there."""
    found = metric_attributes(operation, queue)
    found[OPERATION_TYPE] = operation
    active = active_job_in(class_name, args)
    shown, job_id = (
        (class_name, None) if active is None else (active["job_class"], active.get("job_id"))
    )
    if isinstance(shown, str):
        found[JOB_CLASS] = shown[:MOST_NAME]
    if isinstance(job_id, str):
        found[MESSAGE_ID] = job_id[:MOST_NAME]
    return found


def note_error(span: Span, error: BaseException) -> str:
    """Note on a span that its job failed; returns the error's type."""
    kind, text = clean(exception_name(error))[:MOST_NAME], text_of(error)[:MOST_TEXT]
    if span.is_recording():  # Span.record_exception keeps texts of any length, and raises what an error's own __str__ does
        span.add_event(
            "exception",
            {
                "exception.type": _python_name(type(error)),
                "exception.message": text,
                "exception.stacktrace": _traceback(error),
            },
        )
    span.set_attribute(ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR, text))
    return kind


def _python_name(kind: type[BaseException]) -> str:
    module = kind.__module__
    name = class_name(kind)
    return clean(name if module == "builtins" else f"{module}.{name}")[:MOST_NAME]


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(format_exception(type(error), error, error.__traceback__))
    except Exception as another:  # noqa: BLE001 - the error's own code
        return f"(its traceback cannot be had: {class_name(type(another))})"
    return cut(clean(text), MOST_TRACEBACK)
