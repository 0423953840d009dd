from __future__ import annotations

import os
import signal
import threading

import pytest

from pyresque.errors import DirtyExit
from pyresque.executor.base import DONE, Outcome
from pyresque.executor.child import Child, drain
from pyresque.failure.report import ErrorReport


@pytest.fixture
def wakeup():
    """A pipe that wakes nobody unless it is written to."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def outcome(life, wakeup, *, run_at_exit=False, then=lambda child: None) -> Outcome:
    child = Child.fork(life, run_at_exit=run_at_exit)
    then(child)
    while (ended := child.wait(1, wakeup[0])) is None:
        pass
    child.close()
    return ended


def for_ever() -> Outcome:
    threading.Event().wait()
    return DONE


def test_a_child_tells_that_all_went_well(wakeup):
    assert outcome(lambda: DONE, wakeup) == DONE


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_a_child_tells_its_error_however_long(wakeup, size):
    told = Outcome(report=ErrorReport("E", "ä" * size, ("f:1:in `g'",) * 3))
    assert outcome(lambda: told, wakeup) == told


@pytest.mark.parametrize("status", [0, 1, 7])
def test_a_child_that_ends_without_a_word_is_dirty(wakeup, status):
    ended = outcome(lambda: os._exit(status), wakeup)
    assert isinstance(ended.dirty, DirtyExit)
    assert f"exited with status {status} before it told" in str(ended.dirty)


def test_a_child_that_breaks_before_it_tells_is_dirty(wakeup):
    assert isinstance(outcome(lambda: 1 / 0, wakeup).dirty, DirtyExit)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (1, "SIGHUP")])
def test_a_child_that_is_killed_is_told_as_ruby_tells_it(wakeup, number, name):
    pids = []
    ended = outcome(
        for_ever, wakeup, then=lambda child: (pids.append(child.pid), child.signal(number))
    )
    text = f"Child process received unhandled signal pid {pids[0]} {name} (signal {number})"
    assert str(ended.dirty).removesuffix(" (core dumped)") == text


def test_an_order_is_carried_out_when_its_time_has_come(wakeup):
    ended = outcome(for_ever, wakeup, then=lambda child: child.order(0.05, signal.SIGKILL))
    assert "SIGKILL" in str(ended.dirty)


def test_a_signal_to_a_child_that_has_ended_reaches_nobody(wakeup):
    child = Child.fork(lambda: DONE, run_at_exit=False)
    while child.wait(1, wakeup[0]) is None:
        pass
    child.signal(signal.SIGKILL)
    assert child.wait(0, wakeup[0]) == DONE


def test_a_wake_up_ends_a_wait_and_is_used_up(wakeup):
    child = Child.fork(for_ever, run_at_exit=False)
    os.write(wakeup[1], b"xx")
    assert child.wait(60, wakeup[0]) is None
    with pytest.raises(BlockingIOError):
        os.read(wakeup[0], 1)
    child.signal(signal.SIGKILL)
    while child.wait(1, wakeup[0]) is None:
        pass


def test_a_child_that_daemonised_somebody_does_not_hold_up_its_parent(wakeup):
    """A grandchild inherits the pipe and keeps it open."""
    reading, writing = os.pipe()

    def life() -> Outcome:
        if os.fork() == 0:
            os.read(reading, 1)
            os._exit(0)
        return DONE

    assert outcome(life, wakeup) == DONE
    os.write(writing, b"x")
    os.close(reading)
    os.close(writing)


def test_drain_empties_a_pipe_that_is_empty_already(wakeup):
    drain(wakeup[0])
    os.write(wakeup[1], b"x" * 10_000)
    drain(wakeup[0])
    with pytest.raises(BlockingIOError):
        os.read(wakeup[0], 1)
