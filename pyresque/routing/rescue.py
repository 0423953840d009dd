"""Failed jobs that failed because Ruby has no such class any more, and that Python can perform."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pyresque.errors import UnknownActiveJobError, UnknownJobClass
from pyresque.job.job import Job
from pyresque.routing.share import goes_to_python, routed_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.record import FailedRecord
    from pyresque.job.job import Codec, Payload
    from pyresque.routing.rules import Routes

#: How Ruby begins the message of a NameError for a constant that is not there, or cannot be one.
MISSING: Final = "uninitialized constant "
WRONG: Final = "wrong constant name "


class Rescue:
    """Says which failed records are meant, and counts the classes of those that are left.

    ``performs``: whether the application performs a job; None: no application was given, and the routes alone decide.
    """

    def __init__(
        self, routes: Routes, codec: Codec, performs: Callable[[Job], bool] | None = None
    ) -> None:
        self.routes = routes
        self.codec = codec
        self.performs = performs
        self.left: Counter[str] = Counter()

    def takes(self, record: FailedRecord) -> bool:
        """Whether a record is meant: its class was missing, Python performs it, and it was not put back before."""
        payload = record.payload
        if payload is None or record.retried_at is not None or not class_was_missing(record):
            return False
        routed = goes_to_python(self.routes, self.codec, payload)
        if self.performs is None:
            taken = routed is True
        else:
            taken = routed is not False and self.performs(Job(record.queue or "", payload, b""))
        name = routed_class(payload)
        if not taken and (name in self.left or len(self.left) < 1000):  # noqa: PLR2004 - names come from payloads
            self.left[name] += 1
        return taken


def class_was_missing(record: FailedRecord) -> bool:
    """Whether a job failed because there was no class of its name; an error of the same kind in the job's own code does not count."""
    payload = record.payload
    if payload is None or record.error is None:
        return False
    if record.exception == UnknownActiveJobError.ruby_name:
        return True
    return record.exception == UnknownJobClass.ruby_name and _names_class(record.error, payload)


def _names_class(error: str, payload: Payload) -> bool:
    """Whether the message of a NameError names the job's class, or a module that it stands in."""
    line = error.split("\n", 1)[0].strip()
    parts = routed_class(payload).strip(":").split("::")
    if line.startswith(WRONG):
        return line[len(WRONG) :] in parts
    missing = line.removeprefix(MISSING).removeprefix("Object::")
    return line.startswith(MISSING) and any(
        missing == "::".join(parts[:count]) for count in range(1, len(parts) + 1)
    )
