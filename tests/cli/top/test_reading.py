"""Frames from Redis: what they show, what they cost, and what they do with keys of a wrong type."""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime, timezone

import pytest

from pyresque.cli.top.command import frame_json
from pyresque.cli.top.layout import whole
from pyresque.cli.top.reading import WORKERS, read_frame
from pyresque.cli.top.state import State
from pyresque.client import Resque
from pyresque.ops import Batch, Command, rewrite
from pyresque.settings import Settings


@pytest.fixture
def core(redis_url, db):
    with Resque(redis_url) as resque:
        yield resque.core


class Counting:
    """Runs operations, and counts the commands and round trips that they take."""

    def __init__(self, redis_url: str) -> None:
        self.resque = Resque(redis_url)
        self.commands = self.trips = 0

    def run(self, operation):
        return self.resque.run(rewrite(operation, self._count))

    def _count(self, request):
        assert isinstance(request, (Batch, Command)), request
        self.trips += 1
        self.commands += len(request.commands) if isinstance(request, Batch) else 1
        return request


@pytest.fixture
def counting(redis_url, db):
    found = Counting(redis_url)
    yield found
    found.resque.close()


def written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def add_worker(pipe, at: int, *, busy: float | None = None, silent: float | None = 1.0) -> None:
    now, name = time.time(), f"host:{at}:low,mail*"
    pipe.sadd("resque:workers", name)
    if silent is not None:
        pipe.hset("resque:workers:heartbeat", name, written(now - silent))
    if busy is not None:
        record = {
            "queue": "low",
            "run_at": written(now - busy),
            "payload": {"class": "Job", "args": [at]},
        }
        pipe.set(f"resque:worker:{name}", json.dumps(record))


def test_a_frame_has_what_redis_holds(core, db, counting):
    pipe = db.pipeline()
    for at, name in enumerate(("low", "mailers", "orphan")):
        pipe.sadd("resque:queues", name)
        pipe.rpush(f"resque:queue:{name}", *[json.dumps({"class": "Job", "args": []})] * (at + 1))
    add_worker(pipe, 1, busy=30)
    add_worker(pipe, 2, busy=90)
    add_worker(pipe, 3, silent=400)
    add_worker(pipe, 4, silent=None)
    pipe.set("resque:stat:processed", 70)
    pipe.set("resque:stat:failed", 5)
    pipe.set("pause:queue:mailers", "x")
    pipe.set("resque:pause:queue:mailers", "true")
    pipe.rpush("resque:delayed:1900000000", "{}", "{}")
    pipe.zadd("resque:delayed_queue_schedule", {"1900000000": 1900000000, "1900000001": 1900000001})
    pipe.hset("resque:persistent_schedules", "nightly", "{}")
    failed = {"payload": {"class": "Boom", "args": []}, "exception": "KeyError", "queue": "low"}
    pipe.rpush("resque:failed", *(json.dumps({**failed, "error": str(at)}) for at in range(3)))
    pipe.execute()
    frame = counting.run(read_frame(core))
    assert frame.numbers == {
        "pending": 6,
        "processed": 70,
        "failures": 5,
        "failed": 3,
        "working": 2,
        "workers": 4,
        "queues": 3,
        "delayed": 2,
        "recurring": 1,
    }
    assert [(row.name, row.size, row.workers, row.paused) for row in frame.queues] == [
        ("orphan", 3, 0, False),
        ("mailers", 2, 4, True),
        ("low", 1, 4, False),
    ]
    assert [one.pid for one in frame.workers] == [2, 1, 4, 3]
    assert (frame.late, frame.silent, frame.master) == (1, 1, None)
    assert [one.error for one in frame.failed] == ["2", "1", "0"]
    assert frame.delayed == [(1900000000.0, 2)]
    assert frame.rates == {}


def test_rates_are_counted_from_the_frame_before(core, db, counting, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(core.clock, "time", lambda: now[0], raising=False)
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", "{}")
    before = counting.run(read_frame(core))
    now[0] += 4
    db.rpush("resque:queue:low", *["{}"] * 6)
    db.incrby("resque:stat:processed", 10)
    frame = counting.run(read_frame(core, before))
    assert frame.rates == {"pending": 1.5, "processed": 2.5, "failures": 0.0, "failed": 0.0}
    assert frame.queue_rates == {"low": 1.5}


def test_ten_thousand_workers_cost_a_few_hundred_commands(core, db, counting):
    pipe = db.pipeline()
    for at in range(10_000):
        add_worker(pipe, at, busy=at if at % 4 == 0 else None)
    pipe.sadd("resque:queues", *(f"q{at}" for at in range(20)))
    pipe.execute()
    frame = counting.run(read_frame(core))
    assert frame.numbers["working"] == 2500
    assert frame.numbers["workers"] == 10_000
    assert len(frame.workers) == WORKERS
    assert all(one.working_on for one in frame.workers)
    assert counting.commands < 220
    assert counting.trips < 15


def test_of_many_workers_those_at_work_are_found_wherever_they_stand(core, db, counting):
    pipe = db.pipeline()
    for at in range(2000):
        add_worker(pipe, at, busy=5 if at in {7, 1999} else None)
    pipe.execute()
    frame = counting.run(read_frame(core))
    assert frame.numbers["working"] == 2
    assert {one.pid for one in frame.workers if one.working_on} == {7, 1999}


def test_keys_of_a_wrong_type_count_nothing_and_hide_nothing_else(core, db, counting, caplog):
    caplog.set_level(logging.CRITICAL, "pyresque")
    for key in (
        *("queues", "workers", "workers:heartbeat", "failed", "delayed_queue_schedule"),
        *("persistent_schedules", "stat:processed", "resque_scheduler_master_lock"),
    ):
        db.rpush(f"resque:{key}", "wrong") if key != "failed" else db.set("resque:failed", "wrong")
    frame = counting.run(read_frame(core))
    assert set(frame.numbers.values()) == {0}
    db.delete("resque:queues")
    db.sadd("resque:queues", "low", "wrong")
    db.set("resque:queue:wrong", "x")
    frame = counting.run(read_frame(core))
    assert {row.name: row.size for row in frame.queues} == {"low": 0, "wrong": None}
    whole(frame, State(2), "redis://x", 80, 20)
    json.dumps(frame_json(frame))


def test_failed_jobs_of_several_lists_are_shown(redis_url, db, counting):
    settings = Settings.load({}, url=redis_url, failure_backend="redis_multi_queue")
    for name in ("low_failed", "mail_failed"):
        db.sadd("resque:failed_queues", name)
        db.rpush(f"resque:{name}", json.dumps({"payload": {"class": name, "args": []}}))
    with Resque(settings=settings) as resque:
        frame = counting.run(read_frame(resque.core))
    assert {one.failure_queue for one in frame.failed} == {"low_failed", "mail_failed"}
