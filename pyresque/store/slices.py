"""A list in Redis, gone through slice by slice: what is in hand stays small, however many and however large its elements are.

Law: an element is known by its bytes. Others push, pop and remove meanwhile: what is removed is what was seen, in one script
a slice, so that whoever is interrupted between two slices leaves the list whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.ops import Batch, Command
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Arg

#: Bytes that a slice is to have, more or less, and the most elements.
SLICE_BYTES: Final = 1 << 20
SLICE: Final = 1000

#: Elements of the first slice, while nobody knows how large they are.
FIRST_SLICE: Final = 200

#: Elements behind a slice that are remembered: by any of them the place is found again where to go on.
AHEAD: Final = 50

#: An element that stands in a list for the moment between two commands of one script.
REMOVED: Final = b"\x00pyresque:removed\x00"


class Slices:
    """Reads one list."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.size = FIRST_SLICE

    def counting(self) -> Command[int]:
        """How many elements there are."""
        return Command(("LLEN", self.key), int)

    def reading(self, first: int, count: int) -> Command[list[bytes]]:
        """So many elements from an index on."""
        return Command(("LRANGE", self.key, first, first + count - 1), self._measured)

    def _measured(self, found: list[bytes]) -> list[bytes]:
        """The next slice has as many elements as make the bytes that are wanted, as far as this one tells."""
        if found:
            average = sum(map(len, found)) // len(found) + 1
            self.size = max(1, min(SLICE, SLICE_BYTES // average, 4 * self.size))
        return found


class Backward:
    """From an index down to another one. What is removed above, by whomever, moves nothing that is still to come."""

    def __init__(self, key: bytes, first: int = 0, end: int | None = None) -> None:
        self.slices = Slices(key)
        self.first = first
        self.end = end

    async def more(self) -> tuple[int, list[bytes]] | None:
        """The index of the next slice, and its elements in the list's order; None when all were seen."""
        if self.end is None:
            self.end = await self.slices.counting()
        if self.end <= self.first:
            return None
        at = max(self.first, self.end - self.slices.size)
        found = await self.slices.reading(at, self.end - at)
        self.end = at
        return at, found


class Forward:
    """From an index up to another one, in the list's order.

    What is removed below moves what is still to come: the next elements are remembered by their bytes, and looked for. That is
    needed where others push at the same time, so that the length tells nothing.
    """

    def __init__(self, key: bytes, first: int = 0, end: int | None = None) -> None:
        self.slices = Slices(key)
        self.first = first
        self.end = end
        self._length: int | None = None
        self._next: list[bytes] = []

    async def more(self) -> tuple[int, list[bytes]] | None:
        """The index of the next slice, and its elements; None when all were seen."""
        if self._length is None:
            self._length = await self.slices.counting()
            self.end = self._length if self.end is None else min(self.end, self._length)
        if self.end is None or self.first >= self.end:
            return None
        found = await self._aligned(min(self.slices.size, self.end - self.first))
        at = self.first
        self.first += len(found)
        return (at, found) if found else None

    async def _aligned(self, count: int) -> list[bytes]:
        """The next slice, from the element on that was to come next; those behind it are remembered."""
        length: int
        found: list[bytes]
        length, found = await Batch((self.slices.counting(), self._reading(self.first, count)))
        gone = max(0, (self._length or 0) - length)
        self._length = length
        if self._next and (gone or found[: len(self._next)] != self._next):
            found = await self._found_again(gone, count)
        self._next = found[count : count + AHEAD]
        return found[:count]

    async def _found_again(self, gone: int, count: int) -> list[bytes]:
        """Where the next element is now: as far below as the list is shorter, where it was, or anywhere below; else where we were.

        Where it was removed itself, the first of those behind it that is still there takes its place.
        """
        for place in (max(0, self.first - gone), self.first):
            found = await self._moved_to(place, count)
            if found[: len(self._next)] == self._next:
                return found
        top = self.first
        above = top + len(self._next)
        while above > 0:
            below = max(0, above - count - len(self._next))
            # With what comes behind: by another reading they may have moved again.
            found = await self._reading(below, above - below + count)
            held = _first_of(self._next, found, top - below)
            if held is not None:
                self._move(below + held)
                return found[held:]
            if below == 0:
                break
            above = below + len(self._next)  # they may stand on both sides of the border
        return await self._moved_to(max(0, top - gone), count)

    def _move(self, first: int) -> None:
        if self.end is not None:
            self.end -= self.first - first
        self.first = first

    async def _moved_to(self, first: int, count: int) -> list[bytes]:
        self._move(first)
        return await self._reading(first, count)

    def _reading(self, first: int, count: int) -> Command[list[bytes]]:
        """So many elements and those behind them that are remembered: few, where elements are large."""
        return self.slices.reading(first, count + min(AHEAD, self.slices.size))


def _first_of(wanted: Sequence[bytes], elements: Sequence[bytes], stood: int) -> int | None:
    """The last place of the first one of those wanted that is among the elements, at most where it stood: from ``stood`` on."""
    places: dict[bytes, list[int]] = {}
    for at, element in enumerate(elements):
        places.setdefault(element, []).append(at)
    for number, one in enumerate(wanted, stood):
        held = [at for at in places.get(one, ()) if at <= number]
        if held:
            return held[-1]
    return None


async def remove_seen(
    key: bytes, first: int, count: int, chosen: Sequence[tuple[int, bytes]]
) -> list[int]:
    """Remove elements of a slice, each by its place in it and its bytes; the places where another one stands now."""
    args: list[Arg] = [REMOVED, first, count]
    for place, seen in chosen:
        args += (place, seen)
    return await script("remove_seen").call((key,), args, list)


class Removal:
    """Removes the elements of a list that are chosen, from the tail to the head: one pass, one script a slice."""

    def __init__(self, key: bytes, chosen: Callable[[int, bytes], bool]) -> None:
        self.key = key
        self.chosen = chosen
        self.seen = 0
        self._walk = Backward(key)

    async def step(self) -> list[tuple[int, bytes]] | None:
        """Go through the next slice: index and bytes of what was removed; None at the end."""
        page = await self._walk.more()
        removed: list[tuple[int, bytes]] = []
        if page is None:
            return None
        first, found = page
        self.seen += len(found)
        while True:
            wanted = [(at, raw) for at, raw in enumerate(found) if self.chosen(first + at, raw)]
            if not wanted:
                return removed
            missed = set(await remove_seen(self.key, first, len(found), wanted))
            removed += [(first + at, raw) for at, raw in wanted if at not in missed]
            if not missed:
                return removed
            # Others removed elements below, and all moved down: what stands there now is looked at anew.
            found = await self._walk.slices.reading(first, len(found))

    async def whole(self) -> int:
        """Go through all of them; how many were removed."""
        removed = 0
        while (some := await self.step()) is not None:
            removed += len(some)
        return removed
