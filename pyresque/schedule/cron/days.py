"""The days that a cron line means: its days of the month, months and weekdays together."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass
from datetime import MAXYEAR, date
from typing import Final

#: Weeks are counted from this Monday (``mon%2``), as fugit does.
WEEK_ZERO: Final = date(2018, 12, 31).toordinal()

#: The calendar repeats after so many years: a day that did not come in them never comes.
_CALENDAR_YEARS: Final = 400

_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Weekday:
    """A weekday, 0 for Sunday: every one, the ``nth`` of the month, or that of every ``weeks``-th week plus ``offset``."""

    day: int
    nth: int | None = None
    weeks: int | None = None
    offset: int = 0

    def order(self) -> tuple[int, int, int]:
        """Return the key to sort by: the day, the plain one first."""
        return (self.day, self.weeks or self.nth or 0, self.offset)

    def matches(self, day: date, last: int) -> bool:
        """Whether the weekday means this day, in a month that has ``last`` days."""
        if day.isoweekday() % 7 != self.day:
            return False
        if self.nth is not None:
            return self.nth in ((day.day + 6) // 7, -((last - day.day) // 7 + 1))
        if self.weeks is not None:
            return (day.toordinal() - WEEK_ZERO) // 7 % self.weeks == self.offset % self.weeks
        return True

    def __str__(self) -> str:
        """Return the weekday in fugit's canonical spelling."""
        if self.weeks is not None:
            return f"{self.day}#{self.weeks}#{self.offset}"
        return f"{self.day}" if self.nth is None else f"{self.day}#{self.nth}"


@dataclass(frozen=True, slots=True)
class Days:
    """The day fields of a line; None means ``*``.

    If a line has both days of the month and weekdays, a day must match one of the two, as in every cron. With ``both``
    (written ``&``) it must match both.
    """

    monthdays: tuple[int, ...] | None
    months: tuple[int, ...] | None
    weekdays: tuple[Weekday, ...] | None
    both: bool = False

    def without_impossible(self) -> Days | None:
        """Return the fields without months and days that never meet (31 April); None if nothing is left."""
        if self.monthdays is None or self.months is None:
            return self
        pairs = [(m, d) for m in self.months for d in self.monthdays if d <= _LONGEST[m - 1]]
        months, days = {m for m, _ in pairs}, {d for _, d in pairs}
        left = Days(tuple(sorted(days)), tuple(sorted(months)), self.weekdays, self.both)
        return left if pairs else None

    def first_from(self, day: date) -> date | None:
        """Return the first matching day from ``day`` on; None if no such day comes."""
        months = self.months or range(1, 13)
        for year in range(day.year, min(day.year + _CALENDAR_YEARS, MAXYEAR) + 1):
            for month in months:
                if (year, month) < (day.year, day.month):
                    continue
                earliest = day.day if (year, month) == (day.year, day.month) else 1
                found = self._of_month(year, month, earliest)
                if found is not None:
                    return found
        return None

    def _of_month(self, year: int, month: int, earliest: int) -> date | None:
        last = monthrange(year, month)[1]
        if self.weekdays is None:
            days = self._monthdays(last)
            at = bisect_left(days, earliest)
            return date(year, month, days[at]) if at < len(days) else None
        chosen = set(self._monthdays(last))
        for number in range(earliest, last + 1):
            day = date(year, month, number)
            in_week = any(weekday.matches(day, last) for weekday in self.weekdays)
            if self._joined(in_week, number in chosen):
                return day
        return None

    def _monthdays(self, last: int) -> list[int]:
        if self.monthdays is None:
            return list(range(1, last + 1))
        days = {day if day > 0 else last + 1 + day for day in self.monthdays}
        return sorted(day for day in days if 0 < day <= last)

    def _joined(self, in_week: bool, in_month: bool) -> bool:
        if self.monthdays is None or self.both:
            return in_week and in_month
        return in_week or in_month
