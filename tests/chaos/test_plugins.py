"""Workers of jobs with plugins are killed at seeded moments: no lock outlives its job, no job is performed twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from pyresque import Resque
from pyresque.plugins import Lock, LockTimeout, Loner
from tests.support import ROOT

JOBS, KILLS = 40, 5
PLUGINS = {
    "Unique": Loner,
    "Locked": lambda: LockTimeout(timeout=60),
    "LockedToo": Lock,
}


def start(redis_url, executor, *flags):
    command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "app", "-q", "low")
    path = os.pathsep.join([str(ROOT / "tests" / "plugins"), str(ROOT)])
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path}
    return subprocess.Popen((*command, "--executor", executor, *flags), env=env)


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize("name", PLUGINS)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_outlives_killed_workers(redis_url, db, name, executor, seed):
    chance = random.Random(f"{name} {executor} {seed}")
    with Resque(redis_url) as resque:
        resque.declare(name, queue="low", plugins=[PLUGINS[name]()])
        for number in range(JOBS):
            assert resque.enqueue(name, f"note{number}") is True
        for _ in range(KILLS):
            worker = start(redis_url, executor)
            time.sleep(chance.uniform(0.2, 1.2))
            worker.kill()
            worker.wait()
        time.sleep(0.1)  # a child that was at work goes on, as in Ruby
        db.delete("resque:pruning_dead_workers_in_progress")
        assert start(redis_url, executor, "--burst").wait(60) == 0
        done = Counter(db.lrange("resque:seen", 0, -1))
        failed = db.llen("resque:failed")
        assert set(done.values()) <= {1}
        # A killed job may have noted itself already.
        assert JOBS <= len(done) + failed <= JOBS + KILLS
        left = [key for key in db.keys("*") if b"lock" in key or b"loner" in key]
        assert left == []
        assert resque.enqueue(name, "note0") is True
