from __future__ import annotations

import pytest

from pyresque.process.health.state import Flag, HealthState
from tests.support.scripted_worker import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health_state(clock) -> HealthState:
    made = HealthState(clock)
    made.mark(Flag.REGISTERED, True)
    return made


def test_a_worker_that_goes_on_is_live_and_ready(health_state):
    health = health_state.health(60.0)
    assert (health.live, health.ready) == (True, True)
    assert (health.faults, health.reasons) == ((), ())


def test_one_that_has_not_registered_is_live_but_not_ready(clock):
    health = HealthState(clock).health(60.0)
    assert (health.live, health.ready) == (True, False)
    assert health.reasons == ("not registered yet",)


@pytest.mark.parametrize(("flag", "reason"), [(Flag.PAUSED, "paused"), (Flag.STOPPING, "stopping")])
def test_one_that_takes_no_jobs_is_live_and_says_why(health_state, flag, reason):
    health_state.mark(flag, True)
    health = health_state.health(60.0)
    assert (health.live, health.ready, health.reasons) == (True, False, (reason,))
    health_state.mark(flag, False)
    assert health_state.health(60.0).ready


def test_three_missed_heartbeats_are_a_hang_and_never_under_a_minute(health_state, clock):
    clock.passed = 179
    health_state.turned()
    assert health_state.health(60.0).live
    clock.passed = 181
    assert health_state.health(60.0).faults == ("no heartbeat for 181 s",)
    assert health_state.health(100.0).live
    health_state.upkeep_done()
    health_state.turned()
    assert health_state.health(60.0).live
    clock.passed = 181 + 59
    assert health_state.health(0.5).live
    clock.passed = 181 + 61
    assert not health_state.health(0.5).live


def test_a_long_job_is_no_hang_while_the_heart_beats(health_state, clock):
    health_state.job(True)
    clock.passed = 10_000
    health_state.upkeep_done()
    assert health_state.health(60.0).live
    health_state.mark(Flag.WORKING, False)
    assert health_state.health(60.0).faults == ("its loop has not turned for 10000 s",)


def test_a_redis_that_is_away_is_no_fault_of_the_worker_that_waits_for_it(health_state, clock):
    clock.passed = 10_000
    health_state.redis_away(True)
    health = health_state.health(60.0)
    assert (health.live, health.ready, health.reasons) == (True, False, ("Redis does not answer",))
    health_state.redis_away(False)
    assert health_state.health(60.0).ready


def test_a_loop_that_goes_round_no_more_is_a_fault_whatever_its_workers_say(health_state, clock):
    health_state.job(True)
    health_state.looped()
    clock.passed = 181
    health_state.upkeep_done()
    assert health_state.health(60.0).faults == ("its event loop has not gone round for 181 s",)
    health_state.looped()
    assert health_state.health(60.0).live


def test_a_pause_is_logged_once_whatever_workers_have_seen_before(health_state, clock, caplog):
    """Several workers share the object; what each has seen it may tell late."""

    def said():
        lines = [record.getMessage().partition(":")[0] for record in caplog.records]
        caplog.clear()
        return lines

    before = health_state.turned()
    clock.passed += 1
    health_state.pause(True)
    now = health_state.turned()
    health_state.paused("USR2 came", (), now)
    assert said() == ["paused"]
    health_state.paused("", (), before)
    health_state.paused("USR2 came", (), now)
    assert said() == []
    clock.passed += 1
    health_state.pause(False)
    after = health_state.turned()
    health_state.paused("", (), after)
    assert said() == ["no longer paused"]
    health_state.paused("USR2 came", (), now)
    assert said() == []
    assert health_state.health(60.0).ready


def test_paused_queues_are_logged_once_whatever_workers_have_seen_before(
    health_state, clock, caplog
):
    before = health_state.turned()
    clock.passed += 1
    health_state.paused("", ("low",), health_state.turned())
    health_state.paused("", (), before)
    health_state.paused("", ("low",), before)
    clock.passed += 1
    health_state.paused("", (), health_state.turned())
    health_state.paused("", ("low",), before)
    assert [record.getMessage() for record in caplog.records] == [
        "no jobs are taken from paused queues: low",
        "no queue is paused any more",
    ]


def test_a_job_that_begins_as_a_signal_comes_does_not_end_the_pause(health_state):
    health_state.pause(True)
    health_state.job(True)
    health_state.job(False)
    assert health_state.health(60.0).reasons == ("paused",)
