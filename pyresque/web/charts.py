"""The charts of the last hour: a timer of this process notes the counters each minute; pages draw what is noted."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pyresque.errors import PyresqueError
from pyresque.store.throughput import MINUTES, ThroughputTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyresque.store.throughput import Counters
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.overview import Chart, Minute

log = logging.getLogger("pyresque")

#: Width and height of a chart, in its own units.
WIDTH, HEIGHT = 600, 60


class Timer:
    """Notes the counters each minute, from the first request on that this process answers."""

    def __init__(self, dash: Dashboard) -> None:
        self.dash = dash
        self.table = ThroughputTable(dash.core.keys)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, if it does not run yet in this loop."""
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop, and wait until it has."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        complained = False
        while True:
            await asyncio.sleep(60 - self.dash.now() % 60)
            try:
                await self.dash.run(self.table.note(self.dash.now()))
            except PyresqueError as error:
                if not complained:
                    log.warning("web: the chart of the last hour has gaps: %s", error)
                complained = True


def per_minute(counters: Sequence[Counters]) -> list[Minute]:
    """Return how many jobs were performed and failed in each minute between two that were noted; a counter that was reset gives 0."""
    return [row for one, after in pairwise(counters) for row in _between(one, after)]


def _between(one: Counters, after: Counters) -> Iterator[Minute]:
    """Yield the minutes between two that were noted; what was counted meanwhile is spread over them."""
    minutes = (after.minute - one.minute) // 60
    for at in range(minutes):
        yield {
            "minute": one.minute + 60 * at,
            "processed": max(0, after.processed - one.processed) / minutes,
            "failed": max(0, after.failed - one.failed) / minutes,
        }


def chart(rows: Sequence[Minute], name: Literal["processed", "failed"], now: float) -> Chart:
    """Return a chart of the last hour: the points of its line, its largest value and its sum."""
    first = now // 60 * 60 - MINUTES * 60
    top = max((row[name] for row in rows), default=0) or 1
    points = [
        f"{(row['minute'] - first) / (MINUTES * 60) * WIDTH:.1f},{HEIGHT - row[name] / top * (HEIGHT - 4):.1f}"
        for row in rows
    ]
    most = max((row[name] for row in rows), default=0)
    return {
        "name": name,
        "points": " ".join(points),
        "most": round(most, 1),
        "sum": round(sum(row[name] for row in rows)),
    }
