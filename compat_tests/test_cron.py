"""Cron lines against what real Ruby answered: fugit 1.5.2 (cron.json) and fugit 1.13 (newer_timer_libs.json)."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pyresque.errors import CronError
from pyresque.schedule.cron.next_run import Cron

GOLDEN = Path(__file__).parent.parent / "ruby_fixtures" / "golden"

#: A scenario of fugit 1.5.2 that is answered otherwise, and why.
EXCEPTIONS = {
    "cron_039": "1.5.2 looks at the first of several fri#n only; mended in 1.13, whose answer is given",
    "cron_080": "a nickname with a zone (@daily Europe/Berlin) is read since 1.13",
    "cron_082": "blanks around a line are read since 1.13",
    "cron_110": "a doubled comma is read since 1.13",
    "cron_123": "& (day of the month and weekday) is read since 1.13",
    "cron_126": "& (day of the month and weekday) is read since 1.13",
    "dst_18": "both fugits lose the run on the day after Lord Howe's half-hour change; a run is not lost here",
}

#: The same for fugit 1.13.
NEWER_EXCEPTIONS = {
    "cron_050": "1.13 counts weeks by 24 hours, so that mon%2 changes its week with the clocks; 1.5.2 does not",
    "cron_051": "as cron_050",
    "cron_052": "as cron_050",
    "cron_053": "as cron_050",
    "dst_13": "1.13 loses the run on the day whose midnight Santiago's clock skips; 1.5.2 does not",
    "dst_14": "as dst_13",
    "dst_18": EXCEPTIONS["dst_18"],
}

PROCESS_ZONE = "line_without_zone_uses_process_zone"


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    recorded = json.loads((GOLDEN / "cron.json").read_text())
    return {scenario["name"]: scenario for scenario in recorded["scenarios"]}


@cache
def newer_scenarios() -> dict[str, dict[str, Any]]:
    """All that was asked of 1.13: the recording leaves out what 1.5.2 had answered in the same way."""
    recorded = json.loads((GOLDEN / "newer_timer_libs.json").read_text())["areas"]["cron"]
    everything = dict(scenarios())
    for scenario in recorded["scenarios"]:
        everything[scenario["name"]] = {**everything[scenario["name"]], **scenario}
    assert len(everything) == recorded["compared"]
    return everything


def coverage() -> list[tuple[str, int, int]]:
    """File, scenarios replayed, scenarios recorded; of the newer file its area ``cron``."""
    asked, newer = len(scenarios()), len(newer_scenarios())
    return [
        ("cron.json", asked - len(EXCEPTIONS), asked),
        ("newer_timer_libs.json", newer - len(NEWER_EXCEPTIONS), newer),
    ]


def answer(scenario: dict[str, Any]) -> object:
    """Ours, in the shape of the recording."""
    if scenario["name"] == PROCESS_ZONE:
        start = datetime.fromtimestamp(1_772_366_400, ZoneInfo("Asia/Tokyo"))
        runs = islice(Cron.parse("0 9 * * *").runs(start, ZoneInfo("Europe/Berlin")), 5)
        return [fire(run.astimezone(ZoneInfo("Asia/Tokyo")), "Asia/Tokyo") for run in runs]
    try:
        cron = Cron.parse(scenario["line"])
    except CronError:
        return "refused"
    asked = scenario["returns"].get("next", [])
    return {
        "canonical": cron.canonical,
        "zone_in_line": cron.zone_name,
        "next": [{**case, "fires": fires(cron, case)} for case in asked],
    }


def recorded(scenario: dict[str, Any]) -> object:
    """Ruby's. Its words for a refusal are not ours: ours name the part that is wrong."""
    returns = scenario["returns"]
    return "refused" if isinstance(returns, dict) and "raised" in returns else returns


def fires(cron: Cron, case: dict[str, Any]) -> list[list[object]]:
    start = datetime.fromtimestamp(case["from_epoch"], timezone.utc)
    runs = cron.runs(start, ZoneInfo(case["process_zone"]))
    return [fire(run, case["process_zone"]) for run in islice(runs, len(case["fires"]))]


def fire(run: datetime, zone: str) -> list[object]:
    return [
        run.strftime(f"%Y-%m-%d %H:%M:%S {'Z' if zone == 'UTC' else '%z'}"),
        int(run.timestamp()),
    ]


@pytest.mark.parametrize("name", scenarios())
def test_a_line_is_read_and_runs_as_in_fugit_1_5_2(name):
    scenario = scenarios()[name]
    assert (answer(scenario) == recorded(scenario)) == (name not in EXCEPTIONS)


@pytest.mark.parametrize("name", newer_scenarios())
def test_a_line_is_read_and_runs_as_in_fugit_1_13(name):
    scenario = newer_scenarios()[name]
    assert (answer(scenario) == recorded(scenario)) == (name not in NEWER_EXCEPTIONS)


def test_only_the_lost_run_is_answered_as_neither_fugit_does():
    assert EXCEPTIONS.keys() & NEWER_EXCEPTIONS.keys() == {"dst_18"}


def test_the_lost_run_is_the_only_difference_in_its_scenario():
    scenario = scenarios()["dst_18"]
    ours = {case["process_zone"]: case for case in answer(scenario)["next"]}
    ruby = {case["process_zone"]: case for case in recorded(scenario)["next"]}
    lost = ours.pop("Australia/Lord_Howe")
    kept = ruby.pop("Australia/Lord_Howe")
    assert lost["fires"][0] == ["2026-04-06 00:00:00 +1030", 1775395800]
    assert lost["fires"][1:] == kept["fires"][:-1]
    assert ours == ruby


@pytest.mark.parametrize("name", ["cron_050", "cron_051", "cron_052", "cron_053"])
def test_weeks_are_counted_as_in_fugit_1_13_where_no_clock_changes(name):
    scenario = newer_scenarios()[name]
    zones = {"UTC", "Asia/Kolkata"}
    ours = [case for case in answer(scenario)["next"] if case["process_zone"] in zones]
    assert ours == [case for case in recorded(scenario)["next"] if case["process_zone"] in zones]


def test_all_but_one_in_twenty_scenarios_are_replayed():
    for _, replayed, total in coverage():
        assert (total - replayed) / total <= 0.05


def test_every_exception_names_a_recorded_scenario():
    assert EXCEPTIONS.keys() | NEWER_EXCEPTIONS.keys() <= scenarios().keys()
