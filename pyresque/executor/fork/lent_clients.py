"""The connections that the fork server opens for the clients of ``resque.lend``, and looks at before it lends them again. Light.

A child may leave a connection in a state that no other job may meet: a reply that nobody has read, another database, a transaction, a
subscription. So the server asks Redis: ``CLIENT INFO`` must say what it said when the connection was opened, and an ``ECHO`` of random
bytes must be the end of all replies. That is one round trip between two jobs, and only after a job that has used the client.
"""

from __future__ import annotations

import mmap
import os
import select
from time import monotonic

from pyresque.descriptors import mark
from pyresque.executor.fork.warm_up import CONNECTING, ROUNDS, called
from pyresque.lent_client import RETURNED, UNUSED, socket_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyresque.lent_client import LentPool

#: Seconds until a connection is opened again where that has failed.
AGAIN = 5.0

#: Seconds that Redis may take to tell a connection's state, and the most bytes of that.
SECONDS, MOST = 1.0, 65_536

#: Asks for a connection's state, and for the 16 bytes that end the replies.
ASK = b"*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n*2\r\n$4\r\nECHO\r\n$16\r\n%b\r\n"

#: The members of CLIENT INFO that are the connection's, not the moment's; a Redis may be too old for some.
OWN = frozenset(b"id name flags db sub psub ssub multi watch user redir resp".split())


class LentClients:
    """The clients that an application lends. All that is done here is done in the fork server, but for ``offer`` and ``give_back``."""

    def __init__(self, pools: list[LentPool]) -> None:
        self._lent = [LentConnection(pool) for pool in pools]

    def open(self) -> list[str]:
        """Open a connection for each client; returns what is to be logged, a line each."""
        return [
            f"resque.lend: each child opens a connection of its own, because {lent.name} {fault}"
            for lent in self._lent
            if (fault := lent.open())
        ]

    def rehearse(self) -> None:
        """Use each client some dozen times, so that it costs children less."""
        for lent in self._lent:
            lent.rehearse()

    def make_ready(self) -> None:
        """See to it that each connection may be lent to the next child."""
        for lent in self._lent:
            lent.make_ready()

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
        self.name = f"a {type(pool.client).__name__}"
        self._state = pool.state = mmap.mmap(-1, mmap.PAGESIZE)
        self._facts: dict[bytes, bytes] = {}
        self._not_before = 0.0

    def open(self) -> str:
        """Open the connection; what is in the way, in words. Then none is lent, and ``make_ready`` tries again after AGAIN seconds."""
        lent = self.pool
        self._drop()
        self._not_before = monotonic() + AGAIN
        if getattr(lent.pool, "cache", None) is not None:
            return "keeps a cache that Redis invalidates"
        fault = called(self._connect, CONNECTING, limit=CONNECTING)
        made = lent.connection
        lent.socket = socket_of(made)
        if not fault and type(lent.socket).__module__ != "socket":
            fault = "has no plain socket (two processes cannot speak TLS on one)"
        elif not fault:
            self._facts = facts(lent.socket.fileno()) or {}
            if not self._facts:
                fault = "may not be asked for CLIENT INFO and ECHO"
        if fault:
            self._drop()
        else:
            lent.mark = mark(lent.socket.fileno())
            self._state[0] = UNUSED
        return fault

    def _connect(self) -> None:
        lent = self.pool
        made = lent.connection = lent.pool.connection_class(**lent.pool.connection_kwargs)
        retry, made.retry = made.retry, Once()
        try:
            made.connect()
        finally:
            made.retry = retry

    def _drop(self) -> None:
        """Close this process's descriptor, and no more: a child that still has the connection may go on."""
        lent = self.pool
        made, lent.connection, lent.socket = lent.connection, None, None
        if made is not None:
            made.pid = 0  # else disconnect() shuts the connection down
            made.disconnect()

    def make_ready(self) -> None:
        """Look at the connection, if a child has used it; open another one, if it is not as it was."""
        lent, state = self.pool, self._state[0]
        if lent.connection is not None:
            if state == UNUSED:
                return
            if state == RETURNED and facts(lent.socket.fileno()) == self._facts:
                self._state[0] = UNUSED
                return
            self.open()
        elif monotonic() > self._not_before:
            self.open()

    def rehearse(self) -> None:
        """PING by the client."""
        if self.pool.connection is not None and hasattr(self.pool.client, "ping"):
            called(self.pool.client.ping, CONNECTING, ROUNDS)


def facts(descriptor: int) -> dict[bytes, bytes] | None:
    """What Redis tells of a connection; None if there is no such answer, or something else stands in the connection."""
    word = os.urandom(8).hex().encode()
    end = b"$16\r\n%b\r\n" % word
    reply, until = b"", monotonic() + SECONDS
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    try:
        os.write(descriptor, ASK % word)
        while not reply.endswith(end):
            if not poll.poll(max(0.0, until - monotonic()) * 1000) or len(reply) > MOST:
                return None
            piece = os.read(descriptor, 4096)
            if not piece:
                return None
            reply += piece
    except OSError:
        return None
    head, _, text = reply[: -len(end)].partition(b"\r\n")
    if head[:1] not in (b"$", b"=") or head[1:] != b"%d" % (len(text) - 2):
        return None
    members = (member.partition(b"=") for member in text.removeprefix(b"txt:").split())
    return {name: value for name, _, value in members if name in OWN}
