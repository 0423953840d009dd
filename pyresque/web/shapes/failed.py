"""Failed jobs, one by one and by kind."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from pyresque.web.shapes.jobs import JobShown


class RecordPlace(TypedDict):
    """Where a failed record stands, and a digest of its bytes, which names it."""

    index: int
    list: str
    id: str


class UnreadableRecord(RecordPlace):
    """A failed record that cannot be read."""

    readable: Literal[False]
    raw: str


class ReadableRecord(RecordPlace):
    """A failed record. Times are as Redis has them."""

    readable: Literal[True]
    job: JobShown
    queue: str | None
    worker: str | None
    exception: str | None
    error: str | None
    backtrace: list[str]
    failed_at: str | None
    retried_at: str | None
    failure_id: str | None


RecordShown: TypeAlias = ReadableRecord | UnreadableRecord


class FailedList(TypedDict):
    """A failed list, of several."""

    name: str
    count: int


class FailedPage(TypedDict):
    """Failed jobs, the latest first, from below the index ``before``; ``next`` is the ``before`` of the page after it."""

    list: str | None
    lists: list[FailedList]
    total: int
    records: list[RecordShown]
    before: int
    next: int | None
    looked: int | None
    filter: dict[str, str]
    retention: str | None
    notice: str | None
    per: int


FailedKind = TypedDict(
    "FailedKind",
    {
        "class": str,
        "exception": str,
        "pattern": str,
        "count": int,
        "last": str | None,
        "first": str | None,
    },
)
FailedKind.__doc__ = "Failed jobs of one class, exception and pattern of messages."


class FailedKinds(TypedDict):
    """Failed jobs by kind. ``kinds``: how many were found; ``others``: records of kinds that are not shown."""

    list: str | None
    total: int
    looked: int
    groups: list[FailedKind]
    kinds: int
    others: int
    filter: dict[str, str]


class RecordPage(TypedDict):
    """One failed record, and its bytes."""

    record: RecordShown
    raw: str
