"""The tab of failed jobs: the latest first, filtered, grouped; and the page of one record."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from pyresque.errors import DurationError
from pyresque.failed_filter import Filter, pattern_of
from pyresque.failure.redis import RedisBackend
from pyresque.job_text import NO_JOB, class_of
from pyresque.store.wrong_keys import WrongKeyLog
from pyresque.web.forms import stretch
from pyresque.web.shown import cut, payload_data, searched_record
from pyresque.web.view import Looking, NotThere, Refused, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.record import FailedRecord
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.shapes.failed import (
        FailedKind,
        FailedKinds,
        FailedList,
        FailedPage,
        RecordPage,
        RecordPlace,
        RecordShown,
    )
    from pyresque.web.shapes.jobs import JobShown
    from pyresque.web.view import Ask

#: Seconds that one page may search, or group.
BUDGET = 0.12

#: Groups that a page shows; more are counted and not kept.
MOST_GROUPS = 100
MOST_KEPT = 5000

#: Records around its old place among which one is looked for first.
NEAR = 100

_WORD = {"yes": True, "no": False}


def finds_in_records(screen: Screen) -> Callable[[str, bytes, Callable[[], object]], bool]:
    """Return how a text is looked for in failed records: in what the reader may see of them."""

    def finds(text: str, raw: bytes, decoded: Callable[[], object]) -> bool:
        def fields() -> object:
            found = decoded()
            return searched_record(found) if isinstance(found, dict) else found

        return screen.finds(text, raw, fields)

    return finds


def filter_of(ask: Ask) -> Filter:
    """Return the filter that a URL or a form names."""
    written = ask.get("until") or ""
    until = float(written) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", written) else None
    older = ask.get("older")
    return Filter(
        queue=ask.get("queue"),
        class_name=ask.get("class"),
        exception=ask.get("exception"),
        retried=_WORD.get(ask.get("retried") or ""),
        text=ask.get("q"),
        pattern=ask.get("pattern"),
        finds=finds_in_records(ask.screen),
        shown=ask.screen.text,
        until=until,
        before=None if older is None else (until or time.time()) - _age(older),
    )


def _age(text: str) -> float:
    """Return a duration such as ``30d`` in seconds. Raises Refused."""
    try:
        return stretch(text)
    except DurationError as error:
        raise Refused(str(error)) from error


def fields_of(ask: Ask) -> dict[str, str]:
    """Return the filter's own fields of a URL or a form, those that are set."""
    names = ("queue", "class", "exception", "retried", "q", "pattern", "older")
    return {name: value for name in names if (value := ask.get(name)) is not None}


async def show(dash: Dashboard, ask: Ask) -> View[FailedPage]:
    """Show failed jobs, the latest first: those that the filter takes, from below the index ``before`` on."""
    which, failures = ask.names.get("list"), dash.core.failures
    total = await dash.run(failures.count(which))
    lists = await _lists(dash) if which is None else []
    chosen = filter_of(ask)
    before = min(total, ask.number("before", total - min(total, ask.number("start", 0))))
    rows: list[RecordShown]
    if chosen.narrows:
        rows, end = await matching(dash, which, chosen, before, ask.rows, BUDGET)
    else:
        end = max(0, before - ask.rows)
        page = failures.each(end, before - end, which)
        rows = [record_data(dash, one) for one in await dash.run(page.everything())]
    title = f"{total:,} failed"
    return View(
        "failed.html",
        title,
        {
            "list": which,
            "lists": lists,
            "total": total,
            "records": rows,
            "before": before,
            "next": end if end > 0 else None,
            "looked": total - end if chosen.narrows else None,
            "filter": fields_of(ask),
            "retention": dash.core.retention.limits() or None,
            "notice": await _notice(dash) if which is None else None,
            "per": ask.rows,
        },
        tab="/failed",
    )


async def _notice(dash: Dashboard) -> str | None:
    """Return what the reader must know of lists that the settings leave out."""
    if not isinstance(dash.core.failures, RedisBackend):
        return None
    others = await dash.run(WrongKeyLog().value_or(dash.core.failed_table.names(), []))
    if not others:
        return None
    return (
        f"Some worker keeps failed jobs in a list for each queue ({cut(', '.join(others), 150)}). "
        "They are shown where the setting failure_backend is redis_multi_queue."
    )


async def _lists(dash: Dashboard) -> list[FailedList]:
    """Return the failed lists with their sizes, if there are several."""
    names = await dash.run(dash.core.failures.queues())
    if len(names) < 2:  # noqa: PLR2004 - one list needs no choice
        return []
    ends = await dash.run(dash.core.failed_table.ends(names))
    return [{"name": name, "count": size} for name, (size, _) in zip(names, ends, strict=True)]


