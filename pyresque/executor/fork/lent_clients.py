"""The connections that the fork server opens for the clients of ``resque.lend``, and looks at before it lends them again. Light.

A child may leave a connection in a state that no other job may meet: a reply that nobody has read, another database, a transaction, a
subscription. So the server asks Redis: ``CLIENT INFO`` must say what it said when the connection was opened, and an ``ECHO`` of random
bytes must be the end of all replies. That is one round trip between two jobs, and only after a job that has used the client, or when
the connection stood idle: a router on the way may have forgotten it.

A Redis that hangs holds up the server, and so jobs that have nothing to do with it. So all that is done between two jobs has SECONDS
together, and what has failed is tried again after AGAIN seconds, then after twice as many, and so on up to SELDOM.
"""

from __future__ import annotations

import mmap
import os
import select
from time import monotonic

from pyresque.descriptors import mark
from pyresque.executor.fork.warm_up import CONNECTING, ROUNDS, called
from pyresque.job_copies import in_copies
from pyresque.lent_client import RETURNED, TAKEN, UNUSED, socket_of
from pyresque.printable import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyresque.lent_client import LentPool

#: Seconds until a connection is opened again where that has failed, at first and at most.
AGAIN, SELDOM = 5.0, 160.0

#: Seconds that all clients' Redis may take between two jobs, and the most bytes of a connection's state.
SECONDS, MOST = 1.0, 65_536

#: Seconds that a connection may stand idle before it is looked at, though no job has used it.
IDLE = 10.0

#: Ends a WATCH, of which CLIENT INFO tells only since Redis 7.4, and its answer; asks for the connection's state; and for the 16 bytes that end the replies.
ASK = (
    b"*1\r\n$7\r\nUNWATCH\r\n*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n*2\r\n$4\r\nECHO\r\n$16\r\n%b\r\n"
)
DONE = b"+OK\r\n"

#: The most bytes of the line that tells the length of the state.
LINE = 16

#: The members of CLIENT INFO that are the connection's, not the moment's; a Redis may be too old for some.
OWN = frozenset(
    b"id name flags db sub psub ssub multi watch user redir resp lib-name lib-ver capa".split()
)


class LentClients:
    """The clients that an application lends. All that is done here is done in the fork server, but for ``offer`` and ``give_back``."""

    def __init__(self, pools: list[LentPool]) -> None:
        self._lent = [LentConnection(pool) for pool in pools]

    def open(self) -> list[str]:
        """Open a connection for each client; returns what is to be logged, a line each."""
        return [
            f"resque.lend: each child opens a connection of its own, because the {lent.name} {fault}"
            for lent in self._lent
            if (fault := lent.open())
        ]

    def rehearse(self) -> None:
        """Use each client some dozen times, so that it costs children less."""
        for lent in self._lent:
            lent.rehearse()

    def make_ready(self) -> None:
        """See to it that each connection may be lent to the next child, or is not lent."""
        until = monotonic() + SECONDS
        for lent in self._lent:
            lent.make_ready(until)

    def offer(self) -> None:
        """Hand the connections out in this process: that of the job."""
        for lent in self._lent:
            lent.pool.offer()

    def give_back(self) -> None:
        """Return them at the end of a job."""
        for lent in self._lent:
            lent.pool.give_back()


class Once:
    """In the place of a client's retries: nobody waits for the next job because a Redis is away."""

    def call_with_retry(self, do: Callable[[], Any], *failed: object, **options: object) -> Any:
        """Do it."""
        del failed, options
        return do()


