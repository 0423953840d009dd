"""Who takes part, and how each one's workers and pushers are started: as its own documentation advises for throughput.

A contender that is not installed is left out, with a line on stderr.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"

#: Seconds between two looks at an empty queue, for the sides that poll.
INTERVAL = "0.1"

OURS, RUBY, RQ, HUEY = "pyresque", "Ruby Resque", "RQ", "Huey"
DRAMATIQ, PREFETCHING = "Dramatiq", "Dramatiq (prefetch 256)"
CELERY, TASKIQ, NODE, BARE = "Celery", "taskiq", "node-resque", "bare loop"
ALL = (OURS, RUBY, RQ, HUEY, DRAMATIQ, PREFETCHING, CELERY, TASKIQ, NODE, BARE)

#: What enqueues the jobs of ``kinds.py``.
KIND_PROGRAMS = {
    OURS: (sys.executable, "-m", "benchmarks.peers.ours_kinds"),
    RUBY: (shutil.which("ruby") or "ruby", str(PEERS / "ruby_kinds.rb")),
}


@dataclass(frozen=True)
class Way:
    """How one worker process is started, for one kind of measurement."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    forks: bool = False  # jobs run in children of the worker


@dataclass(frozen=True)
class Contender:
    """One side. ``queue`` is the key of its queue, a list whose next job stands at ``head``; ``later`` sees to delayed jobs.

    ``real`` puts in jobs that do real work.
    """

    name: str
    pusher: tuple[str, ...]
    queue: str
    ways: Mapping[str, Way]
    head: str = "LEFT"
    env: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()
    real: tuple[str, ...] = ()

    def environment(self, url: str, **more: str) -> dict[str, str]:
        """What its processes find in their environment."""
        own = {"BENCH_URL": url, "INTERVAL": INTERVAL, "PYTHONPATH": str(ROOT)}
        return {**os.environ, **own, **self.env, **more}


def contenders(wanted: Container[str] = ALL) -> dict[str, Contender]:
    """Those of the wanted that are installed here, by name."""
    first = (_ours(), _ruby(), _rq(), _huey())
    others = (_dramatiq(DRAMATIQ), _dramatiq(PREFETCHING, "256"), _celery(), _taskiq(), _node())
    found = {}
    for one, check in (*first, *others, _bare()):
        if one.name not in wanted:
            continue
        env = one.environment("")
        done = subprocess.run(check, capture_output=True, check=False, env=env)
        if done.returncode:
            print(f"{one.name} is left out: {' '.join(check)} does not work", file=sys.stderr)
        else:
            found[one.name] = one
    return found


