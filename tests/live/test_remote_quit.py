"""A running worker is asked to quit by a key in Redis, as the dashboard does: its job ends, and its note goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.store.worker_notes import WorkerNotes
from tests.support.eventually import eventually
from tests.support.live_worker import next_report, reported, worker

if TYPE_CHECKING:
    import redis

HOLD = b'{"class":"Hold","args":[1]}'
NOTE = b'{"class":"Note","args":[2]}'


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_worker_that_is_asked_to_quit_ends_after_its_job(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    every = {"RESQUE_HEARTBEAT_INTERVAL": "0.2", "RESQUE_EXECUTOR": executor}
    with Resque(redis_url) as resque, worker(redis_url, "low", **every) as process:
        assert next_report(db) == ["holding", 1]
        (worker_id,) = [one.id for one in resque.workers()]
        notes = WorkerNotes(resque.core.keys)
        eventually(lambda: resque.run(notes.of([worker_id])))
        assert resque.run(notes.of([worker_id]))[worker_id]["executor"] == executor
        assert resque.run(notes.ask_to_quit(worker_id))
        eventually(lambda: "asked to quit" in process.log and "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert db.keys("resque:worker*") == []
