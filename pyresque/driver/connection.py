"""One blocking connection to Redis: a socket, and hiredis to write commands and read replies; no more than a worker needs.

A worker forks for its jobs, and a fork costs what the parent has loaded: redis-py would be half of that.
"""

from __future__ import annotations

import _socket
import os
import struct
import sys
from errno import EBADF
from time import monotonic

import hiredis

from pyresque.descriptors import held_by, look_over, mark
from pyresque.driver import protocol
from pyresque.driver.protocol import checked, encode_command, lost
from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.ops import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pyresque.driver.url import RedisUrl
    from pyresque.ops import Arg

#: Whether the system itself ends a wait that takes too long; if not, each wait costs Python another call.
SYSTEM_ENDS_WAITS = sys.platform in {"linux", "darwin"}

#: Bytes read at a time; at first fewer, which touch one page of memory.
PIECE, FIRST_PIECE = 1 << 16, 1 << 12

#: Seconds from its making in which the end of a connection may be the fault of the configuration.
YOUNG = 1.0

_INCOMPLETE = object()

#: Classes of replies that hold no error of the server's.
_DATA = frozenset({bytes, int, list, type(None)})


#: The function of that module, once it was imported.
_open_socket: Callable[[RedisUrl], _socket.socket] | None = None


def _load_open_socket() -> Callable[[RedisUrl], _socket.socket]:
    """Import the module: a forked child that is the first to do so tells of it, and its fork server then rehearses to connect."""
    global _open_socket  # noqa: PLW0603 - it is loaded once
    from pyresque.driver.open_socket import open_socket  # noqa: PLC0415 - see above

    _open_socket = open_socket
    return open_socket


