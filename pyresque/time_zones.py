"""Time zones by their names, as settings and cron lines write them."""

from __future__ import annotations

import re
import reprlib
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo


def zone_of(text: str) -> tzinfo:
    """The zone of a name of the tz database, or of an offset such as ``+05:30``. Raises ValueError."""
    offset = re.fullmatch(r"([-+])(0[0-9]|1[01]):?(00|15|30|45)", text)
    if offset:
        sign, hours, minutes = offset.groups()
        delta = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-delta if sign == "-" else delta)
    try:
        if re.fullmatch(r"[A-Z][A-Za-z0-9+-]+(?:/[A-Z][A-Za-z0-9+_-]+){0,2}", text):
            return ZoneInfo(text)
    except (
        KeyError,
        ValueError,
        OSError,
    ):  # unknown, malformed, or the name of a directory of zones
        pass
    raise ValueError(
        f"{reprlib.repr(text)} is no time zone (a name such as Europe/Berlin or UTC, or an offset from -11:45 to +11:45)"
    )
