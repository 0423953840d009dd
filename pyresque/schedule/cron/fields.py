"""Parse the fields of a cron line by the grammar of fugit, with which Ruby's timer reads them.

A parsed field is a sorted tuple of values; None means every value (``*``).
"""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyresque.clock import zone_of
from pyresque.schedule.cron.days import Weekday

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

_WEEKDAY_NAMES: Final = {
    "sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6,
}  # fmt: skip
_MONTH_NAMES: Final = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip

NICKNAMES: Final[Mapping[str, str]] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@noon": "0 12 * * *",
    "@hourly": "0 * * * *",
}


class FieldError(ValueError):
    """One field cannot be read; the caller adds the whole line."""

    def __init__(self, problem: str, example: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.example = example


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the six fields: its name, its range, its names of values, and an example for its errors."""

    name: str
    low: int
    high: int
    value: str
    takes: str
    example: str
    names: Mapping[str, int] = field(default_factory=dict)
    tail: str = ""

    @property
    def element(self) -> re.Pattern[str]:
        """The pattern of an element between two commas: ``*``, ``a``, ``a-b``, each with ``/step``, or ``/step`` alone."""
        value = self.value
        return re.compile(
            rf"(?:(?P<star>\*)|(?P<first>{value})(?:{self.tail}|-(?P<last>{value}))?)?(?:/(?P<step>[0-9]{{1,2}}))?",
            re.IGNORECASE | re.ASCII,
        )

    def number(self, text: str) -> int:
        """Return the number of a value; ``L`` and ``last`` count from the end of the month."""
        text = text.lower()
        if text in self.names:
            return self.names[text]
        return -1 if text.startswith("l") else int(text)


_SIXTY: Final = "[0-5]?[0-9]"
SECOND: Final = Kind("second", 0, 59, _SIXTY, "0-59", "30 0 9 * * *")
MINUTE: Final = Kind("minute", 0, 59, _SIXTY, "0-59", "*/15 * * * *")
HOUR: Final = Kind("hour", 0, 23, "2[0-4]|[01]?[0-9]", "0-24", "0 9-17 * * *")
MONTHDAY: Final = Kind(
    "day of the month",
    1,
    31,
    "-?(?:3[01]|[12][0-9]|0?[1-9])|last|l",
    "1-31, -1 to -31 counted from the end, or L for the last",
    "0 9 1,15,L * *",
)
MONTH: Final = Kind(
    "month",
    1,
    12,
    "|".join(["1[0-2]", "0?[1-9]", *_MONTH_NAMES]),
    "1-12 or jan-dec (three letters)",
    "0 9 1 jan,jul *",
    _MONTH_NAMES,
)
WEEKDAY: Final = Kind(
    "weekday",
    0,
    6,
    "|".join(["[0-7]", *_WEEKDAY_NAMES]),
    "0-7 or sun-sat (three letters), #n for the n-th and #-1 for the last of the month, %n for every n-th week",
    "0 9 * * mon-fri",
    _WEEKDAY_NAMES,
    tail=r"#(?P<nth>-?[1-5]|last|l)|%(?P<weeks>[0-9]{1,4})(?:\+(?P<offset>[0-9]{1,4}))?",
)

_PATTERNS: Final = {
    kind.name: kind.element for kind in (SECOND, MINUTE, HOUR, MONTHDAY, MONTH, WEEKDAY)
}

_HINTS: Final = (
    (re.compile(r".*\?.*"), "'?' is another cron's; write '*'"),
    (re.compile(r"#.*"), "a line holds no comment"),
    (re.compile(r".*~.*"), "'~' would be another time in every process; write the time itself"),
    (re.compile(r".*W.*"), "the nearest working day (W) is another cron's"),
    (re.compile(r"(?:[0-7]|[a-z]{3})L", re.IGNORECASE), "the last Friday is written fri#-1"),
)


def numbers(kind: Kind, text: str) -> tuple[int, ...] | None:
    """Return the values of a field of seconds, minutes, hours, days or months; None for every value."""
    chosen: set[int] = set()
    every = False
    for part in _parts(kind, text):
        spread = _spread(kind, part)
        if spread is None:
            every = True
        else:
            chosen.update(spread)
    return None if every else tuple(sorted(chosen))


def weekdays(text: str) -> tuple[Weekday, ...] | None:
    """Return the weekdays of a field; None for every one."""
    chosen: set[Weekday] = set()
    for part in _parts(WEEKDAY, text):
        chosen.update(_weekdays(part))
    # As in fugit "*" adds nothing, so "*,fri" is Fridays only.
    return tuple(sorted(chosen, key=Weekday.order)) or None


def looks_like_weekdays(text: str) -> bool:
    """Whether a last word is a field of weekdays, not a time zone: ``MON`` could be either."""
    return all(
        _PATTERNS[WEEKDAY.name].fullmatch(part) for part in text.removesuffix("&").split(",")
    )


def time_zone(text: str) -> tzinfo:
    """Return the zone at the end of a line: a name of the tz database, or an offset such as ``+05:30``."""
    try:
        return zone_of(text)
    except ValueError as error:
        raise FieldError(str(error), "0 9 * * * Europe/Berlin") from None


def _parts(kind: Kind, text: str) -> Iterator[re.Match[str]]:
    for element in re.split(",+", text):
        part = _PATTERNS[kind.name].fullmatch(element)
        if part is None or not element:
            hint = next(
                (hint for pattern, hint in _HINTS if pattern.fullmatch(element)), kind.takes
            )
            raise FieldError(f"{reprlib.repr(element)} is no {kind.name} ({hint})", kind.example)
        yield part


def _spread(kind: Kind, part: re.Match[str]) -> list[int] | None:
    """Return the values of one element in counting order; a range may wrap past the end (``22-2``)."""
    first, last, step = (part[name] for name in ("first", "last", "step"))
    if step is None and last is None:
        return (
            None
            if first is None
            else [kind.number(first) % 24 if kind is HOUR else kind.number(first)]
        )
    stride = _stride(kind, part)
    start = kind.low if first is None else kind.number(first)
    end = kind.high if last is None else kind.number(last)
    if end < 0 < start:
        end = kind.high  # fugit reads 5--3 as 5-31
    if start < 0 < end:
        raise FieldError(
            f"{reprlib.repr(part[0])} mixes a {kind.name} counted from the end with one counted from the start",
            "0 9 -3--1 * *",
        )
    if (start, end, stride) == (kind.low, kind.high, 1):
        return None
    low, high = (-kind.high, -1) if start < 0 else (kind.low, kind.high)
    values = [start]
    while values[-1] != end:
        if values[-1] >= high:
            values.append(low)
            # Hour 24 lies past the end: after the wrap it is hour 0.
            end = low if end > high else end
        else:
            values.append(values[-1] + 1)
    return [value % 24 if kind is HOUR else value for value in values[::stride]]


def _stride(kind: Kind, part: re.Match[str]) -> int:
    if part["step"] is None:
        return 1
    stride = int(part["step"])
    if stride == 0:
        raise FieldError(
            f"{reprlib.repr(part[0])} has a step of 0, which never moves on", kind.example
        )
    return stride


def _weekdays(part: re.Match[str]) -> Iterator[Weekday]:
    if part["nth"]:
        nth = WEEKDAY.number(part["nth"])
        yield Weekday(WEEKDAY.number(part["first"]) % 7, nth=nth)
    elif part["weeks"]:
        weeks, offset = int(part["weeks"]), int(part["offset"] or 0)
        if weeks == 0:
            raise FieldError(f"{reprlib.repr(part[0])} asks for every 0th week", "0 9 * * mon%2")
        yield Weekday(WEEKDAY.number(part["first"]) % 7, weeks=weeks, offset=offset)
    elif part["first"] or part["step"]:
        start = WEEKDAY.number(part["first"]) if part["first"] else 0
        end = WEEKDAY.number(part["last"]) if part["last"] else (start if part["first"] else 6)
        # As in fugit a step of 0 counts as 1, in this field alone.
        stride = max(1, int(part["step"] or 1))
        for day in range(start, (end + 7 if start > end else end) + 1, stride):
            yield Weekday(day % 7)
