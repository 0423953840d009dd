"""A real worker process, and what its jobs report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyresque.process.host.owned_process import OwnedProcess
from tests.support import ROOT
from tests.support.eventually import TIMEOUT, eventually
from tests.support.processes import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


def reported(db: redis.Redis) -> list[Any]:
    """What jobs reported so far, in their order."""
    return [json.loads(one) for one in db.lrange("live:reports", 0, -1)]


def next_report(db: redis.Redis) -> Any:
    """Wait for the next report and take it."""
    found = db.blpop("live:reports", timeout=TIMEOUT)
    assert found is not None, "no report came"
    return json.loads(found[1])


class WorkerProcess:
    """A worker of ``tests/live/app.py``, or another program beside it, in a process of its own."""

    def __init__(
        self,
        url: str,
        *queues: str,
        report_url: str | None = None,
        program: str = "app.py",
        **env: str,
    ) -> None:
        settings = {
            "REDIS_URL": url,
            "REPORT_URL": report_url or url,
            "QUEUES": ",".join(queues),
            "INTERVAL": "0.1",
            "VVERBOSE": "1",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        self.process = OwnedProcess(
            [sys.executable, str(ROOT / "tests" / "live" / program)],
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return "".join(self._lines)

    def ready(self, db: redis.Redis) -> str:
        """Wait until it has registered; its id."""
        found = eventually(
            lambda: [w for w in db.smembers("resque:workers") if f":{self.pid}:".encode() in w]
        )
        return found[0].decode()

    def signal(self, name: str) -> None:
        self.process.send_signal(signal.Signals[name])

    def title(self) -> str:
        """Its command line, as ``ps`` shows it."""
        return command_line(self.pid)

    def ended(self, within: float = TIMEOUT) -> int:
        """Wait for its end; its exit status."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.log}") from None

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(TIMEOUT)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


@contextmanager
def worker(url: str, *queues: str, program: str = "app.py", **env: str) -> Iterator[WorkerProcess]:
    """A worker for the length of a block; its log is shown where the block fails."""
    started = WorkerProcess(url, *queues, program=program, **env)
    try:
        yield started
    except BaseException:
        started.close()
        print(started.log)
        raise
    started.close()


def burst(
    url: str,
    *queues: str,
    program: str = "app.py",
    within: float = TIMEOUT,
    report_url: str | None = None,
    **env: str,
) -> str:
    """Let a worker empty its queues and leave; what it logged."""
    settings = {"INTERVAL": "0", "REPORT_URL": report_url or url, **env}
    with worker(url, *queues, program=program, **settings) as started:
        status = started.ended(within)
        started.close()
        assert status == 0, f"status {status}: {started.log}"
        return started.log
