"""One Redis server for the session, empty at the start of each test that asks for it."""

from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from pyresque.errors import NoRedisServer
from tests.support.marks import (
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_runtest_protocol,
)
from tests.support.redis_server import RedisServer
from tests.support.redis_sets import Cluster, SentinelSet
from tests.support.tls import make_papers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import redis

__all__ = [  # hooks
    "pytest_collection_modifyitems",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
]

# A shell's background job ignores these two, and so would every worker that the tests start.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# Tests assert behaviour, never times: a slow machine fails none.
hypothesis.settings.register_profile(
    "pyresque", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("pyresque")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: there is next to none, and each look goes through all tests found so far."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The server; it is started when the first test asks for it."""
    try:
        server = RedisServer(tmp_path_factory.mktemp("redis"))
    except NoRedisServer as error:
        pytest.fail(str(error), pytrace=False)
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


@pytest.fixture
def full_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait of this process is shorter at random."""
    monkeypatch.setattr("pyresque.lightweight.random_fraction", lambda: 1.0)


@pytest.fixture(scope="session")
def sentinel_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelSet]:
    """A master with two replicas behind three Sentinels."""
    made = SentinelSet(tmp_path_factory.mktemp("sentinels"))
    made.wait_until_it_stands()
    yield made
    made.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of three nodes."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and certificates that it signed: ``server`` for localhost, ``client``; and a ``stranger``."""
    return make_papers(tmp_path_factory.mktemp("papers"))
