"""Connections on which Redis reports that a queue holds a job: one for each queue, armed with a blocking command that times out.

``BLMOVE q q LEFT LEFT`` replies as soon as the list has an element, and leaves the list as it was. Rule: a reply from before the
worker began to wait is stale and is dropped. The connection is armed again, and replies at once for a job that is still there.
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
    from pyresque.driver.url import RedisUrl


log = logging.getLogger("pyresque")

#: The most queues that get a connection each; workers of more queues poll.
MOST = 8

#: Seconds after which BLMOVE times out, and that its reply may be late before the connection counts as dead.
WAIT, GRACE = 20, 5.0

#: Seconds until a connection is tried again: after a loss, at most, and if Redis refuses the command.
BACK_OFF, MOST_BACK_OFF, REFUSED = 0.5, 10.0, 60.0


class WatchConnection:
    """One queue's connection: armed at ``since`` and overdue from ``due`` on; or not to be armed before ``due``."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.socket: Connection | None = None
        self.armed = False
        self.since = 0.0
        self.due = 0.0

    def close_until(self, until: float) -> None:
        """Close the connection; it is not to be armed before that time."""
        self.armed = False
        self.due = until
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class QueueWatch:
    """The waiting connections of one process. ``connect`` makes a connection; ``wait`` and ``grace`` are seconds."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        clock: Clock,
        *,
        wait: float = WAIT,
        grace: float = GRACE,
        is_outdated: Callable[[RedisUrl], bool] | None = None,
    ) -> None:
        self.clock = clock
        self.wait = wait
        self.grace = grace
        self._connect = connect
        self._is_outdated = is_outdated
        self._connections: dict[str, WatchConnection] = {}
        self._back_off = BACK_OFF
        self._refusals: set[str] = set()

    def arm(self, keys: Iterable[str]) -> None:
        """Arm the connections of these queues that are not armed and may be."""
        now = self.clock.monotonic()
        for connection in self._of(keys):
            if not connection.armed and connection.due <= now:
                self._arm(connection, now)

    def all_armed(self, keys: Iterable[str]) -> bool:
        """Return whether every one of these queues has an armed connection."""
        connections = self._of(keys)
        return bool(connections) and all(connection.armed for connection in connections)

    def take_ready(self, keys: Iterable[str]) -> list[str]:
        """Read replies; return the queues that hold a job. Their connections are no longer armed."""
        now = self.clock.monotonic()
        return [connection.key for connection in self._of(keys) if self._read(connection, now)]

    def watched(self, keys: Iterable[str]) -> list[int]:
        """Return the sockets to poll."""
        return [
            connection.socket.fileno()
            for connection in self._of(keys)
            if connection.socket is not None
        ]

    def due(self, keys: Iterable[str]) -> float:
        """Return the monotonic time at which ``arm`` must be called again although no reply came."""
        return min((connection.due for connection in self._of(keys)), default=inf)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            connection.close_until(until=inf)

    def _of(self, keys: Iterable[str]) -> list[WatchConnection]:
        names = dict.fromkeys(keys)
        if len(names) > MOST:
            return []
        return [self._connections.setdefault(key, WatchConnection(key)) for key in names]

    def _arm(self, connection: WatchConnection, now: float) -> None:
        try:
            left = self._is_outdated
            if left is not None and connection.socket is not None and left(connection.socket.to):
                connection.socket.close()
                connection.socket = None
            if connection.socket is None:
                connection.socket = self._connect()
            connection.socket.send(
                "BLMOVE", connection.key, connection.key, "LEFT", "LEFT", self.wait
            )
        except (RedisUnavailable, ConnectError) as error:
            self._on_loss(connection, now, error)
        else:
            connection.armed, connection.since, connection.due = (
                True,
                now,
                now + self.wait + self.grace,
            )

    def _read(self, connection: WatchConnection, now: float) -> bool:
        """Read a connection's replies; return whether its queue holds a job."""
        if connection.socket is None:
            return False
        try:
            replies = connection.socket.replies()
        except RedisCommandError as error:
            self._on_refusal(connection, now, error)
            return False
        except RedisUnavailable as error:
            self._on_loss(connection, now, error)
            return False
        if replies:
            connection.armed, connection.due = False, now
            self._back_off = BACK_OFF
            return replies[-1] is not None
        if connection.armed and now > connection.due:
            self._on_loss(connection, now, "no answer")
        return False

    def _on_loss(self, connection: WatchConnection, now: float, cause: object) -> None:
        """Replace a connection that worked at once. If that fails all wait longer: they lead to one server."""
        log.debug("the connection that waits for %s is lost: %s", connection.key, cause)
        if connection.armed and now > connection.since + BACK_OFF:
            connection.close_until(until=now)
            return
        connection.close_until(until=now + self._back_off)
        for other in self._connections.values():
            if not other.armed:
                other.due = max(other.due, connection.due)
        self._back_off = min(2 * self._back_off, MOST_BACK_OFF)

    def _on_refusal(
        self, connection: WatchConnection, now: float, error: RedisCommandError
    ) -> None:
        connection.close_until(until=now + REFUSED)
        code = str(error).partition(" ")[0]
        subject = connection.key if code == "WRONGTYPE" else code
        if subject not in self._refusals:
            self._refusals.add(subject)
            log.warning(
                "Redis does not let us wait for a job in %s, so it is looked for at intervals: %s",
                connection.key,
                error,
            )
