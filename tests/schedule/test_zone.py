"""The process's own zone, with its changes of clocks."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from pyresque.errors import SettingsError
from pyresque.schedule.cron.next_run import Cron
from pyresque.schedule.cron.zones import ProcessZone, zone_named


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield ZoneInfo("Europe/Berlin")
    monkeypatch.undo()
    time.tzset()


def test_it_shows_what_the_database_shows_every_half_hour_of_a_year(berlin):
    at, zone = datetime(2026, 1, 1, tzinfo=timezone.utc), ProcessZone()
    for _ in range(2 * 24 * 365):
        ours, theirs = at.astimezone(zone), at.astimezone(berlin)
        assert (ours.replace(tzinfo=None), ours.fold) == (theirs.replace(tzinfo=None), theirs.fold)
        assert ours.astimezone(timezone.utc) == at
        at += timedelta(minutes=30)


@pytest.mark.parametrize(
    "line", ["30 2 * * *", "*/30 * * * *", "0 0 * * *", "15 2,3 * mar,oct sun"]
)
def test_cron_lines_run_by_it_as_by_the_zone_of_that_name(berlin, line):
    cron = Cron.parse(line)
    for start in (
        datetime(2026, 3, 28, 22, tzinfo=timezone.utc),
        datetime(2026, 10, 24, 22, tzinfo=timezone.utc),
    ):
        ours, theirs = (cron.runs(start, zone) for zone in (ProcessZone(), berlin))
        assert [next(ours).timestamp() for _ in range(20)] == [
            next(theirs).timestamp() for _ in range(20)
        ]


def test_a_zone_is_named_or_the_process_s_own():
    assert isinstance(zone_named(""), ProcessZone)
    assert zone_named("Asia/Tokyo") == ZoneInfo("Asia/Tokyo")
    with pytest.raises(SettingsError, match="time_zone: 'Mars/Base' is no time zone"):
        zone_named("Mars/Base")
