"""Walk through a Redis list slice by slice, so that memory stays small however long the list and however large its elements.

Other clients push, pop and remove elements meanwhile, so an index alone does not name an element: its bytes do. One script
removes the chosen elements of a slice, and only those that are still where they were seen. A caller that stops between two
slices leaves the list whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.ops import Batch, Command
from pyresque.store.look_again import Attempts
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Arg

#: The size of a slice in bytes that the walks aim at, and its most elements.
SLICE_BYTES: Final = 1 << 20
SLICE: Final = 1000

#: Elements of the first slice, when the size of elements is not known yet.
FIRST_SLICE: Final = 200

#: Elements after a slice that a forward walk remembers. By any of them it finds later where to go on.
AHEAD: Final = 50

#: Scripts write this text over elements that their next command removes; no element has it otherwise.
REMOVED: Final = b"\x00pyresque:removed\x00"


class Slices:
    """Reads slices of one list, and adapts their size to that of the elements."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.size = FIRST_SLICE

    def counting(self) -> Command[int]:
        """The command for the list's length."""
        return Command(("LLEN", self.key), int)

    def reading(self, first: int, count: int) -> Command[list[bytes]]:
        """The command that reads ``count`` elements from an index on."""
        return Command(("LRANGE", self.key, first, first + count - 1), self._measured)

    def _measured(self, found: list[bytes]) -> list[bytes]:
        """Choose the next slice's size by the average size of these elements."""
        if found:
            average = sum(map(len, found)) // len(found) + 1
            self.size = max(1, min(SLICE, SLICE_BYTES // average, 4 * self.size))
        return found


class Backward:
    """Walks from an index down to another one. A removal above the walk moves no element that is still to come."""

    def __init__(self, key: bytes, first: int = 0, end: int | None = None) -> None:
        self.slices = Slices(key)
        self.first = first
        self.end = end

    async def more(self) -> tuple[int, list[bytes]] | None:
        """Return the index of the next slice and its elements in the list's order; None at the end."""
        if self.end is None:
            self.end = await self.slices.counting()
        if self.end <= self.first:
            return None
        at = max(self.first, self.end - self.slices.size)
        found = await self.slices.reading(at, self.end - at)
        self.end = at
        return at, found


class Forward:
    """Walks from an index up to another one, in the list's order.

    A removal below the walk moves the elements that are still to come. So the walk remembers the bytes of the next elements, and
    looks for them. The list's length does not help, because others may push at the same time.

    ``before``: the bytes that the last element of the previous slice has now, if the caller has changed it. If all elements
    are alike, they alone tell which ones were seen.
    """

    def __init__(self, key: bytes, first: int = 0, end: int | None = None) -> None:
        self.slices = Slices(key)
        self.first = first
        self.end = end
        self.before: bytes | None = None
        self._length: int | None = None
        self._next: list[bytes] = []

    async def more(self) -> tuple[int, list[bytes]] | None:
        """Return the index of the next slice and its elements; None at the end."""
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
        """Read the next slice from the element on that is to come next; remember the elements after it."""
        length: int
        found: list[bytes]
        back = int(self.before is not None and self.first > 0)
        reading = self._reading(self.first - back, count + back)
        length, found = await Batch((self.slices.counting(), reading))
        gone = max(0, (self._length or 0) - length)
        self._length = length
        before, found = found[:back], found[back:]
        if self._next and (gone or found[: len(self._next)] != self._next):
            found = await self._found_again(gone, count)
            before = []
        if back and before != [self.before]:
            found = await self._right_after_before(found, count)
        self._next = found[count : count + AHEAD]
        return found[:count]

    async def _right_after_before(self, found: list[bytes], count: int) -> list[bytes]:
        """Go down to ``before``, where the elements after it are those that are to come next; else stay."""
        top, below = self.first, self.first
        above: list[bytes] = []
        while below > 0:
            start = max(0, below - SLICE)
            above = await self.slices.reading(start, below - start) + above[: len(self._next)]
            for at in range(below - start - 1, -1, -1):
                if above[at] == self.before:
                    following = [*above[at + 1 :], *found][: len(self._next)]
                    if following != self._next:
                        return found
                    return (
                        found
                        if start + at + 1 == top
                        else await self._moved_to(start + at + 1, count)
                    )
            below = start
        return found

    async def _found_again(self, gone: int, count: int) -> list[bytes]:
        """Find where the next element is now: lower by as much as the list is shorter, at its old index, or anywhere below.

        If it was removed itself, the first of the elements after it that is still there counts in its place. If none is
        found the walk goes on at its index.
        """
        for index in (max(0, self.first - gone), self.first):
            found = await self._moved_to(index, count)
            if found[: len(self._next)] == self._next:
                return found
        top = self.first
        above = top + len(self._next)
        while above > 0:
            below = max(0, above - count - len(self._next))
            # Reads the elements after it, too: by another command they may have moved again.
            found = await self._reading(below, above - below + count)
            at = _first_of(self._next, found, top - below)
            if at is not None:
                self._move(below + at)
                return found[at:]
            if below == 0:
                break
            above = below + len(
                self._next
            )  # the remembered elements may stand on both sides of the border
        return await self._moved_to(max(0, top - gone), count)

    def _move(self, first: int) -> None:
        if self.end is not None:
            self.end -= self.first - first
        self.first = first

    async def _moved_to(self, first: int, count: int) -> list[bytes]:
        self._move(first)
        return await self._reading(first, count)

    def _reading(self, first: int, count: int) -> Command[list[bytes]]:
        """The command that reads ``count`` elements and those after them to remember; few if elements are large."""
        return self.slices.reading(first, count + min(AHEAD, self.slices.size))


def _first_of(wanted: Sequence[bytes], elements: Sequence[bytes], stood: int) -> int | None:
    """Return the last index of the first wanted element that is found, at most its old one. The first stood at ``stood``."""
    indexes: dict[bytes, list[int]] = {}
    for at, element in enumerate(elements):
        indexes.setdefault(element, []).append(at)
    for number, one in enumerate(wanted, stood):
        possible = [at for at in indexes.get(one, ()) if at <= number]
        if possible:
            return possible[-1]
    return None


async def remove_seen(
    key: bytes, first: int, count: int, chosen: Sequence[tuple[int, bytes]]
) -> list[int]:
    """Remove elements of a slice, each by its index in the slice and its bytes; return the indexes where another one is now."""
    args: list[Arg] = [REMOVED, first, count]
    for at, seen in chosen:
        args += (at, seen)
    return await script("remove_seen").call((key,), args, list)


class Removal:
    """Removes the chosen elements of a list, from the tail to the head, by one script a slice."""

    def __init__(self, key: bytes, chosen: Callable[[int, bytes], bool]) -> None:
        self.key = key
        self.chosen = chosen
        self.seen = 0
        self._walk = Backward(key)

    async def step(self) -> list[tuple[int, bytes]] | None:
        """Go through the next slice; return index and bytes of each element removed; None at the end."""
        page = await self._walk.more()
        removed: list[tuple[int, bytes]] = []
        if page is None:
            return None
        first, found = page
        self.seen += len(found)
        attempts = Attempts("a part of a list")
        while True:
            wanted = [(at, raw) for at, raw in enumerate(found) if self.chosen(first + at, raw)]
            if not wanted:
                return removed
            missed = set(await remove_seen(self.key, first, len(found), wanted))
            removed += [(first + at, raw) for at, raw in wanted if at not in missed]
            if not missed:
                return removed
            # Others removed elements below, and the rest moved down: read the slice again.
            attempts.failed()
            found = await self._walk.slices.reading(first, len(found))

    async def whole(self) -> int:
        """Go through the whole list; return how many elements were removed."""
        removed = 0
        while (some := await self.step()) is not None:
            removed += len(some)
        return removed
