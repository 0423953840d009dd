"""Durations: what they are in seconds, and what is refused."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import DurationError
from pyresque.schedule.cron.durations import parse_duration, parse_every, parse_stretch


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m", 60),
        ("1M", 30 * 86400),
        ("1h30m", 5400),
        ("2 Hours, 30 minutes AND 5 secs", 9005),
        ("-1h30m", -5400),
        ("-1h 30m", -1800),
        ("1h+30m", 5400),
        ("1h 30", 3630),
        (".5h", 1800),
        ("1.m", 60),
        ("PT1H30M", 5400),
        ("p1dt-1h", 82800),
        ("P", 0),
        ("", 0),
        (90, 90),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_read_as_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "1h,",
        "1h and",
        ", 1h",
        "--1h",
        "+",
        "1 2s",
        "5 MINUTES",
        "PT",
        "P1.5D",
        "1.5.5s",
        "1h\n2m",
        "\u017f",
        "1\u017f",
    ],
)
def test_what_ruby_refuses_is_refused_with_an_example(text):
    with pytest.raises(DurationError) as refusal:
        parse_duration(text)
    assert repr(text) in str(refusal.value)
    assert "1h30m" in str(refusal.value)


@pytest.mark.parametrize("value", [None, True, ["30s"], {"first_in": "5s"}, b"30s"])
def test_what_is_neither_text_nor_number_is_refused(value):
    with pytest.raises(DurationError, match="a text or a number of seconds"):
        parse_duration(value)


@pytest.mark.parametrize(
    "endless",
    ["9" * 5000, "9" * 500_000, "9" * 400 + "s-" + "9" * 400 + "m", 10**400, math.inf, math.nan],
)
def test_a_duration_without_end_is_refused(endless):
    with pytest.raises(DurationError, match="longer than any clock runs"):
        parse_duration(endless)


def test_a_long_wrong_text_is_cut_in_the_message():
    with pytest.raises(DurationError) as refusal:
        parse_duration("x" * 10_000)
    assert len(str(refusal.value)) < 200


def test_every_takes_the_shortest_step_of_the_timer():
    assert parse_every("0.3s") == 0.3


@pytest.mark.parametrize("text", ["0s", "", "-5m", 0, -1])
def test_every_refuses_what_does_not_move_on(text):
    with pytest.raises(DurationError, match="no job can run every"):
        parse_every(text)


def test_every_refuses_what_is_shorter_than_the_step_of_the_timer():
    with pytest.raises(DurationError, match=r"'0\.29s' is shorter than the 0\.3 seconds"):
        parse_every("0.29s")


UNITS = {"y": 31536000, "M": 2592000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
parts = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from(sorted(UNITS))), max_size=5)


@given(parts=parts, blank=st.sampled_from(["", " ", ", ", " and "]))
def test_the_parts_of_a_duration_add_up(parts, blank):
    text = blank.join(f"{number}{unit}" for number, unit in parts)
    assert parse_duration(text) == sum(number * UNITS[unit] for number, unit in parts)


@given(st.text(max_size=30) | st.text("0123456789.+-yMwdhms ,andPT", max_size=20))
def test_any_text_is_read_or_refused(text):
    with suppress(DurationError):
        assert math.isfinite(parse_duration(text))


@pytest.mark.parametrize("text", ["999999999999999999y", "1001y", "-1001y", "P1001Y", 10**12])
def test_a_duration_that_no_calendar_reaches_is_refused(text):
    with pytest.raises(DurationError, match="is longer than 1000 years"):
        parse_stretch(text)
    assert parse_stretch("1000y") == 1000 * 365 * 86400
