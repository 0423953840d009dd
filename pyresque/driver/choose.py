"""Which driver an application gets: by its URL, or by the client that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.driver.server import ClusterServer, server_for
from pyresque.driver.url import target

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pyresque.application import Application
    from pyresque.driver.aio import AsyncDriver
    from pyresque.driver.server import Server
    from pyresque.driver.sync import SyncDriver


def server_of(application: Application) -> Server:
    """Who knows where the server of an application is. Raises ConnectError."""
    settings = application.settings
    return server_for(target(settings.url), settings.namespace, application.credentials)


def blocking_driver(application: Application) -> SyncDriver:
    """The driver of a Resque. Raises ConnectError."""
    client = application.given_client
    if client is not None:
        from pyresque.driver.client import ClientDriver  # noqa: PLC0415 - for those who give a client

        return ClientDriver(client, application.settings.namespace)
    server = server_of(application)
    if isinstance(server, ClusterServer):
        from pyresque.driver.cluster import ClusterDriver  # noqa: PLC0415 - for clusters

        return ClusterDriver(server)
    from pyresque.driver.sync import SyncDriver  # noqa: PLC0415 - it is one of several

    return SyncDriver(server)


def awaiting_driver(application: Application, threads: Executor | None = None) -> AsyncDriver:
    """The driver of an AsyncResque, or of a worker's event loop. Raises ConnectError."""
    client = application.given_client
    if client is not None:
        from pyresque.driver.aio_client import AsyncClientDriver  # noqa: PLC0415 - for those who give a client

        return AsyncClientDriver(client, application.settings.namespace, threads)
    server = server_of(application)
    if isinstance(server, ClusterServer):
        from pyresque.driver.aio_cluster import AsyncClusterDriver  # noqa: PLC0415 - for clusters

        return AsyncClusterDriver(server, threads)
    from pyresque.driver.aio import AsyncDriver  # noqa: PLC0415 - it is one of several

    return AsyncDriver(server, threads)
