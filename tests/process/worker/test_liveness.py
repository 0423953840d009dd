from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque.errors import RedisUnavailable
from pyresque.process.health.state import Flag
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ID, worker

if TYPE_CHECKING:
    from pyresque.process.worker.liveness import Heartbeat, Upkeep

TIME = [b"1772366400", b"0"]


def rounds(**settings: float) -> Upkeep:
    """The rounds of a worker that has started."""
    one = worker(**settings)
    ScriptedDriver(TIME, [1]).run(one.heartbeat.beat())
    ScriptedDriver(None, 9_000).run(one.upkeep.prune())
    return one.upkeep


@pytest.fixture
def heartbeat() -> Heartbeat:
    one = worker(heartbeat_interval=60.0).heartbeat
    one.registered = True
    return one


def test_a_heartbeat_is_the_servers_time_and_enters_the_worker_again(heartbeat):
    hand = ScriptedDriver(TIME, [1, 1])
    hand.run(heartbeat.beat())
    _, (beat, entering) = hand.asked
    assert beat[:3] == ("HSET", "resque:workers:heartbeat", ID.encode())
    assert beat[3].startswith("2026-03-01T")
    assert entering == ("SADD", "resque:workers", ID.encode())


def test_before_it_is_registered_a_heartbeat_enters_nobody(heartbeat):
    heartbeat.registered = False
    hand = ScriptedDriver(TIME, [1])
    hand.run(heartbeat.beat())
    assert len(hand.asked[1]) == 1


def test_it_beats_when_it_is_due_and_returns_how_long_it_is_until_then(heartbeat):
    ScriptedDriver(TIME, [1, 1]).run(heartbeat.beat())
    hand = ScriptedDriver()
    assert hand.run(heartbeat.beat_if_due()) == 60.0
    heartbeat.core.clock.passed += 45
    assert hand.run(heartbeat.beat_if_due()) == 15.0
    heartbeat.core.clock.passed += 15
    again = ScriptedDriver(TIME, [1, 1])
    assert again.run(heartbeat.beat_if_due()) == 60.0
    assert len(again.asked) == 2


def test_a_heartbeat_that_cannot_be_written_is_tried_again_soon(heartbeat):
    ScriptedDriver(TIME, [1, 1]).run(heartbeat.beat())
    heartbeat.core.clock.passed += 60
    assert ScriptedDriver(RedisUnavailable("away")).run(heartbeat.beat_if_due()) == 5.0


def test_rounds_beat_and_prune_each_when_it_is_due():
    one = rounds(heartbeat_interval=60.0, prune_interval=150.0)
    assert ScriptedDriver().run(one.run()) == 60.0
    one.clock.passed += 60
    assert ScriptedDriver(TIME, [1]).run(one.run()) == 60.0
    one.clock.passed += 60
    assert ScriptedDriver(TIME, [1]).run(one.run()) == 30.0
    one.clock.passed += 30
    pruning = ScriptedDriver(None, 9_000)
    assert pruning.run(one.run()) == 30.0
    assert pruning.asked[0][:2] == ("SET", "resque:pruning_dead_workers_in_progress")


def test_pruning_that_redis_refuses_is_put_off_and_ends_nothing():
    one = rounds(heartbeat_interval=600.0, prune_interval=150.0)
    one.clock.passed += 600
    assert ScriptedDriver(TIME, [1], RedisUnavailable("away")).run(one.run()) == 600.0


def test_upkeep_reports_whether_heartbeats_are_sent():
    one = rounds(heartbeat_interval=60.0)
    one.health.mark(Flag.REGISTERED, True)
    one.clock.passed += 60
    ScriptedDriver(RedisUnavailable("away")).run(one.run())
    assert one.health.health(60.0).reasons == ("Redis does not answer",)
    one.clock.passed += 5
    ScriptedDriver(TIME, [1]).run(one.run())
    assert one.health.health(60.0).ready
