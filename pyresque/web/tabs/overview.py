"""The first page: the numbers, all queues, who works, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.store.throughput import ThroughputTable
from pyresque.web.charts import chart, per_minute
from pyresque.web.findings import findings
from pyresque.web.tabs.queues import queue_rows
from pyresque.web.tabs.workers import worker_data
from pyresque.web.view import ROWS, View

if TYPE_CHECKING:
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.overview import Numbers, OverviewPage
    from pyresque.web.view import Ask

#: Queues that the page lists; the tab of queues has all.
MOST = 100


async def show(dash: Dashboard, _ask: Ask) -> View[OverviewPage]:
    """Show the overview."""
    core = dash.core
    found = await dash.run(core.overview(pauses=True))
    info = core.summary(found)
    working = await dash.run(core.worker_registry.of(found.busy[:ROWS]))
    times = await dash.run(core.delayed.delayed_queue_schedule_size())
    schedules = await dash.run(core.recurring.names())
    lock = await dash.run(core.lock.info())
    beats: list[str | None] = []
    if found.workers:
        beats = await dash.run(core.worker_registry.table.heartbeats_of(found.workers))
    names = list(found.sizes)[:MOST]
    numbers: Numbers = {
        "pending": info.pending,
        "processed": info.processed,
        "failed": info.failed,
        "workers": info.workers,
        "working": info.working,
        "queues": info.queues,
        "delayed": times,
        "scheduled": len(schedules),
    }
    rows = await queue_rows(dash, found, names)
    hour = per_minute(await dash.run(ThroughputTable(core.keys).last_hour(dash.now())))
    title = f"{info.failed:,} failed, {info.pending:,} pending"
    return View(
        "overview.html",
        title,
        {
            "numbers": numbers,
            "last_hour": hour,
            "charts": [chart(hour, name, dash.now()) for name in ("processed", "failed")],
            "queues": rows,
            "more_queues": len(found.sizes) - len(names),
            "workers": [worker_data(one, dash.now()) for one in working if one.working_on],
            "warnings": findings(
                *(found, beats, lock, dash.now(), dash.settings),
                waiting=bool(times or schedules),
            ),
            "scheduler": None if lock is None else {"holder": lock.holder, "ttl": lock.ttl},
        },
        tab="/overview",
    )
