"""The search over everything: names of queues, workers and recurring jobs; failed, queued and delayed jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyresque.failed_filter import Filter
from pyresque.web.tabs import delayed_search, failed, queue
from pyresque.web.view import View

if TYPE_CHECKING:
    from typing import TypeAlias

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.shapes.answers import SearchPage, SearchPlace
    from pyresque.web.shapes.jobs import DelayedJob, JobShown, QueuedJob
    from pyresque.web.view import Ask

    Jobs: TypeAlias = list[JobShown] | list[QueuedJob] | list[DelayedJob]

#: Seconds that one place is searched, and after which no further queue is.
BUDGET = 0.03
WHOLE_BUDGET = 0.15

#: What a place shows of its matches; its own page has all.
SHOWN = 5
NAMES = 20


async def show(dash: Dashboard, ask: Ask) -> View[SearchPage]:
    """Show where a text is found, some of each place; its link goes through the whole place."""
    text = ask.get("q")
    data: SearchPage = {"q": text, "names": {}, "places": [], "left": []}
    if text is not None:
        await _search(dash, ask.screen, text, data)
    return View("search.html", "Search" if text is None else f"Search: {text}", data, "/search")


async def _search(dash: Dashboard, screen: Screen, text: str, data: SearchPage) -> None:
    deadline = time.monotonic() + WHOLE_BUDGET
    core, part = dash.core, text.casefold()
    found = await dash.run(core.overview())
    schedules = await dash.run(core.recurring.names())
    for kind, known in (
        ("queues", found.sizes),
        ("workers", found.workers),
        ("schedule", schedules),
    ):
        data["names"][kind] = [name for name in known if part in name.casefold()][:NAMES]
    places = data["places"]
    total = await dash.run(core.failures.count())
    records, end = await failed.matching(
        dash, None, Filter(text=text, finds=failed.finds_in_records(screen)), total, SHOWN, BUDGET
    )
    jobs: list[JobShown] = [
        one["job"] if one["readable"] else {"class": None, "fault": "", "raw": one["raw"]}
        for one in records
    ]
    places.append(_place(["failed"], jobs, total - end, total))
    for name, size in found.sizes.items():
        if not size:
            continue
        if time.monotonic() > deadline:
            data["left"].append(name)
            continue
        some = await queue.search(dash, screen, name, text, 0, SHOWN, BUDGET)
        places.append(_place(["queues", name], some.jobs[:SHOWN], some.looked or 0, size))
    data["left"] = data["left"][:NAMES]
    times = await dash.run(core.delayed.delayed_queue_schedule_size())
    later = await delayed_search.search(dash, screen, text, "-inf", 0, SHOWN, BUDGET)
    places.append(_place(["delayed"], later.jobs[:SHOWN], later.looked or 0, times))


def _place(page: list[str], jobs: Jobs, looked: int, total: int) -> SearchPlace:
    return {"page": page, "jobs": jobs, "looked": min(looked, total), "total": total}
