"""A middleware ends a job before it begins: failure hooks run, a retry is enqueued, and no lock stays."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.activejob import DiscardOn, RetryOn
from pyresque.plugins import JobStats, Lock, LonelyJob, Retry
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.worker import build_worker
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList


class Refused(Exception):
    """Raised by a middleware in place of the job."""


@pytest.fixture(params=["inline", "fork", "async"])
def resque(request, redis_url):
    with Resque(redis_url, executor=request.param) as made:
        yield made


@pytest.fixture
def work(resque):
    def run() -> None:
        posix = PosixHost()
        worker = build_worker(resque, QueueList.parse(("low", "again")), posix)
        with posix.hearing(worker):
            resque.run(worker.work(Interval.between(0.0)))
        posix.close()

    return run


def refuse_first(resque: Resque) -> None:
    """Add a middleware that raises for the first two jobs."""

    @resque.middleware
    def refuse(call_next, job):
        if resque.redis.incr("seen") <= 2:
            raise Refused(job.class_name)
        call_next(job)


def skip_all(resque: Resque) -> None:
    @resque.middleware
    def skip(call_next, job):
        """Do not call."""


def errors(db) -> list[str]:
    return [json.loads(raw)["exception"] for raw in db.lrange("resque:failed", 0, -1)]


@pytest.mark.parametrize("ends", [refuse_first, skip_all])
@pytest.mark.parametrize("plugin", [Lock, LonelyJob])
def test_no_lock_stays(resque, db, work, plugin, ends):
    resque.job("Work", queue="low", plugins=[plugin()])(lambda *_: None)
    ends(resque)
    resque.enqueue("Work", 1)
    work()
    assert errors(db) == (["Refused"] if ends is refuse_first else [])
    assert [key for key in db.scan_iter() if b"lock" in key or b"lonely" in key] == []
    assert resque.enqueue("Work", 1)


def test_the_job_is_retried(resque, db, work):
    resque.job("Work", queue="low", plugins=[Retry(limit=3)])(lambda *_: None)
    refuse_first(resque)
    resque.enqueue("Work", 1)
    work()
    assert errors(db) == ["Refused"] * 2
    assert resque.redis.get("seen") == b"3"
    assert db.keys("resque:resque-retry:*") == []


def test_failure_hooks_get_the_error_and_plugins_count_it(resque, db, work):
    def on_failure_note(error, *args):
        resque.redis.rpush("noted", f"{error!r} {args}")

    resque.job("Work", queue="low", plugins=[JobStats()], hooks=[on_failure_note])(lambda *_: None)
    refuse_first(resque)
    resque.enqueue("Work", 1)
    work()
    assert db.lrange("resque:noted", 0, -1) == [b"Refused('Work') (1,)"]
    assert errors(db) == ["Refused"]
    assert db.get("resque:stats:jobs:Work:failed") == b"1"


@pytest.mark.parametrize(
    ("rules", "runs", "failed"),
    [
        ({}, 1, ["Refused"]),
        ({"retry_on": [RetryOn((Refused,), wait=0, queue="again")]}, 3, []),
        ({"retry_on": [RetryOn((Refused,), wait=0, attempts=2, queue="again")]}, 2, ["Refused"]),
        ({"discard_on": [DiscardOn((Refused,))]}, 1, []),
    ],
)
def test_the_rules_of_an_active_job_decide(resque, db, work, rules, runs, failed):
    done = []
    resque.active_job("Work", queue="low", unique="until_executed", **rules)(done.append)
    refuse_first(resque)
    resque.active_job("Work").enqueue(1)
    work()
    while db.zcard("resque:delayed_queue_schedule"):
        resque.enqueue_delayed("ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper")
        work()
    assert (int(db.get("resque:seen")), errors(db)) == (runs, failed)
    assert db.keys("activejob_uniqueness*") == []


def test_a_job_that_nobody_registered_fails_with_the_middlewares_error(resque, db, work):
    refuse_first(resque)
    resque.enqueue_to("low", "Nobody", 1)
    resque.enqueue_to("low", "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper", "no envelope")
    work()
    assert errors(db) == ["Refused"] * 2


def test_a_job_that_began_is_not_ended_twice(resque, db, work):
    def on_failure_note(error, *args):
        resque.redis.rpush("noted", str(error))

    resque.job("Work", queue="low", hooks=[on_failure_note])(lambda *_: None)

    @resque.middleware
    def after(call_next, job):
        call_next(job)
        raise Refused("late")

    resque.enqueue("Work", 1)
    work()
    assert errors(db) == ["Refused"]
    assert db.lrange("resque:noted", 0, -1) == []
