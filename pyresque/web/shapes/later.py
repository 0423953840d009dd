"""Recurring, delayed, retried and tracked jobs."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from pyresque.web.shapes.jobs import DelayedJob, JobShown
from pyresque.web.shapes.overview import Scheduler


class Timing(TypedDict):
    """When a recurring job runs, as its configuration has it, in words where there are some, and the zone that its line names."""

    kind: Literal["cron", "every"]
    value: Any
    words: str | None
    zone: str | None


class ParameterShown(TypedDict):
    """A parameter of a recurring job. ``default`` is null where there is none, or where it is hidden."""

    name: str
    about: str | None
    default: str | None


_ScheduleClass = TypedDict("_ScheduleClass", {"class": Any})


class ScheduleRow(_ScheduleClass):
    """A recurring job. ``class``, ``queue``, ``args`` and ``description`` are whatever its configuration holds."""

    name: str
    timing: Timing | None
    fields: list[ParameterShown]
    queue: Any
    args: Any
    description: Any
    environment: Any
    last: str | None
    runs: list[str]
    faults: list[str]


class SchedulePage(TypedDict):
    """Recurring jobs, some of ``total``. ``overdue``: seconds for which the first delayed job is."""

    entries: list[ScheduleRow]
    total: int
    start: int
    per: int
    zone: str
    scheduler: Scheduler | None
    health: Literal["none", "missing", "stuck", "behind", "well"]
    overdue: float


class ScheduleEntryPage(TypedDict):
    """One recurring job, its configuration, and the same as text. ``whole``: whether nothing of it is hidden."""

    entry: ScheduleRow
    config: Any
    text: str
    whole: bool
    zone: str


class DelayedTime(TypedDict):
    """A time that jobs wait for, how many do, and the first of them."""

    timestamp: str
    at: str | None
    count: int
    job: DelayedJob | None


class DelayedPage(TypedDict):
    """Times that jobs wait for; with ``q`` the jobs that have that text. ``next``: the ``start``, or the ``after`` of a search, to go on from."""

    times: int
    start: int
    per: int
    q: str | None
    rows: list[DelayedTime]
    jobs: list[DelayedJob]
    looked: int | None
    next: int | str | None


class DelayedAtPage(TypedDict):
    """Jobs that wait for one time."""

    timestamp: str
    at: str | None
    total: int
    jobs: list[DelayedJob]
    start: int
    per: int


class RetryRow(TypedDict):
    """A job that waits for its next attempt."""

    id: str
    at: str | None
    timestamp: str
    attempts: int
    exception: str | None
    error: str | None
    queue: str | None
    job: JobShown


class RetriesPage(TypedDict):
    """Jobs that wait for their next attempt. ``ended``: whether all delayed jobs were looked at."""

    retries: list[RetryRow]
    found: int
    looked: int
    ended: bool
    class_name: str | None


class StatusRow(TypedDict):
    """The status of a tracked job."""

    id: str
    status: str
    percent: int
    name: str
    message: str
    fault: str | None
    time: float | None
    ended: bool


class StatusesPage(TypedDict):
    """Statuses of tracked jobs, some of ``total``."""

    statuses: list[StatusRow]
    total: int
    start: int
    per: int
    states: list[str]


class StatusPage(TypedDict):
    """One status, and all that the job wrote into it."""

    status: StatusRow
    fields: dict[str, Any]
