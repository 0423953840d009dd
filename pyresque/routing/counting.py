"""What a selective worker counts of each job that it finishes: its class, how it ended, how long it took."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pyresque.routing.rules import PYTHON
from pyresque.routing.share import routed_class
from pyresque.ruby.stamp import iso8601_z
from pyresque.store.performed import DONE, FAILED, LONGEST_NAME

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.job.job import Job
    from pyresque.routing.brake import Brakes
    from pyresque.store.performed import PerformedTable
    from pyresque.store.reserve import FailureEntry

#: Classes whose brakes wait to be looked at, at most.
MOST_FAILED: Final = 1000

#: Microseconds in a second.
MICRO: Final = 1_000_000


class PerformedCounter:
    """Adds to what a worker writes at a job's end that Python performed a job of that class.

    The counts are written by the turn that finishes the job: a job whose worker is killed before that is not counted.
    """

    def __init__(self, table: PerformedTable, clock: Clock, brakes: Brakes | None = None) -> None:
        self.table = table
        self.clock = clock
        self.brakes = brakes
        #: Classes of jobs that failed, whose brakes were not looked at since.
        self._failed: set[str] = set()

    async def look_at_brakes(self) -> None:
        """Look at the brakes of classes whose jobs have failed; at those that were looked at just now by a later call."""
        if self._failed and self.brakes is not None:
            for name in tuple(self._failed):
                if await self.brakes.after_failure(name):
                    self._failed.discard(name)

    def counted(
        self, job: Job, entry: FailureEntry, seconds: float, *, failed: bool
    ) -> FailureEntry:
        """Return the entry with the commands that count the job; the same entry if the class's name is too odd to be counted."""
        name = routed_class(job.payload)
        if not is_countable(name):
            return entry
        second = int(self.clock.time())
        took = max(0, int(seconds * MICRO))
        ended = FAILED if failed else DONE
        if failed and len(self._failed) < MOST_FAILED:
            self._failed.add(name)
        counts = self.table.writes(name, PYTHON, iso8601_z(second), second, ended, took)
        without = entry.without
        if without is None:
            return replace(entry, writes=(*entry.writes, *counts))

        async def without_plugins(refused: str) -> FailureEntry:
            """What the plugins write is refused; the job is counted all the same."""
            left = await without(refused)
            return replace(left, writes=(*left.writes, *counts))

        return replace(entry, writes=(*entry.writes, *counts), without=without_plugins)


def is_countable(name: str) -> bool:
    """Whether jobs of a class of that name are counted; names come from payloads, and may be anything."""
    if not 0 < len(name) <= LONGEST_NAME:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
