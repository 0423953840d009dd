"""Payloads that are put aside for Python: move them from a queue to ``migrate:queue:<name>``, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyresque.ops import Batch, Command
from pyresque.store.queues import names, to_bytes
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED, Slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Op
    from pyresque.store.keys import Keys

#: What the scripts return in place of a number of payloads.
OTHER_TABLE: Final = -1
OTHER_MOVER: Final = -2

#: Milliseconds for which no other process moves jobs of a queue.
ALONE: Final = 3000

#: Elements by which payloads may have moved between a look at them and the script.
SLACK: Final = 200

#: The routing table is not compared.
ANY: Final = b"any"


class Ends(NamedTuple):
    """How long a queue is, its first and its last element, how many of its payloads lie aside, and who moves them."""

    length: int
    head: bytes | None
    tail: bytes | None
    aside: int


class MovedTable:
    """The lists of one namespace. ``mover`` names this process."""

    def __init__(self, keys: Keys, mover: str = "") -> None:
        self.keys = keys
        self.mover = mover

    def queue_slices(self, queue: str) -> Slices:
        """What reads a queue."""
        return Slices(to_bytes(self.keys.queue(queue)))

    def aside_slices(self, queue: str) -> Slices:
        """What reads a queue's payloads that lie aside."""
        return Slices(to_bytes(self.keys.moved(queue)))

    async def ends(self, queues: Sequence[str]) -> tuple[Any, list[Ends | Exception]]:
        """Return the routing table, and of each queue its ends; in place of either the error of a key of another type."""
        commands: list[Command[Any]] = [Command(("GET", self.keys.routes))]
        for queue in queues:
            key = to_bytes(self.keys.queue(queue))
            commands += (
                Command(("LLEN", key)),
                Command(("LINDEX", key, 0)),
                Command(("LINDEX", key, -1)),
                Command(("LLEN", to_bytes(self.keys.moved(queue)))),
            )
        table, *found = await Batch(tuple(commands), lenient=True)
        ends: list[Ends | Exception] = []
        for at in range(0, len(found), 4):
            replies = found[at : at + 4]
            wrong = next((one for one in replies if isinstance(one, Exception)), None)
            ends.append(wrong or Ends(*replies))
        return table, ends

    def move_aside(
        self, queue: str, table: bytes, first: int, last: int, payloads: Sequence[bytes]
    ) -> Op[int]:
        """Move these payloads, which are between two indexes or up to SLACK before them; return how many, or OTHER_TABLE, OTHER_MOVER."""
        keys = (
            to_bytes(self.keys.queue(queue)),
            to_bytes(self.keys.moved(queue)),
            self.keys.routes,
            self.keys.moved_queues,
            to_bytes(self.keys.mover(queue)),
        )
        first = max(0, first - SLACK)
        args = (table, to_bytes(queue), self.mover, ALONE, REMOVED, first, last)
        return script("move_aside").call(keys, (*args, *dict.fromkeys(payloads)))

    def move_back(
        self, queue: str, table: bytes, first: int, last: int, payloads: Sequence[bytes]
    ) -> Op[int]:
        """Move these payloads, which lie aside, to the head of their queue; the indexes are from the tail, below 0. As ``move_aside``."""
        keys = (
            to_bytes(self.keys.moved(queue)),
            to_bytes(self.keys.queue(queue)),
            self.keys.routes,
            self.keys.queues,
            to_bytes(self.keys.mover(queue)),
            self.keys.moved_queues,
        )
        args = (table, to_bytes(queue), self.mover, ALONE, REMOVED, first - SLACK, last)
        return script("move_back").call(keys, (*args, *dict.fromkeys(payloads)))

    async def queues(self) -> list[str]:
        """Return the names of queues of which payloads were moved aside. Raises WrongKey."""
        return await Command(("SMEMBERS", self.keys.moved_queues), names)

    async def lying_aside(self) -> dict[str, int]:
        """Return how many payloads of each queue lie aside; queues of which none do are left out."""
        found = await self.queues()
        commands: tuple[Command[Any], ...] = tuple(
            Command(("LLEN", to_bytes(self.keys.moved(queue)))) for queue in found
        )
        lengths = await Batch(commands, lenient=True) if commands else []
        return {
            queue: length
            for queue, length in zip(found, lengths, strict=True)
            if isinstance(length, int) and length > 0
        }
