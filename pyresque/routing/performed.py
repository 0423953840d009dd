"""How many jobs of a class each side performed, read from the counts in Redis (``store/performed.py``).

Python's figures are exact for jobs that selective workers finished. Ruby's are exact where each Ruby worker runs the guard
(``pyresque migrate ruby-guard``); without it nobody counts them, and they are 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from pyresque.clock import utc
from pyresque.routing.rules import PYTHON, RUBY
from pyresque.store.performed import DONE, FAILED, KEPT, MICROSECONDS, MOST_CLASSES
from pyresque.store.queues import integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyresque.clock import Clock
    from pyresque.routing.rules import Side
    from pyresque.store.performed import PerformedTable

#: Days that are kept.
DAYS: Final = KEPT // (24 * 3600)

#: Minutes by which another host's clock may be ahead of ours.
AHEAD: Final = 60


@dataclass(frozen=True, slots=True)
class Tally:
    """Jobs that one side performed."""

    done: int = 0
    failed: int = 0
    microseconds: int = 0

    @property
    def performed(self) -> int:
        """How many jobs, done or failed."""
        return self.done + self.failed

    @property
    def failure_percent(self) -> float:
        """How many of them failed, in percent; 0 of none."""
        return 100.0 * self.failed / self.performed if self.performed else 0.0

    @property
    def milliseconds(self) -> float:
        """How long all of them took together."""
        return self.microseconds / 1000

    def __add__(self, other: Tally) -> Tally:
        """Return both as one."""
        return Tally(
            self.done + other.done,
            self.failed + other.failed,
            self.microseconds + other.microseconds,
        )


@dataclass(frozen=True, slots=True)
class Performed:
    """What both sides performed in a time that begins at ``at`` (UTC)."""

    at: datetime
    sides: Mapping[Side, Tally] = field(default_factory=dict)

    @property
    def ruby(self) -> Tally:
        """What Ruby's workers performed, as far as they count it."""
        return self.sides.get(RUBY, Tally())

    @property
    def python(self) -> Tally:
        """What Python's selective workers performed."""
        return self.sides.get(PYTHON, Tally())

    @property
    def python_percent(self) -> float:
        """Python's share, in percent; 0 if neither performed a job."""
        both = self.ruby.performed + self.python.performed
        return 100.0 * self.python.performed / both if both else 0.0


