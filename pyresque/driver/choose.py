"""Chooses the driver that carries operations, by the URL or by the client given in its place."""

from __future__ import annotations

from pyresque.driver.server import server_for
from pyresque.driver.url import target
from pyresque.lightweight import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Executor
    from typing import Any

    from pyresque.driver.aio import AsyncDriver
    from pyresque.driver.server import Server
    from pyresque.driver.sync import SyncDriver


@dataclass(frozen=True, slots=True)
class Access:
    """How a Resque reaches Redis: ``client`` is one of the user's own, ``credentials`` a provider of user and password."""

    url: str
    namespace: str
    client: Any = None
    credentials: Any = None

    @property
    def server(self) -> Server:
        """Return the Server of the URL. Raises ConnectError."""
        return server_for(target(self.url), self.namespace, self.credentials)


def blocking_driver(access: Access) -> SyncDriver:
    """Return the driver of a Resque. Raises ConnectError."""
    if access.client is not None:
        from pyresque.driver.client import ClientDriver  # noqa: PLC0415 - for those who give a client

        return ClientDriver(access.client, access.namespace)
    server = access.server
    if server.retries_redirects:
        from pyresque.driver.following import FollowingDriver  # noqa: PLC0415 - only for servers that change

        return FollowingDriver(server)
    from pyresque.driver.sync import SyncDriver  # noqa: PLC0415 - it is one of several

    return SyncDriver(server)


def awaiting_driver(access: Access, threads: Executor | None = None) -> AsyncDriver:
    """Return the driver of an AsyncResque, or of a worker's event loop. Raises ConnectError."""
    if access.client is not None:
        from pyresque.driver.aio_client import AsyncClientDriver  # noqa: PLC0415 - for those who give a client

        return AsyncClientDriver(access.client, access.namespace, threads)
    server = access.server
    if server.retries_redirects:
        from pyresque.driver.aio_following import AsyncFollowingDriver  # noqa: PLC0415 - only for servers that change

        return AsyncFollowingDriver(server, threads)
    from pyresque.driver.aio import AsyncDriver  # noqa: PLC0415 - it is one of several

    return AsyncDriver(server, threads)
