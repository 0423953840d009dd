"""A connection whose answers nobody stands and waits for: a command is sent now, its reply taken once there is one."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import hiredis

from pyresque.driver.replies import told
from pyresque.errors import RedisCommandError, RedisUnavailable

if TYPE_CHECKING:
    from pyresque.ops import Arg

#: Bytes read at a time.
PIECE = 1 << 16

#: Refusals that another time or another server mends; any other one is meant for this very command.
PASSING = (
    *("BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY"),
    *("TRYAGAIN", "UNBLOCKED"),
)

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError)
_INCOMPLETE = object()


class Wire:
    """One connection, logged in; its socket is to be polled. A forked child must leave it alone."""

    def __init__(self, connection: Any, where: str) -> None:
        """Connect this connection of redis-py's. Raises RedisUnavailable, ConnectError."""
        self.where = where
        self._connection = connection
        try:
            connection.connect()
        except Exception as error:
            connection.disconnect()
            raise told(error, where) from error
        self._socket = connection._sock  # noqa: SLF001 - the log-in is redis-py's, the rest ours
        self._socket.setblocking(False)
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)

    def fileno(self) -> int:
        """The socket, which becomes readable when a reply comes or the connection ends."""
        number: int = self._socket.fileno()
        return number

    def send(self, *args: Arg) -> None:
        """Send one short command. Raises RedisUnavailable."""
        try:
            self._socket.sendall(b"".join(self._connection.pack_command(*args)))
        except OSError as error:  # a full buffer, too: nobody has read for a long time
            raise self._lost(error) from error

    def replies(self) -> list[object]:
        """What has come so far. Raises RedisCommandError for a refusal, RedisUnavailable where the connection has ended."""
        found: list[object] = []
        try:
            while not found:
                heard = self._socket.recv(PIECE)
                if not heard:
                    raise self._lost("the connection was closed")
                self._reader.feed(heard)
                while (reply := self._reader.gets()) is not _INCOMPLETE:
                    found.append(self._checked(reply))
        except _NOT_YET:
            return found
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error
        return found

    def close(self) -> None:
        """Hang up; in a forked child, let go."""
        self._connection.disconnect()

    def _checked(self, reply: object) -> object:
        if not isinstance(reply, hiredis.ReplyError):
            return reply
        text = str(reply)
        if text.startswith(PASSING):
            raise self._lost(text)
        raise RedisCommandError(text)

    def _lost(self, cause: object) -> RedisUnavailable:
        return RedisUnavailable(f"Redis at {self.where}: {cause}")
