"""The processes of the demo: workers and a scheduler on its Redis, which end with the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.process.host.owned_process import OwnedProcess, delayed_signals
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyresque.process.host.embedded_redis import RedisServer

#: The queues of the demo's workers.
QUEUES = "payments,*"

#: The application of the demo's workers, and the command line of its scheduler.
APP = "pyresque.cli.demo.jobs:resque"
SCHEDULER = ("scheduler", "--dynamic", "--interval", "0.1", "-v")


@dataclass(frozen=True, slots=True)
class Program:
    """A process of the demo and its log."""

    process: OwnedProcess
    log: Path

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self.process.poll() is not None

    def last_words(self) -> str:
        """Return the last line of its log."""
        return (self.log.read_text("utf-8", "replace").splitlines() or ["an empty log"])[-1]


@contextmanager
def demo_workers(server: RedisServer, count: int) -> Iterator[list[Program]]:
    """Workers on that server, which fork for each job, until the block ends."""
    commands = {f"worker-{number}": worker_command(QUEUES) for number in range(count)}
    with demo_programs(server, commands) as programs:
        yield programs


@contextmanager
def demo_scheduler(server: RedisServer) -> Iterator[Program]:
    """A scheduler on that server that follows the schedule in Redis, until the block ends."""
    with demo_programs(server, {"scheduler": SCHEDULER}) as (scheduler,):
        yield scheduler


def worker_command(queues: str) -> tuple[str, ...]:
    """Return the command line of a worker that forks for each job."""
    return ("worker", "-q", queues, "--interval", "0.1", "--executor", "fork", "-v")


@contextmanager
def demo_programs(
    server: RedisServer, commands: Mapping[str, Sequence[str]], app: str = APP
) -> Iterator[list[Program]]:
    """Start commands of pyresque's on that server, by the names of their logs; until the block ends."""
    programs: list[Program] = []
    try:
        for name, words in commands.items():
            with delayed_signals():
                programs.append(_start_command(server, name, app, *words))
        yield programs
    finally:
        with delayed_signals():
            for program in programs:
                program.process.end(signal.SIGTERM)


def _start_command(
    server: RedisServer, name: str, app: str, command: str, *options: str
) -> Program:
    """One command of pyresque's; the variables of the caller's own Resque do not reach it."""
    ours = {_variable(entry) for row in Settings.ROWS.values() for entry in row.env}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["REDIS_URL"] = server.url
    words = ("-m", "pyresque.cli", command, "-A", app, *options)
    log = server.folder / f"{name}.log"
    with log.open("wb") as output:
        process = OwnedProcess(
            [sys.executable, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Program(process, log)


def _variable(entry: object) -> str:
    """The name of an environment variable in the settings' table."""
    return str(entry[0] if isinstance(entry, tuple) else entry)
