"""A worker is to stop while its Redis is gone or hangs: it ends in bounded time, says what is not written, and its job is kept."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.eventually import eventually
from tests.support.live_worker import next_report, worker
from tests.support.redis_server import RedisServer, redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
HOLD = b'{"class":"Hold","args":[1]}'

#: Seconds within which the workers of these tests end; without a bound it is half a minute at least.
BOUND = 12.0


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that is killed, or stopped as a hanging one, and keeps what it was sent."""
    server = RedisServer(tmp_path, durable=True)
    yield server
    server.signal(signal.SIGCONT)
    server.kill()


def soon(frail: RedisServer, redis_url: str, **env: str) -> Any:
    return worker(frail.url, "low", report_url=redis_url, program="soon_app.py", **env)


def kept(frail: RedisServer) -> list[bytes]:
    """The records of jobs that workers have in hand."""
    with redis_client(frail.url) as client:
        names = [key for key in client.keys("resque:worker:*") if not key.endswith(b":started")]
        return [client.get(name) for name in names]


@EVERY
@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGQUIT"])
def test_an_idle_worker_whose_redis_hangs_ends(
    redis_url: str, frail: RedisServer, executor: str, signal_name: str
) -> None:
    with soon(frail, redis_url, RESQUE_EXECUTOR=executor) as process:
        with frail.client() as client:
            worker_id = process.ready(client)
        frail.signal(signal.SIGSTOP)
        process.signal(signal_name)
        assert process.ended(BOUND) == 0
    assert f"{worker_id} stays registered until another worker prunes it: Redis at" in process.log
    assert "Traceback" not in process.log


@EVERY
def test_a_job_that_ends_while_redis_hangs_is_told_of_and_the_worker_ends(
    db: redis.Redis, redis_url: str, frail: RedisServer, executor: str
) -> None:
    with frail.client() as client:
        client.rpush("resque:queue:low", HOLD)
    with soon(frail, redis_url, RESQUE_EXECUTOR=executor) as process:
        assert next_report(db) == ["holding", 1]
        frail.signal(signal.SIGSTOP)
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        process.signal("SIGQUIT")
        assert process.ended(BOUND) == 0
    assert "keeps a job whose end is not written, (Job{low} | Hold | [1]): Redis at" in process.log
    assert "Traceback" not in process.log


@EVERY
def test_a_job_that_ends_while_redis_is_gone_is_kept_for_the_worker_that_prunes(
    db: redis.Redis, redis_url: str, frail: RedisServer, executor: str
) -> None:
    with frail.client() as client:
        client.rpush("resque:queue:low", HOLD)
    with soon(frail, redis_url, RESQUE_EXECUTOR=executor) as process:
        assert next_report(db) == ["holding", 1]
        frail.kill()
        db.rpush("live:release", 1)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        process.signal("SIGTERM")
        assert process.ended(BOUND) == 0
    assert "keeps a job whose end is not written, (Job{low} | Hold | [1]): Redis at" in process.log
    assert "Traceback" not in process.log
    frail.start()
    (record,) = kept(frail)
    assert record.endswith(b'"payload":' + HOLD + b"}")
    with soon(frail, redis_url) as other, frail.client() as client:
        client.delete("resque:pruning_dead_workers_in_progress")  # of the first worker
        other.ready(client)
        (failed,) = client.lrange("resque:failed", 0, -1)
    assert HOLD in failed
    assert b"DirtyExit" in failed
    assert kept(frail) == []


def test_the_fast_path_of_a_worker_whose_redis_hangs_ends(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    """The signals that call the fork server back must not prolong its wait for Redis."""
    with (
        frail.client() as client,
        soon(frail, redis_url, VVERBOSE="", RESQUE_EXECUTOR="fork") as process,
    ):
        process.ready(client)
        client.rpush("resque:queue:low", *[b'{"class":"Note","args":[1]}'] * 20_000)
        eventually(lambda: db.llen("live:reports") > 100)
        frail.signal(signal.SIGSTOP)
        time.sleep(1.5)  # the worker calls the fork server back after a second without a job
        process.signal("SIGTERM")
        assert process.ended(BOUND) == 0
    assert "keeps its job, (Job{low} | Note | [1]): Redis at" in process.log
    frail.signal(signal.SIGCONT)
    (record,) = kept(frail)
    assert record.endswith(b'"payload":{"class":"Note","args":[1]}}')


@pytest.mark.parametrize(
    ("role", "begun"),
    [
        ("scheduler", "Schedules Loaded"),
        ("mover", "starts as mover"),
        ("pool", "sleeping for"),
    ],
)
def test_other_processes_whose_redis_hangs_end(
    redis_url: str, frail: RedisServer, role: str, begun: str
) -> None:
    with soon(frail, redis_url, ROLE=role, RESQUE_SCHEDULER_INTERVAL="0.1") as process:
        eventually(lambda: begun in process.log)
        frail.signal(signal.SIGSTOP)
        time.sleep(0.5)  # for the next request, which is awaited when the signal comes
        process.signal("SIGTERM")
        assert process.ended(BOUND) == 0
    assert "Traceback" not in process.log
