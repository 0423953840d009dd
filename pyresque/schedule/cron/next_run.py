"""Cron lines: when the next run is, by the rules of Ruby's timer (fugit)."""

from __future__ import annotations

import re
import reprlib
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyresque.errors import CronError
from pyresque.schedule.cron import fields, zones
from pyresque.schedule.cron.days import Days

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)
_SIXTY: Final = range(60)
_DAY_HOURS: Final = range(24)
_MIDNIGHT: Final = (0, 0, 0)
_EXAMPLE: Final = "0 9 * * mon-fri Europe/Berlin"
_CLASSIC: Final = 5
_WITH_SECONDS: Final = 6


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron line. Two lines with the same meaning are equal."""

    original: str = field(compare=False)
    seconds: tuple[int, ...] | None
    minutes: tuple[int, ...] | None
    hours: tuple[int, ...] | None
    days: Days
    zone_name: str | None = None
    #: The zone that the line names; None: the line runs by the zone of the process.
    zone: tzinfo | None = None

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Parse a line. Raises CronError."""
        if not isinstance(text, str):
            raise CronError(text, f"a {type(text).__name__} is no text", _EXAMPLE)
        try:
            return _read(text)
        except fields.FieldError as error:
            raise CronError(text, error.problem, error.example) from None

    @property
    def canonical(self) -> str:
        """The line in fugit's spelling (``Fugit::Cron#to_cron_s``): numbers only, and no seconds when they are 0."""
        weekdays = _spell(self.days.weekdays)
        parts = [
            None if self.seconds == (0,) else _spell(self.seconds),
            _spell(self.minutes),
            _spell(self.hours),
            _spell(self.days.monthdays),
            _spell(self.days.months),
            f"{weekdays}&" if self.days.both and self.days.weekdays else weekdays,
            self.zone_name,
        ]
        return " ".join(part for part in parts if part)

    def next_after(self, instant: datetime, zone: tzinfo) -> datetime:
        """Return the first run after an instant, in ``zone``, the zone of the process.

        A line that names no zone runs by ``zone``. A run in an hour that a change of clocks skips does not take place. In an hour
        that the clocks repeat, the time that just ran does not run again (``30 2 * * *`` runs once), but other times do
        (``*/30 * * * *`` runs in both passes).
        """
        if instant.utcoffset() is None:
            raise ValueError(f"{instant!r} has no time zone; an instant needs one")
        try:
            return self._next_after(instant.astimezone(timezone.utc), zone).astimezone(zone)
        except OverflowError:
            raise self._never_again(instant) from None

    def runs(self, after: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Yield one run after the other, without end."""
        while True:
            after = self.next_after(after, zone)
            yield after

    def _next_after(self, instant: datetime, zone: tzinfo) -> datetime:
        own = self.zone or zone
        asked = instant.replace(microsecond=0)
        wall = zones.wall(asked, own)
        # Ruby compares with the clock of the process, so a line of another zone does run in both passes.
        just_run = wall if zones.wall(asked, zone) == wall else None
        found = self._first_from(asked + _SECOND, own)
        while zones.wall(found, own) == just_run:
            found = self._first_from(found + _SECOND, own)
        return found

    def _first_from(self, start: datetime, zone: tzinfo) -> datetime:
        while True:
            wall = zones.wall(start, zone)
            match = self._first_wall(wall)
            found = [at for at in zones.instants(match, zone) if at >= start]
            if not found:  # the clock skips this time: go on after the gap
                start = zones.change(match, zone)
                continue
            if zones.is_first_pass(start, zone):
                back = zones.change(wall, zone)
                if found[0] >= back:  # an earlier time of the second pass may match
                    start = back
                    continue
            return found[0]

    def _first_wall(self, wall: datetime) -> datetime:
        """Return the first matching wall-clock time from this one on; jumps from field to field."""
        choices = (self.hours or _DAY_HOURS, self.minutes or _SIXTY, self.seconds or _SIXTY)
        day = self._day_from(wall.date())
        floor = (wall.hour, wall.minute, wall.second) if day == wall.date() else _MIDNIGHT
        at = _least(choices, floor)
        if at is None:
            day = self._day_from(day + _DAY)
            at = tuple(values[0] for values in choices)
        hour, minute, second = at
        return datetime.combine(day, time(hour, minute, second))

    def _day_from(self, day: date) -> date:
        found = self.days.first_from(day)
        if found is None:
            raise self._never_again(day)
        return found

    def _never_again(self, after: date) -> CronError:
        return CronError(self.original, f"no such day comes after {after}", _EXAMPLE)


@lru_cache(maxsize=1000)
def _read(text: str) -> Cron:
    """Parse a line. Schedules with many entries repeat the same lines."""
    words = re.split("[ \t]+", text.strip(" \t\n\v\f\r\0"))
    if words[0].startswith("@"):
        words = [*_nickname(words[0]).split(), *words[1:]]
    zone_name = None
    if _ends_in_zone(words):
        zone_name = words.pop()
    if len(words) == _CLASSIC:
        words.insert(0, "0")
    if len(words) != _WITH_SECONDS:
        raise fields.FieldError(
            "it needs five fields (minute, hour, day of the month, month, weekday), "
            "or six with seconds in front, and may end in a time zone",
            _EXAMPLE,
        )
    second, minute, hour, monthday, month, weekday = words
    seconds = fields.numbers(fields.SECOND, second)
    minutes = fields.numbers(fields.MINUTE, minute)
    hours = fields.numbers(fields.HOUR, hour)
    days = Days(
        fields.numbers(fields.MONTHDAY, monthday.removesuffix("&")),
        fields.numbers(fields.MONTH, month),
        fields.weekdays(weekday.removesuffix("&")),
        both=monthday.endswith("&") or weekday.endswith("&"),
    ).without_impossible()
    if days is None or days.first_from(date(2000, 1, 1)) is None:
        raise fields.FieldError("such a day never comes", "0 9 L 2 *")
    zone = None if zone_name is None else fields.time_zone(zone_name)
    return Cron(text, seconds, minutes, hours, days, zone_name, zone)


def _nickname(word: str) -> str:
    if word not in fields.NICKNAMES:
        raise fields.FieldError(
            f"{reprlib.repr(word)} is none of {', '.join(fields.NICKNAMES)}", "@daily"
        )
    return fields.NICKNAMES[word]


def _ends_in_zone(words: list[str]) -> bool:
    """Whether the last word is a time zone; ``MON`` could be one, but means the weekday."""
    last = words[-1]
    if len(words) <= _CLASSIC or fields.looks_like_weekdays(last):
        return False
    return last[0].isalpha() or last[0] in "+-"


def _spell(values: Sequence[object] | None) -> str:
    return "*" if values is None else ",".join(map(str, values))


def _least(choices: Sequence[Sequence[int]], floor: Sequence[int]) -> tuple[int, ...] | None:
    """Return the least combination of one value of each choice that is not below ``floor``."""
    if not choices:
        return ()
    values, *rest = choices
    for value in values[bisect_left(values, floor[0]) :][:2]:
        if value > floor[0]:
            return (value, *(later[0] for later in rest))
        tail = _least(rest, floor[1:])
        if tail is not None:
            return (value, *tail)
    return None
