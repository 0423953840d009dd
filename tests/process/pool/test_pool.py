from __future__ import annotations

import pytest

from pyresque.process.pool.pool import BACK_OFF, HEALTHY_AFTER, MOST_BACK_OFF, Pool


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Stage:
    """A pool whose workers are numbers; what was sent to whom is written down."""

    def __init__(self, wanted, **options):
        self.clock = Clock()
        self.started: list[str] = []
        self.sent: list[tuple[int, str]] = []
        self.refuse = False
        self.pool = Pool(wanted, self.start, self.send, self.clock, **options)

    def start(self, queues):
        if self.refuse:
            raise BlockingIOError("Resource temporarily unavailable")
        self.started.append(queues)
        return len(self.started)

    def send(self, pid, name):
        self.sent.append((pid, name))


def test_as_many_are_started_as_are_wanted_and_no_more():
    stage = Stage({"low": 2, "high,low": 1, "none": 0})
    stage.pool.maintain()
    stage.pool.maintain()
    assert sorted(stage.started) == ["high,low", "low", "low"]
    assert stage.pool.complete


def test_one_that_died_is_followed_by_another():
    stage = Stage({"low": 1})
    stage.pool.maintain()
    stage.clock.now += HEALTHY_AFTER
    assert stage.pool.ended(1, -9).queues == "low"
    stage.pool.maintain()
    assert stage.started == ["low", "low"]


def test_those_that_die_young_are_followed_later_and_later():
    stage = Stage({"low": 1})
    waits = []
    for pid in range(1, 12):
        stage.clock.now += stage.pool.maintain() if pid > 1 else 0
        stage.pool.maintain()
        stage.pool.ended(pid, 1)
        waits.append(stage.pool.maintain())
    assert waits[0] == 2 * BACK_OFF
    assert waits == sorted(waits)
    assert waits[-1] == MOST_BACK_OFF
    assert len(stage.started) == 11


def test_one_that_lived_long_ends_the_waiting():
    stage = Stage({"low": 1})
    stage.pool.maintain()
    stage.pool.ended(1, 1)
    stage.clock.now += stage.pool.maintain()
    stage.pool.maintain()
    stage.clock.now += HEALTHY_AFTER
    stage.pool.ended(2, 1)
    stage.pool.maintain()
    assert len(stage.started) == 3


def test_one_more_and_one_less_of_each():
    stage = Stage({"low": 1, "high": 1})
    stage.pool.add(1)
    stage.pool.maintain()
    assert sorted(stage.started) == ["high", "high", "low", "low"]
    stage.pool.add(-1)
    stage.pool.maintain()
    assert len(stage.sent) == 2
    assert {name for _, name in stage.sent} == {"SIGQUIT"}
    stage.pool.add(-5)
    stage.pool.maintain()
    assert len(stage.sent) == 4


def test_who_was_sent_away_is_not_sent_away_again_and_not_replaced():
    stage = Stage({"low": 2})
    stage.pool.maintain()
    stage.pool.add(-1)
    stage.pool.maintain()
    stage.pool.maintain()
    assert len(stage.sent) == 1
    stage.pool.ended(stage.sent[0][0], 0)
    stage.pool.maintain()
    assert len(stage.started) == 2


def test_other_wishes_replace_the_workers_and_keep_none_of_a_line_that_is_gone():
    stage = Stage({"low": 1, "old": 1})
    stage.pool.maintain()
    stage.pool.restart()
    stage.pool.want({"low": 2})
    stage.pool.maintain()
    assert sorted(stage.sent) == [(1, "SIGQUIT"), (2, "SIGQUIT")]
    assert stage.started[2:] == ["low", "low"]


def test_a_signal_to_stop_is_passed_on_and_nobody_comes_any_more():
    stage = Stage({"low": 2})
    stage.pool.maintain()
    stage.pool.stop("SIGTERM")
    stage.pool.ended(1, -15)
    stage.pool.maintain()
    assert not stage.pool.over
    stage.pool.ended(2, 0)
    assert stage.pool.over
    assert stage.started == ["low", "low"]
    assert stage.sent == [(1, "SIGTERM"), (2, "SIGTERM")]


def test_a_burst_is_over_when_every_worker_found_its_queues_empty():
    stage = Stage({"low": 2}, burst=True)
    stage.pool.maintain()
    stage.pool.ended(1, 0)
    stage.pool.maintain()
    assert stage.started == ["low", "low"]
    assert not stage.pool.over
    stage.pool.ended(2, 0)
    assert stage.pool.over


def test_a_worker_that_is_killed_in_a_burst_is_replaced():
    stage = Stage({"low": 1}, burst=True)
    stage.pool.maintain()
    stage.pool.ended(1, -9)
    assert not stage.pool.over
    stage.clock.now += MOST_BACK_OFF
    stage.pool.maintain()
    assert stage.started == ["low", "low"]


def test_starts_are_apart_by_the_delay_that_is_asked_for():
    stage = Stage({"low": 3}, spawn_delay=2.0)
    assert stage.pool.maintain() == pytest.approx(2.0)
    assert len(stage.started) == 1
    stage.clock.now += 2.0
    stage.pool.maintain()
    assert len(stage.started) == 2


def test_where_nothing_can_be_forked_the_pool_waits_and_tries_again():
    stage = Stage({"low": 2})
    stage.refuse = True
    assert stage.pool.maintain() == pytest.approx(BACK_OFF)
    stage.refuse = False
    stage.clock.now += BACK_OFF
    stage.pool.maintain()
    assert stage.started == ["low", "low"]


def test_a_process_that_is_none_of_its_workers_changes_nothing():
    stage = Stage({"low": 1})
    stage.pool.maintain()
    assert stage.pool.ended(99, 0) is None
    assert stage.pool.complete


def test_no_worker_is_wanted_until_others_are():
    stage = Stage({"low": 1})
    stage.pool.maintain()
    stage.pool.want_none()
    stage.pool.maintain()
    stage.pool.ended(1, 0)
    assert not stage.pool.over
    stage.pool.want({"low": 1})
    stage.pool.maintain()
    assert stage.started == ["low", "low"]
