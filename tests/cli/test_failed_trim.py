"""``pyresque failed trim``."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def filled(db):
    old = json.dumps({"failed_at": "2001/01/01 00:00:00 UTC"})
    db.rpush("resque:failed", old, old, *["{}"] * 8)
    return db


def test_the_oldest_are_deleted_and_it_is_said_what_was_kept(run, filled):
    shown = run("failed", "trim", "--failed-max-count", "4", "--dry-run").stdout
    assert shown == "would delete 6 failed jobs: the newest 4 of each list are kept\n"
    assert filled.llen("resque:failed") == 10
    assert json.loads(
        run("failed", "trim", "--failed-max-age", "30d", "--yes", "--json").stdout
    ) == {
        "dry_run": False,
        "trimmed": 2,
    }
    assert filled.llen("resque:failed") == 8
    run("failed", "trim", "--failed-max-count", "4", "--yes")
    assert filled.llen("resque:failed") == 4


def test_the_limits_may_stand_in_the_environment(run, filled, monkeypatch):
    monkeypatch.setenv("RESQUE_FAILED_MAX_COUNT", "3")
    assert "deleted 7 failed jobs" in run("failed", "trim", "--yes").stdout


def test_without_limits_it_is_a_misuse(run, filled):
    result = run("failed", "trim", "--yes")
    assert result.exit_code == 2
    assert "say what is kept" in result.stderr
    assert filled.llen("resque:failed") == 10


@pytest.mark.parametrize("age", ["0", "soon", "-1", "1y"])
def test_an_age_that_is_none_is_refused_by_its_flag(run, filled, age):
    result = run("failed", "trim", f"--failed-max-age={age}", "--yes")
    assert result.exit_code == 2
    assert "no stretch of time" in result.stderr
