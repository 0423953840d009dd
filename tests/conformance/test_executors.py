"""One suite for all executors, each with both failure backends: a real worker's life on a real Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support.live_worker import burst, reported

if TYPE_CHECKING:
    import redis


@pytest.fixture(params=["fork", "fast path", "inline", "thread", "async"])
def executor(request) -> dict[str, str]:
    """The settings of a worker; one that is to log every job has no fast path."""
    if request.param == "fast path":
        return {"RESQUE_EXECUTOR": "fork", "VVERBOSE": ""}
    return {"RESQUE_EXECUTOR": request.param}


@pytest.fixture(params=["redis", "redis_multi_queue"])
def backend(request):
    return request.param


def payload(name: str, *args: object) -> bytes:
    return json.dumps({"class": name, "args": args}, separators=(",", ":")).encode()


def test_jobs_are_performed_in_order_queue_by_queue(db: redis.Redis, redis_url: str, executor):
    db.rpush("resque:queue:low", payload("Note", 1), payload("Note", 2))
    db.rpush("resque:queue:high", payload("Note", 3))
    burst(redis_url, "high", "low", **executor)
    assert reported(db) == [["note", 3], ["note", 1], ["note", 2]]
    assert db.get("resque:stat:processed") == b"3"
    assert db.get("resque:stat:failed") is None


def test_a_failure_is_recorded_counted_and_can_be_retried(
    db: redis.Redis, redis_url: str, executor, backend
):
    boom = payload("Boom", 1)
    db.rpush("resque:queue:low", boom, payload("Note", 2))
    env = {**executor, "FAILURE_BACKEND": backend}
    burst(redis_url, "low", **env)
    assert reported(db) == [["note", 2]]
    queue = "failed" if backend == "redis" else "low_failed"
    with Resque(redis_url, failure_backend=backend) as resque:
        assert resque.failures.queues() == [queue]
        assert resque.failures.count(queue) == 1
        (record,) = resque.failures.each(queue=queue)
        assert (record.exception, record.error) == ("RuntimeError", "boom (1,)")
        assert (record.queue, record.class_name, record.retried_at) == ("low", "Boom", None)
        assert record.backtrace[0].endswith("in `boom'")
        assert (resque.stat("processed"), resque.stat("failed")) == (2, 1)
        assert resque.failures.requeue(0, queue) == (1, 1)
        assert db.lrange("resque:queue:low", 0, -1) == [boom]
        assert next(iter(resque.failures.each(queue=queue))).retried_at is not None
        assert resque.failures.clear_retried() == 1
        assert resque.failures.count(queue) == 0
        assert resque.workers() == []


def test_a_worker_with_a_glob_sees_every_queue_by_name(db: redis.Redis, redis_url: str, executor):
    for queue in ("b", "a", "skipped"):
        db.sadd("resque:queues", queue)
        db.rpush(f"resque:queue:{queue}", payload("Note", queue))
    burst(redis_url, "*", "!skip*", **executor)
    assert reported(db) == [["note", "a"], ["note", "b"]]
    assert db.llen("resque:queue:skipped") == 1


def test_messagepack_payloads_travel_the_whole_way(
    db: redis.Redis, redis_url: str, executor, backend
):
    env = {**executor, "FAILURE_BACKEND": backend, "RESQUE_CODEC": "msgpack"}
    with Resque(redis_url, codec="msgpack", failure_backend=backend) as resque:
        resque.enqueue_to("low", "Note", 1, {"a": [None]})
        resque.enqueue_to("low", "Boom", 2)
        db.rpush("resque:queue:low", b"\xc1 no messagepack")
        burst(redis_url, "low", **env)
        assert reported(db) == [["note", 1, {"a": [None]}]]
        boom, broken = resque.failures.each(
            order="asc", queue=None if backend == "redis" else "low_failed"
        )
        assert (boom.class_name, broken.class_name) == ("Boom", "")
        assert resque.failures.requeue_all() == 2
        assert b"\xc1 no messagepack" in db.lrange("resque:queue:low", 0, -1)


def test_a_job_whose_work_was_left_undone_is_not_logged_as_done(
    db: redis.Redis, redis_url: str, executor
):
    db.rpush("resque:queue:low", payload("Undone"), payload("Note", 1))
    log = burst(redis_url, "low", **{**executor, "VVERBOSE": "1"})
    assert "left undone: (Job{low} | Undone" in log
    assert "done: (Job{low} | Undone" not in log.replace("left undone: ", "")
    assert " done: (Job{low} | Note" in log
    assert (reported(db), db.get("resque:stat:processed")) == ([["note", 1]], b"2")
    assert db.llen("resque:failed") == 0
