"""One Redis server for the session, empty at the start of each test that asks for it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

#: The marks of all tests.
pytest_plugins = ("tests.support.marks",)

# A shell's background job ignores these two, and so would every worker that the tests start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

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
