"""The tab of recurring jobs: when each ran last and runs next, who leads; run, change and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pyresque.errors import DecodeError
from pyresque.job_text import iso
from pyresque.web.shown import as_json, count
from pyresque.web.tabs.schedule_actions import parameters_of
from pyresque.web.timing_words import in_words, zone_of_line
from pyresque.web.view import NotThere, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.schedule.recurring import NextRuns
    from pyresque.store.schedules import LockInfo
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.later import ScheduleEntryPage, SchedulePage, ScheduleRow, Timing
    from pyresque.web.view import Ask

#: Seconds that a delayed job may be overdue before the scheduler is said to be behind.
BEHIND = 60

#: Entries of one page, and next runs on the page of one.
PER_PAGE = 50
RUNS = 5


async def show(dash: Dashboard, ask: Ask) -> View[SchedulePage]:
    """Show recurring jobs, fifty at a time, and the scheduler that leads."""
    recurring = dash.core.recurring
    names, start = await dash.run(recurring.names()), ask.number("start", 0)
    found = await dash.run(recurring.next_runs_of(names[start : start + PER_PAGE], 1))
    lock = await dash.run(dash.core.lock.info())
    due = await _overdue(dash)
    return View(
        "schedule.html",
        f"{count(len(names), 'recurring job')}{'' if lock else ', no scheduler'}",
        {
            "entries": [_entry(ask, one) for one in found],
            "total": len(names),
            "start": start,
            "per": PER_PAGE,
            "zone": dash.settings.time_zone or "the zone of the scheduler's process",
            "scheduler": None if lock is None else {"holder": lock.holder, "ttl": lock.ttl},
            "health": _health(lock, due, needed=bool(names) or due > 0),
            "overdue": due,
        },
        tab="/schedule",
    )


async def _overdue(dash: Dashboard) -> float:
    """Return for how many seconds the first delayed job is overdue: 0 while the scheduler keeps up."""
    rows, _ = await dash.run(dash.core.delayed.delayed_rows(0, 1))
    try:
        return max(0.0, dash.now() - float(rows[0][0])) if rows else 0.0
    except ValueError:
        return 0.0


def _health(
    lock: LockInfo | None, overdue: float, *, needed: bool
) -> Literal["none", "missing", "stuck", "behind", "well"]:
    """Return how the scheduler is: none, missing, stuck (its lock never expires), behind, or well."""
    if lock is None:
        return "missing" if needed else "none"
    if lock.ttl is None:
        return "stuck"
    return "behind" if overdue > BEHIND else "well"


def _entry(ask: Ask, one: NextRuns) -> ScheduleRow:
    """Return an entry for a page."""
    config = one.config if isinstance(one.config, dict) else {}
    return {
        "name": one.name,
        "timing": _timing(config),
        "fields": parameters_of(ask, config),
        "class": config.get("class") or one.name,
        "queue": config.get("queue"),
        "args": config.get("args"),
        "description": config.get("description"),
        "environment": config.get("rails_env", config.get("env")),
        "last": iso(one.last) or one.last,
        "runs": [run.isoformat() for run in one.runs],
        "faults": _faults(ask, one),
    }


def _faults(ask: Ask, one: NextRuns) -> list[str]:
    """Return what is wrong with an entry; that it is no hash, or cannot be decoded, may quote its arguments."""
    found = list(one.fault.faults) if one.fault else []
    return found if isinstance(one.config, dict) else [ask.screen.fault(text) for text in found]


def _timing(config: Mapping[str, Any]) -> Timing | None:
    if config.get("cron"):
        return _told("cron", config["cron"])
    return _told("every", config["every"]) if config.get("every") else None


def _told(kind: Literal["cron", "every"], value: object) -> Timing:
    return {
        "kind": kind,
        "value": value,
        "words": in_words(kind, value),
        "zone": zone_of_line(kind, value),
    }


async def entry(dash: Dashboard, ask: Ask) -> View[ScheduleEntryPage]:
    """Show one entry with its configuration and its next runs."""
    name = ask.names["name"]
    recurring = dash.core.recurring
    found = await dash.run(recurring.next_runs_of([name], RUNS))
    if not found:
        raise NotThere(f"There is no recurring job {name!r}.")
    try:
        config = await dash.run(recurring.fetch_schedule(name))
    except DecodeError as error:
        config = {"unreadable": ask.screen.fault(str(error))}
    shown = ask.screen.config(config)
    data: ScheduleEntryPage = {
        "entry": _entry(ask, found[0]),
        "config": shown,
        "text": as_json(shown, indent=2),
        "whole": shown == config,
        "zone": dash.settings.time_zone or "the zone of the scheduler's process",
    }
    return View("schedule_entry.html", f"Recurring job {name}", data, tab="/schedule")
