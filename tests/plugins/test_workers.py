"""Workers in processes of their own perform jobs with plugins, by every executor; their processes are killed, too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from pyresque import Resque
from pyresque.plugins import LockTimeout, Loner, Restriction, Retry
from tests.support import ROOT
from tests.support.eventually import eventually


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        made.declare("Unique", queue="low", plugins=[Loner()])
        made.declare("Retried", queue="low", plugins=[Retry(limit=2)])
        made.declare("Locked", queue="low", plugins=[LockTimeout(timeout=60)])
        yield made


@contextmanager
def worker(redis_url, *flags):
    command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "app", "-q", "low", *flags)
    path = os.pathsep.join([str(ROOT / "tests" / "plugins"), str(ROOT)])
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path}
    process = subprocess.Popen(command, env=env)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


PRUNING = "resque:pruning_dead_workers_in_progress"
EXECUTORS = ["fork", "inline", "thread", "async"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_marks_are_gone_before_the_job_and_counters_after_it(redis_url, db, resque, executor):
    for name in ("Unique", "Unique", "Retried", "Locked"):
        assert resque.enqueue(name, "do") is True
    assert resque.size("low") == 3
    with worker(redis_url, "--executor", executor, "--burst") as process:
        assert process.wait(60) == 0
    assert db.lrange("resque:seen", 0, -1) == [b""]
    assert resque.stat("failed") == 0
    left = {key.decode() for key in db.keys("*")} - {PRUNING}
    assert left == {"resque:queues", "resque:seen", "resque:stat:processed"}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_failing_job_is_given_up_on_the_third_attempt(redis_url, db, resque, executor):
    resque.enqueue("Retried", "fail")
    with worker(redis_url, "--executor", executor, "--burst") as process:
        assert process.wait(60) == 0
    assert db.llen("resque:failed") == 3
    assert db.keys("resque:resque-retry:*") == []
    assert resque.size("low") == 0


def test_a_killed_job_is_retried_and_its_lock_is_gone(redis_url, db, resque):
    resque.enqueue("Retried", "die")
    resque.enqueue("Locked", "die")
    resque.enqueue("Unique", "die")
    with worker(redis_url, "--burst") as process:
        assert process.wait(60) == 0
    assert db.llen("resque:failed") == 5
    assert [
        key for key in db.keys("*") if b"retry" in key or b"lock" in key or b"loner" in key
    ] == []


def test_a_job_that_closes_its_pipe_to_the_worker_ends_as_any_other(redis_url, db, resque):
    resque.enqueue("Retried", "close")
    with worker(redis_url, "--burst") as process:
        assert process.wait(60) == 0
    assert db.llen("resque:failed") == 0
    assert resque.stat("processed") == 1
    assert db.keys("resque:resque-retry:*") == []
    assert resque.size("low") == 0


def test_a_killed_worker_leaves_nothing_once_it_is_pruned(redis_url, db, resque):
    resque.enqueue("Locked", "sleep")
    with worker(redis_url, "--executor", "inline") as process:
        eventually(lambda: db.exists("resque:lock:Locked:sleep"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert db.exists("resque:lock:Locked:sleep")
    db.delete(PRUNING)
    with worker(redis_url, "--burst") as process:
        assert process.wait(60) == 0
    assert not db.exists("resque:lock:Locked:sleep")
    assert db.llen("resque:failed") == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_jobs_over_a_limit_wait_in_the_restriction_queue_and_keep_their_order(
    redis_url, db, resque, executor
):
    resque.declare("Limited", queue="low", plugins=[Restriction(per_year=1, concurrent=3)])
    for number in range(4):
        resque.enqueue("Limited", f"note{number}")
        resque.enqueue_to("low", "Plain", f"note plain{number}")
    flags = ("--executor", executor, "--burst", "-q", "restriction_low,low")
    with worker(redis_url, *flags) as process:
        assert process.wait(60) == 0
    assert db.lrange("resque:seen", 0, -1) == [
        b"note0",
        *(b"note plain%d" % number for number in range(4)),
    ]
    waiting = [json.loads(raw)["args"] for raw in db.lrange("resque:queue:restriction_low", 0, -1)]
    assert waiting == [["note1"], ["note2"], ["note3"]]
    assert db.get("resque:restriction:Limited:*") == b"3"
    assert resque.stat("failed") == 0


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_killed_job_gives_its_place_back(redis_url, db, resque, executor):
    resque.declare("Limited", queue="low", plugins=[Restriction(per_year=1, concurrent=3)])
    resque.enqueue("Limited", "die")
    with worker(redis_url, "--executor", executor, "--burst") as process:
        process.wait(60)
    if executor == "inline":  # the worker itself is dead
        assert db.get("resque:restriction:Limited:*") == b"2"
        db.delete(PRUNING)
        with worker(redis_url, "--burst") as process:
            assert process.wait(60) == 0
    assert db.get("resque:restriction:Limited:*") == b"3"
    assert db.llen("resque:failed") == 1
