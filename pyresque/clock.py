"""The system's clock, the local time that Ruby's dates are written in, and time zones by their names."""

from __future__ import annotations

import time as machine
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Protocol


class Clock(Protocol):
    """The source of time; tests give their own."""

    def time(self) -> float:
        """Seconds since 1970, as ``time.time``."""

    def monotonic(self) -> float:
        """Seconds since some start, never turned back, as ``time.monotonic``."""


class SystemClock:
    """The clock of the operating system."""

    #: Seconds since 1970.
    time = staticmethod(machine.time)
    #: Seconds that never run backwards.
    monotonic = staticmethod(machine.monotonic)


def local(clock: Clock) -> datetime:
    """Now in the process's zone (TZ), as Ruby's ``Time.now``."""
    return datetime.fromtimestamp(clock.time(), timezone.utc).astimezone()


def utc(clock: Clock) -> datetime:
    """Now in UTC, as Ruby's ``Time.now.utc``."""
    return datetime.fromtimestamp(clock.time(), timezone.utc)


def zone_of(text: str) -> tzinfo:
    """The zone of a name of the tz database, or of an offset such as ``+05:30``. Raises ValueError."""
    import re  # noqa: PLC0415 - by those who name a zone: each forked child pays for what is loaded
    import reprlib  # noqa: PLC0415 - as above
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - as above

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
