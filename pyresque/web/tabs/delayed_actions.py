"""What can be done to delayed jobs: enqueue them now, move them to another time, remove them; by time, bytes or text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyresque.errors import DurationError
from pyresque.job_text import iso_of_seconds, moment
from pyresque.schedule.search import every
from pyresque.web.dashboard import link
from pyresque.web.forms import stretch
from pyresque.web.passing import Passing
from pyresque.web.shown import count
from pyresque.web.tabs.delayed import timestamp_in
from pyresque.web.tabs.delayed_search import iso_of, taking
from pyresque.web.view import Bulk, Done, Input, Question, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.schedule.search import Selection
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask

#: What a reader is asked for, and seconds by which a time may be past since the question; the last time of calendars.
AT = Input("at", "At a time such as 2026-12-01T08:00Z, or how long from now, such as 1h30m")
GRACE = 60
LATEST = 253_402_300_799


def _chosen(dash: Dashboard, ask: Ask) -> tuple[Callable[[bytes], bool], list[str] | None, str]:
    """Return which payloads an action means, at which times only, and the same in words."""
    only = [timestamp_in(ask)] if "timestamp" in ask.names else None
    where = "" if only is None else f" at {iso_of(only[0])}"
    wanted, text = ask.get("id"), ask.get("q")
    if wanted is not None:
        return (lambda raw: dash.name_of(raw) == wanted), only, f" with these bytes{where}"
    if text is not None:
        return taking(dash, ask.screen, text), only, f" with the text {text!r}{where}"
    if only is None:
        raise Refused("No text was given to look for.")
    return every, only, where


async def _asks(dash: Dashboard, ask: Ask, verb: str) -> Question:
    wanted, only, words = _chosen(dash, ask)
    number = await _through(dash, dash.core.delayed.counting(wanted, only))
    jobs = count(number, "delayed job")
    return Question(f"{verb} {jobs}{words}?", f"{verb} {jobs}", _back(ask), number)


async def _through(dash: Dashboard, selection: Selection) -> int:
    done = 0
    while (step := await dash.run(selection.more())) is not None:
        done += step.done
    return done


async def asks_enqueue(dash: Dashboard, ask: Ask) -> Question:
    """Ask before delayed jobs are enqueued now."""
    return await _asks(dash, ask, "Enqueue now")


async def enqueue(dash: Dashboard, ask: Ask) -> Bulk:
    """Enqueue delayed jobs now: those of a time, those with these bytes, or those with a text."""
    wanted, only, _ = _chosen(dash, ask)
    selection = dash.core.delayed.enqueueing(wanted, only)
    return await _bulk(dash, ask, selection, "enqueued")


async def asks_remove(dash: Dashboard, ask: Ask) -> Question:
    """Ask before delayed jobs are removed."""
    return await _asks(dash, ask, "Remove")


async def remove(dash: Dashboard, ask: Ask) -> Bulk:
    """Remove delayed jobs: those of a time, those with these bytes, or those with a text."""
    wanted, only, _ = _chosen(dash, ask)
    selection = dash.core.delayed.removing(wanted, only, clean=True)
    return await _bulk(dash, ask, selection, "removed")


async def _bulk(dash: Dashboard, ask: Ask, selection: Selection, verb: str) -> Bulk:
    times = await dash.run(dash.core.delayed.delayed_queue_schedule_size())
    return Bulk(Passing(dash, selection), times, verb, "delayed job", _back(ask))


def _when(dash: Dashboard, ask: Ask) -> int | None:
    """Return the time that a form names, in seconds since 1970; None if it names none. Raises Refused."""
    written = (ask.get("at") or "").strip()
    if not written:
        if ask.confirmed:
            raise Refused("The form names no time: fill in its field `at`.")
        return None
    now = dash.now()
    if re.fullmatch(r"\d{9,12}", written):
        seconds = float(written)
    elif (found := moment(written)) is not None and not written.isdecimal():
        seconds = found.timestamp()
    else:
        try:
            seconds = now + stretch(written)
        except DurationError as error:
            raise Refused(
                f"{written[:64]!r} is no time: write 2026-12-01T08:00Z, or how long from now, such as 1h30m"
            ) from error
    if seconds < now - GRACE:
        raise Refused(f"{iso_of_seconds(seconds)} is past: enqueue the jobs now in place of that.")
    if seconds > LATEST:
        raise Refused("No calendar has this time.")
    return int(seconds)


async def asks_reschedule(dash: Dashboard, ask: Ask) -> Question:
    """Ask to which time delayed jobs are to be moved."""
    wanted, only, words = _chosen(dash, ask)
    at = _when(dash, ask)
    number = await _through(dash, dash.core.delayed.counting(wanted, only))
    jobs = count(number, "delayed job")
    where = "to which time" if at is None else f"to {iso_of_seconds(at)}"
    return Question(
        f"Move {jobs}{words} {where}?",
        f"Move {jobs}",
        _back(ask),
        number,
        {} if at is None else {"at": str(at)},
        (AT,) if at is None else (),
    )


async def reschedule(dash: Dashboard, ask: Ask) -> Bulk:
    """Move delayed jobs to another time: those of a time, those with these bytes, or those with a text."""
    wanted, only, _ = _chosen(dash, ask)
    selection = dash.core.delayed.rescheduling(wanted, only, _when(dash, ask) or 0)
    return await _bulk(dash, ask, selection, "moved")


async def asks_clear(dash: Dashboard, _ask: Ask) -> Question:
    """Ask before all delayed jobs are removed."""
    number = await dash.run(dash.core.delayed.count_all_scheduled_jobs())
    jobs = count(number, "delayed job")
    return Question(f"Remove all {jobs}?", f"Remove {jobs}", "/delayed", number)


async def clear(dash: Dashboard, _ask: Ask) -> Done:
    """Remove all delayed jobs."""
    number = await dash.run(dash.core.delayed.count_all_scheduled_jobs())
    await dash.run(dash.core.delayed.reset_delayed_queue())
    return Done(f"Removed {count(number, 'delayed job')}", "/delayed", number)


def _back(ask: Ask) -> str:
    text = ask.get("q")
    return "/delayed" if text is None else link("delayed", q=text)
