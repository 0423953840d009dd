"""The example of a shop that moves to Python, with real Ruby workers; and what it has recorded is what Ruby writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compat_tests.live.conftest import complaint, missing

FOLDER = Path(__file__).parents[2] / "examples" / "gradual_migration"
SHOP = ["ruby", str(FOLDER / "shop.rb")]


@pytest.fixture
def shop(ruby_env):
    """The environment of the shop's Ruby side."""
    reason = complaint([*SHOP, "check"])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f"the example's Ruby side does not run: {reason}")
    return ruby_env


def test_both_sides_perform_each_job_once(shop):
    done = subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), "--fast"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-3000:]
    assert "two workers of Ruby perform them" in done.stdout
    assert "tripped  Python failed" in done.stdout
    told = re.search(r"(\d+) jobs were enqueued, (\d+) were performed, each exactly", done.stdout)
    assert told is not None
    assert told[1] == told[2]
    for name, enqueued, ruby, python in re.findall(
        r"^(\S+) +(\d+) +(\d+) +(\d+) +\d+$", done.stdout, re.MULTILINE
    ):
        assert int(enqueued) == int(ruby) + int(python)
        assert int(ruby) > 0
        assert (int(python) > 0) is (name != "Reports::Daily")


def meant(line):
    """What a recorded line says, but for ids, times and what each version of Rails adds."""
    found = json.loads(line)
    payload = json.loads(found["payload"])
    if payload["class"].startswith("ActiveJob"):
        (held,) = payload["args"]
        payload["args"] = [held[name] for name in ("job_class", "queue_name", "arguments")]
    else:
        payload = found["payload"]
    return found["queue"], payload, sorted(found.get("locks", {}))


def test_what_the_example_has_recorded_is_what_ruby_writes(shop, db):
    done = subprocess.run(
        [*SHOP, "record", "40"],
        env={**os.environ, **shop},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    recorded = (FOLDER / "from_ruby.jsonl").read_text().splitlines()[:40]
    assert list(map(meant, done.stdout.splitlines())) == list(map(meant, recorded))
