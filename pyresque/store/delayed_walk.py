"""Walk through all delayed payloads in the order of time: several short lists in one batch, long lists slice by slice."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.store.delayed import ListRange
from pyresque.store.slices import SLICE, SLICE_BYTES, Forward

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.store.delayed import DelayedTable

#: The most payloads of a list that is read in one batch with others.
SMALL: Final = 100


@dataclass(frozen=True, slots=True)
class DelayedSlice:
    """Payloads that stand in one list, one after the other, from index ``first`` on."""

    timestamp: str
    first: int
    payloads: list[bytes]

    @property
    def list_range(self) -> ListRange:
        """Where the payloads stand in the list."""
        return ListRange(self.timestamp, self.first, self.first + len(self.payloads) - 1)


class DelayedWalk:
    """Walks through the lists of some timestamps, or of all."""

    def __init__(self, table: DelayedTable, only: Iterable[str] | None = None) -> None:
        self.table = table
        self._after: str | None = "-inf" if only is None else None
        self._unsized = [] if only is None else list(only)
        self._lists: deque[tuple[str, int]] = deque()
        self._long: tuple[str, Forward] | None = None
        self._most = SLICE

    async def more(self) -> list[DelayedSlice] | None:
        """Return the next payloads; None at the end."""
        together: list[str] = []
        while not together:
            if self._long is not None:
                timestamp, walk = self._long
                page = await walk.more()
                if page is not None:
                    return [DelayedSlice(timestamp, *page)]
                self._long = None
            if not await self._sized():
                return None
            together = await self._together()
        pages = await self.table.pages([(timestamp, 0) for timestamp in together], SMALL)
        self._measure(pages)
        return [DelayedSlice(at, 0, page) for at, page in zip(together, pages, strict=True)]

    async def sizes(self) -> list[int] | None:
        """Return the lengths of the next lists, without their payloads; None at the end."""
        if not await self._sized():
            return None
        found = [size for _, size in self._lists]
        self._lists.clear()
        return found

    async def _together(self) -> list[str]:
        """Return the next short lists; empty if a long one is next."""
        found: list[str] = []
        total = 0
        while await self._sized():
            timestamp, size = self._lists[0]
            if total and (size > SMALL or total + size > self._most):
                break
            self._lists.popleft()
            if size > SMALL:
                self._long = timestamp, Forward(self.table.list(timestamp))
                break
            if size:
                found.append(timestamp)
                total += size
        return found

    async def _sized(self) -> bool:
        """Ask for the lengths of the next lists; return whether there are any."""
        while not self._lists:
            if self._after is not None:
                self._unsized, self._after = await self.table.times.names(self._after)
            if not self._unsized:
                return False
            timestamps, self._unsized = self._unsized, []
            sizes = await self.table.sizes(timestamps)
            self._lists.extend(zip(timestamps, sizes, strict=True))
        return True

    def _measure(self, pages: list[list[bytes]]) -> None:
        count = sum(map(len, pages))
        if count:
            average = sum(len(raw) for page in pages for raw in page) // count + 1
            self._most = max(1, min(SLICE, SLICE_BYTES // average))
