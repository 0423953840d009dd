"""The demo's workers and scheduler: real processes, which end with the demo whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.cli.demo.embedded_redis import RedisServer, end, undisturbed
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUEUES = "payments,*"


@dataclass(frozen=True, slots=True)
class Program:
    """A process, and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return self.process.poll() is not None

    def last_words(self) -> str:
        """The end of its log."""
        return (self.log.read_text("utf-8", "replace").splitlines() or ["no word"])[-1]


@contextmanager
def demo_workers(server: RedisServer, count: int) -> Iterator[list[Program]]:
    """Workers on that server, which fork for each job, until the block ends."""
    words = ("worker", "-q", QUEUES, "--interval", "0.1", "--executor", "fork", "-v")
    programs: list[Program] = []
    try:
        for number in range(count):
            with undisturbed():
                programs.append(_start(server, f"worker-{number}", *words))
        yield programs
    finally:
        with undisturbed():
            for program in programs:
                end(program.process, signal.SIGTERM)


@contextmanager
def demo_scheduler(server: RedisServer) -> Iterator[Program]:
    """A scheduler on that server that follows the schedule in Redis, until the block ends."""
    words = ("scheduler", "--dynamic", "--interval", "0.1", "-v")
    programs: list[Program] = []
    try:
        with undisturbed():
            programs.append(_start(server, "scheduler", *words))
        yield programs[0]
    finally:
        with undisturbed():
            for program in programs:
                end(program.process, signal.SIGTERM)


def _start(server: RedisServer, name: str, command: str, *options: str) -> Program:
    """One command of pyresque's; the variables of the caller's own Resque do not reach it."""
    ours = {_variable(entry) for row in Settings.ROWS.values() for entry in row.env}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["REDIS_URL"] = server.url
    words = ("-m", "pyresque.cli", command, "-A", "pyresque.cli.demo.jobs:resque", *options)
    log = server.folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Program(process, log)


def _variable(entry: object) -> str:
    """The name of an environment variable in the settings' table."""
    return str(entry[0] if isinstance(entry, tuple) else entry)
