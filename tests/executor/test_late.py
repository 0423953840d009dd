"""A part of pyresque that a job was the first to use is loaded by its worker, for all children to come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).parents[2]

APP = """
import os, sys
from decimal import Decimal
from pyresque import Resque
resque = Resque()
PARTS = ("pyresque.activejob.wrapper", "pyresque.ruby.json_pieces", "pyresque.schedule.entries")

def note():
    with open(os.environ["TOLD"], "a") as told:
        told.write(" ".join(str(int(name in sys.modules)) for name in PARTS) + "\\n")

@resque.job("Note", queue="low")
def plain():
    note()

@resque.job("Use", queue="low")
def use(what):
    note()
    if what == "active":
        resque.active_job("OfRails").set(queue="rails").enqueue(1)
    elif what == "odd":
        resque.enqueue_to("others", "Odd", Decimal("1.5"))
    else:
        resque.set_schedule("tea", {"cron": "0 9 * * *", "class": "Tea", "queue": "others"}, persist=True)
        resque.next_runs(1)
"""


@pytest.mark.parametrize("options", [{}, {"JOBS_PER_FORK": "50"}], ids=["a child each", "fifty"])
@pytest.mark.parametrize("ahead", ["always", "never"])
@pytest.mark.parametrize("what", ["active", "odd", "recurring"])
def test_children_find_loaded_what_a_job_before_them_used(
    db: redis.Redis, redis_url: str, tmp_path: Path, what: str, ahead: str, options: dict[str, str]
) -> None:
    (tmp_path / "late_app.py").write_text(APP)
    told = tmp_path / "told"
    jobs = [{"class": "Note"}, {"class": "Use", "args": [what]}, *[{"class": "Note"}] * 3]
    db.rpush("resque:queue:low", *[json.dumps(job) for job in jobs])
    done = subprocess.run(
        [sys.executable, "-m", "pyresque.cli", "worker", "-A", "late_app", "-q", "low", "--burst"],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "TOLD": str(told),
            "RESQUE_FORK_AHEAD": ahead,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            **options,
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert db.llen("resque:failed") == 0
    lines = told.read_text().splitlines()
    assert lines[:2] == ["0 0 0"] * 2
    assert lines[-3:] == ["1 1 1"] * 3
