"""A worker and a restriction queue: which job it performs, where the others stay, and when it looks again."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.plugins import Restriction
from pyresque.process.worker.barred import PAGE
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.scripted_worker import Clock, ScriptedHost

QUEUE = "resque:queue:restriction_low"


class Stage:
    """A worker with a clock of its own, and its classes: Limited by hour and by its argument's user, Broken by a function that raises."""

    def __init__(self, url, queues=("restriction_low", "low"), **settings):
        self.resque = Resque(url, executor="inline", **settings)
        self.seen = []
        resque, perform = self.resque, lambda *args: self.seen.append(args[-1])
        plugins = [Restriction(per_hour=5, per_hour_and_user=1)]
        resque.job("Limited", queue="low", plugins=plugins)(perform)
        broken = Restriction(per_hour=1, restriction_identifier=lambda *args: 1 / 0)
        resque.job("Broken", queue="low", plugins=[broken])(perform)
        resque.job("Plain", queue="low")(perform)
        self.core = resque.core
        self.clock = self.core.clock = Clock()
        self.host = ScriptedHost(self.clock)
        self.core.registry.context.clock = self.clock
        self.worker = Worker(
            self.core,
            WorkerId("host", 1, queues),
            QueueList(queues),
            InlineExecutor(self.core.registry),
            self.host,
        )

    def work(self):
        return self.resque.run(self.worker.work_one_job())

    def put(self, db, *users, name="Limited"):
        for number, user in enumerate(users):
            db.rpush(QUEUE, json.dumps({"class": name, "args": [{"user": user}, number]}))

    def close(self, db, user, left=0):
        db.set(f"resque:restriction:Limited:{user}:{int(self.clock.time()) // 3600}", left)

    def order(self, db):
        return [json.loads(raw)["args"][1] for raw in db.lrange(QUEUE, 0, -1)]


@pytest.fixture
def stage(redis_url, db):
    made = Stage(redis_url)
    yield made
    made.resque.close()


def test_the_first_job_that_may_be_performed_is(stage, db):
    stage.close(db, "a")
    stage.put(db, "a", "a", "b", "a")
    assert stage.work() is True
    assert stage.seen == [2]
    assert stage.order(db) == [3, 0, 1]
    assert db.get("resque:stat:processed") == b"1"


def test_a_job_far_behind_is_found(stage, db):
    stage.close(db, "a")
    stage.put(db, *["a"] * (2 * PAGE + 5), "b")
    assert stage.work() is True
    assert stage.seen == [2 * PAGE + 5]
    assert db.llen(QUEUE) == 2 * PAGE + 5
    assert stage.order(db)[0] == 0


def test_where_none_may_be_performed_the_order_stays_and_other_queues_go_on(stage, db):
    stage.close(db, "a")
    stage.put(db, "a", "a", "a")
    stage.resque.enqueue("Plain", "plain")
    assert stage.work() is True
    assert stage.seen == ["plain"]
    assert stage.work() is False
    assert stage.order(db) == [0, 1, 2]


def test_a_queue_is_passed_over_until_the_next_second_begins(stage, db):
    stage.close(db, "a")
    stage.put(db, "a")
    assert stage.work() is False
    stage.close(db, "a", 1)
    assert stage.work() is False
    stage.host.sleep(1)
    assert stage.work() is True
    assert stage.seen == [0]


def test_an_idle_worker_does_not_watch_a_queue_that_it_passes_over(stage, db):
    stage.close(db, "a")
    stage.put(db, "a")
    assert stage.work() is False
    stage.resque.run(stage.worker.wait_for_jobs(5.0, was_paused=False))
    assert [queues for queues, *_ in stage.host.waits] == [("resque:queue:low",)]
    assert stage.clock.passed <= 1


def test_counters_that_cannot_be_named_or_read_let_the_job_be_performed(stage, db):
    db.rpush(f"resque:restriction:Limited:a:{int(stage.clock.time()) // 3600}", "x")
    stage.put(db, "a")
    stage.put(db, "a", name="Broken")
    db.rpush(QUEUE, "no json")
    assert [stage.work() for _ in range(4)] == [True, True, True, False]
    assert stage.seen == [0]
    errors = [json.loads(raw)["exception"] for raw in db.lrange("resque:failed", 0, -1)]
    assert errors[0] == "PluginKeyError"
    assert len(errors) == 2


def test_a_worker_that_was_pruned_meanwhile_puts_nothing_back(stage, db):
    def pruned(*_):
        db.delete(*db.keys("resque:worker:*"))
        return "Pruned"

    pruning = Restriction(per_hour=5, restriction_identifier=pruned)
    stage.resque.job("Pruned", queue="low", plugins=[pruning])(print)
    db.set(f"resque:restriction:Pruned:{int(stage.clock.time()) // 3600}", 0)
    stage.put(db, "a", name="Pruned")
    assert stage.work() is False
    assert db.llen(QUEUE) == 0


def test_a_selective_worker_leaves_the_others_jobs_where_they_are(redis_url, db):
    stage = Stage(redis_url, only_registered=True)
    stage.close(db, "a")
    stage.put(db, "r", name="Theirs")
    stage.put(db, "a", "b")
    stage.put(db, "r", name="Theirs")
    assert stage.work() is False
    assert stage.order(db) == [0, 0, 1, 0], "back at the head, and the rest as it was"
    assert json.loads(db.lindex(QUEUE, 0))["class"] == "Limited"
    db.rpush("resque:queue:low", json.dumps({"class": "Plain", "args": [9]}))
    assert stage.work() is True, "other queues go on"
    stage.close(db, "a", left=5)
    stage.clock.passed += 2
    assert [stage.work(), stage.work()] == [True, True]
    assert stage.seen == [9, 0, 1]
    assert [json.loads(raw)["class"] for raw in db.lrange(QUEUE, 0, -1)] == ["Theirs", "Theirs"]
    stage.resque.close()


def test_a_barred_job_at_the_head_keeps_a_selective_worker_from_no_other(redis_url, db):
    stage = Stage(redis_url, only_registered=True)
    stage.close(db, "a")
    stage.close(db, "c")
    stage.put(db, "a", "a", "c", "b")
    seconds = 0
    while not stage.seen:
        stage.work()
        stage.clock.passed += 1
        seconds += 1
        assert seconds <= 4, "one for each limit"
    assert stage.seen == [3]
    assert stage.order(db) == [2, 0, 1], "back at the head"
    stage.close(db, "a", left=5)
    stage.clock.passed += 1
    assert [stage.work(), stage.work()] == [True, True]
    assert stage.seen == [3, 0, 1]
    assert stage.order(db) == [2]
    stage.resque.close()
