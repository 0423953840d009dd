"""A Redis for the tests that need one: one server for the whole session, empty at the start of each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def db(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """The server, empty, as redis-py shows it."""
    with redis_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server: RedisServer, db: redis.Redis) -> str:
    """The same server, empty, as a URL."""
    return redis_server.url
