"""Durations as schedules write them (``every: 1h30m``, ``first_in: 5 minutes``), in seconds.

Ruby's timer reads them with fugit: a month has 30 days, a year 365; ``M`` is a month, ``m`` a minute; a number alone is
seconds; ISO 8601 (``PT1H30M``) is read, too.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pyresque.errors import DurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds between two ticks of Ruby's timer, which refuses jobs that are to run more often.
TIMER_STEP: Final = 0.3

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_SECONDS: Final[Mapping[str, int]] = {
    "year": 365 * _DAY,
    "month": 30 * _DAY,
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": _HOUR,
    "minute": 60,
    "second": 1,
}

# One way to read each number: with two, a long row of digits would be tried in as many splits as it has digits.
_NUMBER: Final = r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"

# The order is that of Ruby's parser, which takes the first unit that matches and never backtracks.
_UNITS: Final = tuple(
    (unit, re.compile(_NUMBER + spelling, re.ASCII))
    for unit, spelling in (
        ("year", " *(?i:y(?:ears?)?)"),
        ("month", " *(?:M|months?)"),
        ("week", " *(?i:w(?:eeks?)?)"),
        ("day", " *(?i:d(?:ays?)?)"),
        ("hour", " *(?i:h(?:ours?)?)"),
        ("minute", " *m(?:in(?:ute)?s?)?"),
        ("second", " *(?i:s(?:ec(?:ond)?)?s?)"),
        ("second", r"\Z"),
    )
)
_BETWEEN: Final = re.compile(r"(?:[ \t,]+|and)*", re.IGNORECASE | re.ASCII)

_ISO: Final = re.compile(
    r"P(?P<date>(?:-?[0-9]+[YMWD])*)(?:T(?P<time>(?:-?[0-9]+[HM]|-?(?:[0-9]*\.)?[0-9]+S)+))?",
    re.IGNORECASE | re.ASCII,
)
_ISO_PART: Final = re.compile(r"(-?[0-9.]+)([A-Z])")
_ISO_DATE: Final = {"Y": "year", "M": "month", "W": "week", "D": "day"}
_ISO_TIME: Final = {"H": "hour", "M": "minute", "S": "second"}


def parse_duration(text: str | float) -> float:
    """Return seconds, which may be 0 or negative (``-30s``). Raises DurationError for what Ruby refuses."""
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise DurationError(
            f"a duration is a text or a number of seconds, not {text!r}; {_EXAMPLES}"
        )
    try:
        seconds = _read(text) if isinstance(text, str) else float(text)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise DurationError("a duration of so many digits is longer than any clock runs")
    return seconds


def parse_stretch(text: str | float) -> float:
    """Return seconds from now to a point in time, such as ``first_in``. Raises DurationError for more than 1000 years."""
    seconds = parse_duration(text)
    if abs(seconds) > LONGEST:
        raise DurationError(f"{_cut(text)} is longer than {LONGEST // _SECONDS['year']} years")
    return seconds


def parse_every(text: str | float) -> float:
    """Return seconds between two runs of a recurring job, at least 0.3. Raises DurationError."""
    seconds = parse_stretch(text)
    if seconds <= 0:
        raise DurationError(
            f"{_cut(text)} is {seconds:g} seconds, and no job can run every {seconds:g} seconds"
        )
    if seconds < TIMER_STEP:
        raise DurationError(
            f"{_cut(text)} is shorter than the {TIMER_STEP} seconds between two looks at the clock"
        )
    return seconds


#: A longer duration may lead beyond the year 9999, the last of Python's calendar.
LONGEST: Final = 1000 * _SECONDS["year"]

#: Characters of a wrong text in the message.
_SHOWN: Final = 60
_EXAMPLES: Final = "write 30s, 1h30m, 2 days or PT1H30M (m is a minute, M a month)"


def _read(text: str) -> float:
    stripped = text.strip(" \t\n\v\f\r\0")
    amounts = _plain(stripped)
    if amounts is None:
        amounts = _iso(stripped)
    if amounts is None:
        raise DurationError(f"{_cut(text)} is not a duration; {_EXAMPLES}")
    # Adds unit by unit, as Ruby does, so that fractions are equal to the last digit.
    return sum(amounts[unit] * seconds for unit, seconds in _SECONDS.items() if unit in amounts)


def _plain(text: str) -> dict[str, float] | None:
    """Return the amounts by unit of ``1h30m, 5 seconds and -2m``; a sign applies to all units written together."""
    amounts: dict[str, float] = {}
    at: int | None = 0
    while text and at is not None:
        sign = -1 if text.startswith("-", at) else 1
        start = at = at + text.startswith(("-", "+"), at)
        while part := _first_unit(text, at):
            unit, match = part
            amounts[unit] = amounts.get(unit, 0) + sign * float(match["number"])
            at = match.end()
        if at == start:
            return None
        at = _next_group(text, at)
    return amounts


def _next_group(text: str, at: int) -> int | None:
    """Return where the next group starts; None at the end. A separator must stand between two groups."""
    between = _BETWEEN.match(text, at)
    return None if at == len(text) else (between.end() if between else at)


def _first_unit(text: str, at: int) -> tuple[str, re.Match[str]] | None:
    tries = ((unit, pattern.match(text, at)) for unit, pattern in _UNITS)
    return next(((unit, match) for unit, match in tries if match), None)


def _iso(text: str) -> dict[str, float] | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    amounts: dict[str, float] = {}
    for half, units in ((match["date"], _ISO_DATE), (match["time"] or "", _ISO_TIME)):
        for number, letter in _ISO_PART.findall(half.upper()):
            amounts[units[letter]] = amounts.get(units[letter], 0) + float(number)
    return amounts


def _cut(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
