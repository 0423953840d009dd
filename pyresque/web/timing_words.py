"""When a recurring job runs, in plain words: cron lines by the package cron-descriptor, and stretches of ``every``.

A line of which the package would say something wrong has no words: those with what only Ruby's timer knows (days counted from the end
of the month, ``%n``, ``&``, the hour 24), with several n-th weekdays, or with steps that are not all of one length, as ``*/7``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pyresque.errors import CronError, DurationError
from pyresque.schedule.cron.durations import parse_every
from pyresque.schedule.cron.fields import NICKNAMES
from pyresque.schedule.cron.next_run import Cron

if TYPE_CHECKING:
    from cron_descriptor import Options

#: Letters of the longest line that is described.
LONGEST = 200

#: Fields that both Ruby's timer and the package read, and in the same way.
_COMMON = re.compile(
    r"(?!.*#.*,)(?!.*,.*#)(?!.*#(?![1-5]$))(?!.*,\*)(?!\*,)(?:\*|[0-9a-z]+)[0-9a-z*,/#-]*", re.ASCII
)
_STEP = re.compile(r"\*?/([0-9]+)")
_HOUR_24 = re.compile(r"(?:^|[,-])24")

#: How many values the fields have, from the right: weekdays, months, days, hours, minutes, seconds; none where a step is not even.
_VALUES = (None, 12, None, 24, 60, 60)

#: The units of a stretch, and their seconds.
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def in_words(kind: str, value: object) -> str | None:
    """Return when a job of this timing runs, such as ``At 03:00, Monday through Friday``; None if there are no words for it."""
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    return _stretch(value) if kind == "every" else _cron(value)


def zone_of_line(kind: str, value: object) -> str | None:
    """Return the time zone that a cron line names."""
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    if kind != "cron" or not isinstance(value, str) or len(value) > LONGEST:
        return None
    try:
        return Cron.parse(value).zone_name
    except CronError:
        return None


@lru_cache(maxsize=1000)
def _cron(line: str) -> str | None:
    """Return a cron line in words. What our own reader refuses has none."""
    try:
        zone = Cron.parse(line).zone_name
    except CronError:
        return None
    parts = line.split()
    if zone is not None:
        parts.pop()
    if len(parts) == 1:
        parts = NICKNAMES.get(parts[0].lower(), "").split()
    fields = [part.lower() for part in parts]
    hour = fields[-4] if len(fields) > 4 else ""  # noqa: PLR2004 - a line has five fields, or six
    if len(fields) not in (5, 6) or not all(map(_is_common, fields)) or _HOUR_24.search(hour):
        return None
    if not all(map(_is_even, reversed(fields), _VALUES)):
        return None
    from cron_descriptor import get_description  # noqa: PLC0415 - for pages with cron lines alone

    try:
        said = get_description(" ".join(fields), _options())
    except Exception:  # noqa: BLE001 - the package's errors have no class in common; the line stands on the page as it is
        return None
    return said if zone is None else f"{said}, {zone}"


def _is_common(part: str) -> bool:
    return _COMMON.fullmatch(part) is not None and part not in ("l", "last")


def _is_even(part: str, values: int | None) -> bool:
    """Return whether all steps of a field are of one length, over its end too."""
    if "/" not in part:
        return True
    step = _STEP.fullmatch(part)
    return step is not None and values is not None and values % (int(step[1]) or values + 1) == 0


@lru_cache(maxsize=1)
def _options() -> Options:
    from cron_descriptor import Options  # noqa: PLC0415 - as above

    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = "en_US"
    return options


def _stretch(written: str) -> str | None:
    """Return ``Every 5 minutes`` of ``5m``."""
    try:
        left = parse_every(written)
    except (CronError, DurationError):
        return None
    said: list[str] = []
    for unit, length in _UNITS:
        number, left = divmod(left, length)
        if number:
            said.append(f"{int(number)} {unit}{'' if number == 1 else 's'}")
    if left or not said:
        return None
    if len(said) == 1 and said[0].startswith("1 "):
        return f"Every {said[0].removeprefix('1 ')}"
    return f"Every {' and '.join(said) if len(said) < 3 else ', '.join(said)}"  # noqa: PLR2004 - two are joined by "and"
