"""Jobs in steps in real workers: put down when the worker is to stop, and taken up by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.activejob import Resume
from pyresque.activejob.registry import WRAPPER
from tests.support.eventually import eventually
from tests.support.live_worker import burst, next_report, reported, worker

if TYPE_CHECKING:
    import redis

    from pyresque.job.job import Job


def enqueue(url: str) -> str:
    with Resque(url) as resque:
        importing = resque.active_job("ImportJob", queue="low", resume=Resume())
        importing(print)
        made = importing.enqueue("a")
        assert made is not None
        return str(made.job_id)


def waiting(url: str) -> Job:
    """The one job in the queue."""
    with Resque(url) as resque:
        found = resque.peek("low", 0, 5)
        assert [job.payload.class_name for job in found] == [WRAPPER]
        return found[0]


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize(
    ("signal_name", "env"),
    [("SIGQUIT", {}), ("SIGTERM", {"GRACEFUL_TERM": "1"})],
    ids=["QUIT", "TERM"],
)
def test_a_job_in_steps_is_put_down_when_its_worker_stops_and_goes_on_in_the_next(
    db: redis.Redis, redis_url: str, executor: str, signal_name: str, env: dict[str, str]
) -> None:
    job_id = enqueue(redis_url)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        assert next_report(db) == ["prepared", "a"]
        assert next_report(db) == ["row", 0]
        process.signal(signal_name)
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == []
    job = waiting(redis_url).payload.args[0]
    assert job["continuation"] == {"completed": ["prepare"], "current": ["rows", 1]}
    assert (job["job_id"], job["executions"], job["resumptions"]) == (job_id, 1, 0)
    assert not db.exists("resque:failed")
    db.rpush("live:release", 1, 1)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    assert reported(db) == [["row", 1], ["row", 2], ["imported", "a", 1]]
    assert db.get("resque:stat:processed") == b"2"
    assert not db.exists("resque:failed")


def test_the_time_before_a_child_is_signalled_to_end_is_enough_to_put_a_job_down(
    db: redis.Redis, redis_url: str
) -> None:
    enqueue(redis_url)
    time = {"TERM_CHILD": "1", "RESQUE_PRE_SHUTDOWN_TIMEOUT": "15"}
    with worker(redis_url, "low", **time) as process:
        assert [next_report(db) for _ in range(2)] == [["prepared", "a"], ["row", 0]]
        process.signal("SIGTERM")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert waiting(redis_url).payload.args[0]["continuation"]["current"] == ["rows", 1]
    assert not db.exists("resque:failed")


def test_children_that_stand_ready_hear_of_the_signal_too(db: redis.Redis, redis_url: str) -> None:
    with worker(redis_url, "low", JOBS_PER_FORK="10") as process:
        db.rpush("resque:queue:low", b'{"class":"Note","args":[1]}')
        assert next_report(db) == ["note", 1]
        enqueue(redis_url)
        assert [next_report(db) for _ in range(2)] == [["prepared", "a"], ["row", 0]]
        process.signal("SIGQUIT")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert waiting(redis_url).payload.args[0]["continuation"]["current"] == ["rows", 1]
