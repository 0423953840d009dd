"""One connection that all operations of an event loop share: commands are written at once, replies come in the same order.

Rule: a reply belongs to the operation that asked for it, also when that was cancelled; after a break all replies are dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import hiredis

from pyresque.driver.first_exchange import first_fault
from pyresque.driver.misconfigured import configured_wrongly
from pyresque.driver.open_socket import set_options
from pyresque.driver.protocol import (
    LOG_IN,
    NO_TIME,
    as_error,
    encode_command,
    is_demoted,
    log_ins,
    lost,
    passing,
    refusal,
    refused,
    refused_log_in,
)
from pyresque.errors import ConnectionFault, RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from pyresque.driver.url import RedisUrl
    from pyresque.ops import Command

_INCOMPLETE = object()


class _Exchange:
    """The replies that one caller expects: how many are missing, those received, and the deadline.

    ``replies`` is None if one reply is the answer.
    """

    __slots__ = ("answer", "command", "due", "missing", "replies")

    def __init__(
        self,
        missing: int,
        due: float,
        answer: asyncio.Future[Any],
        replies: list[object] | None,
        command: Command[Any] | None = None,
    ) -> None:
        self.missing = missing
        self.due = due
        self.answer = answer
        self.replies = replies
        self.command = command


class SharedConnection(asyncio.Protocol):
    """A connection; made by ``connected``."""

    def __init__(self, to: RedisUrl) -> None:
        self.to = to
        self.where = to.where
        self.usable = True
        self._retired = False
        #: From then on a refusal for want of a log-in ends the connection: the next one logs in anew.
        self.logged_in = False
        self._timeout = to.reply_timeout
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._talks: deque[_Exchange] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._diagnosis: asyncio.Task[RedisUnavailable] | None = None

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read in one round trip; an error the server sends stands in its place, as hiredis' ReplyError.

        Raises RedisUnavailable if the connection breaks, or the server says that it cannot serve now.
        """
        if self._transport is None or not self.usable:
            raise self._lost("the connection was closed")
        whole = b"".join(map(encode_command, commands))
        replies: list[object] = await self._asked(self._transport, whole, len(commands), [])
        return replies

    def ask(self, command: Command[Any]) -> asyncio.Future[Any]:
        """Send one command; the future gives its reply, or raises the error that the server sends.

        Raises RedisUnavailable if the connection has ended.
        """
        if self._transport is None or not self.usable:
            raise self._lost("the connection was closed")
        loop = self._loop
        answer: asyncio.Future[Any] = loop.create_future()
        self._talks.append(_Exchange(1, loop.time() + self._timeout, answer, None, command))
        if self._watch is None:
            self._watch = loop.call_later(self._timeout, self._look)
        self._transport.write(command.wire or encode_command(command))
        return answer

    def _asked(
        self, transport: asyncio.Transport, wire: bytes, missing: int, replies: list[object] | None
    ) -> asyncio.Future[Any]:
        loop = self._loop
        answer: asyncio.Future[Any] = loop.create_future()
        self._talks.append(_Exchange(missing, loop.time() + self._timeout, answer, replies))
        if self._watch is None:
            self._watch = loop.call_later(self._timeout, self._look)
        transport.write(wire)
        return answer

    async def diagnosed(self, error: RedisUnavailable) -> RedisUnavailable:
        """The error for a break at the first exchange, found out once for all who were cut off."""
        if self._diagnosis is None:
            self._diagnosis = self._loop.create_task(diagnosed(error, self.to))
        return await asyncio.shield(self._diagnosis)

    def retire(self) -> None:
        """Take no more commands; hang up after the last reply that is awaited."""
        self.usable, self._retired = False, True
        self._leave()

    def _leave(self) -> None:
        if self._retired and not self._talks:
            self.close()

    def close(self) -> None:
        """Close the connection; every operation that waits gets RedisUnavailable."""
        self._give_up(self._lost("the connection was closed"))

    def break_off(self, seconds: float) -> None:
        """Close the connection in a process that is to end; every operation that has waited for so long gets RedisUnavailable."""
        self._give_up(self._lost(NO_TIME % seconds))

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio calls this when the socket is connected."""
        self._transport = cast("asyncio.Transport", transport)
        if not self.usable:  # it was given up while it was made
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Asyncio calls this with each piece that came; whole replies go to their operations."""
        reader, talks = self._reader, self._talks
        try:
            reader.feed(data)
            while talks and (reply := reader.gets()) is not _INCOMPLETE:
                if reply.__class__ is bytes and talks[0].replies is None:
                    answer = talks.popleft().answer
                    if not answer.done():  # the operation was cancelled
                        answer.set_result(reply)
                else:
                    self._take(talks[0], reply)
            self._leave()
        except hiredis.ProtocolError as error:
            self._give_up(self._lost(error))

    def eof_received(self) -> None:
        """Asyncio calls this when the server has closed its side."""
        self._give_up(self._lost("the connection was closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio calls this when the connection has ended; every open operation gets the error."""
        self._give_up(self._lost(exc or "the connection was closed"))

    # -- inside

    def _take(self, talk: _Exchange, reply: object) -> None:
        if talk.replies is not None:
            talk.replies.append(reply)
        talk.missing -= 1
        if is_demoted(reply):  # the replies to what was sent behind it are awaited
            self.usable, self._retired = False, True
        elif isinstance(reply, hiredis.ReplyError) and (
            passing(str(reply)) or (self.logged_in and str(reply).startswith(LOG_IN))
        ):
            # The server cannot serve now: this connection leads to it, another may lead elsewhere.
            self._give_up(refusal(str(reply), self.where))
            return
        if not talk.missing:
            self._talks.popleft()
            if talk.answer.done():
                return
            if talk.replies is not None:
                talk.answer.set_result(talk.replies)
            elif isinstance(reply, BaseException):
                args = () if talk.command is None else talk.command.args
                talk.answer.set_exception(as_error(reply, self.where, args))
            else:
                talk.answer.set_result(reply)

    def _look(self) -> None:
        """Give up if the oldest reply is overdue; else look again when it would be."""
        self._watch = None
        if not self._talks:
            return
        left = self._talks[0].due - self._loop.time()
        if left <= 0:
            self._give_up(self._lost(f"no reply within {self._timeout:g} s"))
        else:
            self._watch = self._loop.call_later(left, self._look)

    def _give_up(self, error: Exception) -> None:
        self.usable = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._talks:
            answer = self._talks.popleft().answer
            if not answer.done():
                answer.set_exception(error)
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _lost(self, cause: object) -> RedisUnavailable:
        error = lost(cause, self.where)
        error.__cause__ = cause if isinstance(cause, BaseException) else None
        return error


async def connected(to: RedisUrl, wire: SharedConnection | None = None) -> SharedConnection:
    """Connect and log in, on ``wire`` if it is given. Raises RedisUnavailable, ConnectionFault."""
    wire = wire or SharedConnection(to)
    try:
        await asyncio.wait_for(_connect(wire, to), to.connect_timeout)
        await _log_in(wire, to)
        wire.logged_in = True
    except (OSError, ValueError, asyncio.TimeoutError, RedisUnavailable) as error:
        wire.close()
        diagnosis = await diagnosed(error, to)
        if diagnosis is error:
            raise
        raise diagnosis from error
    except BaseException:
        wire.close()
        raise
    return wire


async def diagnosed(error: Exception, to: RedisUrl) -> RedisUnavailable:
    """The error for a connection that does not come about, or breaks at its first exchange."""
    if isinstance(error, ConnectionFault):
        return error
    cause = error.__cause__ if isinstance(error, RedisUnavailable) else error
    timed_out = isinstance(error, asyncio.TimeoutError)
    if timed_out:
        cause = TimeoutError()  # that of asyncio is another class before Python 3.11
    wrong = None
    if isinstance(cause, (OSError, hiredis.ProtocolError)):
        wrong = await asyncio.to_thread(configured_wrongly, cause, to)
    if isinstance(error, RedisUnavailable) and wrong is None:
        # asyncio keeps to itself what a server said of TLS before it hung up.
        return (await asyncio.to_thread(first_fault, to) if to.secure else None) or error
    return lost("no connection in time" if timed_out else error, to.where, wrong)


async def _connect(wire: SharedConnection, to: RedisUrl) -> None:
    loop = asyncio.get_running_loop()
    if to.path:
        await loop.create_unix_connection(lambda: wire, to.path)
        return
    options: dict[str, Any] = {}
    if to.secure:
        from pyresque.driver import tls  # noqa: PLC0415 - OpenSSL only if it is used

        options = {"ssl": tls.context(to), "server_hostname": to.host}
    transport, _ = await loop.create_connection(lambda: wire, to.host, to.port, **options)
    set_options(transport.get_extra_info("socket"))


async def _log_in(wire: SharedConnection, to: RedisUrl) -> None:
    text = ""
    for steps in log_ins(to):
        text = refused(await wire.talk(steps), to, text)
        if not text:
            return
    if text:
        raise refused_log_in(text, to.where)


def closed_loop() -> AbstractContextManager[None]:
    """A connection of a loop that has ended cannot be hung up; the system has done it, or does it soon."""
    return contextlib.suppress(RuntimeError)
