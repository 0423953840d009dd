"""Cron lines: reading, refusing, and the next run, also where clocks change."""

from __future__ import annotations

import calendar
import pickle
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import islice
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from pyresque.errors import CronError
from pyresque.schedule.cron.next_run import Cron

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def runs(line: str, after: str, zone: tzinfo, count: int = 3) -> list[str]:
    """The next runs as texts; ``after`` may bear an offset, else it is a time in the zone."""
    start = datetime.fromisoformat(after)
    start = start.replace(tzinfo=zone) if start.tzinfo is None else start
    return [
        run.strftime("%m-%d %H:%M %z") for run in islice(Cron.parse(line).runs(start, zone), count)
    ]


# -- reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("*/15 9-17 * * MON-fri", "0,15,30,45 9,10,11,12,13,14,15,16,17 * * 1,2,3,4,5"),
        ("30 0 9 L Jan *", "30 0 9 -1 1 *"),
        ("0 5/6 * * *", "0 5,11,17,23 * * *"),
        ("/20 24 * * *", "0,20,40 0 * * *"),
        ("50-5/5 * * * *", "0,5,50,55 * * * *"),
        ("0 22-24 * * *", "0 0,22,23 * * *"),
        ("0 0-24/8 * * *", "0 0,8,16 * * *"),
        ("0 0 -3--1 * *", "0 0 -3,-2,-1 * *"),
        ("0 0 28--1 * *", "0 0 28,29,30,31 * *"),
        ("5/1 * 1-31 */1 *", ",".join(map(str, range(5, 60))) + " * * * *"),
        ("0 0 * * sun,7,0", "0 0 * * 0"),
        ("0 0 * * fri-mon/2", "0 0 * * 0,5"),
        ("0 0 * * fri/2", "0 0 * * 5"),
        ("0 0 * * */3", "0 0 * * 0,3,6"),
        ("0 0 * * *,fri", "0 0 * * 5"),
        ("0 0 * * mon#2,mon,mon#-1", "0 0 * * 1#-1,1,1#2"),
        ("0 0 30,31 2,4 *", "0 0 30 4 *"),
        ("0 0 1 * mon&", "0 0 1 * 1&"),
        ("\t@noon   Asia/Tokyo\n", "0 12 * * * Asia/Tokyo"),
        ("0 9 * * * -0330", "0 9 * * * -0330"),
        ("0 0 0 * * MON", "0 0 * * 1"),
    ],
)
def test_a_line_has_one_spelling(line, canonical):
    assert Cron.parse(line).canonical == canonical


def test_the_line_is_kept_as_it_was_written():
    assert Cron.parse(" @daily ").original == " @daily "


def test_lines_that_mean_the_same_are_equal():
    assert Cron.parse("@weekly") == Cron.parse("0  0 * * SUN")
    assert hash(Cron.parse("@weekly")) == hash(Cron.parse("0 0 * * 7"))
    assert Cron.parse("@weekly") != Cron.parse("@weekly UTC")


def test_a_line_can_be_sent_to_another_process():
    cron = Cron.parse("0 9 * * mon#1 Europe/Berlin")
    assert pickle.loads(pickle.dumps(cron)) == cron


# -- refusing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("61 * * * *", "'61' is no minute (0-59)"),
        ("99 * * * * *", "'99' is no second (0-59)"),
        ("0 9,25 * * *", "'25' is no hour (0-24)"),
        ("0 9 * * monday", "'monday' is no weekday (0-7 or sun-sat (three letters)"),
        ("0 9 * * friL", "the last Friday is written fri#-1"),
        ("0 9 ? * *", "'?' is another cron's; write '*'"),
        ("0 9 15W * *", "the nearest working day (W) is another cron's"),
        ("0~30 9 * * *", "'~' would be another time in every process"),
        ("*/0 * * * *", "'*/0' has a step of 0"),
        ("0 9 * * mon%0", "'mon%0' asks for every 0th week"),
        ("0 9 L-2 * *", "'L-2' mixes a day of the month counted from the end"),
        ("0 9 31 4,6 *", "such a day never comes"),
        ("0 9 -30 2 *", "such a day never comes"),
        ("0 9 8& * mon#1", "such a day never comes"),
        ("0 9 * * * Mars/Olympus", "'Mars/Olympus' is no time zone"),
        ("0 9 * * * America", "'America' is no time zone"),
        ("0 9 * * * +12:00", "'+12:00' is no time zone"),
        ("0 9 * * * #at-nine", "'#at-nine' is no weekday (a line holds no comment)"),
        ("@reboot", "'@reboot' is none of @yearly"),
        ("every day at noon", "it needs five fields"),
        ("", "it needs five fields"),
        ("0 9 * *", "it needs five fields"),
        (",1 * * * *", "'' is no minute"),
        ("1, * * * *", "'' is no minute"),
        ("0 9\n* * *", "it needs five fields"),
        ("0 9 * * \u017fun", "is no weekday"),
        ("0 9 * * mon%99999999999", "is no weekday"),
    ],
)
def test_a_refusal_names_the_part_that_is_wrong(line, says):
    with pytest.raises(CronError) as refusal:
        Cron.parse(line)
    assert says in str(refusal.value)
    assert repr(line) in str(refusal.value)


