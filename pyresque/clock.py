"""Where time comes from outside tests, and the local time that Ruby's dates are written in."""

from __future__ import annotations

import time as machine
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyresque.ops import Clock


class SystemClock:
    """The machine's own clock."""

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
