"""The tab of tracked jobs: their statuses and progress, as resque-status keeps them; cancel one, clear them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyresque.job.job_status import COMPLETED, FAILED, KILLED, QUEUED, WORKING
from pyresque.web.shown import count
from pyresque.web.view import Done, NotThere, Question, Refused, View

if TYPE_CHECKING:
    from pyresque.job.job_status import JobStatus
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.later import StatusesPage, StatusPage, StatusRow
    from pyresque.web.view import Ask

#: Statuses of one page.
PER_PAGE = 50

STATES = (QUEUED, WORKING, COMPLETED, FAILED, KILLED)


async def show(dash: Dashboard, ask: Ask) -> View[StatusesPage]:
    """Show statuses, the latest first, fifty at a time."""
    board, start = dash.core.statuses, ask.number("start", 0)
    total = await dash.run(board.count())
    found = await dash.run(board.all(start, PER_PAGE))
    return View(
        "statuses.html",
        f"{total:,} {'status' if total == 1 else 'statuses'}",
        {
            "statuses": [_row(ask, one) for one in found],
            "total": total,
            "start": start,
            "per": PER_PAGE,
            "states": list(STATES),
        },
        tab="/statuses",
    )


def _row(ask: Ask, one: JobStatus) -> StatusRow:
    return {
        "id": one.id,
        "status": one.status,
        "percent": one.percent,
        "name": ask.screen.name(one.name) or "",
        "message": one.message,
        "fault": None if one.fault is None else ask.screen.fault(str(one.fault)),
        "time": _seconds(one.time),
        "ended": one.ended,
    }


def _seconds(written: float | None) -> float | None:
    """Return a time that a job wrote; None for what is no number of seconds."""
    return None if written is None or not math.isfinite(written) else float(written)


async def one(dash: Dashboard, ask: Ask) -> View[StatusPage]:
    """Show one status whole."""
    found = await _found(dash, ask)
    row = _row(ask, found)
    fields = ask.screen.config({**found.to_dict(), "name": row["name"]})
    if row["fault"] is not None:
        fields["message"] = row["fault"]
    data: StatusPage = {"status": row, "fields": fields}
    return View(
        "status.html",
        f"{found.status or 'unreadable'}: {row['name'] or found.id}",
        data,
        "/statuses",
    )


async def _found(dash: Dashboard, ask: Ask) -> JobStatus:
    job_id = ask.names["id"]
    found = await dash.run(dash.core.statuses.get(job_id))
    if found is None:
        raise NotThere(
            f"There is no status of a job {job_id!r}: it never was, or its time is over."
        )
    return found


# -- actions


async def asks_kill(dash: Dashboard, ask: Ask) -> Question:
    """Ask before a job is cancelled."""
    found = await _found(dash, ask)
    text = f"Cancel 1 job, {ask.screen.name(found.name) or found.id}? It ends at its next step, or before it begins."
    return Question(text, "Cancel 1 job", "/statuses", 1)


async def kill(dash: Dashboard, ask: Ask) -> Done:
    """Have a job end at its next step, or before it begins."""
    job_id = ask.names["id"]
    cancelled = await dash.run(dash.core.statuses.cancel(job_id))
    text = f"Job {job_id} ends at its next step" if cancelled else f"Job {job_id} has ended already"
    return Done(text, "/statuses", int(cancelled))


async def asks_clear(dash: Dashboard, ask: Ask) -> Question:
    """Ask before statuses are removed."""
    only = _only(ask)
    if only is None:
        number = await dash.run(dash.core.statuses.count())
        statuses = count(number, "status", "statuses")
        return Question(
            f"Remove all {statuses}? The jobs stay.", f"Remove {statuses}", "/statuses", number
        )
    number, listed = 0, await dash.run(dash.core.statuses.count())
    for start in range(0, listed, 500):
        found = await dash.run(dash.core.statuses.all(start, 500))
        number += sum(one.status == only for one in found)
    statuses = count(number, f"{only} status", f"{only} statuses")
    return Question(f"Remove {statuses}? The jobs stay.", f"Remove {statuses}", "/statuses", number)


async def clear(dash: Dashboard, ask: Ask) -> Done:
    """Remove statuses: all, or those of one state."""
    number = await dash.run(dash.core.statuses.clear(_only(ask)))
    return Done(f"Removed {count(number, 'status', 'statuses')}", "/statuses", number)


def _only(ask: Ask) -> str | None:
    """Return the state that a form names. Raises Refused."""
    only = ask.get("only")
    if only is not None and only not in STATES:
        raise Refused(f"{only!r} is no state: there are {', '.join(STATES)}.")
    return only
