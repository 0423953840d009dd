"""Workers of ``forking_app.py``, by every executor, and what became of their jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support import ROOT
from tests.support.queue_state import push

if TYPE_CHECKING:
    import redis

    from pyresque.failure.record import FailedRecord

#: The executors, and for each the flags of a worker.
EXECUTORS = {
    "fork": ["--fork-ahead", "always"],
    "fork without a server": [],
    "a child for many jobs": ["--jobs-per-child", "100"],
    "fast path": ["--fork-ahead", "never"],
    "inline": ["--executor", "inline"],
    "thread": ["--executor", "thread", "-c", "2"],
    "async": ["--executor", "async", "-c", "2"],
}
FORKING = ["fork", "fork without a server", "a child for many jobs", "fast path"]
EVERY = pytest.mark.parametrize("executor", EXECUTORS)


def command(url: str, executor: str, *flags: str) -> tuple[list[str], dict[str, str]]:
    """A worker's command line and environment."""
    env = {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT)}
    if executor == "fork without a server":
        env["WITH_HOOK"] = "1"
    line = [sys.executable, "-m", "pyresque.cli", "worker", "-A", "tests.live.forking_app"]
    return [*line, "-q", "low", *EXECUTORS[executor], *flags], env


def work(url: str, executor: str, *flags: str) -> str:
    """Let a worker empty the queue; what it wrote."""
    line, env = command(url, executor, "--burst", *flags)
    done = subprocess.run(
        line,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def notes(db: redis.Redis) -> list[str]:
    """What jobs noted."""
    return sorted(note.decode() for note in db.lrange("notes", 0, -1))


def failed(url: str) -> list[FailedRecord]:
    """The failed records, the oldest first."""
    with Resque(url) as resque:
        return list(resque.failures.each(order="asc"))


def short_ones(db: redis.Redis, executor: str) -> None:
    """With the fast path: short jobs that go before, so that it begins."""
    for number in range(3 if executor == "fast path" else 0):
        push(db, "Note", number)


def shorts(executor: str) -> int:
    """How many ``short_ones`` pushes."""
    return 3 if executor == "fast path" else 0
