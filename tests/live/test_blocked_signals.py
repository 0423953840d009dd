"""Signals that somebody has blocked, the application or who started the process: they still control a worker and its jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from tests.support.eventually import eventually
from tests.support.live_worker import next_report, worker
from tests.support.queue_state import push

if TYPE_CHECKING:
    import redis

#: The environment of a worker, and when its application blocks all signals.
WAYS = [
    *({"RESQUE_EXECUTOR": name, "BLOCKS": "import"} for name in ("inline", "thread", "async")),
    *({"BLOCKS": moment} for moment in ("import", "warm_up", "before_first_fork", "before_fork")),
    *({"RESQUE_EXECUTOR": name, "BLOCKS": "queue_empty"} for name in ("fork", "inline")),
    {"BLOCKS": "import", "FORK_AHEAD": "always"},
    {"BLOCKS": "warm_up", "JOBS_PER_CHILD": "100"},
]


def named(value: Any) -> str:
    return " ".join(value.values())


def blocked(redis_url: str, **env: str) -> Any:
    """A worker whose application blocks all signals; its log has no line for each job, so it may take the fast path."""
    return worker(redis_url, "low", program="blocking_app.py", VVERBOSE="", **env)


@pytest.mark.parametrize("env", WAYS, ids=named)
def test_term_ends_a_worker_that_waits(
    db: redis.Redis, redis_url: str, env: dict[str, str]
) -> None:
    push(db, "Note", 1)
    with blocked(redis_url, **env) as process:
        assert next_report(db) == ["note", 1]
        eventually(lambda: db.get("resque:stat:processed") == b"1")
        process.signal("SIGTERM")
        assert process.ended() == 0


@pytest.mark.parametrize(
    "env", [way for way in WAYS if way.get("RESQUE_EXECUTOR", "fork") == "fork"], ids=named
)
def test_a_job_in_a_child_is_ended_when_the_worker_is_told_to(
    db: redis.Redis, redis_url: str, env: dict[str, str]
) -> None:
    for mark in range(9):
        push(db, "Note", mark)
    push(db, "Hold", 9)
    push(db, "Hold", 10)
    with blocked(redis_url, TERM_CHILD="1", **env) as process:
        assert [next_report(db) for _ in range(9)] == [["note", mark] for mark in range(9)]
        for mark in (9, 10):
            assert next_report(db) == ["holding", mark]
            process.signal("SIGUSR1")
            assert next_report(db) == ["terminated", mark]
        process.signal("SIGQUIT")
        assert process.ended() == 0
    with Resque(redis_url) as resque:
        errors = [record.exception for record in resque.failures.each(order="asc")]
    assert errors == ["Resque::TermException"] * 2


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_the_time_limit_of_a_job_is_kept(db: redis.Redis, redis_url: str, executor: str) -> None:
    push(db, "Slow", 1)
    with blocked(redis_url, BLOCKS="import", RESQUE_EXECUTOR=executor):
        eventually(lambda: db.llen("resque:failed") == 1)
    with Resque(redis_url) as resque:
        (record,) = resque.failures.each()
    assert record.exception == "Timeout::Error"