class Connection:
    """One connection, logged in. A forked child must leave it alone: it is the parent's."""

    def __init__(self, to: RedisUrl, reply_timeout: float | None = None) -> None:
        """Connect and log in. Raises RedisUnavailable, ConnectError."""
        self._prepare(to, reply_timeout)
        self.open()

    @classmethod
    def prepared(cls, to: RedisUrl) -> Connection:
        """A connection that ``open`` has yet to make: a forked child that opens it has less to do."""
        made = cls.__new__(cls)
        made._prepare(to, None)  # noqa: SLF001 - as the constructor
        return made

    def _prepare(self, to: RedisUrl, reply_timeout: float | None) -> None:
        self.where = to.where
        self.timeout = to.reply_timeout if reply_timeout is None else reply_timeout
        self._plain = not to.secure
        self._not_yet: tuple[type[OSError], ...] = (BlockingIOError, TimeoutError)
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._feed_reader: Callable[[bytearray, int, int], None] = self._reader.feed  # type: ignore[assignment]  # hiredis' stub takes fewer types
        self._gets = self._reader.gets
        self._buffer = bytearray(FIRST_PIECE)
        self.to = to
        self._log_ins = protocol.log_ins(to)
        whole = int(self.timeout)
        self._limit = struct.pack("@ll", whole, int((self.timeout - whole) * 1e6))
        self._made = float("inf")
        self._why = ""

    def open(self, descriptor: int | None = None) -> None:
        """Connect and log in; go on with the ``descriptor`` of a lent connection. Raises RedisUnavailable, ConnectError."""
        look_over()
        try:
            self._socket = self._connected(self.to, descriptor)
        except (OSError, ValueError) as error:
            raise self._lost(error) from error
        self._mark = mark(self._socket.fileno())
        held_by(self)
        self._send_all, self._receive = self._socket.sendall, self._socket.recv_into
        #: Whether another process has lent it, who will go on with it.
        self.lent = descriptor is not None
        self._made = 0.0 if self.lent else monotonic()
        if self._log_ins and not self.lent:
            try:
                self._log_in()
            except BaseException:
                self.close()
                raise

    # -- talk

    def ask(self, wire: bytes) -> object:
        """Send what is one command and read its reply; an error the server sends is returned, as hiredis' ReplyError.

        Raises RedisUnavailable if the connection breaks, or the server says that it cannot serve now.
        """
        try:
            self._send_all(wire)
            # Nothing is left over of another reply: one that was not awaited took its connection with it.
            reply = _INCOMPLETE
            while reply is _INCOMPLETE:
                heard = self._receive(self._buffer)
                if not heard:
                    raise ConnectionResetError("the connection was closed")
                self._feed_reader(self._buffer, 0, heard)
                if heard == FIRST_PIECE:
                    self._read_more()
                reply = self._gets()
        except self._not_yet as error:
            raise self._lost(f"no reply within {self.timeout:g} s") from error
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error
        if reply.__class__ not in _DATA:
            self._check_passing(reply)
        return reply

    @property
    def can_be_lent(self) -> bool:
        """Whether another process may use the socket: no TLS, and the system ends waits that take too long."""
        return self._plain and SYSTEM_ENDS_WAITS

    def go_on(self, heard: bytes) -> object:
        """The reply that begins with these bytes, which another process has read. Raises RedisUnavailable, RedisCommandError."""
        try:
            self._reader.feed(heard)
            return checked(self._read(), self.where)
        except self._not_yet as error:
            raise self._lost(f"no reply within {self.timeout:g} s") from error
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error

    def settle(self) -> None:
        """Wait until the server has carried out whatever was sent here, and forget its replies. Raises RedisUnavailable."""
        marker = os.urandom(16).hex().encode()
        self.send("ECHO", marker)
        try:
            while self._read() != marker:
                continue
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error

    def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send several commands and read their replies, in one round trip; returns and raises what ``ask`` does."""
        try:
            self._send_all(
                b"".join([command.wire or protocol.pack(command.args) for command in commands])
            )
            return [self._read() for _ in commands]
        except self._not_yet as error:
            raise self._lost(f"no reply within {self.timeout:g} s") from error
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error

    def send(self, *args: Arg) -> None:
        """Send one command, whose reply is for ``replies`` to take. Raises RedisUnavailable."""
        try:
            self._socket.sendall(encode_command(Command(args)))
        except OSError as error:  # a full buffer, too: the server has read nothing for a long time
            raise self._lost(error) from error

    def replies(self) -> list[object]:
        """What has come so far of what was sent; empty if nothing has. A RedisCommandError stands where the server refused.

        Raises RedisUnavailable if the connection has ended, or the server cannot serve now.
        """
        found: list[object] = []
        try:
            while not found:
                self._hear_now()
                while (reply := self._reader.gets()) is not _INCOMPLETE:
                    try:
                        found.append(checked(reply, self.where))
                    except RedisCommandError as refusal:
                        found.append(refusal)
        except self._not_yet:
            return found
        except (OSError, hiredis.ProtocolError) as error:
            raise self._lost(error) from error
        return found

    def fileno(self) -> int:
        """The socket, which becomes readable when a reply comes or the connection ends."""
        return self._socket.fileno()

    def stale(self) -> bool:
        """Whether the server has closed the connection, or has sent a reply that no command asked for."""
        if self._socket.fileno() < 0:
            return True
        import select  # noqa: PLC0415 - for connections that were idle

        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def usable(self) -> bool:
        """Whether it is open, and no job has closed its descriptor."""
        return self._socket.fileno() >= 0 and mark(self._socket.fileno()) == self._mark

    def close(self) -> None:
        """Close the socket."""
        try:
            self._socket.close()
        except OSError:
            return  # a job has closed it

    def break_off(self, seconds: float) -> None:
        """End what another thread has awaited here for so long, in a process that is to end: it gets RedisUnavailable."""
        self._why = protocol.NO_TIME % seconds
        try:
            _socket.socket.shutdown(self._socket, _socket.SHUT_RDWR)
        except (AttributeError, OSError):
            return  # it has no socket yet, or no more

    def let_go_of_closed(self) -> None:
        """Forget the socket if a job has closed it: its number may soon be another descriptor's."""
        number = self._socket.fileno()
        if number < 0 or mark(number) == self._mark:
            return
        self._socket.detach()
        if not self._plain:  # OpenSSL has kept the number
            import socket  # noqa: PLC0415 - for TLS

            self._socket = socket.socket()
            self._socket.close()
            self._send_all, self._receive = self._socket.sendall, self._socket.recv_into

    def open_again(self) -> None:
        """Do nothing: the driver makes another connection."""

    def __del__(self) -> None:
        """Hang up: the thread whose connection it was has ended."""
        try:
            self._socket.close()
        except (AttributeError, OSError):
            return

    # -- the socket

    def _connected(self, to: RedisUrl, descriptor: int | None) -> _socket.socket:
        open_socket = _open_socket or _load_open_socket()
        if descriptor is not None:
            return _socket.socket(fileno=descriptor)
        made = open_socket(to)
        if to.secure:
            from pyresque.driver import tls  # noqa: PLC0415 - OpenSSL only if it is used

            made, self._not_yet = tls.over(made, to), (*self._not_yet, *tls.NOT_YET)
        self._bound(made)
        return made

    def _bound(self, made: _socket.socket) -> None:
        """Let every wait end in time."""
        if SYSTEM_ENDS_WAITS and self._plain:
            made.settimeout(None)
            made.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, self._limit)
            made.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, self._limit)
        else:
            made.settimeout(self.timeout)

    def _log_in(self) -> None:
        text = ""
        for steps in self._log_ins:
            text = protocol.refused(self.talk(steps), self.to, text)
            if not text:
                return
        if text:
            raise protocol.refused_log_in(text, self.where)

    # -- replies

    def _read(self) -> object:
        reply = self._gets()
        while reply is _INCOMPLETE:
            heard = self._receive(self._buffer)
            if not heard:
                raise ConnectionResetError("the connection was closed")
            self._feed_reader(self._buffer, 0, heard)
            if heard == FIRST_PIECE:
                self._read_more()
            reply = self._gets()
        if reply.__class__ not in _DATA:
            self._check_passing(reply)
        return reply

    def _check_passing(self, reply: object) -> None:
        if (
            isinstance(reply, hiredis.ReplyError)
            and protocol.passing(str(reply))
            and not protocol.is_demoted(
                reply
            )  # the replies to what was sent behind it are read, too
        ):
            checked(reply, self.where)

    def _hear_now(self) -> None:
        """Take what is there; raises one of ``_not_yet`` if nothing is."""
        if self._plain and hasattr(_socket, "MSG_DONTWAIT"):
            heard = self._socket.recv_into(self._buffer, 0, _socket.MSG_DONTWAIT)
        else:
            self._socket.setblocking(False)
            try:
                heard = self._socket.recv_into(self._buffer)
            finally:
                self._bound(self._socket)
        if not heard:
            raise ConnectionResetError("the connection was closed")
        self._feed_reader(self._buffer, 0, heard)
        if heard == FIRST_PIECE:
            self._read_more()

    def _read_more(self) -> None:
        """Read longer pieces from now on: more has come than the first buffer holds."""
        if len(self._buffer) < PIECE:
            self._buffer = bytearray(PIECE)

    def _lost(self, cause: Any) -> RedisUnavailable:
        if isinstance(cause, RedisUnavailable):
            return cause
        wrong = None
        cause = self._why or cause
        if getattr(cause, "errno", None) == EBADF:
            look_over()
        if not self._plain and "EOF" in str(cause):
            from pyresque.driver import tls  # noqa: PLC0415 - for trouble alone

            cause = tls.alert(getattr(self, "_socket", None)) or cause
        if isinstance(cause, (OSError, hiredis.ProtocolError)) and monotonic() - self._made < YOUNG:
            from pyresque.driver.misconfigured import configured_wrongly  # noqa: PLC0415 - for trouble alone

            wrong = configured_wrongly(cause, self.to)
        return lost(cause, self.where, wrong)
