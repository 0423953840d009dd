"""Failed records: write them as Ruby does around the payload's bytes, and read them whatever their shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError
from pyresque.job.embedding import is_clean_text, unwrap, wrap
from pyresque.job.job import Codec, Job, Payload
from pyresque.lightweight import dataclass, field
from pyresque.ruby import time as ruby_time
from pyresque.ruby.json import member
from pyresque.user_errors import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pyresque.failure.report import ErrorReport


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed job: its error, its worker, and when (an aware datetime in the zone that records are written in)."""

    job: Job
    report: ErrorReport
    worker_id: str
    at: datetime
    #: Every backend that records the failure writes this id (Resque 3.1); None if the setting ``failure_ids`` is off.
    failure_id: str | None = None


def new_failure_id() -> str:
    """Return a new UUID as text."""
    import uuid  # noqa: PLC0415 - heavy, and off by default

    return str(uuid.uuid4())


def no_failure_id() -> None:
    """Return None: records have no id, as with Ruby's ``generate_failure_ids = false``."""


class Fields(Mapping[str, Any]):
    """The object that a record's bytes decode to, decoded when it is first asked for; empty if it cannot be decoded.

    A filter passes over most records of a long list by their bytes alone.
    """

    __slots__ = ("_codec", "_found", "_raw")

    def __init__(self, codec: Codec, raw: bytes) -> None:
        self._codec = codec
        self._raw = raw
        self._found: dict[str, Any] | None = None

    @property
    def decoded(self) -> dict[str, Any]:
        """The decoded object."""
        found = self._found
        if found is None:
            try:
                value = self._codec.decode(self._raw)
            except DecodeError:
                value = None
            self._found = found = value if isinstance(value, dict) else {}
        return found

    def __getitem__(self, key: str) -> Any:
        return self.decoded[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; quicker than what a Mapping has."""
        return self.decoded.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.decoded)

    def __len__(self) -> int:
        return len(self.decoded)

    def __repr__(self) -> str:
        """Return the decoded object's own."""
        return repr(self.decoded)


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One element of a failed list: its index, its bytes, and the decoded object (empty if it could not be decoded)."""

    index: int
    raw: bytes
    fields: Mapping[str, Any] = field(default_factory=dict)
    failure_queue: str = "failed"

    @property
    def readable(self) -> bool:
        """Whether the bytes could be decoded to an object."""
        return bool(self.fields)

    @property
    def payload(self) -> Payload | None:
        """The payload of the failed job; None if the record has none."""
        payload = self.fields.get("payload")
        return Payload.of(payload) if isinstance(payload, dict) else None

    @property
    def class_name(self) -> str:
        """The job's class name, or an empty text."""
        return self.payload.name if self.payload is not None else ""

    @property
    def queue(self) -> str | None:
        """The queue of the failed job, or None."""
        return self._text("queue")

    @property
    def exception(self) -> str | None:
        """The name of the error's class, or None."""
        return self._text("exception")

    @property
    def error(self) -> str | None:
        """The error's text, or None."""
        return self._text("error")

    @property
    def worker(self) -> str | None:
        """The id of the worker that recorded the failure, or None."""
        return self._text("worker")

    @property
    def failure_id(self) -> str | None:
        """The failure's own id, which Resque 3.1 writes."""
        return self._text("failure_id")

    @property
    def failed_at(self) -> str | None:
        """When the job failed, as the text in Redis."""
        return self._text("failed_at")

    @property
    def retried_at(self) -> str | None:
        """When the job was last requeued, as the text in Redis."""
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
    """Return the record's bytes: Ruby's keys in Ruby's order, the payload's bytes unchanged."""
    return _write(codec, failure, ruby_time.failed_at(failure.at))


def write_local(codec: Codec, failure: Failure) -> bytes:
    """Return the record's bytes as resque-retry keeps them aside: the time bears no zone."""
    return _write(codec, failure, failure.at.strftime("%Y/%m/%d %H:%M:%S"))


def _write(codec: Codec, failure: Failure, failed_at: str) -> bytes:
    report = failure.report
    return codec.embed(
        {"failed_at": failed_at},
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
    """Return a job's bytes as they may stand in a record.

    Bytes that would make the record unreadable (no JSON object, no UTF-8, a hundred levels deep) are wrapped: see
    ``embedding.wrap``.
    """
    readable = job.fault is None or _is_text(codec, job.raw)
    if readable and is_clean_text(codec, job.raw):
        return job.raw
    return wrap(codec, job.raw, clean(job.class_name) or None)


def payload_of(codec: Codec, record: FailedRecord) -> bytes | None:
    """Return the bytes of a record's payload; None if it has none that could be a job."""
    payload = record.fields.get("payload")
    if not isinstance(payload, (dict, str)):
        return None
    unwrapped = unwrap(payload)
    if unwrapped is not None:
        return unwrapped
    found = member(record.raw, "payload") if codec.name == "json" else None
    return codec.encode(payload) if found is None else found


def no_job(record: FailedRecord, payload: bytes | None) -> str:
    """Return why a record without payload or queue cannot be requeued."""
    missing = "payload" if payload is None else "queue"
    return f"the record at {record.index} of {record.failure_queue!r} names no {missing}, so it cannot be put back"


def marked(codec: Codec, record: FailedRecord, retried_at: str) -> bytes:
    """Return the record's bytes with ``retried_at`` set, and everything else unchanged."""
    body = record.raw.rstrip()
    if codec.name == "json" and "retried_at" not in record.fields and body.endswith(b"}"):
        return body[:-1] + b',"retried_at":' + codec.encode(retried_at) + b"}"
    return codec.encode({**record.fields, "retried_at": retried_at})


def read(codec: Codec, raw: bytes, index: int, failure_queue: str = "failed") -> FailedRecord:
    """Read a record from any bytes; never raises."""
    return FailedRecord(index, raw, Fields(codec, raw), failure_queue)


def is_same(codec: Codec, raw: bytes, record: FailedRecord) -> bool:
    """Whether the bytes are that record, apart from ``retried_at``."""
    at = record.failed_at
    if at is None or (codec.name == "json" and codec.encode(at) not in raw):
        return False  # saves decoding most records
    return _unmarked(read(codec, raw, 0)) == _unmarked(record)


def _unmarked(record: FailedRecord) -> dict[str, Any]:
    return {key: value for key, value in record.fields.items() if key != "retried_at"}


def _is_text(codec: Codec, raw: bytes) -> bool:
    """Whether the payload is a JSON text alone: Ruby records it unchanged, and Ruby's readers accept it."""
    try:
        return isinstance(codec.decode(raw), str)
    except DecodeError:
        return False
