"""A pool waits for jobs on connections that its workers share; the interval is an hour, so that nothing else explains what starts."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.eventually import eventually
from tests.support.idle_worker import HOUR, armed, note
from tests.support.live_pool import pool, workers
from tests.support.live_worker import next_report
from tests.support.redis_server import RedisServer, waits_begun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

COUNT = 5


def hold(mark: int) -> bytes:
    return b'{"class":"Hold","args":[%d]}' % mark


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[RedisServer]:
    """A server to be stopped and killed, with room for thirty clients."""
    server = RedisServer(tmp_path, "--maxclients", "30", durable=True)
    yield server
    server.kill()


def standing(db: redis.Redis, count: int = COUNT) -> None:
    """Wait until that many workers have registered."""
    eventually(lambda: len(workers(db)), lambda seen: seen == count)


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_queue_has_one_connection_however_many_workers_wait(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    words = ("worker", "-q", "low,high", "-c", str(COUNT), "--executor", executor)
    with pool(redis_url, *words, INTERVAL=HOUR):
        standing(db)
        armed(db, 2)
        for mark in range(10):
            db.rpush(f"resque:queue:{('low', 'high')[mark % 2]}", note(mark))
            assert next_report(db) == ["note", mark]
        armed(db, 2)
        assert len([one for one in db.client_list() if one["cmd"] == "blmove"]) == 2


def test_as_many_workers_as_there_are_jobs_are_woken(db: redis.Redis, redis_url: str) -> None:
    with pool(redis_url, "worker", "-q", "low", "-c", str(COUNT), INTERVAL=HOUR):
        standing(db)
        armed(db)
        db.rpush("resque:queue:low", *map(hold, range(COUNT)))
        assert sorted(next_report(db)[1] for _ in range(COUNT)) == list(range(COUNT))
        db.rpush("live:release", *range(COUNT))
        assert sorted(next_report(db)[1] for _ in range(COUNT)) == list(range(COUNT))


def test_slots_in_threads_of_several_processes_share_as_well(
    db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "resque-pool.yml"
    file.write_text("low: 2\nhigh: 1\n")
    with pool(
        redis_url, "pool", "-f", str(file), INTERVAL=HOUR, RESQUE_EXECUTOR="thread", COUNT="3"
    ):
        standing(db, 9)
        armed(db, 2)
        db.rpush("resque:queue:low", *map(hold, range(6)))
        assert sorted(next_report(db)[1] for _ in range(6)) == list(range(6))
        db.rpush("resque:queue:high", note(9))
        assert next_report(db) == ["note", 9]
        db.rpush("live:release", *range(6))
        for _ in range(6):
            next_report(db)


def test_who_was_killed_is_woken_no_more_and_its_successor_is(
    db: redis.Redis, redis_url: str
) -> None:
    with pool(redis_url, "worker", "-q", "low", "-c", "2", INTERVAL=HOUR):
        standing(db, 2)
        armed(db)
        for pid, _ in workers(db):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: {pid for pid, _ in workers(db)} - {pid}, lambda seen: len(seen) == 2)
        armed(db)
        for mark in range(3):
            db.rpush("resque:queue:low", note(mark))
            assert next_report(db) == ["note", mark]


def test_a_pool_that_may_wait_on_no_connection_polls(db: redis.Redis, redis_url: str) -> None:
    db.config_resetstat()
    words = ("worker", "-q", "low", "-c", "2", "--wait-connections", "0")
    with pool(redis_url, *words, INTERVAL="0.05"):
        standing(db, 2)
        db.rpush("resque:queue:low", note(1))
        assert next_report(db) == ["note", 1]
    assert waits_begun(db) == 0


def test_after_a_restart_of_redis_many_that_wait_are_woken_again(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    words = ("worker", "-q", "low", "-c", str(COUNT))
    with pool(frail.url, *words, INTERVAL=HOUR, REPORT_URL=redis_url):
        with frail.client() as client:
            standing(client)
            armed(client)
        for mark in range(2):
            frail.kill()
            frail.start()
            with frail.client() as client:
                client.rpush("resque:queue:low", note(mark))
                assert next_report(db) == ["note", mark]
                armed(client)
