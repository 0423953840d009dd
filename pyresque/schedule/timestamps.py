"""The time at which a delayed job is due, as callers give it: an aware date, seconds since 1970, or a span from now."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

from pyresque.errors import TimestampError

if TYPE_CHECKING:
    from pyresque.clock import Clock

#: A point in time: an aware datetime, seconds since 1970, or a text of these seconds.
When: TypeAlias = "datetime | float | str"

#: A time span: a timedelta or seconds.
Wait: TypeAlias = "timedelta | float"

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def timestamp_of(when: When) -> int:
    """Return whole seconds since 1970; fractions are cut off, as in Ruby. Raises TimestampError."""
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise TimestampError(
                f"{when!r} has no time zone, so it names no point in time: "
                "use datetime.now(timezone.utc), .astimezone() or a ZoneInfo"
            )
        return math.floor((when - _EPOCH) / timedelta(seconds=1))
    if not isinstance(when, str):
        if _is_number(when):
            return int(when)
    elif when.strip().removeprefix("-").isdecimal():
        return int(when)
    raise TimestampError(f"{when!r} is no timestamp: give an aware datetime or seconds since 1970")


def timestamp_in(wait: Wait, clock: Clock) -> int:
    """Return the whole second that lies a span from now. Raises TimestampError."""
    if isinstance(wait, timedelta):
        wait = wait.total_seconds()
    if not _is_number(wait):
        raise TimestampError("Please supply a numeric number of seconds")
    return math.floor(clock.time() + wait)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
