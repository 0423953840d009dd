"""Selective workers as processes: executors, signals, kill -9, routes that change while they work, queues of others' jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support.eventually import eventually
from tests.support.idle_worker import armed, note, stopped
from tests.support.live_worker import burst, next_report, reported, worker

if TYPE_CHECKING:
    import redis

    from tests.support.redis_sets import Cluster, SentinelSet

EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
LOW, MOVED = "resque:queue:low", "resque:migrate:queue:low"
ONLY = {"RESQUE_ONLY_REGISTERED": "1"}


def theirs(mark: int) -> bytes:
    """The payload of a job that is Ruby's."""
    return b'{"class":"RubysOwn","args":[%d]}' % mark


def hold(mark: int) -> bytes:
    """The payload of a job that waits until it is let go."""
    return b'{"class":"Hold","args":[%d]}' % mark


def fill(db: redis.Redis, *payloads: bytes) -> None:
    db.sadd("resque:queues", "low")
    db.rpush(LOW, *payloads)


@EVERY
def test_a_burst_performs_what_is_ours_and_leaves_the_rest_in_place(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    jobs = [note(n) if n % 4 == 2 else theirs(n) for n in range(160)]
    fill(db, *jobs)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor, **ONLY)
    assert reported(db) == [["note", n] for n in range(2, 160, 4)]
    assert db.lrange(LOW, 0, -1) == [one for one in jobs if b"RubysOwn" in one]
    assert (db.get("resque:stat:processed"), db.exists("resque:stat:failed")) == (b"40", 0)


@EVERY
def test_an_idle_worker_finds_a_job_behind_those_of_ruby(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    fill(db, *map(theirs, range(2000)))
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, INTERVAL="3600", **ONLY) as process:
        process.ready(db)
        for mark in range(3):
            fill(db, theirs(mark), note(mark), theirs(mark))
            assert next_report(db) == ["note", mark]
        db.rpush(MOVED, note(9))
        assert next_report(db) == ["note", 9]
        db.lpush(LOW, note(10))
        assert next_report(db) == ["note", 10]
        stopped(process)
    assert db.llen(LOW) == 2006


@EVERY
def test_a_push_to_an_empty_list_ends_the_wait_and_one_behind_others_jobs_is_looked_for(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, INTERVAL="3600", **ONLY) as process:
        armed(db, 2)
        db.rpush(LOW, note(1))
        assert next_report(db) == ["note", 1]
        armed(db, 2)
        db.rpush(MOVED, note(2))
        assert next_report(db) == ["note", 2]
        db.rpush(LOW, theirs(3))
        eventually(lambda: db.llen(LOW))
        db.rpush(LOW, note(4))
        assert next_report(db) == ["note", 4]
        armed(db, 1)
        db.rpush(MOVED, note(5))
        assert next_report(db) == ["note", 5]
        stopped(process)


def test_slots_and_processes_share_the_jobs_and_each_is_done_once(
    db: redis.Redis, redis_url: str
) -> None:
    fill(db, *(note(n) if n % 3 else theirs(n) for n in range(600)))
    threads = {"RESQUE_EXECUTOR": "thread", "COUNT": "4"}
    with (
        worker(redis_url, "low", **threads, **ONLY) as first,
        worker(redis_url, "low", RESQUE_EXECUTOR="inline", **ONLY) as second,
    ):
        eventually(lambda: db.llen("live:reports"), lambda seen: seen == 400)
        stopped(first)
        stopped(second)
    assert sorted(mark for _, mark in reported(db)) == [n for n in range(600) if n % 3]
    assert db.lrange(LOW, 0, -1) == [theirs(n) for n in range(0, 600, 3)]
    assert db.get("resque:stat:processed") == b"400"


