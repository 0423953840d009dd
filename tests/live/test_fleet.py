"""Thousands of registered workers: what they cost Redis is counted in commands and round trips, never in seconds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyresque import AsyncResque, Resque
from pyresque.cli.main import cli
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.plugins.undeclared import FIRST, UndeclaredPlugins
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.scripts import script
from tests.support.fleet import RECORD, CountingDriver, calls, employ, ids, register
from tests.support.scripted_worker import Clock, ScriptedHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

COUNT = 1200


@pytest.fixture
def driver(redis_url: str) -> Iterator[CountingDriver]:
    made = CountingDriver(redis_url)
    yield made
    made.close()


@pytest.fixture
def fleet(db: redis.Redis, redis_url: str) -> Iterator[Resque]:
    """Workers of which one in four has a job."""
    with Resque(redis_url) as resque:
        register(resque, ids(COUNT))
        employ(db, ids(COUNT)[::4])
        db.config_resetstat()
        yield resque


def test_workers_are_read_in_two_round_trips_by_a_few_commands(
    fleet: Resque, driver: CountingDriver, db: redis.Redis
) -> None:
    found = driver.run(fleet.core.worker_registry.all())
    assert [one.id for one in found] == sorted(ids(COUNT))
    assert sum(one.working_on is not None for one in found) == COUNT // 4
    assert all(one.started and one.heartbeat for one in found)
    assert driver.trips == 2
    assert calls(db) == {"smembers": 1, "mget": 4 * 3, "hmget": 3}


def test_working_reads_the_records_of_all_and_the_rest_of_those_that_work(
    fleet: Resque, driver: CountingDriver, db: redis.Redis
) -> None:
    found = driver.run(fleet.core.worker_registry.working())
    assert [one.id for one in found] == sorted(ids(COUNT)[::4])
    assert {one.working_on and one.working_on.record for one in found} == {RECORD}
    assert driver.trips == 3
    assert calls(db) == {"smembers": 1, "mget": 3 + 3, "hmget": 1}


def test_info_takes_two_round_trips_and_one_command_a_worker(
    fleet: Resque, driver: CountingDriver, db: redis.Redis
) -> None:
    db.rpush("resque:queue:low", "{}")
    db.sadd("resque:queues", "low")
    db.config_resetstat()
    info = driver.run(fleet.core.info())
    assert (info.workers, info.working, info.pending) == (COUNT, COUNT // 4, 1)
    assert driver.trips == 2
    assert calls(db) == {"smembers": 2, "get": 1, "llen": 2, "strlen": COUNT}


def test_the_awaited_verbs_send_the_same(fleet: Resque, db: redis.Redis, redis_url: str) -> None:
    async def counted() -> tuple[int, int, int]:
        async with AsyncResque(redis_url) as resque:
            workers, working = await resque.workers(), await resque.working()
            return len(workers), len(working), (await resque.info()).working

    assert asyncio.run(counted()) == (COUNT, COUNT // 4, COUNT // 4)
    assert sum(calls(db).values()) <= COUNT + 40


@pytest.mark.parametrize(
    ("words", "per_worker"), [("info", 1), ("workers", 0), ("workers list --working", 1)]
)
def test_the_commands_of_the_command_line_send_no_more(
    fleet: Resque, db: redis.Redis, redis_url: str, words: str, per_worker: int, monkeypatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    done = CliRunner().invoke(cli, [*words.split(), "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(done.output)
    assert (found["workers"] if words == "info" else len(found)) == (
        COUNT // 4 if "--working" in words else COUNT
    )
    assert sum(calls(db).values()) <= per_worker * COUNT + 40


def test_broken_records_and_names_are_read_as_before(
    db: redis.Redis, redis_url: str, driver: CountingDriver
) -> None:
    """A record of a wrong type is no job, names that are not UTF-8 stay what they are, and who has left is idle."""
    odd = "b\udcffx:7:low"
    with Resque(redis_url) as resque:
        register(resque, ["a:1:low", odd, "c:1:low", "no id"])
        employ(db, [odd, "no id"])
        db.rpush("resque:worker:a:1:low", "x")
        db.delete("resque:worker:c:1:low:started")
        db.hset("resque:worker:c:1:low:started", "a", "b")
        db.set("resque:stat:processed:c:1:low", "nonsense")
        found = {one.id: one for one in resque.workers()}
        assert {one.id for one in resque.working()} == {odd, "no id"}
        assert resque.info().working == 2
    assert found[odd].working_on is not None
    assert found[odd].host == "b\udcffx"
    assert found["no id"].host == ""
    assert (found["a:1:low"].working_on, found["c:1:low"].started) == (None, None)
    assert found["c:1:low"].processed == 0


STARTING = 100


def test_workers_that_start_together_send_a_bounded_number_of_commands_each(
    fleet: Resque, db: redis.Redis
) -> None:
    """Of all of them one prunes and looks for plugins; nobody else reads what others have registered."""
    db.script_load(script("turn").text)
    db.mset({f"resque:other:{number}": 1 for number in range(20_000)})
    db.config_resetstat()
    core = fleet.core
    for number in range(STARTING):
        patterns = ("low",)
        worker = Worker(
            core,
            WorkerId("new", number, patterns),
            QueueList.parse(list(patterns)),
            InlineExecutor(core.registry),
            ScriptedHost(Clock()),
        )
        worker.upkeep.undeclared = UndeclaredPlugins(
            core.registry, core.active_job_classes, worker.queue_list.takes
        )
        fleet.run(worker.startup())
        assert fleet.run(worker.reserve()) is None
        fleet.run(worker.upkeep.run())
    sent = calls(db)
    of_the_pruner = {"hscan": 2, "sscan": 2, "scan": FIRST}
    for command, most in of_the_pruner.items():
        assert 1 <= sent.pop(command) <= most
    inside_scripts = sent.pop("exists") + sent.pop("lpop")
    assert inside_scripts == 2 * STARTING
    assert sent == {
        "get": 2 * STARTING,
        "hdel": STARTING,
        "time": STARTING + 1,
        "hset": STARTING,
        "set": 2 * STARTING,
        "pttl": STARTING - 1,
        "sadd": STARTING,
        "evalsha": STARTING,
    }
