"""Times and zones as Rails writes and reads them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from pyresque.activejob import DateTime, Instant, times
from pyresque.errors import EnvelopeError

UTC = timezone.utc
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NEW_YEAR, "2024-01-01T00:00:00.000000000Z"),
        (Instant.of(NEW_YEAR.replace(microsecond=1), 2), "2024-01-01T00:00:00.000001002Z"),
        (DateTime.of(NEW_YEAR), "2024-01-01T00:00:00.000000000+00:00"),
        (NEW_YEAR.replace(tzinfo=times.PLUS_ZERO), "2024-01-01T00:00:00.000000000+00:00"),
        (
            NEW_YEAR.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "2024-01-01T00:00:00.000000000-03:30",
        ),
        (NEW_YEAR.astimezone(ZoneInfo("Europe/London")), "2024-01-01T00:00:00.000000000+00:00"),
        (datetime(99, 1, 1, tzinfo=UTC), "0099-01-01T00:00:00.000000000Z"),
    ],
    ids=str,
)
def test_a_time_is_written_in_its_own_zone_with_nine_digits(moment: datetime, written: str) -> None:
    assert times.text(moment) == written


def test_utc_text_moves_to_utc_and_keeps_the_nanoseconds() -> None:
    tokyo = Instant.of(datetime(2024, 1, 1, 9, tzinfo=ZoneInfo("Asia/Tokyo")), 7)

    assert times.utc_text(tokyo) == "2024-01-01T00:00:00.000000007Z"
    assert times.utc_text(tokyo, 0) == "2024-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (" 2024-01-01t00:00:00.1z ", "2024-01-01T00:00:00.100000000Z"),
        ("2024-01-01T24:00:00Z", "2024-01-02T00:00:00.000000000Z"),
        ("2024-01-01T23:59:60Z", "2024-01-02T00:00:00.000000000Z"),
        ("2024-02-30T00:00:00+05:00", "2024-03-01T00:00:00.000000000+05:00"),
        ("2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00.000000000Z"),
        ("2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00.000000000+00:00"),
        ("2024-01-01T00:00:00+0530", "2024-01-01T00:00:00.000000000+05:30"),
        ("2024-01-01T00:00:00-05", "2024-01-01T00:00:00.000000000-05:00"),
        ("2024-01-01T00:00:00.1234567899Z", "2024-01-01T00:00:00.123456789Z"),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00.000000000+09:00"),
    ],
)
def test_a_time_is_read_as_ruby_reads_it(text: str, written: str) -> None:
    assert times.text(times.read(text, ZoneInfo("Asia/Tokyo"))) == written


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2024-13-01T00:00:00Z", "mon out of range"),
        ("2024-01-00T00:00:00Z", "mday out of range"),
        ("2024-01-01T25:00:00Z", "hour out of range"),
        ("2024-01-01T24:00:01Z", "sec out of range"),
        ("2024-01-01T24:01:00Z", "min out of range"),
        ("2024-01-01T00:00:61Z", "sec out of range"),
        ("2024-01-01T00:00:00+24:00", "utc_offset out of range"),
        ("9999-12-31T24:00:00Z", "argument out of range"),
        ("0000-01-01T00:00:00Z", "argument out of range"),
        ("2024-01-01", 'invalid xmlschema format: "2024-01-01"'),
        (None, "invalid xmlschema format: nil"),
    ],
)
def test_a_time_ruby_refuses_is_refused_in_its_words(text: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        times.read(text, UTC)


def test_a_number_is_no_time() -> None:
    with pytest.raises(TypeError, match="no implicit conversion of Integer into String"):
        times.read(5, UTC)


@given(
    st.integers(-(2**31), 2**32).map(
        lambda second: (
            datetime.fromtimestamp(0, UTC)
            + timedelta(seconds=second, microseconds=second % 999_983)
        )
    ),
    st.integers(0, 999),
    st.one_of(st.integers(0, 10**7), st.floats(0, 1e7), st.fractions(0, 10**6)),
)
def test_later_is_exact_to_the_nanosecond(start: datetime, rest: int, seconds: float) -> None:
    there = times.later(Instant.of(start, rest), seconds)

    passed = (
        (there.replace(microsecond=0) - start.replace(microsecond=0))
        // timedelta(seconds=1)
        * 10**9
    )
    wanted = times.nanoseconds(start) + rest + int(Fraction(seconds) * 10**9 // 1)
    assert passed + times.nanoseconds(there) == wanted


def test_a_date_may_have_a_time_of_day_behind_it() -> None:
    assert (
        times.read_date("2024-03-05T01:02:03Z") == times.read_date("20240305") == date(2024, 3, 5)
    )


@pytest.mark.parametrize("value", ["2024-13-40", "2024-3-5", "", None])
def test_what_is_no_date_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="invalid date"):
        times.read_date(value)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("UTC", "Etc/UTC"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("New Delhi", "Asia/Kolkata"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("America/Sao_Paulo", "America/Sao_Paulo"),
    ],
)
def test_zones_are_found_by_their_rails_and_by_their_iana_names(name: str, key: str) -> None:
    assert times.find_zone(name).key == key


@pytest.mark.parametrize("name", ["Mars/Olympus", "America", "../x", "", "/etc/passwd", "a\0b", 5])
def test_a_zone_nobody_knows_is_refused_in_rubys_words(name: object) -> None:
    with pytest.raises(EnvelopeError, match=r"^Invalid Timezone: "):
        times.find_zone(name)
