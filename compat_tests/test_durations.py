"""Durations against what real Ruby answered: rufus-scheduler 3.8.2 with fugit 1.5.2, and 3.9.2 with 1.13."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.errors import DurationError
from pyresque.schedule.cron.durations import parse_duration, parse_every

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent.parent / "ruby_fixtures" / "golden"

#: A scenario that is answered otherwise, and why.
EXCEPTIONS: dict[str, str] = {}


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    recorded = json.loads((GOLDEN / "durations.json").read_text())
    return {scenario["name"]: scenario for scenario in recorded["scenarios"]}


def newer() -> dict[str, Any]:
    recorded = json.loads((GOLDEN / "newer_timer_libs.json").read_text())
    return recorded["areas"]["durations"]


def coverage() -> list[tuple[str, int, int]]:
    """File, scenarios replayed, scenarios recorded; of the newer file its area ``durations``."""
    asked = len(scenarios())
    replayed = asked - len(EXCEPTIONS)
    return [
        ("durations.json", replayed, asked),
        ("newer_timer_libs.json", replayed, newer()["compared"]),
    ]


def answer(read: Callable[[Any], float], text: object) -> object:
    try:
        return read(text)
    except DurationError:
        return "refused"


@pytest.mark.parametrize("name", scenarios())
def test_a_text_is_as_many_seconds_as_in_ruby(name):
    scenario = scenarios()[name]
    ruby = scenario["returns"]["parse"].get("seconds", "refused")
    assert (answer(parse_duration, scenario["text"]) == ruby) == (name not in EXCEPTIONS)


@pytest.mark.parametrize("name", scenarios())
def test_a_text_is_taken_or_refused_for_every_as_in_ruby(name):
    scenario = scenarios()[name]
    ruby = scenario["returns"]["every"].get("frequency", "refused")
    assert (answer(parse_every, scenario["text"]) == ruby) == (name not in EXCEPTIONS)


def test_the_newer_libraries_read_every_text_in_the_same_way():
    assert newer() == {"compared": len(scenarios()), "same": len(scenarios()), "scenarios": []}


def test_all_but_one_in_twenty_scenarios_are_replayed():
    for _, replayed, total in coverage():
        assert (total - replayed) / total <= 0.05
