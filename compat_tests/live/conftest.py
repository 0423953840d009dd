"""Live peers as fixtures: a Redis of our own, the real Ruby Resque, the real node-resque.

Ruby is whatever `ruby -e 'require "resque"'` finds in the environment as it is (RUBYLIB, GEM_HOME or bundler);
ruby_fixtures/install_gems installs what is needed. node-resque comes by `npm install` in ruby_fixtures/node.
Where they are missing the tests skip; PYRESQUE_REQUIRE_RUBY=1 and PYRESQUE_REQUIRE_NODE=1 make that a failure.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
import redis

from compat_tests.live.app import resque as app
from compat_tests.live.peers import NODE_SCRIPTS, PYTHON_WORKER, RUBY_SCRIPTS, Peer, Program, Web
from pyresque import __version__
from pyresque.client import Resque
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.redis_server import RedisServer

__version__S = pytest.StashKey[dict[str, dict[str, str]]]()

StartWorker = Callable[..., Program]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for peer, versions in config.stash.get(__version__S, {}).items():
        terminalreporter.write_line(
            f"live with {peer}: " + ", ".join(f"{n} {v}" for n, v in versions.items())
        )


def pytest_report_header() -> str:
    return (
        f"pyresque {__version__}, Python {platform.python_version()}, redis-py {redis.__version__}"
    )


def missing(required: str, reason: str) -> None:
    """Skip, or fail where the environment says that the peer must be there."""
    if os.environ.get(required) == "1":
        pytest.fail(f"{required}=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def complaint(command: list[str], cwd: os.PathLike[str] | None = None) -> str | None:
    """None where the command succeeds, else the last line of what it says."""
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )
    except OSError as error:
        return str(error)
    said = [line for line in done.stderr.splitlines() if "Error" in line]
    # Ruby opens the line with the place in its own library that noticed.
    return None if done.returncode == 0 else (said or ["it failed"])[0].split("': ")[-1]


@pytest.fixture
def faces(
    redis_server: RedisServer, db: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Resque]]:
    """Makes clients of our own on the test's Redis: `faces(dialect="oj")`; they know the jobs of app.py."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    made: list[Resque] = []

    def make(**options: object) -> Resque:
        made.append(Resque(redis_server.url, jobs=app, **options))
        return made[-1]

    yield make
    for face in made:
        face.close()


@pytest.fixture
def resque(faces: Callable[..., Resque]) -> Resque:
    """A client of our own in its default settings, on an empty Redis."""
    return faces()


@pytest.fixture
def python_worker(
    redis_server: RedisServer, db: redis.Redis, programs: list[Program]
) -> StartWorker:
    """Starts our own workers: `python_worker("low,high", FORK_PER_JOB="false")`; each is registered when it returns."""

    def start(queues: str, *, interval: float = 0.05, **env: str) -> Program:
        settings = {
            "REDIS_URL": redis_server.url,
            "TZ": "UTC",
            "PYTHONPATH": str(PYTHON_WORKER.parents[2]),
            "QUEUE": queues,
            "INTERVAL": str(interval),
            **env,
        }
        worker = Program([sys.executable, str(PYTHON_WORKER)], settings)
        programs.append(worker)
        name = worker.line()
        namespace = env.get("RESQUE_NAMESPACE", "resque")
        eventually(lambda: db.sismember(f"{namespace}:workers", name))
        return worker

    return start


@pytest.fixture(scope="session")
def ruby_env(redis_server: RedisServer) -> dict[str, str]:
    """The environment of a Ruby peer; its absence ends the test here."""
    reason = complaint(["ruby", "-e", 'require "resque"'])
    if reason:
        missing(
            "PYRESQUE_REQUIRE_RUBY",
            f'ruby cannot require "resque" (RUBYLIB, ruby_fixtures/install_gems): {reason}',
        )
    return {"REDIS_URL": redis_server.url, "TZ": "UTC"}


@pytest.fixture(scope="session")
def ruby_peer(
    ruby_env: dict[str, str], pytestconfig: pytest.Config
) -> Iterator[Callable[..., Peer]]:
    """Makes Ruby peers with additions to their environment; the same additions give the same process."""
    started: dict[frozenset[tuple[str, str]], Peer] = {}

    def start(**env: str) -> Peer:
        wish = frozenset(env.items())
        if wish not in started:
            started[wish] = Peer(["ruby", str(RUBY_SCRIPTS / "peer.rb")], {**ruby_env, **env})
            versions = started[wish].ask("versions")
            pytestconfig.stash.setdefault(__version__S, {}).setdefault("Ruby", {}).update(versions)
        return started[wish]

    yield start
    for peer in started.values():
        peer.end()


