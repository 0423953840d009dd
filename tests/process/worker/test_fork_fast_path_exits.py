"""The fast path and children that have finished their job: the next one begins while they exit."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.executor.fork import fast_path_child
from pyresque.executor.fork.fast_path_child import CALL_BACK
from pyresque.executor.fork.fast_path_process import ANSWERED
from tests.support.eventually import TIMEOUT
from tests.support.fork_worker import ForkWorker, kinds, notes
from tests.support.processes import children_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd

#: What a child calls to tell the fork server that its job is finished.
KILL = os.kill

JOBS = 10


class System:
    """``os`` for a child, with another ``kill``."""

    def __init__(self, kill: Callable[[int, int], None]) -> None:
        self.kill = kill

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def told_of(pid: int, number: int, *, one: ForkWorker) -> None:
    """Tell the fork server, then wait until a later job has begun, and note whether one has."""
    assert number == CALL_BACK
    done = len(one.notes_taken())
    KILL(pid, number)
    until = time.monotonic() + TIMEOUT
    while len(one.notes_taken()) == done < JOBS and time.monotonic() < until:
        time.sleep(0.005)
    one.notes.rpush("went on", str(done == JOBS or len(one.notes_taken()) > done))


def test_the_next_job_begins_while_the_child_before_it_exits(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = stage()
    monkeypatch.setattr(fast_path_child, "os", System(partial(told_of, one=one)))
    notes(db, JOBS)
    one.work()
    assert one.notes_taken() == [[number] for number in range(JOBS)]
    assert db.get("resque:stat:processed") == b"10"
    assert kinds(ends) == [ANSWERED]
    assert one.notes.lrange("went on", 0, -1) == [b"True"] * (ends[0].turns + 1)


def test_a_child_that_cannot_tell_is_waited_for(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(pid: int, number: int) -> None:
        """Send nothing: as a signal that comes a moment before the fork server waits."""

    monkeypatch.setattr(fast_path_child, "os", System(lost))
    one = stage()
    notes(db, JOBS)
    one.work()
    assert one.notes_taken() == [[number] for number in range(JOBS)]
    assert kinds(ends) == [ANSWERED]


def test_a_child_that_may_not_tell_ends_in_silence(
    stage: Callable[..., ForkWorker],
    db: redis.Redis,
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(pid: int, number: int) -> None:
        """As the system does where a job has given up its rights."""
        raise PermissionError(1, "Operation not permitted")

    def logged(error: BaseException) -> int:
        one.notes.rpush("logged", repr(error))
        return 1

    one = stage()
    monkeypatch.setattr(fast_path_child, "os", System(refused))
    monkeypatch.setattr(fast_path_child, "log_failure", logged)
    notes(db, JOBS)
    one.work()
    assert one.notes_taken() == [[number] for number in range(JOBS)]
    assert kinds(ends) == [ANSWERED]
    assert one.notes.lrange("logged", 0, -1) == []


def test_such_signals_of_others_change_nothing(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()

    def sends_signals() -> None:
        for _ in range(20):
            os.kill(os.getppid(), signal.SIGURG)
            time.sleep(0.001)
        one.take_note("sent")

    one.resque.job("Signals", queue="low")(sends_signals)
    db.rpush("resque:queue:low", *[b'{"class":"Signals","args":[]}'] * 5)
    one.work()
    assert one.notes_taken() == [["sent"]] * 5
    assert db.get("resque:stat:processed") == b"5"
    assert kinds(ends) == [ANSWERED]


def test_at_most_one_child_exits_while_another_works(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage(fork_ahead="never")

    def siblings() -> None:
        one.take_note(children_of(os.getppid()))

    one.resque.job("Siblings", queue="low")(siblings)
    db.rpush("resque:queue:low", *[b'{"class":"Siblings","args":[]}'] * 30)
    one.work()
    assert kinds(ends) == [ANSWERED]
    assert {len(seen) for [seen] in one.notes_taken()} <= {1, 2}
