"""A job may stop the event loop of its worker, or raise in it what ends a process: the jobs in hand go on, or are recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support import ROOT

if TYPE_CHECKING:
    import redis

#: Run with the loop of asyncio in the place of uvloop's.
PLAIN = "import sys; sys.modules['uvloop'] = None; from pyresque.cli.main import main; main()"
UVLOOP = "import uvloop; from pyresque.cli.main import main; main()"
LOOPS = {"asyncio": PLAIN} | ({"uvloop": UVLOOP} if find_spec("uvloop") else {})


def work(db: redis.Redis, url: str, loop: str, how: str) -> subprocess.CompletedProcess[str]:
    """Three slots: one has a job that harms the loop, the others have jobs that last, and more follow."""
    for name, arg in (("Slow", 1), ("Leave", how), ("Slow", 2), ("Slow", 3), ("Slow", 4)):
        db.rpush("resque:queue:low", json.dumps({"class": name, "args": [arg]}))
    return subprocess.run(
        [
            *(sys.executable, "-c", LOOPS[loop], "worker", "-A", "tests.live.forking_app"),
            *("-q", "low", "--burst", "--executor", "async", "-c", "3"),
        ],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def notes(db: redis.Redis) -> list[str]:
    return sorted(note.decode() for note in db.lrange("notes", 0, -1))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "how", ["raises SystemExit", "raises KeyboardInterrupt", "stops the loop", "forks"]
)
def test_the_jobs_in_hand_and_those_to_come_are_performed_once(
    db: redis.Redis, redis_url: str, loop: str, how: str
):
    done = work(db, redis_url, loop, how)
    assert done.returncode == 0, done.stdout
    assert notes(db) == [f"left behind {how}", "slow 1", "slow 2", "slow 3", "slow 4"]
    with Resque(redis_url) as resque:
        assert resque.failures.count() == 0
        assert resque.stat("processed") == 5
        assert resque.workers() == []
    assert ("has stopped the event loop, which goes on" in done.stdout) == (how != "forks")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_job_that_cancels_all_tasks_cancels_jobs_and_no_worker(
    db: redis.Redis, redis_url: str, loop: str
):
    done = work(db, redis_url, loop, "cancels all tasks")
    assert done.returncode == 0, done.stdout
    with Resque(redis_url) as resque:
        records = list(resque.failures.each())
        assert {record.exception for record in records} == {"CancelledError"}
        slow = [note for note in notes(db) if note.startswith("slow")]
        assert len(records) + len(slow) == 4
        assert "slow 4" in slow
        assert resque.stat("processed") == 5


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_closed_ends_the_process_and_its_jobs_are_recorded(
    db: redis.Redis, redis_url: str, loop: str
):
    done = work(db, redis_url, loop, "closes the loop")
    assert done.returncode == 1, done.stdout
    assert "event loop has ended" in done.stdout
    with Resque(redis_url) as resque:
        records = list(resque.failures.each())
        assert {record.exception for record in records} == {"Resque::DirtyExit"}
        jobs = len(records) + resque.size("low") + len(notes(db)) - 1
        assert jobs == 4
        assert resque.workers() == []
