"""Passes over delayed jobs, some hundreds a step: count the wanted ones, remove them, or enqueue them now.

A caller may stop between two steps: what is done is done whole, and the other jobs wait as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.store.delayed import MOVED, Move
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.schedule.promote import Promoter
    from pyresque.store.delayed import DelayedTable, ListRange


@dataclass(frozen=True, slots=True)
class Step:
    """How many jobs the pass has seen so far, and how many of them this step handled."""

    seen: int
    done: int


class Selection:
    """Counts the jobs whose bytes are wanted."""

    def __init__(
        self,
        table: DelayedTable,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
    ) -> None:
        self.table = table
        self.wanted = wanted
        self.seen = 0
        self._waiting = DelayedWalk(table, only)

    async def more(self) -> Step | None:
        """Handle the next step; None at the end."""
        stretches = await self._waiting.more()
        if stretches is None:
            return None
        chosen: list[tuple[ListRange | str, list[bytes]]] = []
        for stretch in stretches:
            self.seen += len(stretch.payloads)
            found = list(filter(self.wanted, stretch.payloads))
            if found:
                chosen.append((stretch.list_range, found))
        return Step(self.seen, await self.handle(chosen) if chosen else 0)

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Count these jobs."""
        return sum(len(found) for _, found in chosen)

    async def whole(self) -> int:
        """Go through all jobs; return how many were handled."""
        done = 0
        while (step := await self.more()) is not None:
            done += step.done
        return done


class Removing(Selection):
    """Removes the wanted jobs; ``clean`` removes timestamps that have no jobs left."""

    def __init__(
        self,
        table: DelayedTable,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
        *,
        clean: bool = False,
    ) -> None:
        super().__init__(table, wanted, only)
        self.clean = clean

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Remove these jobs; return how many were still there."""
        moves = [(place, [Move(raw) for raw in found]) for place, found in chosen]
        return (await self.table.move(moves, clean=self.clean)).count(MOVED)


class Enqueueing(Selection):
    """Moves the wanted jobs to their queues now, with their hooks."""

    def __init__(
        self,
        promoter: Promoter,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
    ) -> None:
        super().__init__(promoter.table, wanted, only)
        self.promoter = promoter

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Move these jobs; return how many were still there."""
        return await self.promoter.move(chosen, clean=False)


def every(_raw: bytes) -> bool:
    """Every payload."""
    return True