@pytest.fixture
def ruby(ruby_peer: Callable[..., Peer], db: redis.Redis) -> Peer:
    """A real Resque that does what it is asked to, on an empty Redis, in its default settings."""
    peer = ruby_peer()
    peer.ask("configure")
    return peer


@pytest.fixture
def rails(ruby_peer: Callable[..., Peer], db: redis.Redis) -> Peer:
    """As `ruby`, with ActiveJob and ActiveSupport loaded, as in a Rails app."""
    reason = complaint(["ruby", "-e", 'require "logger"; require "active_job"'])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f'ruby cannot require "active_job": {reason}')
    peer = ruby_peer(RESQUE_ACTIVEJOB="1")
    peer.ask("configure")
    return peer


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """What a test started; all of it ends with the test."""
    started: list[Program] = []
    yield started
    for program in started:
        program.end()


@pytest.fixture
def ruby_worker(ruby_env: dict[str, str], db: redis.Redis, programs: list[Program]) -> StartWorker:
    """Starts real Resque workers: `ruby_worker("low,high", FORK_PER_JOB="false")`; each is registered when it returns."""

    def start(queues: str, *, interval: float = 0.05, **env: str) -> Program:
        settings = {**ruby_env, "QUEUE": queues, "INTERVAL": str(interval), **env}
        worker = Program(["ruby", str(RUBY_SCRIPTS / "worker.rb")], settings)
        programs.append(worker)
        name = worker.line()
        namespace = env.get("RESQUE_NAMESPACE", "resque")
        eventually(lambda: db.sismember(f"{namespace}:workers", name))
        return worker

    return start


@pytest.fixture
def ruby_scheduler(
    ruby_env: dict[str, str], db: redis.Redis, ruby: Peer, programs: list[Program]
) -> StartWorker:
    """Starts real resque-schedulers; skips where Ruby has none."""
    if "resque-scheduler" not in ruby.ask("versions"):
        missing("PYRESQUE_REQUIRE_RUBY", 'ruby cannot require "resque-scheduler"')

    def start(*, interval: float = 0.1, **env: str) -> Program:
        settings = {**ruby_env, "RESQUE_SCHEDULER_INTERVAL": str(interval), **env}
        scheduler = Program(["ruby", str(RUBY_SCRIPTS / "scheduler.rb")], settings)
        programs.append(scheduler)
        scheduler.line()
        return scheduler

    return start


@pytest.fixture
def ruby_web(
    ruby_env: dict[str, str], db: redis.Redis, programs: list[Program]
) -> Callable[..., Web]:
    """Starts the real resque-web: `ruby_web(FAILURE_BACKEND="redis_multi_queue")`."""

    def start(**env: str) -> Web:
        web = Program(
            ["ruby", str(RUBY_SCRIPTS / "web.rb")], {**ruby_env, "DYNAMIC_SCHEDULE": "1", **env}
        )
        programs.append(web)
        return Web(int(web.line()))

    return start


@pytest.fixture(scope="session")
def node_env(redis_server: RedisServer) -> dict[str, str]:
    """The environment of a Node peer; its absence ends the test here."""
    reason = complaint(["node", "-e", 'require("node-resque")'], NODE_SCRIPTS)
    if reason:
        missing(
            "PYRESQUE_REQUIRE_NODE",
            f"node cannot require node-resque (npm install in ruby_fixtures/node): {reason}",
        )
    return {"REDIS_URL": redis_server.url, "TZ": "UTC"}


@pytest.fixture(scope="session")
def node_peer(node_env: dict[str, str], pytestconfig: pytest.Config) -> Iterator[Peer]:
    peer = Peer(["node", str(NODE_SCRIPTS / "peer.js")], node_env)
    pytestconfig.stash.setdefault(__version__S, {})["Node"] = peer.ask("versions")
    yield peer
    peer.end()


@pytest.fixture
def node(node_peer: Peer, db: redis.Redis) -> Peer:
    """A real node-resque queue that does what it is asked to, on an empty Redis."""
    return node_peer


@pytest.fixture
def node_worker(node_env: dict[str, str], db: redis.Redis, programs: list[Program]) -> StartWorker:
    """Starts real node-resque workers: `node_worker("low,high")`."""

    def start(queues: str, *, interval: float = 0.05, **env: str) -> Program:
        settings = {**node_env, "QUEUE": queues, "INTERVAL": str(interval), **env}
        worker = Program(["node", str(NODE_SCRIPTS / "worker.js")], settings)
        programs.append(worker)
        worker.line()
        return worker

    return start
