"""Random samples of long lists, and of the lists of all delayed jobs: every element has the same chance to be read."""

from __future__ import annotations

from math import exp, floor, log
from typing import TYPE_CHECKING, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import some_bytes
from pyresque.store.slices import SLICE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from pyresque.store.delayed import DelayedTable

#: Elements that are read in one round trip: at first, when their size is not known, and at most.
FIRST: Final = 20
MOST: Final = 500


class Picks:
    """Reads elements by key and index, some in each round trip; fewer if they are large. One that is gone by now is None."""

    def __init__(self, wanted: Iterable[tuple[bytes, int]]) -> None:
        self._wanted = list(wanted)
        self._at = 0
        self._size = FIRST

    @classmethod
    def of_list(cls, key: bytes, size: int, count: int, random: Random) -> Picks:
        """Pick ``count`` of the ``size`` elements of one list."""
        return cls((key, at) for at in sorted(random.sample(range(size), min(count, size))))

    async def more(self) -> Sequence[bytes | None] | None:
        """Return the next elements; None at the end. Raises WrongKey."""
        page = self._wanted[self._at : self._at + self._size]
        if not page:
            return None
        self._at += len(page)
        found: list[bytes | None] = await Batch(
            tuple(Command(("LINDEX", key, at), some_bytes) for key, at in page)
        )
        average = sum(len(raw) for raw in found if raw is not None) // len(found) + 1
        self._size = max(1, min(MOST, SLICE_BYTES // average, 4 * self._size))
        return found


class Reservoir:
    """Picks ``count`` of a number of things that is not known before; it is told how many there are, part by part.

    The algorithm is L of Kim-Hung Li (1994): it draws how many things to skip until the next one that takes the place of another.
    """

    def __init__(self, count: int, random: Random) -> None:
        self.picked: list[tuple[str, int]] = []
        self.total = 0
        self._count = count
        self._random = random
        self._weight = 1.0
        self._next = 0

    def add(self, name: str, size: int) -> None:
        """Tell that there are ``size`` more things of a name; each is picked by its index."""
        first, end = self.total, self.total + size
        self.total = end
        while self._next < end:
            pick = name, self._next - first
            if len(self.picked) < self._count:
                self.picked.append(pick)
            else:
                self.picked[self._random.randrange(self._count)] = pick
            self._next += 1 if len(self.picked) < self._count else 1 + self._skipped()

    def _skipped(self) -> int:
        self._weight *= exp(log(1 - self._random.random()) / self._count)
        share = log(1 - self._weight) if self._weight < 1 else -1e9
        return floor(log(1 - self._random.random()) / share) if share else 1 << 62


class DelayedPicks:
    """A random sample of all delayed jobs: first it counts the lists of all times, then it reads the picked elements."""

    def __init__(self, table: DelayedTable, count: int, random: Random) -> None:
        self.table = table
        self._reservoir = Reservoir(count, random)
        self._after: str | None = "-inf"
        self._picks: Picks | None = None
        self._times: list[str] = []
        #: Times that were counted.
        self.times = 0

    @property
    def total(self) -> int:
        """How many delayed jobs have been counted."""
        return self._reservoir.total

    async def count_more(self) -> bool:
        """Count the lists of some more times; False at the end."""
        if self._after is None:
            return False
        timestamps, after = await self.table.times.names(self._after)
        if not timestamps:
            self._after = None
            return False
        self._after = after
        self.times += len(timestamps)
        for at, size in zip(timestamps, await self.table.sizes(timestamps), strict=True):
            self._reservoir.add(at, size)
        return True

    async def more(self) -> list[tuple[str, bytes]] | None:
        """Return the next picked jobs, each with its time; None at the end."""
        if self._picks is None:
            wanted = sorted(self._reservoir.picked)
            self._times = [at for at, _ in wanted]
            self._picks = Picks((self.table.list(at), index) for at, index in wanted)
        found = await self._picks.more()
        if found is None:
            return None
        times, self._times = self._times[: len(found)], self._times[len(found) :]
        return [(at, raw) for at, raw in zip(times, found, strict=True) if raw is not None]
