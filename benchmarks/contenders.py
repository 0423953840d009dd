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
CELERY, TASKIQ, SAQ, ARQ = "Celery", "taskiq", "saq", "arq"
NODE, BARE, BARE_ASYNC = "node-resque", "bare loop", "bare asyncio loop"
LOOPS = (TASKIQ, SAQ, ARQ, BARE_ASYNC)
ALL = (OURS, RUBY, RQ, HUEY, DRAMATIQ, PREFETCHING, CELERY, *LOOPS, NODE, BARE)

#: Slots of a process, where jobs are coroutines.
SLOTS = ("10", "100")

#: arq wants a redis-py that others do not: another interpreter may have it.
ARQ_PYTHON = os.environ.get("BENCH_ARQ_PYTHON", sys.executable)

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

    ``head`` is LEFT or RIGHT, or LOWEST where the queue is a sorted set. ``real`` puts in jobs that do real work.
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
    others = (_dramatiq(DRAMATIQ), _dramatiq(PREFETCHING, "256"), _celery(), _node())
    loops = (_taskiq(), _saq(), _arq(), _bare_async())
    found = {}
    for one, check in (*first, *others, *loops, _bare()):
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
        **{f"async-{slots}": Way(worker("--executor", "async", "-c", slots)) for slots in SLOTS},
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

    ways = {"inline": worker("1"), **{f"async-{slots}": worker(slots) for slots in SLOTS}}
    one = Contender(TASKIQ, _module("taskiq_app"), "bench", ways, head="RIGHT")
    return one, _importable("taskiq_redis")


def _saq() -> tuple[Contender, tuple[str, ...]]:
    command = (sys.executable, "-m", "saq", "benchmarks.peers.saq_app.settings")
    ways = {f"async-{slots}": Way(command, {"BENCH_SLOTS": slots}) for slots in SLOTS}
    return Contender(SAQ, _module("saq_app"), "saq:bench:queued", ways), _importable("saq, uvloop")


def _arq() -> tuple[Contender, tuple[str, ...]]:
    main = "from arq.cli import cli; cli()"
    command = (ARQ_PYTHON, "-c", main, "benchmarks.peers.arq_app.Settings")
    ways = {f"async-{slots}": Way(command, {"BENCH_SLOTS": slots}) for slots in SLOTS}
    pusher = (ARQ_PYTHON, "-m", "benchmarks.peers.arq_app")
    one = Contender(ARQ, pusher, "bench", ways, head="LOWEST")
    return one, (ARQ_PYTHON, "-c", "import arq, uvloop")


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


def _bare_async() -> tuple[Contender, tuple[str, ...]]:
    ways = {f"async-{slots}": Way(_module("bare_async_app", slots)) for slots in SLOTS}
    one = Contender(BARE_ASYNC, _module("ours_app"), "resque:queue:bench", ways)
    return one, _importable("hiredis")