@EVERY
def test_kill_9_leaves_the_job_to_whoever_prunes(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    fill(db, theirs(0), hold(1), theirs(2), note(3))
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **ONLY) as killed:
        assert next_report(db) == ["holding", 1]
        killed.signal("SIGKILL")
        killed.ended()
        db.rpush("live:release", "go")
    db.delete("resque:pruning_dead_workers_in_progress")
    burst(redis_url, "low", **ONLY)
    (record,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(record)["payload"] == {"class": "Hold", "args": [1]}
    assert db.lrange(LOW, 0, -1) == [theirs(0), theirs(2)]
    assert ["note", 3] in reported(db)


def test_a_class_that_is_routed_to_ruby_is_not_taken_from_then_on(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url) as resque, worker(redis_url, "low", **ONLY) as process:
        process.ready(db)
        for mark in range(4):
            resque.routes.set("Note", "ruby")
            fill(
                db, note(mark), hold(mark)
            )  # the worker is seen to have looked: it holds the job behind
            assert next_report(db) == ["holding", mark]
            assert db.lrange(LOW, 0, -1) == [note(mark)]
            resque.routes.set("Note", "python")
            db.rpush("live:release", "go")
            reports = [next_report(db) for _ in range(2)]
            assert reports == [["held", mark], ["note", mark]]
        stopped(process)


def test_a_job_that_is_given_back_at_a_stop_is_where_python_finds_it(
    db: redis.Redis, redis_url: str
) -> None:
    fill(db, theirs(0))
    db.rpush(MOVED, hold(1), note(2))
    with worker(redis_url, "low", **ONLY) as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGQUIT")
        db.rpush("live:release", "go")
        assert process.ended() == 0
    assert (db.lrange(MOVED, 0, -1), db.lrange(LOW, 0, -1)) == ([note(2)], [theirs(0)])


def test_a_failed_job_that_was_moved_aside_goes_back_into_its_queue_when_it_is_retried(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush(MOVED, b'{"class":"Boom","args":[1]}')
    burst(redis_url, "low", **ONLY)
    with Resque(redis_url) as resque:
        (failure,) = resque.failures.all(0, 9)
        assert failure.queue == "low"
        resque.failures.requeue(failure)
    assert db.lrange(LOW, 0, -1) == [b'{"class":"Boom","args":[1]}']


def test_five_idle_workers_on_a_queue_of_ruby_s_ask_little(db: redis.Redis, redis_url: str) -> None:
    fill(db, *map(theirs, range(20_000)))
    crew = {"RESQUE_EXECUTOR": "thread", "COUNT": "5", "HEARTBEAT_INTERVAL": "60"}
    with worker(redis_url, "low", **crew, **ONLY) as process:
        process.ready(db)
        before = db.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
        fill(db, note(1))
        assert next_report(db) == ["note", 1]
        whole_pass = 20_000 / 100
        asked = db.info("commandstats")["cmdstat_evalsha"]["calls"] - before
        assert asked < 5 * whole_pass
        stopped(process)


@pytest.mark.parametrize("where", ["cluster", "sentinels"])
@pytest.mark.parametrize("executor", ["fork", "async"])
def test_a_cluster_and_a_server_behind_sentinels_are_shared_as_well(
    db: redis.Redis,
    redis_url: str,
    cluster: Cluster,
    sentinel_set: SentinelSet,
    where: str,
    executor: str,
) -> None:
    url, space = (cluster.url, "{resque}") if where == "cluster" else (sentinel_set.url, "resque")
    with cluster.client(space) if where == "cluster" else sentinel_set.master() as there:
        there.flushall()
        there.sadd(f"{space}:queues", "low")
        jobs = [note(n) if n % 4 == 2 else theirs(n) for n in range(200)]
        there.rpush(f"{space}:queue:low", *jobs)
        there.rpush(f"{space}:migrate:queue:low", note(999))
        with Resque(url, namespace=space) as resque:
            resque.routes.set("Rubys*", "ruby")
        burst(
            *(url, "low"),
            report_url=redis_url,
            RESQUE_NAMESPACE=space,
            RESQUE_EXECUTOR=executor,
            **ONLY,
        )
        assert reported(db) == [["note", 999], *(["note", n] for n in range(2, 200, 4))]
        left = there.lrange(f"{space}:queue:low", 0, -1)
        assert left == [one for one in jobs if b"RubysOwn" in one]
