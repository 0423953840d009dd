"""The overview, and what the doctor finds."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pyresque.web.shapes.workers import QueueRow, WorkerShown

# -- the overview


class Numbers(TypedDict):
    """All numbers."""

    pending: int
    processed: int
    failed: int
    workers: int
    working: int
    queues: int
    delayed: int
    scheduled: int


class Minute(TypedDict):
    """How many jobs were performed and failed in one minute, which begins at ``minute`` in seconds since 1970."""

    minute: int
    processed: float
    failed: float


class Chart(TypedDict):
    """A chart of the last hour: the points of its line, its largest value and its sum."""

    name: str
    points: str
    most: float
    sum: int


class Finding(TypedDict):
    """What needs a look, and the parts of the path of the page that shows more."""

    text: str
    page: list[str]


class Scheduler(TypedDict):
    """The scheduler that leads, and the seconds until its lock expires; null: never."""

    holder: str
    ttl: float | None


class OverviewPage(TypedDict):
    """The overview."""

    numbers: Numbers
    last_hour: list[Minute]
    charts: list[Chart]
    queues: list[QueueRow]
    more_queues: int
    workers: list[WorkerShown]
    warnings: list[Finding]
    scheduler: Scheduler | None


# -- the doctor


class Diagnosed(TypedDict):
    """A finding: what is wrong, why that matters, the commands that mend it, and the parts of the path of the page that shows more."""

    finding: str
    severity: Literal["error", "warning", "note"]
    text: str
    why: str
    mend: list[str]
    evidence: dict[str, Any]
    page: list[str]


class Unlooked(TypedDict):
    """What could not be looked at, or only in part, and why."""

    check: str
    because: str


class DoctorPage(TypedDict):
    """What is wrong or at risk. ``looked``: whether the look was carried out; ``whole``: whether at every job and key."""

    looked: bool
    summary: str
    worst: Literal["error", "warning", "note"] | None
    findings: list[Diagnosed]
    not_looked_at: list[Unlooked]
    jobs_read: int
    jobs: int
    keys_read: int
    whole: bool
