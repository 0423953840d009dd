"""Trim failed lists to their newest records, or to records of some age.

Several processes may trim at once, while Ruby appends: each step is one script, which removes only records that still stand where
they were judged.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from pyresque.errors import DecodeError
from pyresque.failure import record as records
from pyresque.lightweight import dataclass, replace
from pyresque.ruby.time import parse_time
from pyresque.store.slices import Slices, remove_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.job.job import Codec
    from pyresque.store.failed import FailedTable

#: Letters of the longest text that may be a date.
LONGEST: Final = 64

#: Seconds by which ``failed_at`` may be ahead of the server's clock and still be believed.
AHEAD: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trim keeps: the newest ``keep`` records of each list, and those that are at most ``age`` seconds old at ``now``.

    ``steps`` bounds the commands for each list. With ``dry_run`` nothing is removed.
    """

    keep: int | None
    age: float | None
    now: float = 0.0
    steps: float = inf
    dry_run: bool = False


class ListTrimmer:
    """Trims the failed lists of one backend."""

    def __init__(self, table: FailedTable, codec: Codec) -> None:
        self.table = table
        self.codec = codec
        #: Where a walk goes on that ended among records without a readable time: list name to index.
        self._go_on: dict[str, int] = {}

    async def trim(self, names: Sequence[str], limits: Limits) -> int:
        """Trim these lists; return how many records were removed, or would be."""
        removed = 0
        for name, (size, head) in zip(names, await self.table.ends(names), strict=True):
            removed += await self._trim_list(name, size, head, limits)
        return removed

    async def _trim_list(self, name: str, size: int, head: bytes | None, limits: Limits) -> int:
        excess = 0 if limits.keep is None else max(0, size - limits.keep)
        gone, left = 0, limits.steps
        if limits.dry_run:
            gone = excess
        while gone < excess and left > 0:
            dropped = await self.table.drop_oldest(size - excess, name)
            gone, left = gone + dropped, left - 1
            if not dropped:
                break
        age = limits.age
        if age is None or not size or (not gone and self._is_young(head, limits.now, age)):
            return gone
        first = gone if limits.dry_run else self._go_on.pop(name, 0)
        return gone + await self._trim_by_age(name, first, age, replace(limits, steps=left))

    async def _trim_by_age(self, name: str, first: int, age: float, limits: Limits) -> int:
        """Remove from an index on what is older, up to a slice that ends with a younger record."""
        slices, removed, steps = Slices(self.table.key(name)), 0, limits.steps
        while steps > 0:
            found = await slices.reading(first, slices.size)
            steps -= 1
            ages = [self._age(raw, limits.now) for raw in found]
            old = [
                (at, raw)
                for at, raw in enumerate(found)
                if (its := ages[at]) is not None and its > age
            ]
            if old and not limits.dry_run:
                missed = await remove_seen(slices.key, first, len(found), old)
                first -= len(old)
                removed -= len(missed)
            removed += len(old)
            first += len(found)
            last = next((its for its in reversed(ages) if its is not None), None)
            if not found or (last is not None and last <= age):
                return removed
        if not limits.dry_run:
            self._go_on[name] = first
        return removed

    def _is_young(self, raw: bytes | None, now: float, age: float) -> bool:
        """Whether a list's first record says that none of the list is old enough."""
        its = None if raw is None else self._age(raw, now)
        return its is not None and its <= age

    def _age(self, raw: bytes, now: float) -> float | None:
        """Seconds since a job failed; None if its record does not say so, or names a time in the future."""
        written = records.read(self.codec, raw, 0).failed_at
        if written is None or len(written) > LONGEST:
            return None
        try:
            its = now - parse_time(written).timestamp()
        except (DecodeError, ValueError, OverflowError, OSError):
            return None
        return its if its > -AHEAD else None
