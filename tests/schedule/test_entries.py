"""Entries of a schedule: what they mean, when they run, what is wrong with them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import ScheduleError
from pyresque.schedule.cron.next_run import Cron
from pyresque.schedule.entries import Entry, unknown_keys

NOW = 1772366400.0  # Sunday 2026-03-01 12:00 UTC
UTC = ZoneInfo("UTC")


class Clock:
    def time(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def entry(**config) -> Entry:
    return Entry.read("tea", config, Clock())


def faults(**config) -> tuple[str, ...]:
    with pytest.raises(ScheduleError) as caught:
        entry(**config)
    return caught.value.faults


def test_cron_wins_over_every_as_in_ruby():
    assert isinstance(entry(cron="0 * * * *", every="30s").timing, Cron)
    assert entry(cron="", every="30s").timing == 30


def test_options_stand_second_in_a_list_of_two():
    assert entry(every=["30s", {"first_in": "5s"}]).first_run(NOW, UTC) == NOW + 5
    assert entry(every=["30s", 1, 2]).first_run(NOW, UTC) == NOW + 30


def test_a_first_run_may_be_a_date():
    assert (
        entry(every=["1h", {"first_at": "2026-03-01 12:30:00 UTC"}]).first_run(NOW, UTC)
        == NOW + 1800
    )
    assert entry(cron=["0 * * * *", {"first": "10m"}]).first_run(NOW, UTC) == NOW + 600


def test_nothing_runs_after_the_last_time():
    limited = entry(every=["1h", {"last_in": "90m"}])
    first = limited.first_run(NOW, UTC)
    assert first == NOW + 3600
    assert limited.run_after(first, first, UTC) is None


def test_runs_that_have_passed_are_left_out():
    assert entry(every="10s").run_after(NOW, NOW + 25, UTC) == NOW + 30
    assert entry(cron="0 * * * *").run_after(NOW, NOW + 7300, UTC) == NOW + 3 * 3600


def test_every_may_go_on_from_its_last_run():
    assert entry(every="1h").first_run(NOW, UTC, last=NOW - 600) == NOW + 3000
    assert entry(every="1h").first_run(NOW, UTC, last=NOW - 99999) == NOW, (
        "what is overdue runs at once"
    )


def test_missed_runs_are_counted_up_to_a_number():
    hourly = entry(cron="0 * * * *")
    assert hourly.missed(NOW - 3 * 3600, NOW, UTC, 99) == 3
    assert hourly.missed(NOW - 3 * 3600, NOW, UTC, 2) == 2
    assert hourly.missed(NOW, NOW + 3599, UTC, 99) == 0
    assert entry(every="1h").missed(NOW - 9000, NOW, UTC, 99) == 2


def test_a_line_runs_by_the_zone_it_is_given():
    assert entry(cron="0 9 * * *").first_run(NOW, ZoneInfo("America/New_York")) == NOW + 7200


@pytest.mark.parametrize(
    ("config", "environment", "runs"),
    [
        ({}, "", True),
        ({"env": "production"}, "", False),
        ({"env": "production"}, "production", True),
        ({"rails_env": "staging, production"}, "production", True),
        ({"rails_env": "a", "env": "b"}, "b", False),
    ],
)
def test_an_environment_keeps_entries_apart(config, environment, runs):
    assert entry(**config).runs_in(environment) is runs


def test_every_fault_is_named_at_once():
    found = faults(
        **{"cron": "nonsense", "class": 5, "queue": ["a"], "skip_if_queued": "yes", "catch_up": -1}
    )
    assert [fault.split(":")[0] for fault in found] == [
        "cron",
        "catch_up",
        "class",
        "queue",
        "skip_if_queued",
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"every": 30}, "write a text, such as '30s'"),
        ({"every": {"a": 1}}, "a mapping, not a text"),
        ({"every": "soon"}, "is not a duration"),
        ({"cron": "61 * * * *"}, "'61' is no minute"),
        ({"every": ["1h", {"first_in": "never"}]}, "first: 'never' is not a duration"),
        ({"every": ["1h", {"times": 0}]}, "no number from 1 on"),
        ({"every": ["1h", {"frist_in": "1s"}]}, "option 'frist_in' is none of"),
        ({"every": ["1h", {"last_at": "x"}]}, "last: "),
    ],
)
def test_a_fault_says_what_to_write(config, said):
    assert any(said in fault for fault in faults(**config))


def test_what_is_no_mapping_is_reported():
    with pytest.raises(ScheduleError, match="'tea': it is a text, not keys"):
        Entry.read("tea", "0 * * * *", Clock())


def test_keys_without_meaning_are_found():
    assert unknown_keys({"cron": "x", "crom": 1, "queue": "q"}) == ["crom"]


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=9),
        st.lists(st.text(max_size=5), max_size=3),
    ),
    st.sampled_from(["cron", "every", "class", "queue", "env", "catch_up", "remember"]),
)
def test_whatever_stands_there_is_read_or_refused_in_words(value, key):
    try:
        found: object = entry(**{key: value})
    except ScheduleError as error:
        found = error.faults
    assert found
