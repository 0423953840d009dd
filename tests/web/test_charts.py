"""The charts of the last hour."""

from __future__ import annotations

import asyncio
import time

import pytest

from pyresque import AsyncResque
from pyresque.store.keys import Keys
from pyresque.store.throughput import Counters, ThroughputTable
from pyresque.web import charts
from pyresque.web.charts import Timer, chart, per_minute
from pyresque.web.dashboard import Dashboard
from tests.web.conftest import Still

NOON = 1_795_953_600  # 2026-11-29 12:00 UTC


def test_minutes_are_the_differences_of_counters():
    noted = [Counters(NOON, 10, 1), Counters(NOON + 60, 16, 1), Counters(NOON + 240, 22, 4)]
    assert [
        (row["minute"] - NOON, row["processed"], row["failed"]) for row in per_minute(noted)
    ] == [
        (0, 6, 0),
        (60, 2, 1),
        (120, 2, 1),
        (180, 2, 1),
    ]
    assert per_minute(noted[:1]) == per_minute([]) == []


def test_a_counter_that_was_reset_gives_nothing():
    noted = [Counters(NOON, 10, 1), Counters(NOON + 60, 0, 0)]
    assert [row["processed"] for row in per_minute(noted)] == [0]


def test_a_chart_fits_its_frame():
    rows = per_minute([Counters(NOON + 60 * at, at * at, 0) for at in range(61)])
    drawn = chart(rows, "processed", NOON + 3600)
    points = [tuple(map(float, point.split(","))) for point in drawn["points"].split()]
    assert len(points) == 60
    assert all(0 <= x <= 600 and 0 <= y <= 60 for x, y in points)
    assert drawn["sum"] == 3600
    assert chart(rows, "failed", NOON + 3600)["most"] == 0
    assert chart([], "failed", NOON)["points"] == ""


async def test_the_first_process_of_a_minute_notes_it_and_it_expires(redis_url, db):
    async with AsyncResque(redis_url) as resque:
        table = ThroughputTable(resque.core.keys)
        db.mset({"resque:stat:processed": 5, "resque:stat:failed": 1})
        await resque.run(table.note(NOON))
        db.mset({"resque:stat:processed": 9, "resque:stat:failed": 2})
        await resque.run(table.note(NOON + 30))
        await resque.run(table.note(NOON + 60))
        assert await resque.run(table.last_hour(NOON + 90)) == [
            Counters(NOON, 5, 1),
            Counters(NOON + 60, 9, 2),
        ]
    assert db.hgetall("resque:throughput:2026-11-29T12") == {b"00": b"5:1", b"01": b"9:2"}
    assert 0 < db.ttl("resque:throughput:2026-11-29T12") <= 3 * 3600


@pytest.mark.parametrize("raw", ["", "x", "1", "1:", ":1", "-1:2", "1:2:3", "9" * 100 + ":1"])
async def test_what_is_no_counter_is_left_out(redis_url, db, raw):
    db.hset("resque:throughput:2026-11-29T12", "00", raw)
    async with AsyncResque(redis_url) as resque:
        table = ThroughputTable(resque.core.keys)
        assert await resque.run(table.last_hour(NOON + 90)) == []
        db.set("resque:throughput:2026-11-29T11", "no hash")
        assert await resque.run(table.last_hour(NOON + 90)) == []


async def test_a_timer_of_the_process_notes_each_minute(redis_url, db, monkeypatch):
    naps = []

    async def nap(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            await asyncio.Event().wait()

    async with AsyncResque(redis_url) as resque:
        timer = Timer(Dashboard(resque))
        monkeypatch.setattr(charts.asyncio, "sleep", nap)
        monkeypatch.setattr(timer.dash, "now", lambda: NOON + 60.0 * len(naps))
        timer.start()
        first = timer._task
        timer.start()
        assert timer._task is first
        while len(naps) < 3:
            await asyncio.wait([first], timeout=0.01)
        await timer.stop()
        assert first.cancelled()
    assert len(db.hgetall("resque:throughput:2026-11-29T12")) == 2


def test_the_overview_shows_the_last_hour(web, db):
    now = time.time()
    table = ThroughputTable(Keys("resque"))
    for back, counters in ((3, "10:1"), (2, "40:1"), (1, "100:3")):
        key, field = table._place(now - 60 * back)
        db.hset(key, field, counters)
    page = web.get("/overview").text
    assert "Processed: 90, at most 60.0 a minute" in page
    assert "Failed: 2, at most 2.0 a minute" in page
    assert page.count("<polyline") == 2
    assert len(web.get("/overview.json").json()["last_hour"]) == 2


def test_the_timer_begins_with_the_first_request(web):
    before = Still.started
    web.get("/healthz")
    assert Still.started == before + 1
