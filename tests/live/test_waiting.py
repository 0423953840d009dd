"""An idle worker hears of a job: its interval is an hour here, so that nothing else can explain that the job starts."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.eventually import eventually
from tests.support.idle_worker import HOUR, armed, calls, note, stopped
from tests.support.live_worker import next_report, worker
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer, waits_begun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])


def lines(client: redis.Redis) -> list[str]:
    return sorted(one["id"] for one in client.client_list() if one["cmd"] == "blmove")


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[RedisServer]:
    """A server to be stopped and killed."""
    server = RedisServer(tmp_path, durable=True)
    yield server
    server.kill()


@EVERY
def test_a_job_pushed_by_another_client_starts_at_once(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    with worker(redis_url, "low", INTERVAL=HOUR, RESQUE_EXECUTOR=executor) as process:
        armed(db)
        before = lines(db)
        for mark in range(5):
            db.rpush("resque:queue:low", note(mark))
            assert next_report(db) == ["note", mark]
        armed(db)
        assert lines(db) == before, "children left the connection alone"
        stopped(process)


@EVERY
def test_jobs_are_taken_in_the_order_of_the_queues_whichever_called(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    names = [f"q{number}" for number in range(8)]
    with worker(redis_url, *names, INTERVAL=HOUR, RESQUE_EXECUTOR=executor) as process:
        armed(db, 8)
        for mark in (7, 0, 3):
            db.rpush(f"resque:queue:q{mark}", note(mark))
            assert next_report(db) == ["note", mark]
        armed(db, 8)
        with db.pipeline() as together:
            for mark in (5, 2):
                together.rpush(f"resque:queue:q{mark}", note(mark))
            together.execute()
        assert [next_report(db), next_report(db)] == [["note", 2], ["note", 5]]
        stopped(process)


@pytest.mark.parametrize(
    ("queues", "env"),
    [(("*",), {}), (("lo?", "!x"), {}), (("low", *"abcdefgh"), {}), (("low",), {"RESQUE_WAIT": "poll"})],
    ids=["all", "glob", "many", "by choice"],
)  # fmt: skip
def test_others_poll_at_their_interval(
    db: redis.Redis, redis_url: str, queues: tuple[str, ...], env: dict[str, str]
) -> None:
    db.config_resetstat()
    db.sadd("resque:queues", "low")
    with worker(redis_url, *queues, INTERVAL="0.05", **env) as process:
        process.ready(db)
        db.rpush("resque:queue:low", note(1))
        assert next_report(db) == ["note", 1]
        stopped(process)
    assert waits_begun(db) == 0


def test_a_worker_that_leaves_when_all_is_done_waits_for_nothing(
    db: redis.Redis, redis_url: str
) -> None:
    db.config_resetstat()
    db.rpush("resque:queue:low", note(1))
    with worker(redis_url, "low", INTERVAL="0") as process:
        assert process.ended() == 0
    assert waits_begun(db) == 0


def test_an_idle_worker_costs_next_to_nothing_whatever_its_interval(
    db: redis.Redis, redis_url: str
) -> None:
    """While its heart beats three times, a second apart, it has looked but once or so, and not a hundred times a second."""
    with worker(redis_url, "low", INTERVAL="0.01", RESQUE_HEARTBEAT_INTERVAL="1") as process:
        armed(db)
        db.config_resetstat()
        before = waits_begun(db)
        eventually(lambda: (calls(db, "hset"), calls(db, "evalsha")), lambda seen: seen[0] >= 3)
        assert calls(db, "evalsha") <= 2
        assert waits_begun(db) == before
        stopped(process)


@pytest.mark.parametrize("how", ["key", "signal_name"])
def test_a_paused_worker_does_not_spin_over_waiting_jobs(
    db: redis.Redis, redis_url: str, how: str
) -> None:
    with worker(redis_url, "low", INTERVAL=HOUR) as process:
        armed(db)
        if how == "key":
            db.set("resque:pause-all-workers", "true")
        else:
            process.signal("SIGUSR2")
            eventually(process.title, lambda title: title.endswith("Paused"))
        db.config_resetstat()
        before = waits_begun(db)
        db.rpush("resque:queue:low", note(1))
        eventually(process.title, lambda title: title.endswith("Paused"))
        db.rpush("resque:queue:low", note(2), note(3))
        stopped(process)
        assert calls(db, "evalsha") <= 2, "a look, if any, and the striking out"
        assert waits_begun(db) == before
        assert db.llen("resque:queue:low") == 3


def test_a_worker_that_was_paused_goes_on_with_what_waits_and_is_called_again(
    db: redis.Redis, redis_url: str
) -> None:
    with worker(redis_url, "low", INTERVAL=HOUR) as process:
        armed(db)
        process.signal("SIGUSR2")
        eventually(process.title, lambda title: title.endswith("Paused"))
        db.rpush("resque:queue:low", note(1))
        process.signal("SIGCONT")
        assert next_report(db) == ["note", 1]
        armed(db)
        db.rpush("resque:queue:low", note(2))
        assert next_report(db) == ["note", 2]
        stopped(process)


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_a_signal_to_stop_ends_the_wait(db: redis.Redis, redis_url: str, signal_name: str) -> None:
    with worker(redis_url, "low", INTERVAL=HOUR) as process:
        armed(db)
        process.signal(signal_name)
        assert process.ended() == 0
    assert db.keys("resque:worker*") == []
    armed(db, 0)


def test_a_queue_of_another_type_is_reported_and_the_others_call(
    db: redis.Redis, redis_url: str
) -> None:
    db.set("resque:queue:odd", "no list")
    with worker(redis_url, "odd", "low", INTERVAL=HOUR) as process:
        armed(db)
        db.rpush("resque:queue:low", note(1))
        assert next_report(db) == ["note", 1]
        armed(db)
        db.rpush("resque:queue:low", note(2))
        assert next_report(db) == ["note", 2]
        stopped(process)
        assert process.log.count("looked for at intervals") == 1


def test_a_server_without_that_command_is_polled(
    db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    server = RedisServer(tmp_path, "--rename-command", "BLMOVE", "")
    try:
        with (
            server.client() as client,
            worker(server.url, "low", "high", report_url=redis_url, INTERVAL="0.05") as process,
        ):
            eventually(lambda: "unknown command" in process.log)
            for mark in (1, 2):
                client.rpush("resque:queue:low", note(mark))
                assert next_report(db) == ["note", mark]
            stopped(process)
            assert process.log.count("looked for at intervals") == 1
    finally:
        server.kill()


def test_a_user_who_may_not_use_that_command_polls(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    with frail.client() as client:
        client.acl_setuser(
            "worker", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-blmove"]
        )  # fmt: skip
        url = frail.url.replace("redis://", "redis://worker:any@")
        with worker(url, "low", report_url=redis_url, INTERVAL="0.05") as process:
            eventually(lambda: "NOPERM" in process.log)
            client.rpush("resque:queue:low", note(1))
            assert next_report(db) == ["note", 1]
            stopped(process)
            assert process.log.count("looked for at intervals") == 1


def test_after_a_restart_of_redis_the_worker_is_called_again(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    with worker(frail.url, "low", report_url=redis_url, INTERVAL=HOUR) as process:
        with frail.client() as client:
            armed(client)
        frail.kill()
        frail.start()
        with frail.client() as client:
            client.rpush("resque:queue:low", note(1))
            assert next_report(db) == ["note", 1]
            armed(client)
            client.rpush("resque:queue:low", note(2))
            assert next_report(db) == ["note", 2]
        stopped(process)


def test_a_redis_that_stands_still_keeps_no_worker_from_its_signals(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    with worker(frail.url, "low", report_url=redis_url, INTERVAL=HOUR) as process:
        with frail.client() as client:
            armed(client)
        frail.signal(signal.SIGSTOP)
        process.signal("SIGUSR2")
        eventually(process.title, lambda title: title.endswith("Paused"))
        process.signal("SIGCONT")
        frail.signal(signal.SIGCONT)
        with frail.client() as client:
            client.rpush("resque:queue:low", note(1))
        assert next_report(db) == ["note", 1]
        stopped(process)


def test_all_connections_of_a_worker_cut_at_once_are_made_again(
    db: redis.Redis, redis_server: RedisServer, redis_url: str
) -> None:
    with (
        Proxy(redis_server.port, lambda _: None) as proxy,
        worker(proxy.url, "low", report_url=redis_url, INTERVAL=HOUR) as process,
    ):
        armed(db)
        for mark in range(3):
            for one in lines(db):
                db.client_kill_filter(_id=one)
            db.rpush("resque:queue:low", note(mark))
            assert next_report(db) == ["note", mark]
            armed(db)
        stopped(process)


@EVERY
def test_the_waits_of_a_worker_that_is_killed_end_with_it(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    """Whatever it forked holds them no longer than it lives."""
    with worker(redis_url, "low", "high", INTERVAL=HOUR, RESQUE_EXECUTOR=executor) as process:
        db.rpush("resque:queue:low", note(1))
        assert next_report(db) == ["note", 1]
        armed(db, 2)
        os.kill(process.pid, signal.SIGKILL)
        armed(db, 0)