class PerformedBoard:
    """Reads the counts of one namespace; each method is an operation."""

    def __init__(self, table: PerformedTable, clock: Clock) -> None:
        self.table = table
        self.clock = clock

    async def last(self) -> dict[str, dict[Side, datetime]]:
        """Each class that has counts, with the time (UTC) at which each side last performed a job of it. Never expires."""
        found: dict[str, dict[Side, datetime]] = {}
        for name, second in (await self.table.last()).items():
            side, _, class_name = name.partition(":")
            at = _time_of(second)
            if at is None or not class_name or len(found) >= MOST_CLASSES:
                continue
            if side == RUBY:
                found.setdefault(class_name, {})[RUBY] = at
            elif side == PYTHON:
                found.setdefault(class_name, {})[PYTHON] = at
        return found

    async def hours(self, class_name: str, days: int = DAYS) -> list[Performed]:
        """Each hour of the last ``days`` days (today is one of them) in which a job of the class was performed, the first one first."""
        today = utc(self.clock).replace(hour=0, minute=0, second=0, microsecond=0)
        firsts = [today - timedelta(days=back) for back in range(min(days, DAYS + 1))][::-1]
        wanted = [(class_name, f"{first:%Y-%m-%d}") for first in firsts]
        found: list[Performed] = []
        for first, fields in zip(firsts, await self.table.days(wanted), strict=True):
            tallies = _tallies(fields, 23)
            found += [Performed(first + timedelta(hours=at), tallies[at]) for at in sorted(tallies)]
        return found

    async def days(self, class_name: str, days: int = DAYS) -> list[Performed]:
        """As ``hours``, by days."""
        found: dict[datetime, Performed] = {}
        for one in await self.hours(class_name, days):
            first = one.at.replace(hour=0)
            found[first] = total((found.get(first, Performed(first)), one))
        return list(found.values())

    async def minute(self, class_name: str, second: int) -> tuple[int, ...]:
        """What was counted so far in the minute of a second: Python's jobs done and failed, and Ruby's."""
        at = datetime.fromtimestamp(second, timezone.utc)
        (fields,) = await self.table.lately([(class_name, f"{at:%Y-%m-%dT%H}")])
        found = Performed(at, _tallies(fields, 59).get(at.minute, {}))
        return (found.python.done, found.python.failed, found.ruby.done, found.ruby.failed)

    async def lately(
        self, class_name: str, since: float, minutes: int, before: Sequence[int] = ()
    ) -> Performed:
        """What was performed in the last ``minutes`` (60 at most), from ``since`` on.

        Counts are those of whole minutes. ``before``: what ``minute`` said at ``since``, which is taken off; without it the first minute
        is the one that began then or later.

        Clocks of several hosts differ, by AHEAD minutes at most: what a host counted whose clock is ahead counts, too, and a ``since`` of
        such a host is now.
        """
        now = int(self.clock.time()) // 60
        oldest, begun = now - min(minutes, 60) + 1, int(since) // 60
        if now < begun <= now + AHEAD:
            since, begun, before = 60 * now, now, ()
        first = max(oldest, begun if before else -(-int(since) // 60))
        start = datetime.fromtimestamp(60 * first, timezone.utc)
        if first > now:
            return Performed(start)
        last = now + AHEAD
        hours = range(first // 60, last // 60 + 1)
        wanted = [
            (class_name, f"{datetime.fromtimestamp(3600 * hour, timezone.utc):%Y-%m-%dT%H}")
            for hour in hours
        ]
        found = [
            Performed(start, sides)
            for hour, fields in zip(hours, await self.table.lately(wanted), strict=True)
            for minute, sides in _tallies(fields, 59).items()
            if first <= 60 * hour + minute <= last
        ]
        whole = total((Performed(start), *found))
        return _less(whole, before) if before and begun >= oldest else whole


def _less(found: Performed, before: Sequence[int]) -> Performed:
    """Return what is left when Python's jobs done and failed, and Ruby's, are taken off."""
    done, failed, ruby_done, ruby_failed = before
    off: tuple[tuple[Side, Tally, int, int], ...] = (
        (PYTHON, found.python, done, failed),
        (RUBY, found.ruby, ruby_done, ruby_failed),
    )
    sides: dict[Side, Tally] = {
        side: Tally(max(0, tally.done - done), max(0, tally.failed - failed), tally.microseconds)
        for side, tally, done, failed in off
    }
    return Performed(found.at, sides)


def total(several: Iterable[Performed]) -> Performed:
    """Return several as one that begins with the first of them."""
    first, *others = several
    sides = dict(first.sides)
    for one in others:
        for side, tally in one.sides.items():
            sides[side] = sides.get(side, Tally()) + tally
    return Performed(first.at, sides)


def _tallies(fields: Mapping[str, bytes], last: int) -> dict[int, dict[Side, Tally]]:
    """Read fields such as ``09:python:done`` by their number, up to ``last``; others are left out."""
    found: dict[int, dict[Side, Tally]] = {}
    for name, value in fields.items():
        number, _, rest = name.partition(":")
        side, _, what = rest.partition(":")
        if not (number.isascii() and number.isdigit() and int(number[:9]) <= last):
            continue
        counted = max(0, integer(value))
        tally = Tally(
            counted if what == DONE else 0,
            counted if what == FAILED else 0,
            counted if what == MICROSECONDS else 0,
        )
        if side == RUBY:
            sides = found.setdefault(int(number), {})
            sides[RUBY] = sides.get(RUBY, Tally()) + tally
        elif side == PYTHON:
            sides = found.setdefault(int(number), {})
            sides[PYTHON] = sides.get(PYTHON, Tally()) + tally
    return found


def _time_of(second: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(second), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
