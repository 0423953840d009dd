"""Move jobs of one queue to another one, slice by slice: each slice is one atomic step, so that a caller may stop between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.errors import NoQueueError
from pyresque.store.queue_moves import EQUAL_QUEUED, GONE, MOVED, Chosen, move_seen
from pyresque.store.queues import to_bytes
from pyresque.store.slices import Forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.store.keys import Keys
    from pyresque.store.marks import Mark

    #: Returns the mark of a job in a queue, by its bytes.
    MarkOf = Callable[[str, bytes], Mark | None]

#: How often jobs of a slice that have moved are looked for, and how far below.
TRIES: Final = 10
BELOW: Final = 500

#: Letters of the longest name of a queue that a person gives.
LONGEST: Final = 200


def checked_name(name: str) -> str:
    """Return the name of a queue that jobs may be moved to. Raises NoQueueError for one that no worker could take from."""
    if not name or name != name.strip() or not name.isprintable() or len(name) > LONGEST:
        raise NoQueueError(
            f"{name[:LONGEST]!r} is no name of a queue: it has letters, no blanks at its ends, and {LONGEST} characters at most"
        )
    if "," in name or name[0] in "!*":
        raise NoQueueError(
            f"{name!r} is no name that a worker's list of queues can have: no comma, no ! or * at its beginning"
        )
    return name


class QueueMove:
    """Moves the chosen jobs of a queue behind those of another one, in their order: as many as there were at the beginning."""

    def __init__(
        self, keys: Keys, source: str, to: str, takes: Callable[[bytes], bool], mark_of: MarkOf
    ) -> None:
        self.keys = keys
        self.source = source
        self.to = to
        self.takes = takes
        self.mark_of = mark_of
        #: Jobs that were looked at, were moved, and stay because an equal one is in the other queue.
        self.seen = self.moved = self.stayed = 0
        self._walk = Forward(to_bytes(keys.queue(source)))

    async def step(self) -> bool:
        """Move the chosen jobs of the next slice; return False at the end."""
        page = await self._walk.more()
        if page is None:
            return False
        first, found = page
        self.seen += len(found)
        wanted = [(at, raw) for at, raw in enumerate(found) if self.takes(raw)]
        for _ in range(TRIES):
            if not wanted:
                break
            missed = await self._move(first, len(found), wanted)
            # Others took jobs before these: they stand further to the head now.
            low = max(0, first - BELOW)
            found = await self._walk.slices.reading(low, first + len(found) - low) if missed else []
            first, wanted = low, _found_again(missed, found)
        return True

    async def _move(self, first: int, count: int, wanted: list[tuple[int, bytes]]) -> list[bytes]:
        """Move these; return those that no longer stand there."""
        chosen = [
            Chosen(at, raw, self.mark_of(self.source, raw), self.mark_of(self.to, raw))
            for at, raw in wanted
        ]
        answers = await move_seen(self.keys, self.source, self.to, first, count, chosen)
        self.moved += answers.count(MOVED)
        self.stayed += answers.count(EQUAL_QUEUED)
        return [one.raw for one, answer in zip(chosen, answers, strict=True) if answer == GONE]


def _found_again(missed: list[bytes], found: list[bytes]) -> list[tuple[int, bytes]]:
    """Return the missed jobs with the places where they stand now, each place once."""
    left = list(missed)
    places = []
    for at, raw in enumerate(found):
        if raw in left:
            left.remove(raw)
            places.append((at, raw))
    return places
