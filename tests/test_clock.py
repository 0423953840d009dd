from __future__ import annotations

import time

from pyresque.clock import SystemClock, local, utc


class Noon:
    def time(self) -> float:
        return 1772366400.5

    def monotonic(self) -> float:
        return 0.0


def test_utc_and_local_are_one_moment_in_two_zones(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert utc(Noon()) == local(Noon())
        assert str(utc(Noon())) == "2026-03-01 12:00:00.500000+00:00"
        assert str(local(Noon())) == "2026-03-01 13:00:00.500000+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_system_clock_runs_forward():
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.time() > 1772366400
