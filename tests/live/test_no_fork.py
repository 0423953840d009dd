"""A worker where there is no fork: inline is the default, is said, and does what a worker does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.eventually import TIMEOUT, eventually
from tests.support.live_worker import next_report, reported

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(autouse=True)
def started() -> Iterator[None]:
    """Whatever is started ends with the test."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


STARTED: list[subprocess.Popen[str]] = []


def start(url: str, *args: str, **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "live" / "no_fork.py"), *args],
        env={
            **os.environ,
            "REDIS_URL": url,
            "REPORT_URL": url,
            "PYRESQUE_APP": "tests.live.app:resque",
            "PYTHONPATH": str(ROOT),
            "INTERVAL": "0.1",
            "VERBOSE": "1",
            **env,
        },
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    STARTED.append(process)
    return process


def test_jobs_are_performed_and_failures_recorded(db: redis.Redis, redis_url: str) -> None:
    db.rpush("resque:queue:low", b'{"class":"Boom","args":[]}', b'{"class":"Note","args":[1]}')
    process = start(redis_url, "worker", "-q", "low", "--burst")
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said
    assert "no fork: jobs run in the worker's own process" in said
    assert reported(db) == [["note", 1]]
    assert db.llen("resque:failed") == 1
    assert db.smembers("resque:workers") == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_takes_what_comes_and_leaves_at_a_signal(
    db: redis.Redis, redis_url: str, number: signal.Signals
) -> None:
    process = start(redis_url, "worker", "-q", "low")
    try:
        eventually(lambda: db.smembers("resque:workers"))
        db.rpush("resque:queue:low", b'{"class":"Note","args":[1]}')
        assert next_report(db) == ["note", 1]
    finally:
        process.send_signal(number)
        said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, said
    assert db.smembers("resque:workers") == set()


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["worker", "--executor", "fork"], "executor fork"),
        (["worker", "--executor", "thread"], "executor thread"),
        (["worker", "-c", "2"], "count 2"),
        (["worker", "--health-port", "8080", "--background"], "background, health_port"),
        (["pool", "-f", os.devnull], "pool"),
    ],
)
def test_what_needs_a_fork_is_refused(
    db: redis.Redis, redis_url: str, args: list[str], named: str
) -> None:
    command, *options = args
    queues = ["-q", "low"] if command == "worker" else []
    process = start(redis_url, command, *queues, *options)
    said, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert f"{named}: this system has no fork" in said
