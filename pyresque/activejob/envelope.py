"""Envelope: the job hash that Rails puts into a Resque payload, and the hash of the job's next try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

from pyresque.activejob import ruby_messages, times
from pyresque.activejob.versions import LATEST, Rails
from pyresque.errors import EnvelopeError, EnvelopeMethodError, EnvelopeTypeError
from pyresque.job.job import Payload

_FIELDS = (
    "job_class",
    "job_id",
    "provider_job_id",
    "queue_name",
    "priority",
    "arguments",
    "executions",
    "exception_executions",
    "locale",
    "timezone",
    "enqueued_at",
    "scheduled_at",
    "continuation",
    "resumptions",
)
_KNOWN = frozenset(_FIELDS)
_NOTHING: Mapping[str, object] = MappingProxyType({})


def unwrap(args: object) -> object:
    """Return the job hash in a wrapper's args. Raises EnvelopeError (Ruby's ArgumentError) unless it is the only argument."""
    given = Payload(None, args).positional()
    if len(given) != 1:
        raise EnvelopeError(f"wrong number of arguments (given {len(given)}, expected 1)")
    return given[0]


def job_class_of(found: object, version: Rails = LATEST) -> str:
    """Return the Ruby class that a job hash names. Raises EnvelopeError, or a subclass, in Ruby's words if it names none."""
    if not isinstance(found, Mapping):
        if found is None:
            raise EnvelopeMethodError(ruby_messages.no_method("[]", found))
        raise EnvelopeTypeError(f"a job hash is needed, found {ruby_messages.class_name(found)}")
    job_class = found.get("job_class")
    if not isinstance(job_class, str):
        constantize = "safe_constantize" if version >= Rails.V8_1 else "constantize"
        raise EnvelopeMethodError(ruby_messages.no_method(constantize, job_class))
    return job_class


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One ActiveJob's job hash, its fields in Rails' order.

    ``arguments`` is the serialized list, as it was found or as ``arguments.serialize`` made it. ``extra`` holds fields that
    pyresque does not know, such as those of a Ruby class's own ``serialize``; they are written last. ``version`` is the Rails
    version whose form is written; it is not a field of the hash.
    """

    job_class: str
    job_id: str | None
    provider_job_id: object = None
    queue_name: str | None
    priority: object = None
    arguments: object
    executions: int = 0
    #: Tries by the key of each ``retry_on``; None, as older Rails leaves it: then ``executions`` counts.
    exception_executions: Mapping[str, object] | None = field(default_factory=dict)
    locale: str = "en"
    #: A Rails or IANA zone name (see ``times.find_zone``), or None if the application has none.
    timezone: str | None = "UTC"
    enqueued_at: object = None
    scheduled_at: str | None = None
    #: The state of a continuable job (Rails 8.1), None for any other.
    continuation: Mapping[str, object] | None = None
    resumptions: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    version: Rails = LATEST

    @classmethod
    def create(
        cls,
        job_class: str,
        arguments: list[object],
        *,
        job_id: str,
        queue_name: str,
        now: datetime,
        priority: int | None = None,
        at: datetime | None = None,
        locale: str = "en",
        timezone: str | None = "UTC",
        continuable: bool = False,
        extra: Mapping[str, object] = _NOTHING,
        version: Rails = LATEST,
    ) -> Envelope:
        """Return a new job, enqueued ``now`` and to be run ``at`` (None: at once)."""
        return cls(
            job_class=job_class,
            job_id=job_id,
            queue_name=queue_name,
            priority=priority,
            arguments=arguments,
            locale=locale,
            timezone=timezone,
            enqueued_at=_enqueued(now, version),
            scheduled_at=times.utc_text(at) if at else None,
            continuation={"completed": []} if continuable else None,
            resumptions=0 if continuable else None,
            extra=extra,
            version=version,
        )

    @classmethod
    def from_payload(
        cls,
        found: object,
        *,
        locale: str = "en",
        timezone: str | None = "UTC",
        version: Rails = LATEST,
        started: bool = False,
    ) -> Envelope:
        """Read a job hash as that Rails version does; only ``job_class`` must be there.

        ``locale`` and ``timezone`` are the worker's own, for jobs without. ``started``: read it as the method ``started`` returns
        it. Raises EnvelopeError, or a subclass, in Ruby's
        words.
        """
        job_class = job_class_of(found, version)
        assert isinstance(found, Mapping)  # noqa: S101 - job_class_of has checked it
        enqueued_at, scheduled_at = found.get("enqueued_at"), None
        if version >= Rails.V7_1:
            enqueued_at, scheduled_at = _checked(enqueued_at), _checked(found.get("scheduled_at"))
        counts, continuation = found.get("exception_executions"), found.get("continuation")
        executions = _count(found.get("executions"))
        resumptions = _count(found["resumptions"]) if "resumptions" in found else None
        return cls(
            job_class=job_class,
            job_id=_text(found.get("job_id")),
            provider_job_id=found.get("provider_job_id"),
            queue_name=_text(found.get("queue_name")),
            priority=found.get("priority"),
            arguments=found.get("arguments"),
            executions=executions + 1 if started else executions,
            exception_executions=counts if isinstance(counts, Mapping) else None,
            locale=_text(found.get("locale")) or locale,
            timezone=_text(found.get("timezone")) or timezone,
            enqueued_at=enqueued_at,
            scheduled_at=scheduled_at,
            continuation=continuation if isinstance(continuation, Mapping) else None,
            resumptions=_resumed(continuation, resumptions) if started else resumptions,
            extra={}
            if _KNOWN.issuperset(found)
            else {key: value for key, value in found.items() if key not in _KNOWN},
            version=version,
        )

    @property
    def run_at(self) -> datetime | None:
        """When the job is to run; None: at once."""
        return times.read(self.scheduled_at, timezone.utc) if self.scheduled_at else None

    def to_json(self) -> dict[str, object]:
        """Return the job hash, ready for JSON, its keys in Rails' order."""
        written = {name: getattr(self, name) for name in _FIELDS}
        written["arguments"] = [] if self.arguments is None else self.arguments
        if self.version < Rails.V7_1:
            del written["scheduled_at"]
        for name in ("continuation", "resumptions"):
            if written[name] is None:
                del written[name]
        return {**written, **self.extra}

    def started(self) -> Envelope:
        """Return this job as it is while it runs: one execution more, and one resumption more if it has completed steps."""
        resumptions = _resumed(self.continuation, self.resumptions)
        return replace(self, executions=self.executions + 1, resumptions=resumptions)

    def counted(self, key: str) -> tuple[Envelope, int]:
        """Return this job with one more failure under a ``retry_on`` key, and the count; see ``RetryOn.key``."""
        if self.exception_executions is None:
            return self, self.executions
        count = _count(self.exception_executions.get(key)) + 1
        return replace(self, exception_executions={**self.exception_executions, key: count}), count

    def retried(
        self,
        *,
        now: datetime,
        wait: float | timedelta | None = None,
        queue: str | None = None,
        priority: int | None = None,
        arguments: list[object] | None = None,
        worker_locale: str | None = None,
        keep_unknown: bool = True,
    ) -> Envelope:
        """Return the job to enqueue again, from one that was ``started`` (and ``counted``).

        ``arguments`` are those that were found unless given. Rails up to 7.1 writes ``worker_locale``, if given. Rails drops
        the fields that it does not know, and so does ``keep_unknown=False``. Without a wait the job goes to its queue at once.
        """
        run_at = self.run_at if wait is None else times.later(now, _seconds(wait))
        locale = worker_locale if worker_locale and self.version < Rails.V7_2 else self.locale
        return replace(
            self,
            queue_name=queue or self.queue_name,
            priority=self.priority if priority is None else priority,
            arguments=self.arguments if arguments is None else arguments,
            locale=locale,
            enqueued_at=_enqueued(now, self.version),
            scheduled_at=times.utc_text(run_at) if run_at else None,
            extra=self.extra if keep_unknown else _NOTHING,
        )


def _resumed(continuation: object, resumptions: int | None) -> int | None:
    """Return the resumptions of a job that begins: one more if it has completed steps."""
    steps = continuation if isinstance(continuation, Mapping) else _NOTHING
    resumed = steps.get("completed") or steps.get("current")
    return (resumptions or 0) + 1 if resumed else resumptions


def _enqueued(now: datetime, version: Rails) -> str:
    return times.utc_text(now, 9 if version >= Rails.V7_1 else 0)


def _seconds(wait: float | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else wait


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _checked(value: object) -> str | None:
    if value is None or value is False:
        return None
    try:
        times.check(value) if isinstance(value, str) else times.read(value, timezone.utc)
    except TypeError as error:
        raise EnvelopeTypeError(str(error)) from error
    except ValueError as error:
        raise EnvelopeError(str(error)) from error
    return str(value)


def _count(value: object) -> int:
    """Read a count that may be missing. Raises EnvelopeTypeError for what Ruby could not add to."""
    if value is None or value is False:
        return 0
    if isinstance(value, str | list):
        raise EnvelopeTypeError(ruby_messages.no_conversion(1, ruby_messages.class_name(value)))
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise EnvelopeMethodError(ruby_messages.no_method("+", value))
    return int(value)
