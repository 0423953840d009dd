from __future__ import annotations

import os
import signal
import threading

import pytest

from pyresque.errors import DirtyExit, TermException
from pyresque.executor.base import DONE, NOT_STARTED, Outcome
from pyresque.executor.fork.child_handle import ChildHandle, drain
from pyresque.executor.fork.child_process import ChildOptions
from pyresque.executor.fork.shared_page import SharedPage

ONE_JOB = ChildOptions()


@pytest.fixture
def wakeup():
    """A pipe that wakes nobody unless it is written to."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def born(work, rules=ONE_JOB) -> ChildHandle:
    return ChildHandle.fork(lambda _queue, raw: work(raw), rules, SharedPage())


def outcome_of(child, wakeup) -> Outcome:
    while (ended := child.wait(1, wakeup[0])) is None:
        pass
    return ended


def gone(child, wakeup) -> None:
    child.close_input()
    while not child.wait_exit(1, wakeup[0]):
        pass


def outcome(work, wakeup, *, rules=ONE_JOB, raw=b"", then=lambda child: None) -> Outcome:
    child = born(work, rules)
    child.send_job("low", raw, last=True)
    then(child)
    ended = outcome_of(child, wakeup)
    gone(child, wakeup)
    return ended


def for_ever(_raw: bytes = b"") -> None:
    threading.Event().wait()


class Begun:
    """A job that says when it has begun, and then goes on for ever."""

    def __init__(self) -> None:
        self.pipe = os.pipe()

    def __call__(self, _raw: bytes) -> None:
        os.write(self.pipe[1], b"x")
        for_ever()

    def wait(self) -> None:
        os.read(self.pipe[0], 1)
        os.close(self.pipe[0])
        os.close(self.pipe[1])


def nothing(_raw: bytes) -> None:
    """Do nothing."""


def test_a_child_reports_that_all_went_well(wakeup):
    assert outcome(nothing, wakeup) == DONE


def test_the_bytes_of_a_job_and_its_queue_arrive_as_they_are(wakeup):
    def attempt(queue: str, raw: bytes) -> None:
        raise ValueError(repr((queue, raw)))

    child = ChildHandle.fork(attempt, ChildOptions(), SharedPage())
    child.send_job("l\udcffw", b"\xff\x00{", last=True)
    assert outcome_of(child, wakeup).report.error == repr(("l\udcffw", b"\xff\x00{"))
    gone(child, wakeup)


def test_a_payload_greater_than_a_pipe_arrives_whole(wakeup):
    def work(raw: bytes) -> None:
        raise ValueError(str(len(raw)))

    assert outcome(work, wakeup, raw=b"x" * 5_000_000).report.error == "5000000"


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_a_child_reports_its_error_however_long(wakeup, size):
    def work(_raw: bytes) -> None:
        raise KeyError("ä" * size)

    report = outcome(work, wakeup).report
    assert (report.exception, report.error) == ("KeyError", repr("ä" * size))


def test_a_child_serves_as_many_jobs_as_it_is_given(wakeup):
    served = []

    def work(raw: bytes) -> None:
        served.append(raw)
        raise ValueError(len(served))

    child = born(work)
    for number in (1, 2, 3):
        child.send_job("low", b"", last=number == 3)
        assert outcome_of(child, wakeup).report.error == str(number)
        assert child.leaving == (number == 3)
    gone(child, wakeup)
    assert served == []


def test_a_child_that_has_grown_too_much_says_that_it_leaves(wakeup):
    child = born(nothing, ChildOptions(most_memory=1))
    child.send_job("low", b"", last=False)
    assert outcome_of(child, wakeup) == DONE
    assert child.leaving
    gone(child, wakeup)


def test_a_child_that_nobody_needs_ends_when_its_pipe_is_closed(wakeup):
    gone(born(nothing), wakeup)


def test_a_child_killed_before_it_was_given_a_job_has_not_begun_it(wakeup):
    child = born(nothing)
    child.send_signal(signal.SIGKILL)
    while not child.wait_exit(1, wakeup[0]):
        pass
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == NOT_STARTED


def test_a_term_that_finds_a_child_idle_ends_it_before_it_has_begun(wakeup):
    child = born(nothing, ChildOptions(term_child=True))
    child.send_signal(signal.SIGTERM)
    while not child.wait_exit(1, wakeup[0]):
        pass
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == NOT_STARTED


def test_a_term_reaches_a_job_once_and_it_may_clean_up(wakeup):
    begun = Begun()

    def work(raw: bytes) -> None:
        try:
            begun(raw)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    ended = outcome(
        work,
        wakeup,
        rules=ChildOptions(term_child=True),
        then=lambda child: (begun.wait(), child.send_signal(signal.SIGTERM)),
    )
    assert ended.report.exception == TermException.ruby_name


def test_a_patient_job_takes_no_notice_of_a_term_that_is_not_its_parents(wakeup):
    rules = ChildOptions(term_child=True, trusted_only=True)
    ended = outcome(lambda _raw: os.kill(os.getpid(), signal.SIGTERM), wakeup, rules=rules)
    assert ended == DONE


def test_a_patient_job_ends_by_its_parents_term(wakeup):
    begun = Begun()
    ended = outcome(
        begun,
        wakeup,
        rules=ChildOptions(term_child=True, trusted_only=True),
        then=lambda child: (begun.wait(), child.schedule_signal(0, signal.SIGTERM)),
    )
    assert ended.report.exception == TermException.ruby_name


def test_a_job_that_lasts_too_long_is_killed_and_reported_by_the_error_given(wakeup):
    error, begun = DirtyExit("the limit of this job"), Begun()
    ended = outcome(begun, wakeup, then=lambda child: (begun.wait(), child.kill_after(0.05, error)))
    assert ended.process_error is error


def test_a_limit_that_is_kept_is_forgotten_with_its_job(wakeup):
    begun = Begun()
    child = born(lambda raw: begun(raw) if raw else None)
    child.send_job("low", b"", last=False)
    child.kill_after(3600, DirtyExit("never"))
    assert outcome_of(child, wakeup) == DONE
    child.send_job("low", b"for ever", last=True)
    begun.wait()
    child.send_signal(signal.SIGHUP)
    assert "SIGHUP" in str(outcome_of(child, wakeup).process_error)
    gone(child, wakeup)


def test_a_child_whose_job_is_done_and_which_has_stopped_itself_is_killed_and_its_job_is_done(
    wakeup, caplog
):
    def close_the_pipe(_raw: bytes) -> None:
        os.closerange(3, 1024)

    rules = ChildOptions()
    rules.end = lambda: os.kill(os.getpid(), signal.SIGSTOP)
    child = born(close_the_pipe, rules)
    child.linger = 0.3
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == DONE
    assert child.leaving
    assert "is killed" in caplog.text


@pytest.mark.parametrize("status", [0, 1, 7])
def test_a_child_that_ends_without_a_word_is_dirty(wakeup, status):
    ended = outcome(lambda _raw: os._exit(status), wakeup)
    assert isinstance(ended.process_error, DirtyExit)
    assert f"exited with status {status} before it told" in str(ended.process_error)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (27, "SIGPROF"), (1, "SIGHUP")])
def test_a_child_that_is_killed_is_reported_as_ruby_reports_it(wakeup, number, name):
    pids, begun = [], Begun()
    ended = outcome(
        begun,
        wakeup,
        then=lambda child: (pids.append(child.pid), begun.wait(), child.send_signal(number)),
    )
    text = f"Child process received unhandled signal pid {pids[0]} {name} (signal {number})"
    assert str(ended.process_error).removesuffix(" (core dumped)") == text


def test_a_signal_is_sent_when_its_time_has_come(wakeup):
    begun = Begun()
    ended = outcome(
        begun,
        wakeup,
        then=lambda child: (begun.wait(), child.schedule_signal(0.05, signal.SIGKILL)),
    )
    assert "SIGKILL" in str(ended.process_error)


def test_a_signal_to_a_child_that_has_ended_reaches_nobody(wakeup):
    child = born(nothing)
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == DONE
    gone(child, wakeup)
    child.send_signal(signal.SIGKILL)
    assert child.wait(0, wakeup[0]) == DONE


def test_a_wake_up_ends_a_wait_and_is_used_up(wakeup):
    child = born(for_ever)
    child.send_job("low", b"", last=True)
    os.write(wakeup[1], b"xx")
    assert child.wait(60, wakeup[0]) is None
    with pytest.raises(BlockingIOError):
        os.read(wakeup[0], 1)
    child.send_signal(signal.SIGKILL)
    gone(child, wakeup)


def test_a_child_that_daemonised_somebody_does_not_hold_up_its_parent(wakeup):
    """A grandchild inherits the pipe and keeps it open."""
    reading, writing = os.pipe()

    def work(_raw: bytes) -> None:
        if os.fork() == 0:
            os.read(reading, 1)
            os._exit(0)

    assert outcome(work, wakeup) == DONE
    os.write(writing, b"x")
    os.close(reading)
    os.close(writing)


def test_drain_empties_a_pipe_that_is_empty_already(wakeup):
    drain(wakeup[0])
    os.write(wakeup[1], b"x" * 10_000)
    drain(wakeup[0])
    with pytest.raises(BlockingIOError):
        os.read(wakeup[0], 1)
