"""Every exception there is, in every executor: one failed record under its own name, and the worker goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.live.hostile import ERRORS, JOBS, expected
from tests.support.live_worker import burst

if TYPE_CHECKING:
    import redis

PLAIN = ("Plain", "AsyncPlain")

#: Each way in which a job is run, and the jobs that take another path through it than through the others.
EXECUTORS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "fast path": (PLAIN, {"RESQUE_EXECUTOR": "fork", "VVERBOSE": ""}),
    "fork": (("Plain", "Hooked"), {"RESQUE_EXECUTOR": "fork"}),
    "children that serve many": (JOBS, {"RESQUE_EXECUTOR": "fork", "JOBS_PER_FORK": "1000"}),
    "inline": (PLAIN, {"RESQUE_EXECUTOR": "inline", "VVERBOSE": ""}),
    "inline, logged": (JOBS, {"RESQUE_EXECUTOR": "inline"}),
    "thread": (JOBS, {"RESQUE_EXECUTOR": "thread", "COUNT": "2"}),
    "async": (PLAIN, {"RESQUE_EXECUTOR": "async", "COUNT": "2", "VVERBOSE": ""}),
    "async, logged": (JOBS, {"RESQUE_EXECUTOR": "async", "COUNT": "2"}),
}


def payload(job: str, mark: str) -> bytes:
    return json.dumps({"class": job, "args": [mark]}).encode()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_exception_is_one_record_under_its_own_name_and_the_worker_goes_on(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    jobs, env = EXECUTORS[executor]
    asked = [(job, mark) for job in jobs for mark in ERRORS]
    db.rpush("resque:queue:low", *(payload(*one) for one in asked))
    db.rpush("resque:queue:low", payload("Note", "the last"))
    log = burst(redis_url, "low", program="hostile.py", within=100, **env)
    records = [json.loads(raw) for raw in db.lrange("resque:failed", 0, -1)]
    recorded = [
        ((one["payload"]["class"], one["payload"]["args"][0]), one["exception"]) for one in records
    ]
    assert sorted(recorded) == sorted(((job, mark), expected(job, mark)) for job, mark in asked)
    assert db.get("resque:stat:processed") == str(len(asked) + 1).encode()
    assert db.get("resque:stat:failed") == str(len(asked)).encode()
    assert "noted the last" in log
    assert db.smembers("resque:workers") == set()
