from __future__ import annotations

import pickle
import threading
from datetime import timedelta

import pytest

from pyresque import Resque
from pyresque.errors import HardTimeLimit, JobOptionError, JobTimeout
from pyresque.executor.fork.executor import hard_limit
from pyresque.failure.report import report
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.limits import GRACE, TimeLimit, bounded, time_limit
from pyresque.job.perform import perform
from pyresque.ops import Call, Command
from tests.support.scripted_driver import ScriptedDriver


def job(name: str, *args: object):
    codec = JsonCodec()
    return read_job(codec, "low", codec.encode({"class": name, "args": list(args)}))


def test_a_plain_span_is_the_soft_limit_and_the_hard_one_follows():
    assert time_limit(30) == TimeLimit(soft=30, hard=30 + GRACE)
    assert time_limit(timedelta(minutes=1)) == TimeLimit(soft=60.0, hard=60.0 + GRACE)
    assert time_limit(None) is None
    given = TimeLimit(hard=timedelta(seconds=9))
    assert time_limit(given) is given
    assert (given.soft, given.hard) == (None, 9.0)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (0, "timeout=0 must be a number of seconds above 0"),
        (-1.5, "timeout=-1.5 must be"),
        (float("nan"), "timeout=nan must be"),
        (float("inf"), "timeout=inf must be"),
        (timedelta(0), "timeout=0.0 must be"),
        (True, "timeout=True is no time: give seconds or a timedelta"),
        ("30", "timeout='30' is no time"),
        ((5, 6), r"timeout=\(5, 6\) is no time"),
    ],
)
def test_what_is_no_time_is_refused_when_the_job_is_registered(given, complaint):
    resque = Resque("redis://nowhere.invalid")
    with pytest.raises(JobOptionError, match=complaint):
        resque.job("X", queue="low", timeout=given)
    with pytest.raises(JobOptionError, match=complaint):
        resque.active_job("X", queue="low", timeout=given)


def test_limits_that_leave_no_time_between_them_are_refused():
    with pytest.raises(JobOptionError, match=r"soft limit \(30 s\) must be below the hard one"):
        TimeLimit(soft=30, hard=30)
    with pytest.raises(JobOptionError, match="needs soft=, hard=, or both"):
        TimeLimit()
    with pytest.raises(JobOptionError, match=r"soft=TimeLimit\(.*\) is no time"):
        TimeLimit(soft=TimeLimit(soft=1))  # type: ignore[arg-type]  # the mistake under test


def test_the_hard_limit_is_reported_of_registered_jobs_and_of_active_jobs():
    resque = Resque("redis://nowhere.invalid")
    resque.job("Limited", queue="low", timeout=30)(lambda: None)
    resque.job("Free", queue="low")(lambda: None)
    resque.active_job("RailsJob", timeout=TimeLimit(hard=9))(lambda: None)
    registry = resque.core.registry
    assert hard_limit(registry, job("Limited")) == 35.0
    assert hard_limit(registry, job("Free")) is None
    assert hard_limit(registry, job("Unknown")) is None
    wrapper = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    assert hard_limit(registry, job(wrapper, {"job_class": "RailsJob"})) == 9.0
    assert hard_limit(registry, job(wrapper, {"job_class": "Other"})) is None


def test_a_job_that_takes_too_long_fails_and_its_failure_hooks_have_time():
    resque = Resque("redis://nowhere.invalid")
    heard = []

    @resque.job(queue="low", timeout=0.05)
    class Slow:
        @staticmethod
        def on_failure_note(error, *args):
            threading.Event().wait(0.2)
            heard.append((str(error), args))

        @staticmethod
        def perform(mark):
            threading.Event().wait(60)

    with pytest.raises(JobTimeout):
        ScriptedDriver().run(perform(resque.core.registry, job("Slow", 7)))
    assert heard == [("the job ran longer than its limit of 0.05 s", (7,))]


def test_hooks_and_work_share_one_span():
    resque = Resque("redis://nowhere.invalid")
    heard = []

    @resque.job(queue="low", timeout=0.05)
    class Slow:
        @staticmethod
        def before_perform_wait():
            threading.Event().wait(60)

        @staticmethod
        def perform():
            heard.append("performed")

    with pytest.raises(JobTimeout):
        ScriptedDriver().run(perform(resque.core.registry, job("Slow")))
    assert heard == []


def test_what_is_said_to_redis_passes_through_as_it_is():
    async def operation():
        once = await Command(("GET", "x"), read=int)
        return once + await Call(lambda: 1)

    assert ScriptedDriver(b"6").run(bounded(operation(), TimeLimit(soft=60))) == 7


def test_both_errors_are_reported_in_rubys_names_and_cross_processes():
    assert report(JobTimeout(2.5)).exception == "Timeout::Error"
    assert report(HardTimeLimit(30)).exception == "Resque::DirtyExit"
    for error in (JobTimeout(2.5), HardTimeLimit(30)):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
