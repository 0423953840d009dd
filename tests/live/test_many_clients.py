"""A Redis that has nearly as many clients as ``maxclients`` allows: waiting connections are given up before others are refused."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
import redis

from pyresque.driver.sync import SyncDriver
from pyresque.process.host.client_count import EVERY
from pyresque.process.host.queue_watch import BACK_OFF, GIVEN_UP, QueueWatch
from tests.support.eventually import eventually
from tests.support.idle_worker import note
from tests.support.live_pool import pool, workers
from tests.support.live_worker import next_report, worker
from tests.support.redis_server import RedisServer
from tests.support.scripted_worker import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 30

LOW, HIGH = "resque:queue:low", "resque:queue:high"


class SmallServer:
    """A server that lets thirty clients in, and those that the test lets in."""

    def __init__(self, folder: Path) -> None:
        self.server = RedisServer(folder, "--maxclients", str(MOST))
        self.stack = ExitStack()
        self.client = self.stack.enter_context(self.server.client())
        self.client.ping()

    def connected(self) -> int:
        return len(self.client.client_list())

    def fill(self, count: int) -> None:
        """Let others connect until so many clients are connected."""
        while self.connected() < count:
            other = self.stack.enter_context(self.server.client())
            other.ping()

    def lets_one_in(self) -> bool:
        try:
            with self.server.client() as other:
                return bool(other.ping())
        except redis.ConnectionError:  # the maximum is reached
            return False

    def close(self) -> None:
        self.stack.close()
        self.server.kill()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallServer]:
    with closing(SmallServer(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("executor", ["inline", "thread"])
def test_workers_that_find_it_full_poll_and_say_so_once(
    db: redis.Redis, redis_url: str, small: SmallServer, executor: str
) -> None:
    small.fill(26)
    with worker(
        small.server.url, "low", "high", report_url=redis_url, INTERVAL="0.05", RESQUE_EXECUTOR=executor
    ) as process:  # fmt: skip
        process.ready(small.client)
        eventually(lambda: "no connection waits for jobs" in process.log)
        for mark in range(5):
            small.client.rpush(LOW, note(mark))
            assert next_report(db) == ["note", mark]
        assert small.client.info("clients")["blocked_clients"] == 0
        assert small.lets_one_in()
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert process.log.count("no connection waits for jobs") == 1


def test_a_pool_whose_workers_fill_it_leaves_room_for_others(
    db: redis.Redis, redis_url: str, small: SmallServer
) -> None:
    """Eighteen workers, each with a connection of its own; the queues' connections would be the last that Redis lets in."""
    small.fill(5)
    words = ("worker", "-q", "low,high", "-c", "18", "--executor", "inline")
    with pool(small.server.url, *words, REPORT_URL=redis_url, INTERVAL="0.05") as master:
        eventually(lambda: len(workers(small.client)), lambda seen: seen == 18)
        small.fill(27)
        for mark in range(5):
            small.client.rpush(LOW, note(mark))
            assert next_report(db) == ["note", mark]
        eventually(small.lets_one_in)  # a busy machine gives the connections up a moment later
    assert "".join(master.lines).count("max number of clients") == 0


def test_a_worker_that_redis_cannot_let_in_waits_and_goes_on_when_there_is_room(
    db: redis.Redis, redis_url: str, small: SmallServer
) -> None:
    small.fill(MOST)
    small.client.rpush(LOW, note(1))
    with worker(small.server.url, "low", report_url=redis_url, INTERVAL="0.05") as process:
        eventually(lambda: "max number of clients reached" in process.log)
        small.client.client_kill_filter(_type="normal", skipme=True)
        assert next_report(db) == ["note", 1]
        process.signal("SIGQUIT")
        assert process.ended() == 0


def test_connections_that_wait_are_given_up_as_it_fills_and_come_back_when_there_is_room(
    small: SmallServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock, driver = Clock(), SyncDriver(small.server.url)
    watches = [QueueWatch(driver.open_connection, clock) for _ in range(5)]

    def rounds() -> list[bool]:
        for watch in watches:
            watch.arm((LOW, HIGH))
            watch.take_ready((LOW, HIGH))
        return [watch.all_armed((LOW, HIGH)) for watch in watches]

    def settled() -> list[bool]:
        """Let the replies come that are on their way."""
        small.client.ping()
        for _ in range(20):
            found = rounds()
        return found

    def later() -> list[bool]:
        clock.passed += BACK_OFF
        return settled()

    assert all(settled())
    small.fill(MOST)
    assert not small.lets_one_in()
    clock.passed += EVERY
    small.client.rpush(LOW, "job")  # every connection that waits there is armed anew
    eventually(lambda: settled() and small.connected() < MOST)
    small.client.delete(LOW)
    assert small.lets_one_in()
    assert "no connection waits for jobs" in caplog.text
    small.client.client_kill_filter(_type="normal", skipme=True)
    eventually(lambda: small.connected() < MOST // 2)
    clock.passed += 3 * GIVEN_UP
    assert eventually(later, all)
    for watch in watches:
        watch.close()
    driver.close()
