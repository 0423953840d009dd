"""The tables of ``pyresque top``: for each view its headings, its rows in an order, and what a row is about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.cli.arguments import shown_time
from pyresque.cli.output import safe_text
from pyresque.cli.text import job_line
from pyresque.cli.top.reading import LATE, began, moment_of
from pyresque.job_text import age, class_of, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.cli.top.frame import Frame, QueueRow
    from pyresque.failure.record import FailedRecord
    from pyresque.job.worker_registry import WorkerInfo

#: Letters of a job, and of an error, that a row has at most.
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, what it is about (a queue's name, a worker's id), and whether it needs a look."""

    cells: tuple[str, ...]
    about: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``right`` has the columns of numbers, ``left_out`` how many rows Redis has besides."""

    title: str
    headings: tuple[str, ...]
    right: frozenset[int]
    rows: Sequence[Row]
    order: str
    left_out: int = 0
    empty: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, the orders of its rows by their names, and what makes the table of a frame in an order."""

    name: str
    orders: tuple[str, ...]
    table: Callable[[Frame, str], Table]


def number(value: int | None) -> str:
    """Return a number with its digits in groups of three; a dash for None."""
    return "-" if value is None else f"{value:,}"


def rate(value: float | None, *, signed: bool = False) -> str:
    """Return a change per second; nothing for None, and for none."""
    if value is None:
        return ""
    text = f"{value:+,.1f}/s" if signed else f"{value:,.1f}/s"
    return "" if text in {"+0.0/s", "-0.0/s"} else text


# -- queues


def queues(frame: Frame, order: str) -> Table:
    """Return the table of queues."""
    rows = sorted(frame.queues, key=_QUEUES[order])
    return Table(
        "queues",
        ("queue", "jobs", "change", "oldest", "workers", "state"),
        frozenset({1, 2, 3, 4}),
        [_queue(frame, one) for one in rows],
        order,
        frame.numbers["queues"] - len(rows),
        "no queues",
    )


_QUEUES: dict[str, Callable[[QueueRow], tuple[object, ...]]] = {
    "size": lambda one: (-(one.size or 0), one.name),
    "oldest": lambda one: (-(one.oldest or 0.0), one.name),
    "name": lambda one: (one.name,),
}


def _queue(frame: Frame, one: QueueRow) -> Row:
    alone = one.workers == 0 and bool(one.size)
    state = "paused" if one.paused else "no worker" if alone else ""
    if one.size is None:
        state = "no list in Redis"
    return Row(
        (
            safe_text(one.name),
            number(one.size),
            rate(frame.queue_rates.get(one.name), signed=True),
            age(one.oldest) or "-",
            number(one.workers),
            state,
        ),
        one.name,
        bool(state),
    )


# -- workers


def workers(frame: Frame, order: str) -> Table:
    """Return the table of workers."""
    rows = sorted(frame.workers, key=_WORKERS[order])
    return Table(
        "workers",
        ("worker", "state", "for", "heartbeat", "done", "failed", "job"),
        frozenset({2, 3, 4, 5}),
        [_worker(frame, one) for one in rows],
        order,
        frame.numbers["workers"] - len(rows),
        "no workers",
    )


_WORKERS: dict[str, Callable[[WorkerInfo], tuple[object, ...]]] = {
    "longest job": lambda one: (one.working_on is None, began(one), one.id),
    "heartbeat": lambda one: (moment_of(one.heartbeat or ""), one.id),
    "name": lambda one: (one.id,),
}


def _worker(frame: Frame, one: WorkerInfo) -> Row:
    doing = one.working_on
    beat = moment(one.heartbeat)
    silence = None if beat is None else max(0.0, frame.at - beat.timestamp())
    since = None if doing is None or moment(doing.run_at) is None else frame.at - began(one)
    state = one.state if not frame.workers_paused or doing else "paused"
    return Row(
        (
            safe_text(one.id),
            state,
            "-" if since is None else age(max(0.0, since)) or "-",
            "never" if silence is None else f"{age(silence)}",
            number(one.processed),
            number(one.failed),
            "" if doing is None else safe_text(job_line(doing.job, LONGEST))[:LONGEST],
        ),
        one.id,
        silence is None or silence > LATE,
    )


# -- failed jobs


def failed(frame: Frame, order: str) -> Table:
    """Return the table of the latest failed jobs."""
    rows = sorted(frame.failed, key=_FAILED[order])
    return Table(
        "failed jobs",
        ("ago", "queue", "class", "exception", "error"),
        frozenset({0}),
        [_record(frame, one) for one in rows],
        order,
        max(0, frame.numbers["failed"] - len(rows)),
        "no failed jobs",
    )


_FAILED: dict[str, Callable[[FailedRecord], tuple[object, ...]]] = {
    "time": lambda one: (one.failure_queue, -one.index),
    "class": lambda one: (class_of(one.payload), -one.index),
    "exception": lambda one: (one.exception or "", -one.index),
}


def _record(frame: Frame, one: FailedRecord) -> Row:
    if not one.readable:
        raw = one.raw[:LONGEST].decode("utf-8", "backslashreplace")
        return Row(("-", "-", "-", "-", safe_text(raw)), str(one.index), bad=True)
    at = moment(one.failed_at)
    since = None if at is None else age(max(0.0, frame.at - at.timestamp()))
    return Row(
        (
            since or "-",
            safe_text(one.queue),
            safe_text(class_of(one.payload)),
            safe_text(one.exception),
            safe_text((one.error or "")[:LONGEST]),
        ),
        str(one.index),
    )


# -- delayed jobs


def delayed(frame: Frame, order: str) -> Table:
    """Return the table of the next times that jobs wait for."""
    return Table(
        "delayed jobs",
        ("time", "in", "jobs"),
        frozenset({1, 2}),
        [_time(frame, at, jobs) for at, jobs in frame.delayed],
        order,
        max(0, frame.numbers["delayed"] - len(frame.delayed)),
        "no delayed jobs",
    )


def _time(frame: Frame, at: float, jobs: int) -> Row:
    left = at - frame.at
    if not math.isfinite(left):
        return Row(("no date", "-", number(jobs)), str(at))
    return Row(
        (shown_time(at), (age(left) or "-") if left > 0 else "due", number(jobs)),
        str(at),
        left < -LATE,
    )


VIEWS = (
    View("overview", (), queues),
    View("queues", tuple(_QUEUES), queues),
    View("workers", tuple(_WORKERS), workers),
    View("failed", tuple(_FAILED), failed),
    View("delayed", ("time",), delayed),
)

#: The tables of the view ``overview``, and the share of the height that each has.
OVERVIEW = ((VIEWS[1], 3), (VIEWS[2], 3), (VIEWS[3], 2))
