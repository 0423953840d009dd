from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pyresque.errors import TimestampError
from pyresque.schedule.later import timestamp_in, timestamp_of

AT = 1772370000


class Clock:
    def time(self) -> float:
        return AT + 0.75

    def monotonic(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    "when",
    [
        AT,
        AT + 0.999,
        str(AT),
        datetime.fromtimestamp(AT, timezone.utc),
        datetime.fromtimestamp(AT, timezone(timedelta(hours=5, minutes=45))),
        datetime.fromtimestamp(AT, timezone.utc) + timedelta(microseconds=999_999),
    ],
)
def test_a_moment_is_its_whole_second_however_it_is_said(when: datetime | float | str) -> None:
    assert timestamp_of(when) == AT


def test_a_date_without_a_zone_is_refused_with_how_to_get_one() -> None:
    with pytest.raises(TimestampError, match="has no time zone"):
        timestamp_of(datetime(2026, 3, 1, 12))  # noqa: DTZ001 - that it is naive is the point


@pytest.mark.parametrize(
    "when", [None, True, float("nan"), float("inf"), "", "2026-03-02", "9" * 5000, b"1", ()]
)
def test_what_names_no_moment_is_refused(when: object) -> None:
    with pytest.raises(TimestampError, match="is no timestamp"):
        timestamp_of(when)  # type: ignore[arg-type]  # that it is wrong is the point


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [(0, 0), (0.2, 0), (0.25, 1), (60, 60), (-10, -10), (timedelta(days=1, seconds=1), 86401)],
)
def test_a_wait_counts_from_now_and_its_fraction_with_it(
    wait: timedelta | float, seconds: int
) -> None:
    assert timestamp_in(wait, Clock()) == AT + seconds


@pytest.mark.parametrize("wait", [None, "60", True, float("nan")])
def test_what_is_no_span_of_time_is_refused(wait: object) -> None:
    with pytest.raises(TimestampError, match="numeric number of seconds"):
        timestamp_in(wait, Clock())  # type: ignore[arg-type]  # that it is wrong is the point
