"""Searches delayed jobs for a text, a page full at a time, and shows them."""

from __future__ import annotations

import re
import time
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from pyresque.job_text import iso_of_seconds
from pyresque.store.slices import Slices
from pyresque.web.shown import job_data, searched

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.ops import Command
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.shapes.jobs import DelayedJob

#: Where a search goes on: behind a score of the sorted set, or in the long list of a time, at an index.
PLACE = re.compile(r"\(-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?|-?\d{1,20}@\d{1,15}")

#: Jobs of a time that are read together with those of other times.
MOST_TOGETHER = 100


class Found(NamedTuple):
    """Delayed jobs. A search has looked at ``looked`` times; ``next`` is where it, or the list of times, goes on."""

    jobs: list[DelayedJob]
    looked: int | None
    next: int | str | None


def iso_of(written: str) -> str | None:
    """Return a time of the sorted set as ISO 8601; None for what is no time."""
    try:
        return iso_of_seconds(float(written))
    except ValueError:
        return None


def job_shown(dash: Dashboard, raw: bytes, timestamp: str) -> DelayedJob:
    """Return a delayed job for a page, by its bytes and the time as Redis has it."""
    job: Job = dash.core.delayed.search.found(raw)
    queue = job.payload.extra.get("queue")
    return {
        "id": dash.name_of(raw),
        "queue": None if queue is None else str(queue),
        "timestamp": timestamp,
        "at": iso_of(timestamp),
        **job_data(job),
    }


async def search(
    dash: Dashboard, screen: Screen, text: str, after: str, looked: int, rows: int, budget: float
) -> Found:
    """Look from a place on for jobs with a text, until the page is full or the time is over. ``looked`` counts times."""
    search = Searching(dash, taking(dash, screen, text), looked, rows, time.monotonic() + budget)
    more = await search.whole(after)
    return Found(search.found, search.looked, more)


class Searching:
    """A search of one page through delayed jobs."""

    def __init__(
        self,
        dash: Dashboard,
        takes: Callable[[bytes], bool],
        looked: int,
        rows: int,
        deadline: float,
    ) -> None:
        self.dash = dash
        self.looked = looked
        self.found: list[DelayedJob] = []
        self._takes = takes
        self._rows = rows
        self._deadline = deadline
        self._behind = -inf

    async def whole(self, after: str) -> str | None:
        """Look from a place on; return where to go on, None at the end."""
        inside, mark, index = after.partition("@")
        if mark:
            place = await self._list(inside, int(index))
            if place is not None:
                return place
            after = f"({inside}"
        table = self.dash.core.delayed.table
        while True:
            self._behind = float(after.removeprefix("("))
            names, after_page = await self.dash.run(table.times.names(after))
            if not names:
                return None
            wanted = [(name, 0) for name in names]
            for name, raws in zip(
                names, await self.dash.run(table.pages(wanted, MOST_TOGETHER + 1)), strict=True
            ):
                if len(raws) > MOST_TOGETHER:
                    place = await self._list(name, 0)
                    if place is not None:
                        return place
                else:
                    self.found += [
                        job_shown(self.dash, raw, name) for raw in raws if self._takes(raw)
                    ]
                    self.looked += 1
                if len(self.found) >= self._rows and self._is_place(name):
                    return f"({name}"
            after = after_page
            if time.monotonic() > self._deadline:
                return after

    async def _list(self, name: str, index: int) -> str | None:
        """Look through the list of a time that has many jobs; return where to go on in it, None at its end."""
        stops = self._is_place(name)
        slices = Slices(self.dash.core.delayed.table.list(name))
        while raws := await self.dash.run(_asked(slices.reading(index, slices.size))):
            for raw in raws:
                index += 1
                if self._takes(raw):
                    self.found.append(job_shown(self.dash, raw, name))
                    if stops and len(self.found) >= self._rows:
                        return f"{name}@{index}"
            if stops and time.monotonic() > self._deadline:
                return f"{name}@{index}"
        self.looked += 1
        return None

    def _is_place(self, name: str) -> bool:
        """Return whether a search can go on behind this time: other clients write names that are not their scores."""
        return re.fullmatch(r"-?\d{1,20}", name) is not None and float(name) > self._behind


async def _asked(command: Command[list[bytes]]) -> list[bytes]:
    return await command


def taking(dash: Dashboard, screen: Screen, text: str) -> Callable[[bytes], bool]:
    """Return a function that says whether a payload has a text."""

    def takes(raw: bytes) -> bool:
        def decoded() -> object:
            return searched(dash.core.delayed.search.found(raw))

        return screen.finds(text, raw, decoded)

    return takes
