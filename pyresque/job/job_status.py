"""The status of a tracked job, as resque-status keeps it: a JSON object that every step merges its fields into."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import DecodeError, JobArgumentError, NoJobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.job import Codec

QUEUED: Final = "queued"
WORKING: Final = "working"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
KILLED: Final = "killed"

#: The states that a job does not leave by itself.
ENDED: Final = (COMPLETED, FAILED, KILLED)

#: The field that holds what a Python job returned. Ruby keeps it and does not look at it.
RESULT: Final = "result"

#: The field that says why the returned value is not kept.
RESULT_ERROR: Final = "result_error"

_NUMBER = re.compile(r"\s*[-+]?\d[\d_]*(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The status of one job as it was read. ``fields`` is the whole object; ``fault`` says why it cannot be read.

    ``status`` is queued, working, completed, failed or killed, or whatever the job wrote there.
    """

    id: str
    fields: Mapping[str, Any]
    fault: str | None = None
    raw: bytes = field(default=b"", compare=False, repr=False)

    @classmethod
    def read(cls, job_id: str, raw: bytes, codec: Codec) -> JobStatus:
        """Make a status of its bytes. Never raises: one that cannot be read has a ``fault``."""
        try:
            decoded = codec.decode(raw)
        except DecodeError as error:
            return cls(job_id, {}, f"the status of job {job_id} cannot be read: {error}", raw)
        if not isinstance(decoded, dict):
            return cls(job_id, {}, f"the status of job {job_id} is no object: {raw[:100]!r}", raw)
        return cls(job_id, decoded, None, raw)

    @property
    def status(self) -> str:
        """Queued, working, completed, failed or killed; "unreadable" for one with a fault."""
        if self.fault is not None:
            return "unreadable"
        found = self.fields.get("status")
        return found if isinstance(found, str) else "unknown"

    @property
    def ended(self) -> bool:
        """Whether the job has completed or failed, or was killed."""
        return self.status in ENDED

    @property
    def name(self) -> str:
        """What the job is called: its class and options; empty until it is performed."""
        return self._text("name")

    @property
    def message(self) -> str:
        """What the job said last; empty if it said nothing."""
        return self._text("message")

    @property
    def options(self) -> Any:
        """The arguments by their names."""
        return self.fields.get("options")

    @property
    def time(self) -> float | None:
        """When the job was enqueued, in seconds since 1970."""
        found = self.fields.get("time")
        return found if isinstance(found, (int, float)) else None

    @property
    def num(self) -> Any:
        """The number of the present step, as the job gave it."""
        return self.fields.get("num")

    @property
    def total(self) -> Any:
        """How many steps there are, as the job gave it."""
        return self.fields.get("total")

    @property
    def result(self) -> Any:
        """What the job returned; None before it has, and for a job performed by Ruby."""
        return self.fields.get(RESULT)

    @property
    def percent(self) -> int:
        """How far the job is, from 0 to 100 (Ruby: ``pct_complete``)."""
        if self.status == COMPLETED:
            return 100
        if self.status == QUEUED:
            return 0
        made = to_f(self.num) / (to_f(self.total) or 1.0) * 100
        return int(made) if math.isfinite(made) else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the object with ``pct_complete``, as Ruby's page of statuses sends it; of one with a fault its id and the fault."""
        if self.fault is not None:
            return {"uuid": self.id, "status": self.status, "message": self.fault}
        return {**self.fields, "pct_complete": self.percent}

    def _text(self, name: str) -> str:
        found = self.fields.get(name)
        return found if isinstance(found, str) else ""


def known(job_id: str, found: JobStatus | None) -> JobStatus:
    """Return a status that was found. Raises NoJobStatus, and DecodeError for one that cannot be read."""
    if found is None:
        raise NoJobStatus(
            f"job {job_id} has no status: it is not tracked, or its status has expired or was removed"
        )
    if found.fault is not None:
        raise DecodeError(found.fault)
    return found


def merged(
    job_id: str, now: int, before: Mapping[str, Any] | None, *messages: object
) -> dict[str, Any]:
    """Return a status: that before, and what each message adds. A text is the message; a dict brings fields; None adds nothing.

    Raises JobArgumentError for anything else.
    """
    made: dict[str, Any] = {"time": now, "status": QUEUED, "uuid": job_id, **(before or {})}
    for message in messages:
        if isinstance(message, str):
            made["message"] = message
        elif isinstance(message, dict):
            made.update(message)
        elif message is not None:
            raise JobArgumentError(
                f"a status takes texts and dicts, not {type(message).__name__}: {message!r}"
            )
    return made


def to_f(value: object) -> float:
    """Return a number as Ruby's ``to_f``: of a text what it begins with, of nil 0."""
    if isinstance(value, str):
        found = _NUMBER.match(value)
        value = float(found[0].replace("_", "")) if found else 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return math.inf
