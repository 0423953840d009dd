"""Jobs that Ruby pushes start at once: the worker's interval is an hour, so that nothing else can explain it."""

from __future__ import annotations

import signal

import pytest

from compat_tests.live.peers import echoed
from tests.support.eventually import eventually

HOUR = 3600.0


def blocked(db):
    return db.info("clients")["blocked_clients"]


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_job_that_ruby_pushes_starts_at_once(ruby, python_worker, db, executor):
    worker = python_worker("low,echo", interval=HOUR, RESQUE_EXECUTOR=executor)
    eventually(lambda: blocked(db), lambda count: count == 2)
    for number in range(5):
        ruby.ask("enqueue", class_="EchoJob", args=[number])
        assert echoed(db) == [[number]]
    eventually(lambda: blocked(db), lambda count: count == 2)
    assert worker.stop(signal.SIGQUIT) == 0


def test_a_waiting_worker_takes_turns_with_rubys(ruby, python_worker, ruby_worker, db, resque):
    """Ruby's worker polls the same queue: what it took meanwhile costs ours a look, no more."""
    ours = python_worker("echo", interval=HOUR)
    eventually(lambda: blocked(db), lambda count: count == 1)
    theirs = ruby_worker("echo", interval=0.01)
    for number in range(50):
        ruby.ask("enqueue", class_="EchoJob", args=[number])
    assert sorted(echoed(db, 50)) == [[number] for number in range(50)]
    eventually(lambda: blocked(db), lambda count: count == 1)
    assert db.llen("resque:queue:echo") == 0
    assert ours.stop(signal.SIGQUIT) == theirs.stop(signal.SIGQUIT) == 0
    assert (resque.stat("processed"), resque.stat("failed")) == (50, 0)
