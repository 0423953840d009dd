"""Where time comes from outside tests, and the local time that Ruby's dates are written in."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyresque.ops import Clock


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()


def local(clock: Clock) -> datetime:
    """Now in the process's zone (TZ), as Ruby's ``Time.now``."""
    return datetime.fromtimestamp(clock.time(), timezone.utc).astimezone()


def utc(clock: Clock) -> datetime:
    """Now in UTC, as Ruby's ``Time.now.utc``."""
    return datetime.fromtimestamp(clock.time(), timezone.utc)
