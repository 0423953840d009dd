"""A Redis for the tests that need one: one server for the whole session, empty at the start of each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


# Tests assert behaviour, never times: a slow machine fails none.
hypothesis.settings.register_profile("pyresque", deadline=None)
hypothesis.settings.load_profile("pyresque")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The server; it is started when the first test asks for it."""
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
    """The URL of the server, which is empty."""
    return redis_server.url
