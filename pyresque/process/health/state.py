"""The health state of a worker: times and flags that it writes to a small page, and how to read them.

The page may be shared memory: the process of the health port reads it, and the worker need not answer.
"""

from __future__ import annotations

import logging
from _thread import RLock
from enum import IntEnum
from math import inf
from struct import Struct
from typing import TYPE_CHECKING

from pyresque.lightweight import dataclass

if TYPE_CHECKING:
    from mmap import mmap

    from pyresque.clock import Clock

_TIME = Struct("d")
_TURNED, _UPKEEP, _LOOPED = 0, 8, 24

#: Bytes of a page.
SIZE = 32

#: A worker hangs if it has written no time for MOST_BEATS heartbeats and for LEAST_SECONDS. A hook, or a Redis that does not
#: answer, may take this long.
MOST_BEATS, LEAST_SECONDS = 3, 60.0

#: Queues that a log line names.
LISTED = 5


class Flag(IntEnum):
    """Flags of a worker; each value is the offset of a byte on the page."""

    REGISTERED = 16
    WORKING = 17
    PAUSED = 18
    STOPPING = 19
    AWAY = 20


log = logging.getLogger("pyresque")

#: Flags as plain integers, because they are written at every job.
_WORKING, _PAUSED = int(Flag.WORKING), int(Flag.PAUSED)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a worker: faults that a restart may mend, reasons why it takes no jobs now, seconds since its signs of life."""

    faults: tuple[str, ...]
    reasons: tuple[str, ...]
    turned: float
    since_upkeep: float
    working: bool

    @property
    def live(self) -> bool:
        """Whether a probe should let the worker run (``/live``)."""
        return not self.faults

    @property
    def ready(self) -> bool:
        """Whether the worker takes jobs (``/ready``)."""
        return not self.faults and not self.reasons


class HealthState:
    """One worker's page. Times are of the monotonic clock, which all processes of the host share."""

    def __init__(self, clock: Clock, page: bytearray | mmap | None = None) -> None:
        self.clock = clock
        self._page = bytearray(SIZE) if page is None else page
        #: Whether a signal has paused the workers that share this object: one fact, which they all look at.
        self.paused_by_signal = False
        self.why_paused = ""
        self._queues_paused: tuple[str, ...] = ()
        self._lock = RLock()  # a signal handler may come in between
        self._changed_at = -inf
        self.turned()
        self.upkeep_done()
        _TIME.pack_into(self._page, _LOOPED, inf)

    def turned(self) -> float:
        """Note that the worker's loop took a job, or looked for one; return when that was."""
        now = self.clock.monotonic()
        _TIME.pack_into(self._page, _TURNED, now)
        return now

    def upkeep_done(self) -> None:
        """Note that the worker tried to write its heartbeat, whether or not Redis answered."""
        _TIME.pack_into(self._page, _UPKEEP, self.clock.monotonic())

    def looped(self) -> None:
        """Note that the event loop of the ``async`` executor runs. Other executors never call this."""
        _TIME.pack_into(self._page, _LOOPED, self.clock.monotonic())

    def mark(self, flag: Flag, on: bool) -> None:
        """Set or clear a flag. Signal handlers call this, too."""
        self._page[flag] = on

    def pause(self, on: bool) -> None:
        """Pause all workers that share this object, or let them go on. Signal handlers call this, too."""
        self.paused_by_signal = on
        self.mark(Flag.PAUSED, on)

    def paused(self, why: str, queues: tuple[str, ...], since: float) -> None:
        """Note why a worker takes no job, "" if it takes jobs, and the paused queues beside those that it takes jobs from; log a change.

        ``since``: when the worker began to look. What another worker has noted meanwhile is newer, and stays: this one looks again.
        """
        with self._lock:
            if since < self._changed_at:
                return
            self._page[_PAUSED] = bool(why)
            if why != self.why_paused:
                self.why_paused, self._changed_at = why, self.clock.monotonic()
                log.warning(
                    "%s", f"paused: {why}" if why else "no longer paused: jobs are taken again"
                )
            if queues != self._queues_paused:
                self._queues_paused, self._changed_at = queues, self.clock.monotonic()
                log.warning(
                    "%s",
                    f"no jobs are taken from paused queues: {listed(queues)}"
                    if queues
                    else "no queue is paused any more",
                )

    def job(self, on: bool) -> None:
        """Note that a job starts or has ended. A worker that takes one is not paused."""
        page = self._page
        if on:
            page[_WORKING], page[_PAUSED] = True, self.paused_by_signal
        else:
            _TIME.pack_into(page, _TURNED, self.clock.monotonic())
            page[_WORKING] = False

    def redis_away(self, away: bool) -> None:
        """Note that the worker waits for a Redis that does not answer, or that Redis answered again."""
        self._page[Flag.AWAY] = away
        self.turned()
        self.upkeep_done()

    def health(self, heartbeat_interval: float) -> Health:
        """Return the worker's health now."""
        now = self.clock.monotonic()
        turned = now - _TIME.unpack_from(self._page, _TURNED)[0]
        since_upkeep = now - _TIME.unpack_from(self._page, _UPKEEP)[0]
        limit = max(MOST_BEATS * heartbeat_interval, LEAST_SECONDS)
        flags = {flag: self._page[flag] == 1 for flag in Flag}
        faults = []
        if since_upkeep > limit:
            faults.append(f"no heartbeat for {since_upkeep:.0f} s")
        if turned > limit and not flags[Flag.WORKING]:
            faults.append(f"its loop has not turned for {turned:.0f} s")
        looped = _TIME.unpack_from(self._page, _LOOPED)[0]
        if now - looped > limit:
            faults.append(f"its event loop has not gone round for {now - looped:.0f} s")
        reasons = [text for flag, text, wrong in _REASONS if flags[flag] is wrong]
        return Health(tuple(faults), tuple(reasons), turned, since_upkeep, flags[Flag.WORKING])


def listed(queues: tuple[str, ...]) -> str:
    """The names of queues for a log line, at most five."""
    more = f" and {len(queues) - LISTED} more" if len(queues) > LISTED else ""
    return ", ".join(queues[:LISTED]) + more


_REASONS = (
    (Flag.REGISTERED, "not registered yet", False),
    (Flag.AWAY, "Redis does not answer", True),
    (Flag.PAUSED, "paused", True),
    (Flag.STOPPING, "stopping", True),
)
