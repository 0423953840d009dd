"""The command line against a real Redis, in this process and as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from pyresque.cli.main import cli
from pyresque.client import Resque
from pyresque.process.host.owned_process import OwnedProcess
from pyresque.process.run.worker import run_worker
from pyresque.process.start.load_app import load_app
from tests.support import eventually as waits
from tests.support.variables import own_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

JOBS = """
import os, signal, time
from pyresque import Resque

resque = Resque()

@resque.job(queue="low")
class Note:
    @staticmethod
    def perform(*words):
        import redis
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.rpush("noted", repr(words))

@resque.job("Reports::Boom", queue="reports", aliases=["OldBoom"])
def boom(*args):
    raise KeyError("no such report")

@resque.job(queue="low")
class Hold:
    @staticmethod
    def perform():
        import redis
        with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None) as client:
            client.rpush("holding", os.getpid())
            client.blpop("release", 60)

@resque.job(queue="low")
class Vetoed:
    perform = staticmethod(print)
    before_enqueue_no = staticmethod(lambda *args: False)
"""


@pytest.fixture(autouse=True)
def environment(redis_url: str, monkeypatch, tmp_path: Path) -> Path:
    """An empty Redis as REDIS_URL, none of Resque's other variables, and a directory with an application in it."""
    for name in own_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "myapp.py").write_text(JOBS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name == "myapp" or name.startswith("app_")]:
        del sys.modules[name]


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as client:
        yield client


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command line in this process."""

    def call(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, args, input=stdin, prog_name="pyresque")

    return call


@pytest.fixture
def start() -> Iterator[Callable[..., OwnedProcess]]:
    """Start the command line as a process of its own; it ends with the test."""
    started: list[OwnedProcess] = []

    def call(*args: str, **env: str) -> OwnedProcess:
        process = OwnedProcess(
            [sys.executable, "-m", "pyresque.cli", *args],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.end(signal.SIGKILL)
        for pipe in (process.stdout, process.stderr):
            pipe.close()


@pytest.fixture
def finish(start: Callable[..., OwnedProcess]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line as a process to its end: exit code, standard output, standard error."""

    def call(*args: str, **env: str) -> tuple[int, str, str]:
        process = start(*args, **env)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    return call


@pytest.fixture
def eventually() -> Callable[..., object]:
    """What waits for that which another process changes."""
    return waits.eventually


@pytest.fixture
def fail(resque: Resque) -> Callable[..., None]:
    """Let a real worker of this process perform, one by one, jobs that fail; then whatever else waits."""

    def call(*jobs: Sequence[object]) -> None:
        app = load_app("myapp:resque")
        app.configure(queues=("*",), executor="inline")
        for queue, name, *args in jobs:
            resque.enqueue_to(str(queue), str(name), *args)
            run_worker(app, burst=True)
        run_worker(app, burst=True)

    return call
