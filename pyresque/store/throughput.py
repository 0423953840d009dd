"""The counters of performed and failed jobs at the beginning of each minute, for the dashboard's charts: hashes that expire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyresque.ops import Batch, Command
from pyresque.store.queues import StatTable, to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

#: Seconds that the counters of an hour are kept.
KEPT: Final = 3 * 3600

#: Minutes that are read.
MINUTES: Final = 60


class Counters(NamedTuple):
    """The counters at the beginning of a minute, which is in seconds since 1970."""

    minute: int
    processed: int
    failed: int


class ThroughputTable:
    """The counters of one namespace, minute by minute."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.stats = StatTable(keys)

    async def note(self, now: float) -> None:
        """Write the counters of this minute, if no other process has."""
        read = (self.stats.getting("processed"), self.stats.getting("failed"))
        found = WrongKeyLog().replies_or(await Batch(read, lenient=True))
        processed, failed = (
            self.stats.read("processed", found[0]),
            self.stats.read("failed", found[1]),
        )
        key, minute = self._place(now)
        await Batch(
            (
                Command(("HSETNX", key, minute, f"{processed}:{failed}")),
                Command(("EXPIRE", key, KEPT)),
            )
        )

    async def last_hour(self, now: float) -> list[Counters]:
        """Return the counters of the last hour that were noted, the oldest first."""
        first = int(now // 60 - MINUTES) * 60
        places = [self._place(first + 60 * at) for at in range(MINUTES + 1)]
        commands = tuple(Command[Any](("HGET", *place)) for place in places)
        found = WrongKeyLog().replies_or(await Batch(commands, lenient=True))
        read = (_read(first + 60 * at, raw) for at, raw in enumerate(found))
        return [one for one in read if one is not None]

    def _place(self, at: float) -> tuple[bytes, str]:
        """Return the key and the field of a minute."""
        then = time.gmtime(at)
        return to_bytes(
            self.keys.throughput(time.strftime("%Y-%m-%dT%H", then))
        ), f"{then.tm_min:02}"


def _read(minute: int, raw: bytes | None) -> Counters | None:
    processed, _, failed = (raw or b"").partition(b":")
    if not (processed.isdigit() and failed.isdigit() and len(raw or b"") < 50):  # noqa: PLR2004 - digits of two counters
        return None
    return Counters(minute, int(processed), int(failed))
