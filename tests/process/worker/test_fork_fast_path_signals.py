"""Signals that come while the fork server is on the fast path: they do what they always do."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.executor.fork.fast_path_process import ENDED, LEFT, WORKING
from pyresque.process.worker.worker import Worker
from tests.support.eventually import eventually
from tests.support.fork_worker import (
    ForkWorker,
    after,
    kinds,
    notes,
    release_when_the_worker_watches,
    short_jobs_then_one_that_holds,
)
from tests.support.queue_state import push

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd


@pytest.mark.parametrize(
    ("signal_name", "settings", "words", "record"),
    [
        ("SIGUSR1", {}, ["holding"], "DirtyExit"),
        ("SIGUSR1", {"term_child": True}, ["holding", "terminated"], "TermException"),
        ("SIGTERM", {}, ["holding"], "DirtyExit"),
        ("SIGTERM", {"term_child": True}, ["holding", "terminated"], "TermException"),
        ("SIGINT", {}, ["holding"], "DirtyExit"),
    ],
)
def test_a_signal_reaches_the_job_of_the_fast_path(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    signal_name: str,
    settings: dict[str, Any],
    words: list[str],
    record: str,
) -> None:
    one = stage(**settings)
    short_jobs_then_one_that_holds(db)
    push(db, "Note", 3)
    thread = after(one, 4, lambda: os.kill(os.getpid(), signal.Signals[signal_name]))
    one.work()
    thread.join()
    assert kinds(ends)[0] == WORKING
    assert [word for word, *_ in one.notes_taken() if isinstance(word, str)] == words
    failed = json.loads(db.lindex("resque:failed", 0))
    assert failed["exception"].split("::")[-1] == record
    assert failed["payload"] == {"class": "Hold", "args": ["it"]}
    goes_on = signal_name == "SIGUSR1"
    assert ([3] in one.notes_taken()) is goes_on
    assert db.llen("resque:queue:low") == (0 if goes_on else 1)
    assert db.keys("resque:worker:*") == []


@pytest.mark.parametrize("signal_name", ["SIGQUIT", "SIGUSR2"])
def test_a_graceful_signal_lets_the_job_of_the_fast_path_end_and_takes_no_other(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], signal_name: str
) -> None:
    one = stage()
    short_jobs_then_one_that_holds(db)
    push(db, "Note", 3)

    def deed() -> None:
        os.kill(os.getpid(), signal.Signals[signal_name])
        eventually(lambda: ends)
        one.notes.rpush("release", 1)

    thread = after(one, 4, deed)
    one.work()
    thread.join()
    assert kinds(ends) == [WORKING]
    assert one.notes_taken()[-1] == ["held", "it"]
    assert db.llen("resque:queue:low") == 1
    assert db.get("resque:stat:processed") == b"4"
    assert db.llen("resque:failed") == 0


@pytest.mark.parametrize("signal_name", ["SIGQUIT", "SIGUSR2"])
def test_a_graceful_signal_between_two_jobs_takes_no_other(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], signal_name: str
) -> None:
    one = stage()
    worker = os.getpid()
    one.resque.job("Order", queue="low")(lambda: os.kill(worker, signal.Signals[signal_name]))
    notes(db, 10)
    push(db, "Order")
    notes(db, 200)
    one.work()
    assert kinds(ends)[-1] in {LEFT, ENDED, WORKING}
    done = len(one.notes_taken())
    assert 10 <= done < 200
    assert db.llen("resque:queue:low") == 210 - done
    assert db.get("resque:stat:processed") == b"%d" % (done + 1)
    assert db.llen("resque:failed") == 0
    assert db.keys("resque:worker:*") == []


def test_a_job_that_takes_its_time_is_the_workers_to_watch(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    long_jobs: None,
) -> None:
    one = stage()
    short_jobs_then_one_that_holds(db)
    thread = release_when_the_worker_watches(one, ends, 4)
    one.work()
    thread.join()
    assert one.notes_taken()[-1] == ["held", "it"]
    assert db.get("resque:stat:processed") == b"4"


def test_an_error_of_the_worker_itself_ends_the_fast_path_first(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    long_jobs: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = stage(heartbeat_interval=1)
    notes(db, 200)
    usual = Worker.run_upkeep

    async def run_upkeep(self: Worker) -> float:
        if self.executor.fast_path.running and len(one.notes_taken()) > 20:  # type: ignore[attr-defined]
            raise ZeroDivisionError("the worker's own")
        return await usual(self)

    monkeypatch.setattr(Worker, "run_upkeep", run_upkeep)
    with pytest.raises(ZeroDivisionError):
        one.work()
    done = len(one.notes_taken())
    left = db.llen("resque:queue:low")
    failed = [json.loads(entry) for entry in db.lrange("resque:failed", 0, -1)]
    assert 20 < done < 200
    assert len(failed) == 1
    assert failed[0]["exception"] == "ZeroDivisionError"
    assert failed[0]["payload"]["args"] in ([done - 1], [done])
    assert left in (200 - done, 199 - done)
    assert db.keys("resque:worker:*") == []
