from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from pyresque.errors import RedisUnavailable
from pyresque.lightweight import SOONER
from pyresque.process.health.state import Flag
from pyresque.process.worker.liveness import RETRY, Heartbeats
from pyresque.ruby import time as ruby_time
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ID, worker

if TYPE_CHECKING:
    from pyresque.process.worker.liveness import Heartbeat, Upkeep

pytestmark = pytest.mark.usefixtures("full_waits")

TIME = [b"1772366400", b"0"]

#: The age of a heartbeat that expires in the next second, if workers are pruned after one.
LIMIT = timedelta(seconds=1)


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


def test_only_the_heartbeat_is_tried_while_redis_does_not_take_it():
    """Each attempt may hang: what else is due waits until the heartbeat is written."""
    upkeep = rounds(heartbeat_interval=60.0, prune_interval=60.0)
    upkeep.clock.passed += 60
    away = ScriptedDriver(RedisUnavailable("away"))
    assert away.run(upkeep.run()) == RETRY
    assert len(away.asked) == 1
    upkeep.clock.passed += RETRY
    back = ScriptedDriver(TIME, [1], None, 9_000)
    back.run(upkeep.run())
    assert len(back.asked) == 4


def test_upkeep_reports_whether_heartbeats_are_sent():
    one = rounds(heartbeat_interval=60.0)
    one.health.mark(Flag.REGISTERED, True)
    one.clock.passed += 60
    ScriptedDriver(RedisUnavailable("away")).run(one.run())
    assert one.health.health(60.0).reasons == ("Redis does not answer",)
    one.clock.passed += 5
    ScriptedDriver(TIME, [1]).run(one.run())
    assert one.health.health(60.0).ready


def chance(monkeypatch, *fractions):
    """These are the next random numbers; the last one comes again and again."""
    coming = list(fractions)
    monkeypatch.setattr(
        "pyresque.lightweight.random_fraction",
        lambda: coming.pop(0) if len(coming) > 1 else coming[0],
    )


def beats(one, count):
    """Let a heartbeat be due so many times; the seconds from each to the next."""
    waits = []
    for _ in range(count):
        waits.append(ScriptedDriver(TIME, [1, 1]).run(one.beat_if_due()))
        one.core.clock.passed += waits[-1]
    return waits


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_the_second_beat_comes_at_any_time_of_the_interval_and_each_later_one_rather_sooner(
    heartbeat, monkeypatch, fraction
):
    chance(monkeypatch, fraction)
    ScriptedDriver(TIME, [1, 1]).run(heartbeat.beat())
    first = ScriptedDriver().run(heartbeat.beat_if_due()) if fraction else 0.0
    assert first == 60.0 * fraction
    heartbeat.core.clock.passed += first
    assert beats(heartbeat, 3) == [pytest.approx(60.0 * (1 - SOONER * (1 - fraction)))] * 3


def test_no_beat_is_later_than_the_interval_so_that_no_ruby_worker_prunes_its_worker(
    heartbeat, monkeypatch
):
    monkeypatch.undo()
    ScriptedDriver(TIME, [1, 1]).run(heartbeat.beat())
    heartbeat.core.clock.passed += 60
    assert max(beats(heartbeat, 200)) <= 60.0


def test_who_could_not_beat_tries_again_within_seconds_and_then_spreads_over_the_interval(
    heartbeat, monkeypatch
):
    ScriptedDriver(TIME, [1, 1]).run(heartbeat.beat())
    heartbeat.core.clock.passed += 60
    chance(monkeypatch, 0.5)
    assert ScriptedDriver(RedisUnavailable("away")).run(heartbeat.beat_if_due()) == RETRY / 2
    heartbeat.core.clock.passed += RETRY / 2
    assert beats(heartbeat, 2) == [30.0, pytest.approx(60 - 60 * SOONER / 2)]


def test_workers_that_start_in_the_same_second_beat_all_over_the_interval(monkeypatch):
    monkeypatch.undo()
    firsts = []
    for _ in range(300):
        one = worker(heartbeat_interval=60.0).heartbeat
        ScriptedDriver(TIME, [1]).run(one.beat())
        firsts.append(ScriptedDriver().run(one.beat_if_due()))
    assert len({int(first // 6) for first in firsts}) == 10
    assert 0 <= min(firsts) <= max(firsts) <= 60


def test_the_heartbeats_of_a_crew_begin_at_any_time_of_the_interval(monkeypatch):
    chance(monkeypatch, 0.5)
    one = worker(heartbeat_interval=60.0)
    together = Heartbeats(one.core, [one.heartbeat])
    assert ScriptedDriver().run(together.beat_if_due()) == 30.0


def test_workers_that_start_in_the_same_second_do_not_ask_to_prune_in_one(monkeypatch):
    chance(monkeypatch, 0.5)
    one = rounds(heartbeat_interval=60.0, prune_interval=100.0)
    one.heartbeat._due = float("inf")
    assert ScriptedDriver().run(one.run()) == 50.0


class Undeclared:
    """Counts how often it was allowed to look."""

    allowed: int = 0

    def allow(self):
        self.allowed += 1


def test_only_who_has_pruned_looks_for_undeclared_plugins():
    one = worker()
    one.upkeep.undeclared = Undeclared()
    assert ScriptedDriver(b"OK", [b"0", []], TIME, [b"0", []]).run(one.upkeep.prune()) == []
    assert one.upkeep.undeclared.allowed == 1
    assert ScriptedDriver(None, 9_000).run(one.upkeep.prune()) is None
    assert ScriptedDriver(RedisUnavailable("away")).run(one.upkeep.prune()) is None
    assert one.upkeep.undeclared.allowed == 1


@pytest.mark.parametrize("late", [0, 1, 600])
def test_a_worker_whose_heartbeat_expires_while_the_dead_are_looked_for_is_found(late):
    one = worker(prune_interval=1.0)
    one.pruner.worker_pids = frozenset
    dead, then = b"host:41:low", [b"%d" % (int(TIME[0]) + late), b"0"]
    fresh = ruby_time.heartbeat(datetime.fromtimestamp(int(TIME[0]), timezone.utc) - LIMIT).encode()
    # The last reply is never asked for: a second look at the clock would find that the heartbeat has expired.
    replies = [[b"0", [dead, fresh]], TIME, [b"0", [dead]], [fresh], then]
    hand, search = ScriptedDriver(*replies), one.pruner.search()
    found = {}
    while (more := hand.run(search.more())) is not None:
        found |= more
    assert found == {"host:41:low": None}
