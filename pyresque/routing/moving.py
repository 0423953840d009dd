"""Move the payloads of one queue aside for Python, window by window; and those that belong to Ruby again back to its head.

Theory of operation. Ruby's workers pop a queue's head and know nothing of routes, so what belongs to Python must have left the queue
before it comes to the head. ``QueueMover`` goes through the first ``ahead`` elements once, and then only looks at what is new behind
them: ``place`` elements at the head belong to Ruby, and the last few of them, the anchor, tell where they end now, however many Ruby
has popped meanwhile. Where the anchor is not found, or is found twice, the mover looks at more than it need, never at less.

Python decides by what it has read. The script (``move_aside.lua``) then moves these payloads, by their bytes, if the routing table is
still the one by which they were chosen. A mover that is killed at any moment has moved a payload, or has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyresque.job.job import read_job
from pyresque.routing.share import goes_to_python, routed_class
from pyresque.store.moved import SLACK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.job.job import Codec, Job
    from pyresque.routing.rules import Routes
    from pyresque.store.moved import MovedTable

#: Elements that tell where those that belong to Ruby end.
ANCHOR: Final = 8

#: Elements before that place that are read again, to find the anchor: Ruby has popped about so many meanwhile.
OVERLAP: Final = 64


class Step(NamedTuple):
    """What one step did: how many payloads it moved, and whether there is more to look at.

    refused: OTHER_TABLE, where the routing table has changed meanwhile, or OTHER_MOVER, where another process moves jobs of this
    queue; then nothing was moved.
    """

    moved: int
    more: bool
    refused: int = 0


class QueueMover:
    """Moves jobs of one queue. ``registered``: whether Python can perform a job; None: the routing table alone decides."""

    def __init__(
        self,
        table: MovedTable,
        codec: Codec,
        queue: str,
        ahead: int,
        registered: Callable[[Job], bool] | None = None,
    ) -> None:
        self.table = table
        self.codec = codec
        self.queue = queue
        self.ahead = ahead
        self.registered = registered
        #: A class that is led to Python, and that nobody registered; "" if none was seen.
        self.unknown = ""
        self._slices = table.queue_slices(queue)
        self._place = 0
        self._anchor: list[bytes] = []

    def restart(self) -> None:
        """Begin at the head again: other routes hold, or elements came before those that were seen."""
        self._place, self._anchor = 0, []

    async def step(self, routes: Routes, table: bytes) -> Step:
        """Look at one window of the queue, and move what belongs to Python. ``table``: the bytes of these routes."""
        index, found, whole = await self._unseen()
        chosen: list[bytes] = []
        kept: list[bytes] = []
        for raw in found:
            (chosen if self.is_pythons(routes, raw) else kept).append(raw)
        moved = 0
        if chosen:
            last = index + len(found) - 1
            moved = await self.table.move_aside(self.queue, table, index, last, chosen)
            if moved < 0:
                self.restart()
                return Step(0, more=True, refused=moved)
        self._place = index + len(kept)
        self._anchor = [*self._anchor, *kept][-ANCHOR:]
        if moved < len(chosen) and index > SLACK:  # they may have moved too far for the script
            self.restart()
            return Step(moved, more=True)
        return Step(moved, more=not whole and self._place < self.ahead)

    async def _unseen(self) -> tuple[int, list[bytes], bool]:
        """Return the index of the first element that was not looked at, a window from there, and whether it ends the queue."""
        slices = self._slices
        for back in (min(OVERLAP, slices.size), slices.size):
            if self._place == 0:
                break
            first = max(0, self._place - back)
            count = self._place - first + min(slices.size, max(0, self.ahead - self._place) + back)
            found = await slices.reading(first, count)
            at = _after(found, self._anchor)
            if at is not None:
                index = first + at
                whole = len(found) < count
                return index, found[at : at + max(0, self.ahead - index)], whole
        self.restart()
        count = min(slices.size, self.ahead)
        found = await slices.reading(0, count)
        return 0, found, len(found) < count

    def is_pythons(self, routes: Routes, raw: bytes) -> bool:
        """Whether a payload belongs to Python; what cannot be read is left to Ruby."""
        job = read_job(self.codec, self.queue, raw)
        if job.fault is not None or not job.class_name:
            return False
        if goes_to_python(routes, self.codec, job.payload) is not True:
            return False
        if self.registered is None or self.registered(job):
            return True
        self.unknown = routed_class(job.payload)
        return False

    # -- the way back

    async def back(self, routes: Routes | None, table: bytes) -> Step:
        """Move what lies aside and belongs to Ruby back to the queue's head, in its order; without routes everything.

        It goes from the last element to the first, so that each window comes before the one that was moved before it.
        """
        slices, kept, moved = self.table.aside_slices(self.queue), 0, 0
        left = await slices.counting()
        while True:
            count = slices.size
            found = await slices.reading(-(kept + count), count)
            chosen = [raw for raw in found if routes is None or not self._stays(routes, raw)]
            if chosen:
                done = await self.table.move_back(
                    self.queue, table, -(kept + count), -(kept + 1), chosen
                )
                if done < 0:
                    return Step(moved, more=True, refused=done)
                moved += done
                self.restart()
            kept += len(found) - len(chosen)
            left -= len(found)
            if len(found) < count or left <= 0:
                return Step(moved, more=False)

    def _stays(self, routes: Routes, raw: bytes) -> bool:
        job = read_job(self.codec, self.queue, raw)
        return job.fault is None and goes_to_python(routes, self.codec, job.payload) is True


def _after(found: Sequence[bytes], anchor: Sequence[bytes]) -> int | None:
    """Return the index after the first place where the anchor stands; None if it does not."""
    size = len(anchor)
    for at in range(len(found) - size + 1):
        if found[at] == anchor[0] and list(found[at : at + size]) == list(anchor):
            return at + size
    return None
