"""A real pool of the live tests' application, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyresque.process.host.owned_process import OwnedProcess
from tests.support import ROOT
from tests.support.eventually import TIMEOUT
from tests.support.processes import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


class PoolProcess:
    """``pyresque pool`` or ``pyresque worker -c`` on the live tests' application."""

    def __init__(self, url: str, *args: str, **env: str) -> None:
        self.lines: list[str] = []
        self.process = OwnedProcess(
            [sys.executable, "-m", "pyresque.cli", *args],
            env={
                **os.environ,
                "REDIS_URL": url,
                "REPORT_URL": url,
                "PYRESQUE_APP": "tests.live.app:resque",
                "INTERVAL": "0.1",
                "VERBOSE": "1",
                "PYTHONPATH": str(ROOT),
                **env,
            },
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self.lines.extend(self.process.stdout)

    def signal(self, name: str) -> None:
        self.process.send_signal(signal.Signals[name])

    def title(self) -> str:
        return command_line(self.process.pid)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self.process.stdout.close()


@contextmanager
def pool(url: str, *args: str, **env: str) -> Iterator[PoolProcess]:
    started = PoolProcess(url, *args, **env)
    try:
        yield started
    finally:
        started.close()
        print("".join(started.lines))


def workers(db: redis.Redis) -> list[tuple[int, str]]:
    ids = [one.decode().split(":", 2) for one in db.smembers("resque:workers")]
    return sorted((int(pid), queues) for _, pid, queues in ids)
