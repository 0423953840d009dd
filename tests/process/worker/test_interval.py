from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.process.worker.idle import Interval
from pyresque.settings import Settings

SECONDS = st.floats(0, 1000)


def test_without_settings_of_its_own_it_is_the_interval():
    assert Interval.of(Settings()) == Interval(5.0, 5.0, 5.0, 0.1)


def test_an_interval_of_zero_is_a_burst():
    assert Interval.between(0.0).burst
    assert not Interval.between(0.1).burst


def test_waiting_grows_by_the_step_up_to_the_most():
    interval = Interval.between(1.0, 0.5, 2.0, 0.6)
    assert interval.first == 1.0
    assert interval.after_work == 0.5
    assert interval.longer(1.0) == pytest.approx(1.6)
    assert interval.longer(1.6) == 2.0


@given(SECONDS, st.none() | SECONDS, st.none() | SECONDS, st.none() | SECONDS)
def test_no_wait_is_ever_longer_than_the_most_nor_shorter_than_the_least(i, least, most, step):
    interval = Interval.between(i, least, most, step)
    assert interval.after_work <= interval.first <= interval.most
    assert interval.step <= interval.most
    wait = interval.first
    for _ in range(3):
        assert wait <= (wait := interval.longer(wait)) <= interval.most
