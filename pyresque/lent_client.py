"""A client of redis-py or valkey-py whose connection the fork server lends to each child of the fast path (``resque.lend``). Light.

redis-py's first connection in a process costs a forked child 3 to 4 ms: it runs a hundred functions, and each page of memory that this
writes to is copied. A lent client's pool hands out one connection that the fork server has opened (``executor/fork/lent_clients.py``).

Rule: the connection belongs to one process at a time, and to one user in it. What a child has used the fork server asks for its state
before the next child has it. A connection that was not returned, or not as it was, is given to nobody again: another one is opened.
In every other process, and after its job, the pool does what it did before.
"""

from __future__ import annotations

from os import getpid

from pyresque.descriptors import mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap
    from typing import Any, Protocol, TypeAlias

    from pyresque.descriptors import Mark

    class Pool(Protocol):
        """A connection pool of redis-py or valkey-py."""

        def get_connection(self, *args: Any, **options: Any) -> Any:
            """Hand out a connection."""

        def release(self, connection: Any) -> Any:
            """Take it back."""

    class Client(Protocol):
        """A client that has such a pool."""

        connection_pool: Any

    Lendable: TypeAlias = Client | Pool

#: What the shared byte says of the connection: no child has used it since the fork server looked; one has it; one has returned it.
UNUSED, TAKEN, RETURNED = 0, 1, 2

#: The modules of the packages' own errors.
ERRORS = frozenset(("redis.exceptions", "valkey.exceptions"))


class LentPool:
    """Stands before the two verbs of a connection pool. ``client``: what was given to ``resque.lend``, a client or the pool itself."""

    def __init__(self, pool: Any, client: Any) -> None:
        self.pool = pool
        self.client = client
        #: The lent connection, its socket as the fork server has opened it, and the mark of its descriptor.
        self.connection: Any = None
        self.socket: Any = None
        self.mark: Mark | None = None
        #: One byte, which the fork server and its children share; see above.
        self.state: mmap | None = None
        self._free: list[Any] = []
        self._pid = 0
        self._get, self._release = pool.get_connection, pool.release
        try:
            pool.get_connection, pool.release = self.get_connection, self.release
        except (AttributeError, TypeError) as error:
            raise TypeError(
                f"lend: the pool is an object of type {type(pool).__qualname__}, whose get_connection and release cannot be replaced "
                "(has its class __slots__, or is it frozen?): give a client with a pool of redis-py's or valkey-py's own"
            ) from error

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return the lent connection, if it is this process's and nobody uses it; else one of the pool's."""
        if self._pid == getpid() and self.state is not None and self._free:
            # Before it is: the job may end between the two in another thread, and only then has nobody used the connection.
            self.state[0] = TAKEN
            try:
                connection = self._free.pop()
            except IndexError:
                pass  # another thread has it, or what the job does needs two
            else:
                if mark(self.socket.fileno()) == self.mark and _quiet(connection):
                    return connection  # else the job has closed the descriptor, or Redis the connection
        return self._get(*args, **options)

    def release(self, connection: Any) -> None:
        """Take back a connection."""
        if connection is None or connection is not self.connection:
            self._release(connection)
        elif self._pid == getpid():
            self._free.append(connection)

    def offer(self) -> None:
        """Hand the connection out in this process from now on."""
        if self.connection is not None and self.state is not None and self.state[0] == UNUSED:
            self._free[:] = [self.connection]
            self._pid = getpid()

    def give_back(self) -> None:
        """Hand it out no more; it is returned, if nobody uses it and it is still the one that was lent."""
        self._pid = 0
        try:
            connection = self._free.pop()
        except IndexError:
            return  # a thread of the job has it
        if (
            self.state is not None
            and self.state[0] == TAKEN
            and socket_of(connection) is self.socket
        ):
            self.state[0] = RETURNED

    def close_in_copy(self) -> None:
        """Close the descriptor in a copy that a job has forked: what the copy still has in hand would answer to the next job."""
        if self.socket is not None:
            self.socket.close()


def lent_pool(client: Any) -> LentPool:
    """Have a client's pool lend. Raises TypeError for what has no such pool."""
    pool = getattr(client, "connection_pool", client)
    if "asyncio" in type(pool).__module__.split("."):
        raise TypeError("lend: a client of asyncio has nothing to lend to a forked child")
    verbs = ("get_connection", "release")
    # A mock has whatever it is asked for, but no class.
    kind = getattr(pool, "connection_class", None)
    if not isinstance(kind, type) or not all(callable(getattr(pool, verb, None)) for verb in verbs):
        if type(client).__module__.startswith("pyresque."):
            raise TypeError("lend: what is Resque's own needs no lending")
        raise TypeError(
            f"lend: an object of type {type(client).__qualname__} has no connection pool of redis-py or valkey-py: "
            "give a client, such as redis.Redis.from_url(...), or its pool"
        )
    if getattr(client, "connection", None) is not None:
        raise TypeError("lend: a client made with single_connection_client=True uses no pool")
    before = getattr(pool.get_connection, "__self__", None)
    return before if isinstance(before, LentPool) else LentPool(pool, client)


def socket_of(connection: Any) -> Any:
    """The socket of a connection; None if it has none. Neither package has a public name for it."""
    return getattr(connection, "_sock", None)


def _quiet(connection: Any) -> bool:
    """Whether a connection is open, and nothing stands in it to be read."""
    try:
        return not connection.can_read()
    except Exception as error:
        # What a signal handler raises here is the job's.
        if any(kind.__module__ in ERRORS for kind in type(error).__mro__):
            return False  # the pool opens another one
        raise