@pytest.mark.parametrize(
    "line", ["61 * * * *", "0 9 -31 2 *", "@often", "* * *", "0 9 * * * Nowhere", "0 9 * * x"]
)
def test_the_example_in_a_refusal_works(line):
    with pytest.raises(CronError) as refusal:
        Cron.parse(line)
    assert Cron.parse(refusal.value.example)


def test_a_refusal_can_be_sent_to_another_process():
    error = CronError("x", "it is wrong", "@daily")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line, again.problem) == (str(error), "x", "it is wrong")


@pytest.mark.parametrize("line", [None, 5, ["* * * * *"]])
def test_what_is_no_text_is_refused(line):
    with pytest.raises(CronError, match="is no text"):
        Cron.parse(line)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        Cron.parse("@daily").next_after(datetime.fromisoformat("2026-03-01"), UTC)


# -- the next run ----------------------------------------------------------------------------------


def test_a_line_without_zone_runs_by_the_zone_of_the_process():
    assert runs("0 9 * * *", "2026-03-01T12:00+00:00", NEW_YORK, 1) == ["03-01 09:00 -0500"]


def test_the_zone_of_a_line_wins_and_the_run_is_shown_in_the_zone_of_the_process():
    assert runs("0 9 * * * Asia/Tokyo", "2026-03-01T12:00", UTC, 1) == ["03-02 00:00 +0000"]


def test_an_offset_behind_utc_counts_its_minutes_backwards_too():
    assert runs("0 0 * * * -03:30", "2026-03-01T00:00", UTC, 1) == ["03-01 03:30 +0000"]


def test_a_fraction_of_a_second_does_not_delay_the_next_run():
    start = datetime(2026, 3, 1, 11, 59, 59, 900_000, UTC)
    assert Cron.parse("0 12 * * *").next_after(start, UTC) == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_run_is_not_its_own_next_run():
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert Cron.parse("0 12 * * *").next_after(start, UTC) == start + timedelta(days=1)


def test_a_day_that_is_decades_away_is_found_at_once():
    cron = Cron.parse("59 59 23 29& 2 mon")
    start = datetime(2072, 3, 1, tzinfo=UTC)
    began = process_time()
    found = cron.next_after(start, UTC)
    assert process_time() - began < 20
    assert found == datetime(2112, 2, 29, 23, 59, 59, tzinfo=UTC)


def test_the_end_of_the_calendar_is_reported():
    with pytest.raises(CronError, match="no such day comes after"):
        Cron.parse("0 0 1 1 *").next_after(datetime(9999, 6, 1, tzinfo=UTC), UTC)


def test_the_last_second_of_the_calendar_has_no_next_run():
    with pytest.raises(CronError, match="no such day comes after"):
        Cron.parse("* * * * * *").next_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), UTC)


# -- where clocks change ---------------------------------------------------------------------------


def test_a_time_the_clock_skips_does_not_come_that_day():
    assert runs("30 2 * * *", "2026-03-28T12:00", BERLIN, 1) == ["03-30 02:30 +0200"]


def test_a_time_just_run_is_not_run_again_when_the_clock_is_put_back():
    assert runs("30 2 * * *", "2026-10-24T12:00", BERLIN) == [
        "10-25 02:30 +0200",
        "10-26 02:30 +0100",
        "10-27 02:30 +0100",
    ]


def test_a_line_with_several_times_an_hour_runs_in_both_passes():
    assert runs("*/30 2 * * *", "2026-10-24T12:00", BERLIN, 4) == [
        "10-25 02:00 +0200",
        "10-25 02:30 +0200",
        "10-25 02:00 +0100",
        "10-25 02:30 +0100",
    ]


def test_a_line_of_another_zone_than_the_process_runs_in_both_passes_as_in_ruby():
    assert runs("30 2 * * * Europe/Berlin", "2026-10-24T12:00", UTC, 2) == [
        "10-25 00:30 +0000",
        "10-25 01:30 +0000",
    ]


def test_asked_in_the_first_pass_an_earlier_time_of_the_second_pass_is_found():
    assert runs("10 2 * * *", "2026-10-25T02:20+02:00", BERLIN, 1) == ["10-25 02:10 +0100"]


def test_a_day_without_midnight_is_not_lost():
    santiago = ZoneInfo("America/Santiago")
    assert runs("30 1 * * sun", "2026-09-05T12:00", santiago, 1) == ["09-06 01:30 -0300"]


def test_a_month_that_begins_twice_is_not_lost():
    assert runs("0 9 2 * *", "2026-10-03T12:00", ZoneInfo("America/Havana"), 1) == [
        "11-02 09:00 -0500"
    ]


