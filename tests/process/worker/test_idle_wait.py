from __future__ import annotations

import pytest

from pyresque.process.worker.idle import LONGEST_PAUSE, LOOK, VAIN_WAKE_UPS, IdleWait
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import Clock, ScriptedHost

LOW = ("resque:queue:low",)


class Stage:
    """A rest whose heart beats at most every so many seconds."""

    def __init__(self, beat=60.0):
        self.clock = Clock()
        self.around = ScriptedHost(self.clock)
        self.beat, self.beats, self.stop = beat, 0, False
        self.idle_wait = IdleWait(self.clock, self.around, self.upkeep)

    async def upkeep(self):
        self.beats += 1
        return self.beat

    def take(self, seconds, queues=LOW):
        before = self.clock.passed
        ScriptedDriver().run(self.idle_wait.run(seconds, queues, lambda: self.stop))
        return self.clock.passed - before


@pytest.fixture
def stage():
    return Stage()


def test_who_hears_of_no_job_looks_after_its_interval(stage):
    assert stage.take(0.1, ()) == pytest.approx(0.1)
    assert stage.around.waits == [((), 0.1, LOOK)]


def test_a_job_ends_the_rest(stage):
    stage.around.calls = [0.25]
    assert stage.take(3600.0) == 0.25


def test_who_waits_for_a_call_looks_no_more_often_than_every_few_seconds(stage):
    """The waiter waits for ``most`` seconds while its lines are armed."""
    stage.around.wait_for_jobs = lambda queues, look, most: stage.around.sleep(most)
    assert stage.take(0.1) == LOOK
    assert stage.take(30.0) == 30.0


def test_the_heart_beats_in_between(stage):
    stage.beat = 10.0
    stage.around.wait_for_jobs = lambda queues, look, most: stage.around.sleep(most)
    assert stage.take(35.0) == 35.0
    assert stage.around.slept == [10.0, 10.0, 10.0, 5.0]
    assert stage.beats == 4


def test_a_signal_to_stop_ends_the_wait(stage):
    def stopped(queues, look, most):
        stage.clock.passed += 1
        stage.stop = True
        return False

    stage.around.wait_for_jobs = stopped
    assert stage.take(3600.0) == 1


def test_any_other_signal_does_not(stage):
    answers = [False, False, True]

    def woken(queues, look, most):
        stage.clock.passed += 1
        return answers.pop(0)

    stage.around.wait_for_jobs = woken
    assert stage.take(3600.0) == 3
    assert stage.around.slept == []


def test_calls_that_lead_to_no_job_are_followed_at_once_only_a_few_times(stage):
    stage.around.calls = [0.0] * 20
    for _ in range(10):
        stage.take(5.0)
    pauses = stage.around.slept
    assert len(pauses) == 10 - VAIN_WAKE_UPS - 1
    assert all(0 <= pause <= LONGEST_PAUSE for pause in pauses)
    stage.idle_wait.found_job()
    stage.take(5.0)
    assert stage.around.slept == pauses


def test_calls_no_more_frequent_than_the_interval_cost_no_pause(stage):
    stage.around.calls = [0.2] * 20
    for _ in range(10):
        stage.take(0.1)
    assert stage.around.slept == []
