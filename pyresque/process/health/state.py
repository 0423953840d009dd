"""Whether a worker is well: the signs it leaves on a small page while it works, and what they mean.

The page may be shared with another process, which judges by it without asking: a worker need not answer to be looked at.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

    from pyresque.clock import Clock

_TIME = Struct("d")
_TURNED, _TENDED, _LOOPED = 0, 8, 24

#: Bytes of a page.
SIZE = 32

#: A worker that leaves no sign for so many heartbeats, and at least so many seconds, hangs. A hook or a server that does
#: not answer may take its time.
BEATS, SECONDS = 3, 60.0


#: Queues that a log line names.
LISTED = 5


class Flag(IntEnum):
    """What a worker says of itself; the place of each on the page."""

    REGISTERED = 16
    WORKING = 17
    PAUSED = 18
    STOPPING = 19
    AWAY = 20


#: The same as plain numbers: they are written at every job.
log = logging.getLogger("pyresque")

_WORKING, _PAUSED = int(Flag.WORKING), int(Flag.PAUSED)


@dataclass(frozen=True, slots=True)
class Health:
    """A judgement: the faults that a restart may mend, and the reasons why it takes no jobs just now."""

    faults: tuple[str, ...]
    reasons: tuple[str, ...]
    turned: float
    tended: float
    working: bool

    @property
    def live(self) -> bool:
        """Whether it is to be left alone."""
        return not self.faults

    @property
    def ready(self) -> bool:
        """Whether it takes jobs."""
        return not self.faults and not self.reasons


class HealthState:
    """One worker's signs; times are those of a clock that all processes of the host share."""

    def __init__(self, clock: Clock, page: bytearray | mmap | None = None) -> None:
        self.clock = clock
        self._page = bytearray(SIZE) if page is None else page
        self.why_paused = ""
        self._queues_paused: tuple[str, ...] = ()
        self.turned()
        self.tended()
        _TIME.pack_into(self._page, _LOOPED, inf)

    def turned(self) -> None:
        """The worker's loop goes on: it took a job, or looked for one."""
        _TIME.pack_into(self._page, _TURNED, self.clock.monotonic())

    def tended(self) -> None:
        """It saw to its heartbeat, whether or not Redis was there to take it."""
        _TIME.pack_into(self._page, _TENDED, self.clock.monotonic())

    def looped(self) -> None:
        """The event loop goes round, in which several workers and their jobs are; those who have none never say so."""
        _TIME.pack_into(self._page, _LOOPED, self.clock.monotonic())

    def mark(self, flag: Flag, on: bool) -> None:
        """Say or unsay something. Also called from signal handlers."""
        self._page[flag] = on

    def paused(self, why: str) -> None:
        """Say why no job is taken, or "" where jobs are; all workers of a process tell it once, in the log."""
        self._page[_PAUSED] = bool(why)
        if why != self.why_paused:
            self.why_paused = why
            log.warning("%s", f"paused: {why}" if why else "no longer paused: jobs are taken again")

    def queues_paused(self, queues: tuple[str, ...]) -> None:
        """Note which queues are paused while jobs are taken from others; all workers of a process log a change once."""
        if queues != self._queues_paused:
            self._queues_paused = queues
            log.warning(
                "%s",
                f"no jobs are taken from paused queues: {listed(queues)}"
                if queues
                else "no queue is paused any more",
            )

    def job(self, on: bool) -> None:
        """A job begins, or has ended. Whoever takes one is not paused."""
        page = self._page
        if on:
            page[_WORKING], page[_PAUSED] = True, False
        else:
            _TIME.pack_into(page, _TURNED, self.clock.monotonic())
            page[_WORKING] = False

    def redis_away(self, away: bool) -> None:
        """Redis did not answer, and the worker waits for it; or it answered again."""
        self._page[Flag.AWAY] = away
        self.turned()
        self.tended()

    def health(self, heartbeat_interval: float) -> Health:
        """Judge."""
        now = self.clock.monotonic()
        turned = now - _TIME.unpack_from(self._page, _TURNED)[0]
        tended = now - _TIME.unpack_from(self._page, _TENDED)[0]
        limit = max(BEATS * heartbeat_interval, SECONDS)
        says = {flag: self._page[flag] == 1 for flag in Flag}
        faults = []
        if tended > limit:
            faults.append(f"no heartbeat for {tended:.0f} s")
        if turned > limit and not says[Flag.WORKING]:
            faults.append(f"its loop has not turned for {turned:.0f} s")
        looped = _TIME.unpack_from(self._page, _LOOPED)[0]
        if now - looped > limit:
            faults.append(f"its event loop has not gone round for {now - looped:.0f} s")
        reasons = [text for flag, text, wrong in _REASONS if says[flag] is wrong]
        return Health(tuple(faults), tuple(reasons), turned, tended, says[Flag.WORKING])


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
