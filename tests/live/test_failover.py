"""A master that has become a replica, as after a failover: the worker waits for one that takes writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import RedisUnavailable
from tests.support.eventually import eventually
from tests.support.live_worker import next_report, worker
from tests.support.redis_server import RedisServer, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis


@pytest.fixture
def demoted(tmp_path: Path) -> Iterator[redis.Redis]:
    server = RedisServer(tmp_path)
    with server.client() as client:
        client.rpush("resque:queue:low", b'{"class":"Note","args":[1]}')
        client.replicaof("127.0.0.1", free_port())
        client.url = server.url
        yield client
    server.kill()


async def test_a_replica_that_refuses_writes_counts_as_away(demoted: redis.Redis) -> None:
    with Resque(demoted.url) as resque, pytest.raises(RedisUnavailable, match="cannot serve now"):
        resque.push("low", 1)
    async with AsyncResque(demoted.url) as awaited:
        with pytest.raises(RedisUnavailable, match="cannot serve now"):
            await awaited.push("low", 1)


def test_a_worker_waits_until_its_server_takes_writes_again(
    demoted: redis.Redis, redis_url: str, db: redis.Redis
) -> None:
    with worker(demoted.url, "low", report_url=redis_url) as process:
        eventually(lambda: "trying again" in process.log)
        demoted.replicaof("NO", "ONE")
        assert next_report(db) == ["note", 1]
