"""Workers in processes of their own perform jobs with plugins, by every executor; their processes are killed, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from pyresque import Resque
from pyresque.plugins import LockTimeout, Loner, Retry
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
        assert process.wait(30) == 0
    assert db.lrange("resque:seen", 0, -1) == [b""]
    assert resque.stat("failed") == 0
    left = {key.decode() for key in db.keys("*")} - {PRUNING}
    assert left == {"resque:queues", "resque:seen", "resque:stat:processed"}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_failing_job_is_given_up_on_the_third_attempt(redis_url, db, resque, executor):
    resque.enqueue("Retried", "fail")
    with worker(redis_url, "--executor", executor, "--burst") as process:
        assert process.wait(30) == 0
    assert db.llen("resque:failed") == 3
    assert db.keys("resque:resque-retry:*") == []
    assert resque.size("low") == 0


def test_a_killed_job_is_retried_and_its_lock_is_gone(redis_url, db, resque):
    resque.enqueue("Retried", "die")
    resque.enqueue("Locked", "die")
    resque.enqueue("Unique", "die")
    with worker(redis_url, "--burst") as process:
        assert process.wait(30) == 0
    assert db.llen("resque:failed") == 5
    assert [
        key for key in db.keys("*") if b"retry" in key or b"lock" in key or b"loner" in key
    ] == []


def test_a_killed_worker_leaves_nothing_once_it_is_pruned(redis_url, db, resque):
    resque.enqueue("Locked", "sleep")
    with worker(redis_url, "--executor", "inline") as process:
        eventually(lambda: db.exists("resque:lock:Locked:sleep"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert db.exists("resque:lock:Locked:sleep")
    db.delete(PRUNING)
    with worker(redis_url, "--burst") as process:
        assert process.wait(30) == 0
    assert not db.exists("resque:lock:Locked:sleep")
    assert db.llen("resque:failed") == 1
