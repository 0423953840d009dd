"""Whoever moves delayed jobs is killed in the midst of it, again and again: each job is moved, and once."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from pyresque import Resque
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import redis

AT = 4_000_000_000
JOBS = 3000

MOVER = f"""
import sys
from pyresque import Resque

resque = Resque(sys.argv[1], delayed_requeue_batch_size=20)
resque.move_due({AT + 100})
"""


def test_movers_that_are_killed_neither_lose_nor_double_a_job(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url) as resque:
        resque.job("Low", queue="low")(lambda number: None)
        resque.enqueue_many_at((AT + number % 30, "Low", number) for number in range(JOBS))
        cut_short = 0
        for goal in range(400, JOBS, 400):
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            with subprocess.Popen([sys.executable, "-c", MOVER, redis_url], env=env) as mover:
                eventually(lambda goal=goal: resque.size("low") >= goal)
                mover.kill()
            cut_short += resque.size("low") < JOBS
        resque.move_due(AT + 100)
        moved = [job.args[0] for job in resque.peek("low", 0, 0)]
    assert cut_short > 1
    assert sorted(moved) == list(range(JOBS))
    assert sorted(db.keys()) == [b"resque:queue:low", b"resque:queues"]
