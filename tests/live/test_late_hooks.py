"""Hooks that are set after a job was registered, in real workers of every executor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import ROOT

COUNTED = [f"counted {n}" for n in range(1, 7)]

#: A hook that a job sets in its child ends with the child; in a worker's own process the next job has it.
ISOLATED = COUNTED
SHARED = [*COUNTED[:2], "before 3", COUNTED[2], "before 4", *COUNTED[3:]]


@pytest.mark.parametrize(
    ("options", "counted"),
    [
        (("--executor", "fork"), ISOLATED),
        (("--executor", "fork", "--fork-ahead", "never"), ISOLATED),
        (("--executor", "inline"), SHARED),
        (("--executor", "thread"), SHARED),
        (("--executor", "async"), SHARED),
    ],
    ids=" ".join,
)
def test_a_hook_that_is_set_later_runs_in_every_executor(db, redis_url, tmp_path, options, counted):
    notes = tmp_path / "notes"
    env = {**os.environ, "REDIS_URL": redis_url, "NOTES": str(notes), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "tests.live.late_hooks"], env=env, check=True)
    app = ("-A", "tests.live.late_hooks", "-q", "a", "--burst")
    subprocess.run(
        [sys.executable, "-m", "pyresque.cli", "worker", *app, *options], env=env, check=True
    )
    written = notes.read_text().splitlines()
    assert written[0] == "None"
    assert [line for line in written[1:] if "counted" not in line and "before" not in line] == [
        *("told 2 2", "at last 2", "given 3", "always 3"),
    ]
    assert [line for line in written if "counted" in line or "before" in line] == counted
    assert db.llen("resque:failed") == 1
