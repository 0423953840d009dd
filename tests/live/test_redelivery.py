"""What a dead process was performing, in jobs registered to be put back: exactly one of queue and failed list has it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.clock import utc
from pyresque.errors import PruneDeadWorkerDirtyExit
from pyresque.job.job import read_job
from tests.support.eventually import eventually
from tests.support.live_worker import burst, next_report, reported, worker

if TYPE_CHECKING:
    import redis

DIES = b'{"class":"Dies", "args":[1]}'
NOTE = b'{"class":"Note","args":[2]}'
KEPT = b'{"class":"Kept","args":[1]}'


def counts(db: redis.Redis) -> list[bytes]:
    return db.keys("resque:redeliveries:*")


def test_the_job_of_a_dead_child_goes_to_the_end_of_its_queue_so_often_and_then_fails(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", DIES, NOTE)
    log = burst(redis_url, "low")
    assert reported(db) == [["dying", 1], ["note", 2], ["dying", 1], ["dying", 1]]
    with Resque(redis_url) as resque:
        (record,) = resque.failures.each()
        assert record.exception == "Resque::DirtyExit"
        assert resque.stat("processed") == 4
        assert resque.stat("failed") == 0
    assert DIES in record.raw
    assert counts(db) == []
    assert "goes back into its queue (1 of 2)" in log
    assert "goes back into its queue (2 of 2)" in log


def test_a_job_that_is_done_after_all_counts_from_nothing_the_next_time(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Once","args":[1]}')
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["survived", 1]
        eventually(lambda: not counts(db))
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert db.llen("resque:failed") == 0


def test_a_waiting_jobs_count_expires(db: redis.Redis, redis_url: str) -> None:
    db.rpush("resque:queue:low", KEPT)
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGTERM")
        assert process.ended() == 0
    (count,) = counts(db)
    assert db.get(count) == b"1"
    assert 0 < db.ttl(count) <= 7 * 24 * 3600
    assert db.lrange("resque:queue:low", 0, -1) == [KEPT]
    assert db.smembers("resque:queues") == {b"low"}
    assert db.llen("resque:failed") == 0


def test_the_job_of_a_worker_that_was_killed_is_put_back_by_the_one_that_prunes_it(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", KEPT)
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGKILL")
        process.ended()
        db.rpush("live:release", "the orphaned child", "the second try")
        assert next_report(db) == ["held", 1]
    db.delete("resque:pruning_dead_workers_in_progress")
    burst(redis_url, "low")
    assert reported(db) == [["holding", 1], ["held", 1]]
    assert db.llen("resque:failed") == 0
    assert counts(db) == []
    assert db.keys("resque:worker*") == []


def test_a_worker_prunes_while_it_is_busy_with_one_long_job(
    db: redis.Redis, redis_url: str
) -> None:
    db.sadd("resque:workers", "elsewhere:1:low")
    db.hset("resque:workers:heartbeat", "elsewhere:1:low", "2099-01-01T00:00:00Z")
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    with worker(
        redis_url, "low", RESQUE_HEARTBEAT_INTERVAL="1", RESQUE_PRUNE_INTERVAL="1"
    ) as process:
        assert next_report(db) == ["holding", 1]
        assert db.sismember("resque:workers", "elsewhere:1:low")
        db.hset("resque:workers:heartbeat", "elsewhere:1:low", "2001-01-01T00:00:00Z")
        eventually(lambda: not db.sismember("resque:workers", "elsewhere:1:low"))
        assert db.llen("live:reports") == 0, "the job is still there"
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        process.signal("SIGQUIT")
        assert process.ended() == 0


def test_an_inline_worker_prunes_too_while_its_job_runs(db: redis.Redis, redis_url: str) -> None:
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    env = {"RESQUE_HEARTBEAT_INTERVAL": "1", "RESQUE_PRUNE_INTERVAL": "1"}
    with worker(redis_url, "low", RESQUE_EXECUTOR="inline", **env) as process:
        assert next_report(db) == ["holding", 1]
        db.sadd("resque:workers", "elsewhere:1:low")
        db.hset("resque:workers:heartbeat", "elsewhere:1:low", "2001-01-01T00:00:00Z")
        eventually(lambda: not db.sismember("resque:workers", "elsewhere:1:low"))
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        process.signal("SIGQUIT")
        assert process.ended() == 0


@pytest.mark.parametrize("on_dirty_exit", ["fail", "requeue"])
def test_ten_pruners_at_once_leave_exactly_one_record_or_one_job(
    db: redis.Redis, redis_url: str, on_dirty_exit: str
) -> None:
    rounds, pruners = 40, 10
    dead, beat, raw = "gone:1:low", "2001-01-01T00:00:00Z", b'{"class":"Kept","args":[1]}'
    together = threading.Barrier(pruners)

    def prune(resque: Resque) -> bool:
        together.wait()
        error = PruneDeadWorkerDirtyExit(dead, "Kept")
        return resque.run(resque.core.lost_jobs.unregister(dead, error, beat)) is not None

    faces = [Resque(redis_url) for _ in range(pruners)]
    for face in faces:
        face.job("Kept", queue="low", on_dirty_exit=on_dirty_exit)(lambda mark: None)
    core = faces[0].core
    record = core.worker_registry.record(read_job(core.codec, "low", raw), utc(core.clock))
    with ThreadPoolExecutor(pruners) as pool:
        for _ in range(rounds):
            db.flushall()
            db.sadd("resque:workers", dead)
            db.hset("resque:workers:heartbeat", dead, beat)
            db.set(f"resque:worker:{dead}", record)
            assert sum(pool.map(prune, faces)) == 1
            found = (db.llen("resque:queue:low"), db.llen("resque:failed"), len(counts(db)))
            assert found == ((1, 0, 1) if on_dirty_exit == "requeue" else (0, 1, 0))
    for face in faces:
        face.close()


def test_a_worker_that_was_pruned_meanwhile_puts_nothing_back_a_second_time(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", KEPT)
    with worker(redis_url, "low") as process:
        worker_id = process.ready(db)
        assert next_report(db) == ["holding", 1]
        with Resque(redis_url) as resque:
            resque.job("Kept", queue="elsewhere", on_dirty_exit="requeue")(lambda mark: None)
            process.signal("SIGUSR2")  # it takes no further job
            resque.remove_worker(worker_id)
        assert db.lrange("resque:queue:low", 0, -1) == [KEPT]
        process.signal("SIGUSR1")  # its child dies
        eventually(lambda: "was pruned while it worked, and its job with it" in process.log)
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert db.lrange("resque:queue:low", 0, -1) == [KEPT]
    assert db.llen("resque:failed") == 0
