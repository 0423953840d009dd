"""Dates: every form Ruby writes, and every form that is read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import DecodeError
from pyresque.ruby import time
from pyresque.ruby.time import parse_time

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NEW_YORK = ZoneInfo("America/New_York")
LONDON = ZoneInfo("Europe/London")

zones = st.sampled_from([timezone.utc, NEW_YORK, LONDON, ZoneInfo("Asia/Kolkata")])
# Instants, then shown in a zone: a wall clock alone may name an hour that a zone leaves out.
times = st.builds(
    lambda at, zone: at.astimezone(zone),
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1), timezones=st.just(timezone.utc)),  # noqa: DTZ001 - the strategy adds the zone
    zones,
)


def test_every_form_of_one_instant():
    assert time.to_s(NOON) == "2026-03-01 12:00:00 +0000"
    assert time.to_s_utc(NOON) == "2026-03-01 12:00:00 UTC"
    assert time.iso8601_z(NOON) == "2026-03-01T12:00:00Z"
    assert time.heartbeat(NOON) == "2026-03-01T12:00:00+00:00"
    assert time.failed_at(NOON) == "2026/03/01 12:00:00 UTC"
    assert time.retried_at(NOON) == "2026/03/01 12:00:00"


def test_local_forms_are_in_the_zone_of_the_datetime():
    there = NOON.astimezone(NEW_YORK)
    assert time.to_s(there) == "2026-03-01 07:00:00 -0500"
    assert time.to_s_utc(there) == "2026-03-01 12:00:00 UTC"
    assert time.iso8601_z(there) == "2026-03-01T12:00:00Z"
    assert time.heartbeat(there) == "2026-03-01T07:00:00-05:00"
    assert time.failed_at(there) == "2026/03/01 07:00:00 EST"
    assert time.retried_at(there) == "2026/03/01 07:00:00"


@pytest.mark.parametrize(
    ("zone", "letters"),
    [
        (ZoneInfo("Asia/Kolkata"), "17:30:00 IST"),
        (ZoneInfo("America/Sao_Paulo"), "09:00:00 -03"),
        (timezone(timedelta(hours=-3)), "09:00:00 -03"),
        (timezone(timedelta(hours=5, minutes=30)), "17:30:00 +0530"),
        (timezone(timedelta(hours=1), "CET"), "13:00:00 CET"),
    ],
)
def test_a_zone_without_letters_gives_its_offset(zone, letters):
    assert time.failed_at(NOON.astimezone(zone)) == f"2026/03/01 {letters}"


def test_digits_of_a_second_are_cut():
    late = NOON.replace(microsecond=999_999)
    assert time.iso8601(late) == "2026-03-01T12:00:00Z"
    assert time.iso8601(late, 3) == "2026-03-01T12:00:00.999Z"
    assert time.iso8601(late, 9) == "2026-03-01T12:00:00.999999000Z"


def test_a_zone_at_zero_is_not_utc():
    assert not time.is_utc(NOON.astimezone(LONDON))
    assert time.iso8601(NOON.astimezone(LONDON), 3) == "2026-03-01T12:00:00.000+00:00"
    assert time.is_utc(NOON.astimezone(ZoneInfo("UTC")))


def test_years_have_four_digits_and_the_seconds_of_an_offset_are_dropped():
    odd = timezone(timedelta(hours=-5, minutes=-30, seconds=-15))
    assert time.to_s(datetime(99, 3, 1, tzinfo=odd)) == "0099-03-01 00:00:00 -0530"


def test_a_datetime_without_zone_is_no_instant():
    with pytest.raises(ValueError, match="has no zone"):
        time.to_s(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="has no zone"):
        time.failed_at(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point


@given(times, st.sampled_from([time.to_s, time.to_s_utc, time.iso8601_z, time.heartbeat]))
def test_a_written_date_is_read_back_to_the_second(at, write):
    # As instants: of an hour that the clocks show twice, Python says that it equals no time of another zone.
    assert parse_time(write(at), NEW_YORK).timestamp() == at.replace(microsecond=0).timestamp()


@given(times)
def test_a_written_fraction_is_read_back(at):
    assert parse_time(time.iso8601(at, 9), NEW_YORK).timestamp() == at.timestamp()


@given(times.map(lambda at: at.astimezone(timezone.utc)))
def test_a_failed_records_date_is_read_back_where_its_letters_are_known(at):
    assert parse_time(time.failed_at(at), NEW_YORK) == at.replace(microsecond=0)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01 12:00:00 +0000",
        "2026-03-01 12:00:00 UTC",
        "2026/03/01 12:00:00 UTC",
        "2026/03/01 07:00:00 EST",
        "2026/03/01 09:00:00 -03",
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00Z",
        "2026-03-01T12:00:00.000Z",
        "2026-03-01T13:00:00+01:00",
        "2026-03-01 12:00:00.000000000 UTC +00:00",
        "2026-03-01 08:00:00.000000000 EDT -04:00",
        "Sun Mar 01 2026 13:00:00 GMT+0100 (Central European Standard Time)",
        "Sun, 01 Mar 2026 12:00:00 GMT",
        "Sun Mar 01 12:00:00 +0000 2026",
        1772366400,
        1772366400.0,
        1772366400000,
        "1772366400",
        "1772366400.0",
        "1772366400000",
        # without a zone: in the one that is given
        "2026/03/01 07:00:00",
        "2026-03-01T07:00:00",
        "Sun Mar  1 07:00:00 2026",
        "Sun, 01 Mar 2026 07:00:00 -0000",
    ],
)
def test_a_date_is_read_in_any_form_and_has_a_zone(written):
    assert parse_time(written, NEW_YORK) == NOON


@pytest.mark.parametrize(
    "garbage",
    [
        *("", "garbage", "2026-13-01", "2026-03-01T25:00:00Z", "2026-03-01T12:00:00+25:00"),
        *("99999999999999999", float("nan"), float("inf"), 10**60, True, None, []),
        "\uff11\uff17\uff17\uff12\uff13\uff16\uff16\uff14\uff10\uff10",
    ],
    ids=repr,
)
def test_what_is_no_date_is_a_decode_error(garbage):
    with pytest.raises(DecodeError, match="no time information"):
        parse_time(garbage, NEW_YORK)


@given(st.text() | st.text("0123456789-/:T +ZUTCEGM.", max_size=30) | st.floats() | st.integers())
def test_anything_is_a_date_with_a_zone_or_a_decode_error(written):
    try:
        assert parse_time(written, LONDON).utcoffset() is not None
    except DecodeError as error:
        assert "no time information" in str(error)  # noqa: PT017 - either outcome is right
