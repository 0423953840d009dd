"""The tab of queues: all of them with their sizes, the age of their next job, and who takes from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.process.worker.listening import listening
from pyresque.web.view import Done, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.job.overview import Overview
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.workers import QueueRow, QueuesPage
    from pyresque.web.view import Ask

#: Queues of one page.
PER_PAGE = 100


async def show(dash: Dashboard, ask: Ask) -> View[QueuesPage]:
    """Show the queues, those whose name has the text ``q``, a hundred at a time."""
    found = await dash.run(dash.core.overview(pauses=True))
    text = ask.get("q")
    names = [name for name in found.sizes if text is None or text.casefold() in name.casefold()]
    start = ask.number("start", 0)
    page = names[start : start + PER_PAGE]
    pending = sum(size or 0 for size in found.sizes.values())
    return View(
        "queues.html",
        f"{len(found.sizes):,} queues, {pending:,} pending",
        {
            "queues": await queue_rows(dash, found, page),
            "total": len(names),
            "start": start,
            "per": PER_PAGE,
            "q": text,
            "failed": found.failed,
            "all_paused": found.all_queues_paused,
        },
        tab="/queues",
    )


async def queue_rows(dash: Dashboard, found: Overview, names: Sequence[str]) -> list[QueueRow]:
    """Return the rows of these queues. Size None: the key is no list."""
    latencies = await dash.run(dash.core.queue_overview.latencies(names))
    lists = listening(found.workers)
    paused = set(found.paused_queues)
    return [
        {
            "name": name,
            "size": found.sizes[name],
            "oldest": latencies[name],
            "paused": name in paused,
            "workers": sum(number for one, number in lists.items() if one.takes(name)),
        }
        for name in names
    ]


async def pause_all(dash: Dashboard, _ask: Ask) -> Done:
    """Pause every queue."""
    await dash.run(dash.core.jobs.pauses.pause_all_queues())
    return Done("Paused all queues: no job is taken from any", "/queues")


async def resume_all(dash: Dashboard, _ask: Ask) -> Done:
    """End the pause of all queues; those that are paused by themselves stay so."""
    ended = await dash.run(dash.core.jobs.pauses.resume_all_queues())
    text = "The pause of all queues has ended" if ended else "All queues were not paused"
    return Done(text, "/queues")
