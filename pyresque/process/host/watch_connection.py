"""The connection on which Redis reports that one queue holds a job: what was sent on it, and what has come back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyresque.driver.connection import Connection
    from pyresque.ops import Arg

#: What was asked: how many clients Redis has, how to wait, the wait itself, and to be no watcher of a queue any more.
CLIENTS, ENTER, WAIT, LEAVE = "clients", "enter", "wait", "leave"


class Reply(NamedTuple):
    """A reply, or the RedisCommandError in its place, with what was asked."""

    asked: str
    given: object


class WatchConnection:
    """One queue's connection: armed at ``since`` and overdue from ``due`` on; or not to be armed before ``due``.

    ``noted``: Redis counts this process as one of the queue's few watchers. ``called``: it does not watch the queue, but waits to be
    called by a watcher.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.socket: Connection | None = None
        self.armed = self.noted = self.called = False
        self.since = 0.0
        self.due = 0.0
        self._asked: deque[str] = deque()

    @property
    def is_free(self) -> bool:
        """Whether Redis would reply at once to what is sent here."""
        return self.socket is not None and not self.armed

    def send(self, asked: str, args: tuple[Arg, ...]) -> None:
        """Send a command on the open connection. Raises RedisUnavailable."""
        assert self.socket is not None  # noqa: S101 - the caller has opened it
        self.socket.send(*args)
        self._asked.append(asked)

    def replies(self) -> list[Reply]:
        """Return what has come. Raises RedisUnavailable."""
        if self.socket is None:
            return []
        found = self.socket.replies()
        # A reply that nothing asked for would be dropped: there is no question beside it.
        return [Reply(self._asked.popleft(), given) for given in found[: len(self._asked)]]

    def close_until(self, until: float) -> None:
        """Close the connection; it is not to be armed before that time."""
        self.armed = self.noted = self.called = False
        self.due = until
        self._asked.clear()
        if self.socket is not None:
            self.socket.close()
            self.socket = None
