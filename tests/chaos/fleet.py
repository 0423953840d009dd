"""A few workers that are started again whenever they die, and the ledger that their jobs write."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pyresque.process.host.owned_process import OwnedProcess
from tests.support import ROOT
from tests.support.eventually import TIMEOUT
from tests.support.processes import children_of

if TYPE_CHECKING:
    from random import Random


class Ledger:
    """What jobs wrote of themselves, whatever became of their workers and of Redis."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def counted(self, word: str) -> Counter[int]:
        """How often each job wrote that word."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        return Counter(int(number) for found, number in lines if found == word)

    def length(self) -> int:
        return self.path.read_bytes().count(b"\n")


class Fleet:
    """Worker processes, each the leader of a process group of its own with its children."""

    def __init__(self, ledger: Ledger, url: str, size: int, **env: str) -> None:
        self.ledger = ledger
        self.env = {
            **os.environ,
            "REDIS_URL": url,
            "QUEUES": "chaos",
            "INTERVAL": "0.05",
            "RESQUE_HEARTBEAT_INTERVAL": "1",
            "RESQUE_PRUNE_INTERVAL": "30",
            "VERBOSE": "1",
            "PYTHONPATH": str(ROOT),
            "LEDGER": str(ledger.path),
            **env,
        }
        self.log = ledger.path.with_suffix(".log").open("ab")
        self.workers = [self._start() for _ in range(size)]

    def _start(self, **env: str) -> OwnedProcess:
        return OwnedProcess(
            [sys.executable, str(Path(__file__).with_name("app.py"))],
            env={**self.env, **env},
            stdout=self.log,
            stderr=self.log,
        )

    def revive(self) -> None:
        """Start one in the place of each that has died."""
        self.workers = [
            worker if worker.poll() is None else self._start() for worker in self.workers
        ]

    def any_worker(self, rng: Random) -> int:
        return rng.choice(self.workers).pid

    def any_child(self, rng: Random) -> int | None:
        """Anything below: a pool's worker, a fork server, what performs a job; None where there is nothing."""
        pids: list[int] = []
        below = children_of(*[worker.pid for worker in self.workers])
        while below:
            pids += below
            below = children_of(*below)
        return rng.choice(pids) if pids else None

    def end(self) -> None:
        """Let every worker finish and leave; afterwards one more prunes those that died."""
        for worker in self.workers:
            worker.send_signal(signal.SIGQUIT)
        for worker in self.workers:
            worker.wait(TIMEOUT)
        self._start(INTERVAL="0", COUNT="1").wait(TIMEOUT)

    def close(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.log.close()