async def matching(
    dash: Dashboard, which: str | None, chosen: Filter, before: int, rows: int, budget: float
) -> tuple[list[RecordShown], int]:
    """Return records that the filter takes, and the index above which all were looked at."""
    deadline = time.monotonic() + budget
    found: list[RecordShown] = []
    reading = dash.core.failures.each(0, before, which)
    at = before
    while (page := await dash.run(reading.more())) is not None:
        for record in page.records:
            at -= 1
            if chosen.takes(record):
                found.append(record_data(dash, record))
                if len(found) == rows:
                    return found, at
        if time.monotonic() > deadline:
            return found, at
    return found, 0


def record_data(dash: Dashboard, record: FailedRecord) -> RecordShown:
    """Return a record for a page."""
    place: RecordPlace = {
        "index": record.index,
        "list": record.failure_queue,
        "id": dash.name_of(record.raw),
    }
    if not record.readable:
        raw = record.raw.decode("utf-8", "backslashreplace")
        return {**place, "readable": False, "raw": raw}
    payload = record.payload
    job: JobShown = (
        payload_data(payload)
        if payload is not None
        else {"class": NO_JOB, "call": None, "args": None}
    )
    return {
        **place,
        "readable": True,
        "job": job,
        "queue": record.queue,
        "worker": record.worker,
        "exception": record.exception,
        "error": record.error,
        "backtrace": list(record.backtrace),
        "failed_at": record.failed_at,
        "retried_at": record.retried_at,
        "failure_id": record.failure_id,
    }


async def groups(dash: Dashboard, ask: Ask) -> View[FailedKinds] | Looking[FailedKinds]:
    """Show failed jobs grouped by class, exception and what their messages have in common: of the latest, or of all on demand."""
    total = await dash.run(dash.core.failures.count(ask.get("list")))
    grouping = Grouping(dash, ask, total)
    if ask.get("whole") == "yes":
        return Looking(grouping, total)
    deadline = time.monotonic() + BUDGET
    while await grouping.step() and time.monotonic() <= deadline:
        pass
    return grouping.view()


class Grouping:
    """Groups failed jobs, page by page, the latest first. Memory is bounded: kinds beyond MOST_KEPT are counted together."""

    def __init__(self, dash: Dashboard, ask: Ask, total: int) -> None:
        self.dash = dash
        self.total = total
        self.seen = self.others = 0
        self.which, self.filter = ask.get("list"), fields_of(ask)
        self._chosen = filter_of(ask)
        self._found: dict[tuple[str, str, str], FailedKind] = {}
        self._reading = dash.core.failures.each(queue=self.which)

    async def step(self) -> bool:
        """Group the next page of records."""
        page = await self.dash.run(self._reading.more())
        if page is None:
            return False
        self.seen += len(page.records)
        for record in page.records:
            if self._chosen.takes(record):
                self._group(record)
        return True

    def _group(self, record: FailedRecord) -> None:
        key = (
            class_of(record.payload),
            record.exception or "",
            pattern_of(self._chosen.shown(record.error or "")),
        )
        kind = self._found.get(key)
        if kind is not None:
            kind["count"] += 1
            kind["first"] = record.failed_at
        elif len(self._found) < MOST_KEPT:
            self._found[key] = {
                "class": key[0],
                "exception": key[1],
                "pattern": key[2],
                "count": 1,
                "last": record.failed_at,
                "first": record.failed_at,
            }
        else:
            self.others += 1

    def view(self) -> View[FailedKinds]:
        """Return the page of the groups so far."""
        rows = sorted(self._found.values(), key=lambda row: -row["count"])
        return View(
            "failed_groups.html",
            f"{self.total:,} failed, {len(rows):,} kinds",
            {
                "list": self.which,
                "total": self.total,
                "looked": min(self.seen, self.total),
                "groups": rows[:MOST_GROUPS],
                "kinds": len(rows),
                "others": self.others + sum(row["count"] for row in rows[MOST_GROUPS:]),
                "filter": self.filter,
            },
            tab="/failed",
        )


async def record(dash: Dashboard, ask: Ask) -> View[RecordPage]:
    """Show one record whole."""
    found = await find(dash, ask)
    data = record_data(dash, found)
    raw = found.raw.decode("utf-8", "backslashreplace")
    title = f"{class_of(found.payload)}: {found.exception or 'failed'}"
    return View("record.html", title, {"record": data, "raw": raw}, tab="/failed")


async def find(dash: Dashboard, ask: Ask) -> FailedRecord:
    """Return the record that a URL or a form names, by its bytes, wherever it stands now. Raises NotThere."""
    which, wanted = ask.get("list"), ask.get("id")
    failures = dash.core.failures
    total = await dash.run(failures.count(which))
    near = ask.number("index", 0)
    first = max(0, near - NEAR)
    for start, most in ((first, 2 * NEAR), (0, total)):
        reading = failures.each(start, most, which)
        while (page := await dash.run(reading.more())) is not None:
            for one in page.records:
                if dash.name_of(one.raw) == wanted:
                    return one
    raise NotThere("This record is no longer there: it was removed, or marked by a retry.")
