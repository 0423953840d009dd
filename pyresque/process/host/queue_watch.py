"""Connections on which Redis reports that a queue holds a job: one for each queue, armed with a blocking command that times out.

``BLMOVE q q LEFT LEFT`` replies as soon as the list has an element, and leaves the list as it was. Rule: a reply from before the
worker began to wait is stale and is dropped. The connection is armed again, and replies at once for a job that is still there.

Where there are many workers, a few watch the queue so, and the others wait to be called by one that takes a job (store/waiting.py).
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable, ScriptMissing
from pyresque.lightweight import within
from pyresque.process.host.client_count import ASKING, ClientCount, is_refusal
from pyresque.process.host.watch_connection import CLIENTS, ENTER, LEAVE, WAIT, WatchConnection
from pyresque.store.waiting import LOOK, TO_BE_CALLED, WATCH_NOTED, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.clock import Clock
    from pyresque.driver.connection import Connection
    from pyresque.driver.url import RedisUrl
    from pyresque.process.host.watch_connection import Reply
    from pyresque.store.waiting import WaitingTable


log = logging.getLogger("pyresque")

#: Seconds after which BLMOVE times out, and that its reply may be late before the connection counts as dead.
WAIT_SECONDS, GRACE = 20, 5.0

#: Seconds after which the BLMOVE of one of a few watchers times out, and that it is counted as one longer than that.
NOTED_WAIT, LONGER = 5, 2

#: Seconds until a connection is tried again: after a loss, at most, and if Redis refuses the command.
BACK_OFF, MOST_BACK_OFF, REFUSED = 0.5, 10.0, 60.0

#: Seconds at most for which no connection waits because Redis has too many clients.
GIVEN_UP = 60.0


class QueueWatch:
    """The waiting connections of one process. ``connect`` makes a connection; ``wait`` and ``grace`` are seconds.

    ``waiting``: asked how to wait; None: every queue is watched. ``most``: the most queues that get a connection.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        clock: Clock,
        *,
        waiting: WaitingTable | None = None,
        most: int = 8,
        wait: float = WAIT_SECONDS,
        grace: float = GRACE,
        is_outdated: Callable[[RedisUrl], bool] | None = None,
    ) -> None:
        self.clock = clock
        self.wait = wait
        self.grace = grace
        self.most = most
        self._connect = connect
        self._waiting = waiting
        self._is_outdated = is_outdated
        self._clients = ClientCount(clock)
        self._connections: dict[str, WatchConnection] = {}
        self._back_off = BACK_OFF
        self._said: set[str] = set()

    # -- what a waiter does

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

    def leave(self, keys: Iterable[str] | None = None) -> None:
        """Nobody here waits for these queues any more, or for any: there is a job to perform. Others are called to watch them."""
        noted = [one for one in self._connections.values() if one.noted]
        if keys is not None and noted:
            wanted = set(keys)
            noted = [one for one in noted if one.key in wanted]
        if not noted or self._waiting is None:
            return
        # A connection that has a BLMOVE out replies to nothing else; without a free one the watchers are counted down soon.
        free = next((one for one in self._connections.values() if one.is_free), None)
        if free is None:
            return
        try:
            for one in noted:
                one.noted = False
                free.send(LEAVE, self._waiting.leaving(one.key))
        except RedisUnavailable as error:
            self._on_loss(free, self.clock.monotonic(), error)

    def close(self) -> None:
        """Close every connection."""
        self._close_all(until=inf)

    # -- asking

    def _of(self, keys: Iterable[str]) -> list[WatchConnection]:
        names = dict.fromkeys(keys)
        if len(names) > self.most:
            return []
        return [self._connections.setdefault(key, WatchConnection(key)) for key in names]

    def _arm(self, connection: WatchConnection, now: float) -> None:
        try:
            left, socket = self._is_outdated, connection.socket
            if left is not None and socket is not None and left(socket.to):
                connection.close_until(until=now)
            if connection.socket is None:
                connection.socket = self._connect()
            if self._clients.is_due():
                connection.send(CLIENTS, ASKING)
            connection.armed, connection.since = True, now
            self._enter(connection)
        except (RedisUnavailable, ConnectError) as error:
            self._on_loss(connection, now, error)

    def _enter(self, connection: WatchConnection, *, by_text: bool = False) -> None:
        """Ask how to wait; without a table wait at once."""
        if self._waiting is None:
            self._watch(connection, self.wait)
        else:
            seconds = self._noted_wait + LONGER
            entering = self._waiting.entering(connection.key, seconds, by_text=by_text)
            connection.send(ENTER, entering)
            connection.due = self.clock.monotonic() + self.grace

    def _watch(self, connection: WatchConnection, seconds: float) -> None:
        connection.called = False
        connection.send(WAIT, watching(connection.key, seconds))
        connection.due = self.clock.monotonic() + seconds + self.grace

    def _be_called(self, connection: WatchConnection, waiting: WaitingTable) -> None:
        connection.called, connection.noted = True, False
        connection.send(WAIT, waiting.being_called(connection.key, self.wait))
        connection.due = self.clock.monotonic() + self.wait + self.grace

    @property
    def _noted_wait(self) -> int:
        return min(NOTED_WAIT, int(self.wait) or 1)

    # -- replies

    def _read(self, connection: WatchConnection, now: float) -> bool:
        """Read a connection's replies; return whether its queue holds a job."""
        try:
            found = [self._take(connection, now, reply) for reply in connection.replies()]
        except RedisUnavailable as error:
            self._on_loss(connection, now, error)
            return False
        if connection.armed and now > connection.due:
            self._on_loss(connection, now, "no answer")
        return any(found)

    def _take(self, connection: WatchConnection, now: float, reply: Reply) -> bool:
        """Act on a reply; return whether the queue holds a job."""
        asked, given = reply
        self._back_off = BACK_OFF
        if connection.socket is None:
            return False  # given up by the reply before this one
        if asked == CLIENTS:
            self._on_clients(now, self._clients.too_many(given))
        elif asked == ENTER:
            self._on_entered(connection, given)
        elif asked == WAIT and isinstance(given, RedisCommandError):
            self._on_refusal(connection, now, given)
        elif asked == WAIT:
            connection.armed, connection.due = False, now
            return given is not None and (not connection.called or given[-1:] == [LOOK])  # type: ignore[index] # BLPOP's reply: key and element
        return False

    def _on_entered(self, connection: WatchConnection, given: object) -> None:
        waiting = self._waiting
        if isinstance(given, ScriptMissing):
            self._enter(connection, by_text=True)
        elif waiting is None or isinstance(given, RedisCommandError):
            self._watch_all(given)
            self._watch(connection, self.wait)
        elif given == TO_BE_CALLED:
            self._be_called(connection, waiting)
        else:
            connection.noted = given == WATCH_NOTED
            self._watch(connection, self._noted_wait if connection.noted else self.wait)

    def _on_clients(self, now: float, why: str) -> None:
        if why:
            self._give_up(now, why)

    # -- faults

    def _close_all(self, until: float) -> None:
        for connection in self._connections.values():
            connection.close_until(until)

    def _watch_all(self, why: object) -> None:
        """Watch every queue from now on: Redis refuses to say how to wait."""
        self._waiting = None
        self._say(
            "watchers",
            "Redis does not let workers share the watching of a queue, so each job wakes all that wait: %s",
            why,
        )

    def _give_up(self, now: float, why: object) -> None:
        """Leave Redis' last connections to others; poll for a while."""
        self._clients.given_up = True
        self._clients.ask_again()
        self._close_all(until=now + GIVEN_UP / 2 + within(GIVEN_UP / 2))
        self._say(
            "clients", "%s: no connection waits for jobs, they are looked for at intervals", why
        )

    def _on_loss(self, connection: WatchConnection, now: float, cause: object) -> None:
        """Replace a connection that worked, after a moment. If that fails all wait longer: they lead to one server."""
        log.debug("the connection that waits for %s is lost: %s", connection.key, cause)
        if is_refusal(cause):
            self._give_up(now, cause)
            return
        if connection.armed and now > connection.since + BACK_OFF:
            connection.close_until(until=now + within(BACK_OFF))
            return
        connection.close_until(until=now + within(self._back_off))
        for other in self._connections.values():
            if not other.armed:
                other.due = max(other.due, connection.due)
        self._back_off = min(2 * self._back_off, MOST_BACK_OFF)

    def _on_refusal(
        self, connection: WatchConnection, now: float, error: RedisCommandError
    ) -> None:
        if connection.called:
            self._watch_all(error)
            connection.close_until(until=now)
            return
        connection.close_until(until=now + REFUSED)
        code = str(error).partition(" ")[0]
        self._say(
            connection.key if code == "WRONGTYPE" else code,
            "Redis does not let us wait for a job in %s, so it is looked for at intervals: %s",
            connection.key,
            error,
        )

    def _say(self, subject: str, message: str, *args: object) -> None:
        """Log a warning, once for each subject."""
        if subject not in self._said:
            self._said.add(subject)
            log.warning(message, *args)
