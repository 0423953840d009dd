"""How containers and services stop workers: a signal to every process, signals again and again, a hook before the signal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from tests.support.eventually import eventually
from tests.support.live_worker import WorkerProcess, next_report, reported, worker

if TYPE_CHECKING:
    import redis

HOLD = b'{"class":"Hold","args":[1]}'
CLEAN = b'{"class":"CleanUp","args":[1]}'
NOTE = b'{"class":"Note","args":[2]}'

#: What Heroku's documents advise: the dyno has 30 s.
HEROKU = {"TERM_CHILD": "1", "RESQUE_PRE_SHUTDOWN_TIMEOUT": "20", "RESQUE_TERM_TIMEOUT": "8"}

WAYS = pytest.mark.parametrize(
    "way",
    [{}, {"JOBS_PER_FORK": "5"}, {"RESQUE_FORK_AHEAD": "always"}],
    ids=["a child each", "several", "ahead"],
)


def to_every_process(process: WorkerProcess, signal_name: str) -> None:
    """The worker, its children and a fork server: as Heroku does, and a terminal, and systemd by default."""
    os.killpg(process.pid, signal.Signals[signal_name])


def failures(url: str) -> list[Any]:
    with Resque(url) as resque:
        return [(one.exception, one.error) for one in resque.failures.each()]


@WAYS
@pytest.mark.parametrize("times", [1, 4])
def test_a_term_to_every_process_leaves_the_job_its_time(
    db: redis.Redis, redis_url: str, way: dict[str, str], times: int
) -> None:
    db.rpush("resque:queue:low", NOTE, HOLD, NOTE)
    with worker(redis_url, "low", **HEROKU, **way) as process:
        assert next_report(db) == ["note", 2]
        assert next_report(db) == ["holding", 1]
        for _ in range(times):
            to_every_process(process, "SIGTERM")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert failures(redis_url) == []
    assert db.smembers("resque:workers") == set()


@WAYS
def test_a_job_that_needs_longer_is_interrupted_once_and_may_clean_up(
    db: redis.Redis, redis_url: str, way: dict[str, str]
) -> None:
    db.rpush("resque:queue:low", CLEAN, NOTE)
    env = {**HEROKU, "RESQUE_PRE_SHUTDOWN_TIMEOUT": "0.3"}
    with worker(redis_url, "low", **env, **way) as process:
        assert next_report(db) == ["holding", 1]
        to_every_process(process, "SIGTERM")
        assert next_report(db) == ["cleaning up", 1]
        to_every_process(process, "SIGTERM")
        process.signal("SIGTERM")
        db.rpush("live:release", 1)
        assert next_report(db) == ["clean", 1]
        assert process.ended() == 0
    assert failures(redis_url) == [("Resque::TermException", "SIGTERM")]
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]


@WAYS
@pytest.mark.parametrize("term_child", ["", "1"])
def test_a_quit_to_every_process_lets_the_job_end(
    db: redis.Redis, redis_url: str, way: dict[str, str], term_child: str
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    env = {"TERM_CHILD": term_child, **way}
    with worker(redis_url, "low", **env) as process:
        assert next_report(db) == ["holding", 1]
        to_every_process(process, "SIGQUIT")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert failures(redis_url) == []


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_usr2_in_a_hook_before_the_signal_lets_the_job_end(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    """Kubernetes: preStop tells the worker to take no more jobs, waits, and then comes the TERM."""
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, HOOKS="1") as process:
        assert next_report(db)[0] == "before_first_fork"
        assert next_report(db) == ["holding", 1]
        process.signal("SIGUSR2")
        assert next_report(db) == ["pausing"]
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        eventually(lambda: process.title().endswith(": Paused"))
        process.signal("SIGTERM")
        assert process.ended() == 0
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert failures(redis_url) == []