class LentConnection:
    """The connection of one lent client."""

    def __init__(self, pool: LentPool) -> None:
        self.pool = pool
        self.name = _name(pool)
        self._state = pool.state = mmap.mmap(-1, mmap.PAGESIZE)
        self._facts: dict[bytes, bytes] = {}
        self._not_before = self._idle_from = 0.0
        self._wait = AGAIN
        in_copies.append(pool.close_in_copy)

    def open(self, seconds: float = SECONDS) -> str:
        """Open the connection; what is in the way, in words. Then none is lent, and ``make_ready`` tries again later."""
        lent, until = self.pool, monotonic() + seconds
        self._drop()
        if getattr(lent.pool, "cache", None) is not None:
            fault = "keeps a cache that Redis invalidates"
        elif not (fault := called(self._connect, seconds, limit=seconds)):
            fault = self._found(until)
        if fault:
            self._put_off()
        else:
            self._state[0] = UNUSED
            self._idle_from = monotonic() + IDLE
        return fault

    def _connect(self) -> None:
        lent = self.pool
        made = lent.connection = lent.pool.connection_class(**lent.pool.connection_kwargs)
        retry, made.retry = made.retry, Once()
        try:
            made.connect()
        finally:
            made.retry = retry

    def _found(self, until: float) -> str:
        """Note how the connection is that was opened; what is in the way of lending it."""
        lent = self.pool
        lent.socket = socket_of(lent.connection)
        if type(lent.socket).__module__ != "socket":
            return "has no plain socket (two processes cannot speak TLS on one)"
        try:
            self._facts = facts(lent.socket.fileno(), until)
        except TimeoutError:
            return "did not tell the connection's state in time"
        except OSError:
            return "closed the connection when it was asked for its state"
        except ValueError:
            return "may not be asked for UNWATCH, CLIENT INFO and ECHO (of an ACL: +unwatch +client|info +echo)"
        lent.mark = mark(lent.socket.fileno())
        return ""

    def _put_off(self) -> None:
        """Lend no connection for some time."""
        self._drop()
        self._not_before = monotonic() + self._wait
        self._wait = min(2 * self._wait, SELDOM)

    def _drop(self) -> None:
        """Close this process's descriptor, and no more: a child that still has the connection may go on."""
        lent = self.pool
        made, lent.connection, lent.socket = lent.connection, None, None
        if made is not None:
            made.pid = 0  # else disconnect() shuts the connection down
            called(made.disconnect)

    def make_ready(self, until: float) -> None:
        """Look at the connection, if a child has used it; open another one, if it is not as it was."""
        now, state = monotonic(), self._state[0]
        if self.pool.connection is None:
            if now < self._not_before:
                return
        elif state == UNUSED and now < self._idle_from:
            return
        elif state in (UNUSED, RETURNED):
            try:
                as_it_was = facts(self.pool.socket.fileno(), until) == self._facts
            except TimeoutError:
                self._put_off()
                return
            except (OSError, ValueError):
                as_it_was = False
                self._state[0] = TAKEN
            if as_it_was:
                self._state[0] = UNUSED
                self._idle_from = now + IDLE
                self._wait = AGAIN
                return
        if (seconds := until - monotonic()) > 0:
            self.open(seconds)

    def rehearse(self) -> None:
        """PING by the client."""
        if self.pool.connection is not None and hasattr(self.pool.client, "ping"):
            called(self.pool.client.ping, 2 * CONNECTING, ROUNDS)


def _name(pool: LentPool) -> str:
    """How the log calls a client: by its server, without a password."""
    options = pool.pool.connection_kwargs
    where = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    return f"client of {one_line(str(where))}"


def facts(descriptor: int, until: float) -> dict[bytes, bytes]:
    """What Redis tells of a connection.

    Raises TimeoutError if it does not by then; ValueError if it answers something else, as it does where a job has left something in
    the connection; OSError if that is closed.
    """
    word = os.urandom(8).hex().encode()
    end = b"\r\n$16\r\n%b\r\n" % word
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLOUT)
    if poll.poll(0) != [(descriptor, select.POLLOUT)]:
        raise ValueError("something is to be read already, or nothing can be written")
    poll.modify(descriptor, select.POLLIN)
    os.write(descriptor, ASK % word)
    reply, size = b"", 0
    while not size or len(reply) < size:
        if not poll.poll(max(0.0, until - monotonic()) * 1000):
            raise TimeoutError
        piece = os.read(descriptor, 4096)
        if not piece:
            raise ConnectionResetError
        reply += piece
        size = size or _size(reply, len(end))
    if len(reply) != size or not reply.endswith(end):
        raise ValueError("the replies end otherwise")
    text = reply[len(DONE) :].partition(b"\r\n")[2][: -len(end)]
    members = (member.partition(b"=") for member in text.removeprefix(b"txt:").split())
    return {name: value for name, _, value in members if name in OWN}


def _size(reply: bytes, end: int) -> int:
    """How many bytes the replies have that begin so; 0 as long as that is not known. Raises ValueError if they are not as expected."""
    if not DONE.startswith(reply[: len(DONE)]):
        raise ValueError("an error, or the reply to another command")
    head, line_end, _ = reply[len(DONE) :].partition(b"\r\n")
    if head[:1] not in (b"", b"$", b"=") or len(head) > LINE:
        raise ValueError("an error, or the reply to another command")
    if not line_end:
        return 0
    length = int(head[1:])
    if not 0 < length <= MOST:
        raise ValueError("no state is that long")
    return len(DONE) + len(head) + len(line_end) + length + end
