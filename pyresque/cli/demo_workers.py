"""The demo's workers: real processes, which end with the demo whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

from pyresque.cli.embedded import RedisServer, end, undisturbed
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

QUEUES = "payments,*"


@contextmanager
def demo_workers(server: RedisServer, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers on that server until the block ends."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            with undisturbed():
                processes.append(_worker(server, _log(server, number)))
        yield processes
    finally:
        with undisturbed():
            for process in processes:
                end(process, signal.SIGTERM)


def last_words(server: RedisServer, numbers: Iterable[int]) -> str:
    """The ends of these workers' logs."""
    logs = [_log(server, number).read_text("utf-8", "replace").splitlines() for number in numbers]
    return "; ".join((lines or ["no word"])[-1] for lines in logs)


def _worker(server: RedisServer, log: Path) -> subprocess.Popen[bytes]:
    """One ``pyresque worker`` that forks for each job; the variables of the caller's own Resque do not reach it."""
    ours = {_variable(entry) for row in fields(Settings) for entry in row.metadata["env"]}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment["REDIS_URL"] = server.url
    command = [
        sys.executable,
        "-m",
        "pyresque.cli",
        "worker",
        "-A",
        "pyresque.cli.demo_jobs:resque",
    ]
    options = ["-q", QUEUES, "--interval", "0.1", "--executor", "fork", "-v"]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - this very interpreter
            [*command, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _log(server: RedisServer, number: int) -> Path:
    return server.folder / f"worker-{number}.log"


def _variable(entry: object) -> str:
    """The name of an environment variable in the settings' table."""
    return str(entry[0] if isinstance(entry, tuple) else entry)
