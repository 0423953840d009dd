"""The command line among Ruby's workers: what a Procfile would start, on what Ruby enqueued."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from compat_tests.live.peers import PYTHON_WORKER, echoed


@pytest.fixture
def pyresque(redis_server):
    """Runs `pyresque ...` to its end; its standard output."""

    def run(*words):
        command = [sys.executable, "-m", "pyresque.cli", *words, "--url", redis_server.url]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=PYTHON_WORKER.parents[2],
            env={"REDIS_URL": redis_server.url, "PATH": "/usr/bin:/bin", "TZ": "UTC"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_burst_worker_performs_what_ruby_enqueued_and_leaves(ruby, pyresque, db):
    for number in range(3):
        ruby.ask("enqueue", class_="EchoJob", args=[number, 1.0])
    ruby.ask("enqueue", class_="BoomJob", args=[])
    pyresque("worker", "-A", "compat_tests.live.app:resque", "-q", "echo,boom", "--burst")
    assert echoed(db, 3) == [[0, 1.0], [1, 1.0], [2, 1.0]]
    assert [failure["exception"] for failure in ruby.ask("failures")] == ["ValueError"]
    assert ruby.ask("workers") == []
    assert ruby.ask("info")["processed"] == 4


def test_what_the_command_line_enqueues_ruby_performs(ruby, ruby_worker, pyresque, db):
    pyresque("enqueue", "EchoJob", "7", '{"a":[1.0,null]}', '"text"', "-q", "echo")
    assert json.loads(pyresque("info", "--json"))["pending"] == 1
    ruby_worker("echo")
    assert echoed(db) == [[7, {"a": [1.0, None]}, "text"]]
