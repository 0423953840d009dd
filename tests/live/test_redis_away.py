"""Redis goes away, or the wire breaks in the midst of a word: the worker waits, goes on, loses nothing, repeats nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.store.scripts import script
from tests.support.eventually import eventually
from tests.support.live_worker import next_report, reported, worker
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
HOLD = b'{"class":"Hold","args":[1]}'
NOTE = b'{"class":"Note","args":[2]}'


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[RedisServer]:
    """A server to be killed; it keeps what it was sent."""
    server = RedisServer(tmp_path, durable=True)
    yield server
    server.kill()


@EVERY
@pytest.mark.parametrize("failing", [False, True], ids=["done", "failed"])
def test_a_job_in_flight_while_redis_is_away_is_finished_once_when_it_is_back(
    db: redis.Redis, redis_url: str, frail: RedisServer, executor: str, failing: bool
) -> None:
    with frail.client() as client:
        client.rpush(
            "resque:queue:low",
            b'{"class":"Hold","args":[1,%s]}' % (b"true" if failing else b"false"),
        )
        client.rpush("resque:queue:low", NOTE)
    with worker(frail.url, "low", report_url=redis_url, RESQUE_EXECUTOR=executor) as process:
        assert next_report(db) == ["holding", 1]
        frail.kill()
        db.rpush("live:release", 1)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        frail.start()
        assert next_report(db) == ["held", 1]
        assert next_report(db) == ["note", 2]
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert reported(db) == []
    with frail.client() as client:
        assert client.get("resque:stat:processed") == b"2"
        assert client.llen("resque:failed") == int(failing)
        assert client.get("resque:stat:failed") == (b"1" if failing else None)
        assert client.keys("resque:worker*") == []


def test_an_idle_worker_waits_for_redis_with_back_off_and_goes_on(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    with worker(frail.url, "low", report_url=redis_url) as process:
        with frail.client() as client:
            worker_id = process.ready(client)
        frail.kill()
        eventually(lambda: "trying again within 0.5 s" in process.log)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        frail.start()
        with frail.client() as client:
            client.rpush("resque:queue:low", NOTE)
            assert next_report(db) == ["note", 2]
            assert client.sismember("resque:workers", worker_id)


def test_a_worker_started_before_its_redis_waits_for_it(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    frail.kill()
    with worker(frail.url, "low", report_url=redis_url) as process:
        eventually(lambda: "trying again" in process.log)
        frail.start()
        with frail.client() as client:
            client.rpush("resque:queue:low", NOTE)
        assert next_report(db) == ["note", 2]


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGQUIT"])
def test_a_worker_whose_redis_is_away_still_obeys_a_signal_to_stop(
    frail: RedisServer, redis_url: str, db: redis.Redis, signal_name: str
) -> None:
    with worker(frail.url, "low", report_url=redis_url) as process:
        with frail.client() as client:
            process.ready(client)
        frail.kill()
        eventually(lambda: "trying again" in process.log)
        process.signal(signal_name)
        assert process.ended() == 0
        assert "another worker" in process.log


def test_a_job_that_ends_while_redis_is_away_keeps_a_stopping_worker_until_it_is_written_down(
    db: redis.Redis, redis_url: str, frail: RedisServer
) -> None:
    with frail.client() as client:
        client.rpush("resque:queue:low", HOLD, NOTE)
    with worker(frail.url, "low", report_url=redis_url) as process:
        assert next_report(db) == ["holding", 1]
        frail.kill()
        process.signal("SIGQUIT")
        db.rpush("live:release", 1)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        frail.start()
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    with frail.client() as client:
        assert client.get("resque:stat:processed") == b"1"
        assert client.lrange("resque:queue:low", 0, -1) == [NOTE]
        assert client.keys("resque:worker*") == []


class EverySecondTurn:
    """Cuts the wire at every second turn script."""

    def __init__(self, when: str) -> None:
        self.when = when
        self.turns = 0
        self._mark = script("turn").sha.encode()

    def __call__(self, request: bytes) -> str | None:
        if self._mark not in request:
            return None
        self.turns += 1
        return self.when if self.turns % 2 else None


@EVERY
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_turn_whose_reply_is_lost_is_neither_lost_nor_repeated(
    db: redis.Redis, redis_server: RedisServer, redis_url: str, when: str, executor: str
) -> None:
    """Equal jobs within one second have equal records; only the count tells them apart."""
    db.script_load(script("turn").text)
    same = b'{"class":"Note","args":["same"]}'
    boom = b'{"class":"Boom","args":[]}'
    db.rpush("resque:queue:low", same, same, boom, same, boom, boom)
    with (
        Proxy(redis_server.port, EverySecondTurn(when)) as proxy,
        worker(
            proxy.url, "low", report_url=redis_url, INTERVAL="0", RESQUE_EXECUTOR=executor
        ) as process,
    ):
        assert process.ended() == 0
        assert proxy.cuts >= 4
    assert reported(db) == [["note", "same"]] * 3
    assert db.get("resque:stat:processed") == b"6"
    assert db.get("resque:stat:failed") == b"3"
    with Resque(redis_url) as resque:
        assert [one.class_name for one in resque.failures.each()] == ["Boom"] * 3
    assert db.llen("resque:queue:low") == 0
    assert db.keys("resque:worker*") == []
