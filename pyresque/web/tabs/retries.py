"""The tab of jobs that wait for their next attempt: resque-retry's and ActiveJob's; try them now, or drop them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyresque.job_text import iso_of_seconds
from pyresque.web.dashboard import link
from pyresque.web.passing import Passing
from pyresque.web.shown import count, job_data
from pyresque.web.view import Bulk, Looking, Question, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.plugins.waiting_retries import RetryPass, WaitingRetry
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.later import RetriesPage, RetryRow
    from pyresque.web.view import Ask

#: Seconds that one page may look.
BUDGET = 0.12

#: Jobs that a page shows; further ones are counted.
MOST = 100


async def show(dash: Dashboard, ask: Ask) -> View[RetriesPage] | Looking[RetriesPage]:
    """Show the jobs that wait for their next attempt, the next one first; those of a class if one is given."""
    looking = LookingForRetries(dash, ask)
    if ask.get("whole") == "yes":
        return Looking(looking)
    deadline = time.monotonic() + BUDGET
    while await looking.step() and time.monotonic() <= deadline:
        pass
    return looking.view()


class LookingForRetries:
    """Looks for jobs that wait for their next attempt, slice by slice, and keeps the first MOST."""

    def __init__(self, dash: Dashboard, ask: Ask) -> None:
        self.dash = dash
        self.seen = self.found = 0
        self.ended = False
        self.class_name = ask.get("class")
        self._ask = ask
        self._wanted = _wanted(dash, ask)
        self._rows: list[RetryRow] = []
        self._waiting = dash.core.retries.each()

    async def step(self) -> bool:
        """Look through the next slice."""
        page = await self.dash.run(self._waiting.more())
        self.seen = self._waiting.seen
        self.ended = page is None
        for one in () if page is None else page.records:
            if self._wanted(one):
                self.found += 1
                if len(self._rows) < MOST:
                    self._rows.append(_row(self.dash, self._ask, one))
        return not self.ended

    def view(self) -> View[RetriesPage]:
        """Return the page of those found so far."""
        return View(
            "retries.html",
            f"{count(self.found, 'retry', 'retries')} {'wait' if self.found != 1 else 'waits'}",
            {
                "retries": self._rows,
                "found": self.found,
                "looked": self.seen,
                "ended": self.ended,
                "class_name": self.class_name,
            },
            tab="/retries",
        )


def _row(dash: Dashboard, ask: Ask, one: WaitingRetry) -> RetryRow:
    queue = one.job.payload.extra.get("queue")
    return {
        "id": _id(dash, ask, one),
        "at": iso_of_seconds(one.at),
        "timestamp": str(one.at),
        "attempts": one.attempts,
        "exception": one.exception,
        "error": one.error,
        "queue": None if queue is None else str(queue),
        "job": job_data(one.job),
    }


def _id(dash: Dashboard, ask: Ask, one: WaitingRetry) -> str:
    """Return a retry's id as commands have it; a name without a digest of its arguments for those who may not see all of these."""
    if ask.screen.open:
        return one.id
    return dash.name_of(one.id.encode("utf-8", "surrogateescape"))


def _wanted(dash: Dashboard, ask: Ask) -> Callable[[WaitingRetry], bool]:
    """Return a function that says which retries a URL or a form means: one by its id, those of a class, or all."""
    retry_id, name = ask.get("id"), ask.get("class")

    def wanted(one: WaitingRetry) -> bool:
        return (retry_id is None or retry_id == _id(dash, ask, one)) and name in (
            None,
            one.class_name,
            one.job.class_name,
        )

    return wanted


# -- actions


async def _asks(dash: Dashboard, ask: Ask, verb: str) -> Question:
    wanted, number = _wanted(dash, ask), 0
    waiting = dash.core.retries.each()
    while (page := await dash.run(waiting.more())) is not None:
        number += sum(map(wanted, page.records))
    retries, name = count(number, "retry", "retries"), ask.get("class")
    of = "" if name is None else f" of {name}"
    return Question(f"{verb} {retries}{of}?", f"{verb} {retries}", _back(ask), number)


async def asks_run(dash: Dashboard, ask: Ask) -> Question:
    """Ask before retries are tried now."""
    return await _asks(dash, ask, "Try now")


async def run(dash: Dashboard, ask: Ask) -> Bulk:
    """Enqueue jobs that wait for their next attempt now."""
    return await _bulk(dash, ask, dash.core.retries.trying(_wanted(dash, ask)), "enqueued")


async def asks_cancel(dash: Dashboard, ask: Ask) -> Question:
    """Ask before retries are dropped."""
    return await _asks(dash, ask, "Cancel")


async def cancel(dash: Dashboard, ask: Ask) -> Bulk:
    """Cancel retries with their counters; each becomes a failed record."""
    return await _bulk(dash, ask, dash.core.retries.cancelling(_wanted(dash, ask)), "dropped")


async def _bulk(dash: Dashboard, ask: Ask, steps: RetryPass, verb: str) -> Bulk:
    times = await dash.run(dash.core.delayed.delayed_queue_schedule_size())
    return Bulk(Passing(dash, steps), times, verb, "waiting job", _back(ask))


def _back(ask: Ask) -> str:
    name = ask.get("class")
    return "/retries" if name is None else link("retries", **{"class": name})
