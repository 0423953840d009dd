"""A Redis for the tests that need one: one server for the whole session, empty at the start of each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest
from pytest_redis import factories

from tests.redis_server import ServerAt, executable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


# Tests assert behaviour, never times: a slow machine fails none.
hypothesis.settings.register_profile("pyresque", deadline=None)
hypothesis.settings.load_profile("pyresque")

#: pytest-redis starts the server and stops it at the end of the session.
redis_process = factories.redis_proc()


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> ServerAt:
    """The server; the program is looked for when the first test asks for it."""
    request.config.option.redis_exec = executable()
    server = ServerAt(request.getfixturevalue("redis_process").port)
    with server.client() as client:
        client.config_set("save", "")
    return server


@pytest.fixture
def db(redis_server: ServerAt) -> Iterator[redis.Redis]:
    """The server, empty, as redis-py shows it."""
    with redis_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server: ServerAt, db: redis.Redis) -> str:
    """The same server, empty, as a URL."""
    return redis_server.url
