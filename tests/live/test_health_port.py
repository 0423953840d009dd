"""The health port of real workers: alive while a job runs, not ready while paused or without Redis, gone with the worker."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.eventually import eventually
from tests.support.live_worker import next_report, worker
from tests.support.redis_server import RedisServer, free_port

if TYPE_CHECKING:
    from pathlib import Path

    import redis


def probe(port: int, path: str) -> tuple[int, list[str]]:
    """Status and reasons; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as response:
            return response.status, body_of(response)["reasons"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, body_of(error)["reasons"]
    except OSError:
        return 0, []


def body_of(response: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(response.read())
    return body


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_worker_in_a_long_job_is_live_and_ready_and_its_port_ends_with_it(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    port = free_port()
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    env = {"HEALTH_PORT": str(port), "HEALTH_ADDRESS": "127.0.0.1"}
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        assert next_report(db) == ["holding", 1]
        assert probe(port, "/live") == (200, [])
        assert probe(port, "/ready") == (200, [])
        process.signal("SIGUSR2")
        assert eventually(lambda: probe(port, "/ready"), (503, ["paused"]).__eq__)
        process.signal("SIGCONT")
        assert eventually(lambda: probe(port, "/ready"), (200, []).__eq__)
        process.signal("SIGQUIT")
        assert eventually(lambda: probe(port, "/ready"), (503, ["stopping"]).__eq__)
        assert probe(port, "/live") == (200, [])
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert probe(port, "/live") == (0, [])


def test_the_pause_key_makes_an_idle_worker_unready(db: redis.Redis, redis_url: str) -> None:
    port = free_port()
    db.set("resque:pause-all-workers", "true")
    with worker(redis_url, "low", HEALTH_PORT=str(port)) as process:
        process.ready(db)
        assert eventually(lambda: probe(port, "/ready"), (503, ["paused"]).__eq__)
        db.delete("resque:pause-all-workers")
        assert eventually(lambda: probe(port, "/ready"), (200, []).__eq__)


def test_without_redis_a_worker_is_live_and_waits_unready(tmp_path: Path) -> None:
    server, port = RedisServer(tmp_path, durable=True), free_port()
    try:
        with worker(server.url, "low", HEALTH_PORT=str(port)) as process:
            with server.client() as client:
                process.ready(client)
            assert eventually(lambda: probe(port, "/ready"), (200, []).__eq__)
            server.kill()
            away = (503, ["Redis does not answer"])
            assert eventually(lambda: probe(port, "/ready"), away.__eq__)
            assert probe(port, "/live") == (200, [])
            server.start()
            assert eventually(lambda: probe(port, "/ready"), (200, []).__eq__)
    finally:
        server.kill()


def test_a_stopped_worker_is_still_answered_for(db: redis.Redis, redis_url: str) -> None:
    """Its own process answers: what it says about one that hangs is tried with a clock of its own."""
    port = free_port()
    with worker(redis_url, "low", HEALTH_PORT=str(port)) as process:
        process.ready(db)
        process.signal("SIGSTOP")
        assert probe(port, "/live")[0] == 200
        process.signal("SIGCONT")
        process.signal("SIGQUIT")
        assert process.ended() == 0


def test_a_port_in_use_is_reported_and_nothing_is_registered(
    db: redis.Redis, redis_url: str
) -> None:
    port = free_port()
    with worker(redis_url, "low", HEALTH_PORT=str(port)) as first:
        first.ready(db)
        with worker(redis_url, "low", HEALTH_PORT=str(port)) as second:
            assert second.ended() != 0
            eventually(lambda: "cannot be opened" in second.log)
        assert len(db.smembers("resque:workers")) == 1