def test_a_day_the_calendar_of_a_zone_skips_does_not_come():
    assert runs("0 9 * * *", "2011-12-28T12:00", ZoneInfo("Pacific/Apia"), 2) == [
        "12-29 09:00 -1000",
        "12-31 09:00 +1400",
    ]


# -- any line, any instant -------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line made from the values it selects, so that what matches is known without reading it."""

    seconds: list[int] | None
    minutes: list[int] | None
    hours: list[int] | None
    monthdays: list[int] | None
    months: list[int] | None
    weekdays: list[tuple[int, int | None]] | None

    @property
    def text(self) -> str:
        plain = (self.seconds, self.minutes, self.hours, self.monthdays, self.months)
        words = ["*" if values is None else ",".join(map(str, values)) for values in plain]
        named = [str(day) if nth is None else f"{day}#{nth}" for day, nth in self.weekdays or []]
        return " ".join([*words, ",".join(named) or "*"])

    def matches(self, instant: datetime, zone: tzinfo) -> bool:
        at = instant.astimezone(zone)
        fields = (
            (self.seconds, at.second),
            (self.minutes, at.minute),
            (self.hours, at.hour),
            (self.months, at.month),
        )
        return all(values is None or value in values for values, value in fields) and self.on(
            at.date()
        )

    def on(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        in_month = self.monthdays and {day.day, day.day - last - 1} & set(self.monthdays)
        nth = {None, (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)}
        in_week = self.weekdays and {(day.isoweekday() % 7, n) for n in nth} & set(self.weekdays)
        if self.monthdays and self.weekdays:
            return bool(in_month or in_week)
        return bool((in_month or not self.monthdays) and (in_week or not self.weekdays))


def some(values: st.SearchStrategy[int]) -> st.SearchStrategy[list[int] | None]:
    return st.none() | st.lists(values, min_size=1, max_size=4, unique=True)


lines = st.builds(
    Line,
    seconds=st.just([0]) | some(st.integers(0, 59)),
    minutes=some(st.integers(0, 59)),
    hours=some(st.integers(0, 23)),
    monthdays=some(st.integers(1, 28) | st.integers(-28, -1)),
    months=st.none() | st.lists(st.integers(1, 12), min_size=6, max_size=12, unique=True),
    weekdays=st.none()
    | st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([None, None, 1, 2, -1])),
        min_size=1,
        max_size=4,
        unique=True,
    ),
)
zones = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "America/Santiago",
            "America/Havana",
            "Australia/Lord_Howe",
            "Asia/Kolkata",
            "Pacific/Apia",
            "Africa/Casablanca",
        )
    ]
)
#: The changes of clocks of 2026 in these zones, and Apia's jump over a day in 2011.
CHANGES = [
    1774746000,
    1792890000,
    1772953200,
    1793512800,
    1788667200,
    1775314800,
    1793509200,
    1325239200,
]
epochs = st.integers(1_000_000_000, 2_000_000_000) | st.builds(
    int.__add__, st.sampled_from(CHANGES), st.integers(-10_000, 10_000)
)


def walked(
    line: Line, start: datetime, zone: tzinfo, steps: int
) -> tuple[datetime | None, datetime]:
    """The least match found by asking one second (or minute) after the other, and how far the walk went."""
    step = timedelta(minutes=1) if line.seconds == [0] else timedelta(seconds=1)
    first = start.replace(second=0) + step if line.seconds == [0] else start + step
    shown = start.astimezone(zone).replace(tzinfo=None, fold=0)
    for number in range(steps):
        instant = first + number * step
        again = instant.astimezone(zone).replace(tzinfo=None, fold=0) == shown
        if line.matches(instant, zone) and not again:
            return instant, instant
    return None, first + (steps - 1) * step


@settings(max_examples=150, deadline=None)
@given(line=lines, epoch=epochs, zone=zones)
def test_the_next_run_is_the_least_match_after_the_instant(line, epoch, zone):
    start = datetime.fromtimestamp(epoch, timezone.utc)
    found = Cron.parse(line.text).next_after(start, zone)
    assert found > start
    assert line.matches(found, zone)
    match, reached = walked(line, start, zone, steps=3000)
    # In UTC: Python calls a time within a doubled hour unequal to any time of another zone (PEP 495).
    instant = found.astimezone(timezone.utc)
    assert instant == match if match else instant > reached


@settings(max_examples=100, deadline=None)
@given(line=lines)
def test_the_canonical_line_means_the_same(line):
    cron = Cron.parse(line.text)
    assert Cron.parse(cron.canonical) == cron


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(max_size=40)
    | st.text("0123456789*/-,#%&+~?LW \tadefjlmnoprstuvyUTCZ@", max_size=30)
)
def test_any_text_is_read_or_refused(text):
    with suppress(CronError):
        assert Cron.parse(text).next_after(datetime(2026, 3, 1, tzinfo=UTC), UTC)


def test_a_long_wrong_line_is_cut_in_the_message():
    with pytest.raises(CronError) as refusal:
        Cron.parse("x" * 10_000 + " * * * *")
    assert len(str(refusal.value)) < 300