def _module(name: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.peers.{name}", *more)


def _importable(name: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import {name}")


def _ours() -> tuple[Contender, tuple[str, ...]]:
    def command(name: str, *more: str, app: str = "ours_app") -> tuple[str, ...]:
        app_option = ("-A", f"benchmarks.peers.{app}:resque")
        main = "from pyresque.cli.main import main; main()"
        return (sys.executable, "-c", main, name, *app_option, *more)

    def worker(*more: str) -> tuple[str, ...]:
        return command("worker", "-q", "bench", *more)

    def of_kinds(executor: str, *more: str) -> Way:
        words = ("worker", "-q", "bench", "--executor", executor, *more)
        return Way(command(*words, app="ours_kinds"), forks=executor == "fork")

    def real(*more: str) -> Way:
        words = ("worker", "-q", "bench", "--executor", "fork", *more)
        return Way(command(*words, app="ours_real"), forks=True)

    fork = worker("--executor", "fork")
    ways = {
        "fork": Way(fork, forks=True),
        "heap": Way(fork, {"BENCH_HEAP_MB": "100"}, forks=True),
        "child100": Way((*fork, "--jobs-per-child", "100"), forks=True),
        "inline": Way(worker("--executor", "inline")),
        "thread": Way(worker("--executor", "thread", "-c", "8")),
        "async": Way(worker("--executor", "async", "-c", "10")),
        "real": real(),
        "real100": real("--jobs-per-child", "100"),
        "real-ahead": real("--fork-ahead", "always"),
        "kinds-fork": of_kinds("fork"),
        "kinds-inline": of_kinds("inline"),
        "kinds-thread": of_kinds("thread", "-c", "4"),
        "kinds-async": of_kinds("async", "-c", "10"),
        "scheduler": Way(command("scheduler", "--quiet")),
    }
    later, fill = _module("ours_later"), _module("ours_real")
    one = Contender(OURS, _module("ours_app"), "resque:queue:bench", ways, later=later, real=fill)
    return one, _importable("pyresque")


def _ruby() -> tuple[Contender, tuple[str, ...]]:
    program = (shutil.which("ruby") or "ruby", str(PEERS / "ruby_app.rb"))
    real = (program[0], str(PEERS / "ruby_real.rb"))
    work = (*program, "work")
    ways = {
        "fork": Way(work, forks=True),
        "heap": Way(work, {"BENCH_HEAP_MB": "100"}, forks=True),
        "inline": Way(work, {"FORK_PER_JOB": "false"}),
        "real": Way((*real, "work"), forks=True),
        "kinds-fork": Way((*KIND_PROGRAMS[RUBY], "work"), forks=True),
    }
    later = (program[0], str(PEERS / "ruby_later.rb"))
    one = Contender(RUBY, program, "resque:queue:bench", ways, later=later, real=(*real, "fill"))
    return one, (program[0], "-e", 'require "resque"')


def _rq() -> tuple[Contender, tuple[str, ...]]:
    work = _module("rq_app", "work")
    ways = {
        "fork": Way(work, forks=True),
        "heap": Way(work, {"BENCH_HEAP_MB": "100"}, forks=True),
    }
    return Contender(RQ, _module("rq_app"), "rq:queue:bench", ways), _importable("rq")


def _huey() -> tuple[Contender, tuple[str, ...]]:
    consumer = (sys.executable, "-m", "huey.bin.huey_consumer", "benchmarks.peers.huey_app.huey")
    ways = {"inline": Way((*consumer, "-w", "1", "-k", "thread", "-n", "-q"))}
    later = _module("huey_later")
    one = Contender(HUEY, _module("huey_app"), "huey.redis.bench", ways, head="RIGHT", later=later)
    return one, _importable("huey")


def _dramatiq(name: str, prefetch: str = "0") -> tuple[Contender, tuple[str, ...]]:
    """As it comes it prefetches two messages a thread (0), and pauses while it has them: with few threads that is slow."""
    command = (sys.executable, "-m", "dramatiq", "benchmarks.peers.dramatiq_app", "-p", "1", "-t")
    ways = {"inline": Way((*command, "1")), "thread": Way((*command, "8"))}
    env = {"dramatiq_queue_prefetch": prefetch}
    one = Contender(name, _module("dramatiq_app"), "dramatiq:bench", ways, env=env)
    return one, _importable("dramatiq, redis")


def _celery() -> tuple[Contender, tuple[str, ...]]:
    command = (
        *(sys.executable, "-m", "celery", "-A", "benchmarks.peers.celery_app", "worker"),
        *("-P", "threads", "-c", "8", "-O", "fair", "-l", "ERROR", "-n", "bench@%%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    one = Contender(CELERY, _module("celery_app"), "bench", {"thread": Way(command)}, head="RIGHT")
    return one, _importable("celery, redis")


def _taskiq() -> tuple[Contender, tuple[str, ...]]:
    def worker(slots: str) -> Way:
        command = (sys.executable, "-m", "taskiq", "worker", "benchmarks.peers.taskiq_app:broker")
        return Way((*command, "--workers", "1", "--max-async-tasks", slots, "--log-level", "ERROR"))

    ways = {"inline": worker("1"), "async": worker("10")}
    one = Contender(TASKIQ, _module("taskiq_app"), "bench", ways, head="RIGHT")
    return one, _importable("taskiq_redis")


def _node() -> tuple[Contender, tuple[str, ...]]:
    program = (shutil.which("node") or "node", str(PEERS / "node_app.js"))
    one = Contender(
        NODE,
        program,
        "resque:queue:bench",
        {"inline": Way((*program, "work"))},
        env={"NODE_PATH": str(ROOT / "ruby_fixtures" / "node" / "node_modules")},
    )
    return one, (program[0], "-e", 'require("node-resque")')


def _bare() -> tuple[Contender, tuple[str, ...]]:
    one = Contender(
        BARE,
        _module("ours_app"),
        "resque:queue:bench",
        {"inline": Way(_module("bare_app", "work"))},
    )
    return one, _importable("hiredis")
