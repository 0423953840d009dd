"""The connections on which Redis says that a queue holds a job: one a queue, each armed with a wait that ends by itself.

``BLMOVE q q LEFT LEFT`` answers as soon as the list has a head, and leaves the list as it was. Law: what a line said before its
owner began to wait is old, and counts for nothing: armed anew, it answers at once for a job that is still there.
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.clock import Clock
    from pyresque.driver.connection import Connection


log = logging.getLogger("pyresque")

#: Queues up to which each gets a connection; workers of more of them poll.
MOST = 8

#: Seconds that Redis waits before it says that there was nothing, and that this answer may be late: then the wire is dead.
WAIT, GRACE = 20, 5.0

#: Seconds until the next attempt: after a break, at most, and where Redis refuses the command.
BACK_OFF, MOST_BACK_OFF, REFUSED = 0.5, 10.0, 60.0


class WatchConnection:
    """One queue's connection: armed ``since`` and overdue from ``due`` on, or at rest until then."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.wire: Connection | None = None
        self.armed = False
        self.since = 0.0
        self.due = 0.0

    def hang_up(self, until: float) -> None:
        """Close it until then."""
        self.armed = False
        self.due = until
        if self.wire is not None:
            self.wire.close()
            self.wire = None


class QueueWatch:
    """One process's lines, of at most ``MOST`` queues. ``connect`` makes a connection; ``wait`` and ``grace`` are seconds."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        clock: Clock,
        *,
        wait: float = WAIT,
        grace: float = GRACE,
    ) -> None:
        self.clock = clock
        self.wait = wait
        self.grace = grace
        self._connect = connect
        self._lines: dict[str, WatchConnection] = {}
        self._back_off = BACK_OFF
        self._refusals: set[str] = set()

    def hold(self, keys: Iterable[str]) -> None:
        """Arm what can be armed of these queues' lines."""
        now = self.clock.monotonic()
        for line in self._of(keys):
            if not line.armed and line.due <= now:
                self._arm(line, now)

    def heard(self, keys: Iterable[str]) -> bool:
        """Whether a job in any of these queues would be told."""
        lines = self._of(keys)
        return bool(lines) and all(line.armed for line in lines)

    def rung(self, keys: Iterable[str]) -> list[str]:
        """Those of the queues that were said to hold a job; their lines are at rest now."""
        now = self.clock.monotonic()
        return [line.key for line in self._of(keys) if self._hear(line, now)]

    def watched(self, keys: Iterable[str]) -> list[int]:
        """The sockets to be polled."""
        return [line.wire.fileno() for line in self._of(keys) if line.wire is not None]

    def due(self, keys: Iterable[str]) -> float:
        """When ``hold`` must be called again although nothing was heard, by the clock's ``monotonic``."""
        return min((line.due for line in self._of(keys)), default=inf)

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.hang_up(until=inf)

    def _of(self, keys: Iterable[str]) -> list[WatchConnection]:
        names = dict.fromkeys(keys)
        if len(names) > MOST:
            return []
        return [self._lines.setdefault(key, WatchConnection(key)) for key in names]

    def _arm(self, line: WatchConnection, now: float) -> None:
        try:
            if line.wire is None:
                line.wire = self._connect()
            line.wire.send("BLMOVE", line.key, line.key, "LEFT", "LEFT", self.wait)
        except (RedisUnavailable, ConnectError) as error:
            self._lose(line, now, error)
        else:
            line.armed, line.since, line.due = True, now, now + self.wait + self.grace

    def _hear(self, line: WatchConnection, now: float) -> bool:
        """Whether its queue was said to hold a job."""
        if line.wire is None:
            return False
        try:
            said = line.wire.replies()
        except RedisCommandError as error:
            self._refused(line, now, error)
            return False
        except RedisUnavailable as error:
            self._lose(line, now, error)
            return False
        if said:
            line.armed, line.due = False, now
            self._back_off = BACK_OFF
            return said[-1] is not None
        if line.armed and now > line.due:
            self._lose(line, now, "no answer")
        return False

    def _lose(self, line: WatchConnection, now: float, cause: object) -> None:
        """A wire that bore is replaced at once; where that fails all wait: they lead to one server."""
        log.debug("the connection that waits for %s is lost: %s", line.key, cause)
        if line.armed and now > line.since + BACK_OFF:
            line.hang_up(until=now)
            return
        line.hang_up(until=now + self._back_off)
        for other in self._lines.values():
            if not other.armed:
                other.due = max(other.due, line.due)
        self._back_off = min(2 * self._back_off, MOST_BACK_OFF)

    def _refused(self, line: WatchConnection, now: float, error: RedisCommandError) -> None:
        line.hang_up(until=now + REFUSED)
        code = str(error).partition(" ")[0]
        saying = line.key if code == "WRONGTYPE" else code
        if saying not in self._refusals:
            self._refusals.add(saying)
            log.warning(
                "Redis does not let us wait for a job in %s, so it is looked for at intervals: %s",
                line.key,
                error,
            )
