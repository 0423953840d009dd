"""The tab of delayed jobs: the times they wait for, the jobs of one time, and a search over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.errors import TimestampError
from pyresque.schedule.later import timestamp_of
from pyresque.web.shown import count
from pyresque.web.tabs.delayed_search import PLACE, Found, iso_of, job_shown, search
from pyresque.web.view import NotThere, View

if TYPE_CHECKING:
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.later import DelayedAtPage, DelayedPage, DelayedTime
    from pyresque.web.view import Ask

#: Seconds that one page may search.
BUDGET = 0.12


async def show(dash: Dashboard, ask: Ask) -> View[DelayedPage]:
    """Show the times that jobs wait for, the next one first; or the jobs that have the text ``q``."""
    delayed, text = dash.core.delayed, ask.get("q")
    times = await dash.run(delayed.delayed_queue_schedule_size())
    start = ask.number("start", 0)
    if text is not None:
        after = ask.get("after") or "-inf"
        after = after if PLACE.fullmatch(after) else "-inf"
        looked = ask.number("looked", 0)
        found = await search(dash, ask.screen, text, after, looked, ask.rows, BUDGET)
        return _view(times, start, ask, [], found)
    rows, end = await dash.run(delayed.delayed_rows(start, ask.rows))
    firsts = await dash.run(delayed.table.pages([(at, 0) for at, _ in rows], 1)) if rows else []
    shown: list[DelayedTime] = [
        {
            "timestamp": at,
            "at": iso_of(at),
            "count": size,
            "job": job_shown(dash, first[0], at) if first else None,
        }
        for (at, size), first in zip(rows, firsts, strict=True)
    ]
    return _view(times, start, ask, shown, Found([], None, end if end < times else None))


def _view(
    times: int, start: int, ask: Ask, rows: list[DelayedTime], found: Found
) -> View[DelayedPage]:
    return View(
        "delayed.html",
        f"{times:,} delayed {'time' if times == 1 else 'times'}",
        {
            "times": times,
            "start": start,
            "per": ask.rows,
            "q": ask.get("q"),
            "rows": rows,
            "jobs": found.jobs,
            "looked": found.looked,
            "next": found.next,
        },
        tab="/delayed",
    )


async def at(dash: Dashboard, ask: Ask) -> View[DelayedAtPage]:
    """Show the jobs of one time."""
    timestamp, start = timestamp_in(ask), ask.number("start", 0)
    delayed = dash.core.delayed
    size = (await dash.run(delayed.table.sizes([timestamp])))[0]
    raws = (await dash.run(delayed.table.pages([(timestamp, start)], ask.rows)))[0]
    data: DelayedAtPage = {
        "timestamp": timestamp,
        "at": iso_of(timestamp),
        "total": size,
        "jobs": [job_shown(dash, raw, timestamp) for raw in raws],
        "start": start,
        "per": ask.rows,
    }
    return View("delayed_at.html", f"{count(size, 'job')} at {data['at']}", data, tab="/delayed")


def timestamp_in(ask: Ask) -> str:
    """Return the time that a path names. Raises NotThere."""
    try:
        return str(timestamp_of(ask.names["timestamp"]))
    except TimestampError as error:
        raise NotThere(str(error)) from error
