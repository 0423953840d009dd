"""A failed record: written as Ruby writes it around the payload as it was found, read whatever shape it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError
from pyresque.job.embedding import is_clean_text, unwrap, wrap
from pyresque.job.job import Codec, Job, Payload
from pyresque.ruby import time as ruby_time
from pyresque.ruby.json import member
from pyresque.user_errors import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyresque.failure.report import ErrorReport


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed: how, at which worker, and when (an aware datetime in the zone records are written in)."""

    job: Job
    report: ErrorReport
    worker_id: str
    at: datetime
    #: The same in every backend that records it (Resque 3.1); None where the setting ``failure_ids`` is off.
    failure_id: str | None = None


def new_failure_id() -> str:
    """A UUID."""
    import uuid  # noqa: PLC0415 - for those who have them: each forked child pays for what is loaded

    return str(uuid.uuid4())


def no_failure_id() -> None:
    """None, as Ruby's ``generate_failure_ids = false`` has it."""


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One element of a failed list: its place there, its bytes, and what could be read of them (nothing: an empty mapping)."""

    index: int
    raw: bytes
    fields: Mapping[str, Any] = field(default_factory=dict)
    failure_queue: str = "failed"

    @property
    def readable(self) -> bool:
        """Whether the bytes were an object at all."""
        return bool(self.fields)

    @property
    def payload(self) -> Payload | None:
        """The job that failed; None where the record names none."""
        payload = self.fields.get("payload")
        return Payload.of(payload) if isinstance(payload, dict) else None

    @property
    def class_name(self) -> str:
        """The job's class name, or an empty text."""
        return self.payload.name if self.payload is not None else ""

    @property
    def queue(self) -> str | None:
        """The queue the job came from."""
        return self._text("queue")

    @property
    def exception(self) -> str | None:
        """The error's class name."""
        return self._text("exception")

    @property
    def error(self) -> str | None:
        """The error's text."""
        return self._text("error")

    @property
    def worker(self) -> str | None:
        """The worker's id."""
        return self._text("worker")

    @property
    def failure_id(self) -> str | None:
        """The failure's own id, which Resque 3.1 writes."""
        return self._text("failure_id")

    @property
    def failed_at(self) -> str | None:
        """When it failed, as written."""
        return self._text("failed_at")

    @property
    def retried_at(self) -> str | None:
        """When it was put back last, as written."""
        return self._text("retried_at")

    @property
    def backtrace(self) -> tuple[str, ...]:
        """The lines of the backtrace, innermost first."""
        lines = self.fields.get("backtrace")
        if isinstance(lines, str):
            return tuple(lines.splitlines())
        return tuple(str(line) for line in lines) if isinstance(lines, list) else ()

    def _text(self, key: str) -> str | None:
        value = self.fields.get(key)
        return None if value is None else str(value)


def write(codec: Codec, failure: Failure) -> bytes:
    """The record's bytes: Ruby's keys in Ruby's order, the payload as it was found."""
    report = failure.report
    return codec.embed(
        {"failed_at": ruby_time.failed_at(failure.at)},
        "payload",
        kept_payload(codec, failure.job),
        {
            "exception": clean(report.exception),
            "error": clean(report.error),
            "backtrace": [clean(line) for line in report.backtrace],
            "worker": clean(failure.worker_id),
            "queue": clean(failure.job.queue),
            **({} if failure.failure_id is None else {"failure_id": failure.failure_id}),
        },
    )


def kept_payload(codec: Codec, job: Job) -> bytes:
    """A job's bytes, as they may stand in a record.

    What readers of records could not bear (no object, no JSON, no UTF-8, a hundred levels deep) is wrapped in an object of Resque's form whose
    ``raw`` is the payload's text, or ``raw_base64`` its bytes.
    """
    bearable = job.fault is None or _is_text(codec, job.raw)
    if bearable and is_clean_text(codec, job.raw):
        return job.raw
    return wrap(codec, job.raw, clean(job.class_name) or None)


def payload_of(codec: Codec, record: FailedRecord) -> bytes | None:
    """The payload a record keeps, byte for byte; None where it keeps none that could be a job."""
    payload = record.fields.get("payload")
    if not isinstance(payload, (dict, str)):
        return None
    odd = unwrap(payload)
    if odd is not None:
        return odd
    found = member(record.raw, "payload") if codec.name == "json" else None
    return codec.encode(payload) if found is None else found


def no_job(record: FailedRecord, payload: bytes | None) -> str:
    """Why a record cannot be put back that has no payload, or no queue."""
    missing = "payload" if payload is None else "queue"
    return f"the record at {record.index} of {record.failure_queue!r} names no {missing}, so it cannot be put back"


def marked(codec: Codec, record: FailedRecord, retried_at: str) -> bytes:
    """The record's bytes with ``retried_at`` set; everything else stays as it was found."""
    body = record.raw.rstrip()
    if codec.name == "json" and "retried_at" not in record.fields and body.endswith(b"}"):
        return body[:-1] + b',"retried_at":' + codec.encode(retried_at) + b"}"
    return codec.encode({**record.fields, "retried_at": retried_at})


def read(codec: Codec, raw: bytes, index: int, failure_queue: str = "failed") -> FailedRecord:
    """A record out of its bytes, whatever they are."""
    try:
        fields = codec.decode(raw)
    except DecodeError:
        fields = None
    return FailedRecord(index, raw, fields if isinstance(fields, dict) else {}, failure_queue)


def is_same(codec: Codec, raw: bytes, record: FailedRecord) -> bool:
    """Whether bytes are that record, but for the mark that a requeue leaves."""
    at = record.failed_at
    if at is None or (codec.name == "json" and codec.encode(at) not in raw):
        return False  # most records need not be read
    return _unmarked(read(codec, raw, 0)) == _unmarked(record)


def _unmarked(record: FailedRecord) -> dict[str, Any]:
    return {key: value for key, value in record.fields.items() if key != "retried_at"}


def _is_text(codec: Codec, raw: bytes) -> bool:
    """A payload that is a lone text: Ruby records it as it is, and Ruby's readers bear it."""
    try:
        return isinstance(codec.decode(raw), str)
    except DecodeError:
        return False
