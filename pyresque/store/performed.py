"""How many jobs of a class each side performed, and how they ended: hashes of counters, which expire.

Python's selective workers write them in the step that finishes a job; Ruby's workers do if they run the guard (``migrate ruby-guard``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import text, to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys

#: Seconds that the counts of a day are kept after the last one of them.
KEPT: Final = 40 * 24 * 3600

#: Seconds that the counts for the brake are kept.
KEPT_LATELY: Final = 3 * 3600

#: A longer name of a class is not counted: names come from payloads.
LONGEST_NAME: Final = 256

#: Classes that a reader reads, at most; the counts of one class and day take less than 5 KB.
MOST_CLASSES: Final = 10_000

DONE, FAILED, MICROSECONDS = "done", "failed", "us"


class PerformedTable:
    """The counts of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def writes(
        self, class_name: str, side: str, stamp: str, second: int, ended: str, microseconds: int
    ) -> tuple[tuple[Arg, ...], ...]:
        """Return the commands that count one job. ``stamp``: the time as ``2026-03-01T09:30``, UTC; ``second``: the same since 1970."""
        day, hour, minute = stamp[:10], stamp[:13], stamp[14:16]
        whole = to_bytes(self.keys.performed(class_name, day))
        lately = to_bytes(self.keys.performed_lately(class_name, hour))
        field = f"{stamp[11:13]}:{side}"
        return (
            ("HINCRBY", whole, f"{field}:{ended}", 1),
            ("HINCRBY", whole, f"{field}:{MICROSECONDS}", microseconds),
            ("EXPIRE", whole, KEPT),
            ("HINCRBY", lately, f"{minute}:{side}:{ended}", 1),
            ("EXPIRE", lately, KEPT_LATELY),
            ("HSET", to_bytes(self.keys.performed_last), to_bytes(f"{side}:{class_name}"), second),
        )

    async def last(self) -> dict[str, bytes]:
        """Return ``SIDE:CLASS`` to the second of the last job. Raises WrongKey."""
        found: dict[str, bytes] = {}
        cursor: Arg = 0
        while True:
            read: Command[Any] = Command(("HSCAN", self.keys.performed_last, cursor, "COUNT", 1000))
            cursor, flat = await read
            found.update(zip(map(text, flat[::2]), flat[1::2], strict=True))
            if cursor in (0, b"0") or len(found) >= 2 * MOST_CLASSES:
                return found

    async def days(self, wanted: Sequence[tuple[str, str]]) -> list[dict[str, bytes]]:
        """Return the counts of (class, day) in that order; an empty dict where there are none, or a key of another type."""
        return await self._hashes([self.keys.performed(*each) for each in wanted])

    async def lately(self, wanted: Sequence[tuple[str, str]]) -> list[dict[str, bytes]]:
        """Return the counts of (class, hour) by minute, as ``days``."""
        return await self._hashes([self.keys.performed_lately(*each) for each in wanted])

    @staticmethod
    async def _hashes(keys: Sequence[str]) -> list[dict[str, bytes]]:
        found: list[dict[str, bytes]] = []
        for start in range(0, len(keys), 500):
            commands: tuple[Command[Any], ...] = tuple(
                Command(("HGETALL", to_bytes(key))) for key in keys[start : start + 500]
            )
            for flat in await Batch(commands, lenient=True):
                pairs = flat if isinstance(flat, list) else []
                found.append(dict(zip(map(text, pairs[::2]), pairs[1::2], strict=True)))
        return found
