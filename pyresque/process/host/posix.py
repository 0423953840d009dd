"""The worker's process on a POSIX system: title, signals, and the other workers of the host."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from setproctitle import setproctitle

from pyresque import signal_handlers
from pyresque.printable import printable
from pyresque.process.host.waiter import Waiter, WakePipe
from pyresque.process.worker.worker import Worker
from pyresque.signal_handlers import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from pyresque.process.host.queue_watch import QueueWatch

T = TypeVar("T")

#: What each signal orders, as Ruby's worker hears it.
INTENTS: dict[str, Callable[[Worker], None]] = {
    "SIGTERM": Worker.terminate,
    "SIGINT": Worker.shutdown_now,
    "SIGQUIT": Worker.shutdown,
    "SIGUSR1": Worker.kill_child,
    "SIGUSR2": Worker.pause_processing,
    "SIGCONT": Worker.unpause_processing,
    "SIGIO": Worker.shutdown,  # a pool's master is gone
}

#: What the signal of a closed terminal orders.
HANG_UP = "SIGHUP"

#: The command lines that Ruby's worker takes for workers, and the one it does not.
WORKER_TITLE = re.compile(r"resque:work|resque:\sStarting|resque-[0-9]")
NO_WORKER = "resque-web"


class PosixHost:
    """This process; without ``lines`` it hears of no job."""

    def __init__(self, lines: QueueWatch | None = None) -> None:
        self._pipe = WakePipe(self._moved)
        self._lines = lines
        self.terminal = Terminal()
        self._waiter = Waiter(self.wakeup, lines, self._pipe.empty)

    @property
    def wakeup(self) -> int:
        """What becomes readable when a signal comes."""
        return self._pipe.reading

    def _moved(self, former: int) -> None:
        """The pipe was closed by a job, and is another one now."""
        self._waiter.wakeup = self._pipe.reading
        signal_handlers.woken_elsewhere(former, self._pipe.writing)

    def title(self, text: str) -> None:
        """Set the process title."""
        setproctitle(printable(text))

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until a signal comes."""
        self._waiter.sleep(seconds)

    def wake(self) -> None:
        """End the present wait, or the next one. From any thread."""
        self._pipe.wake()

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Wait until it is time to look for a job, or for a signal, or for ``most`` seconds; whether it is time."""
        return self._waiter.wait(queues, look, most)

    def worker_pids(self) -> frozenset[int] | None:
        """The processes that are Resque workers by their command line, Ruby's and ours."""
        lines = _command_lines()
        if lines is None:
            return None
        return frozenset(
            pid for pid, line in lines if WORKER_TITLE.search(line) and NO_WORKER not in line
        )

    def hearing(self, worker: Worker) -> AbstractContextManager[None]:
        """Bring the signals' orders to a worker; afterwards everything is as before. Only in the main thread.

        HUP is an order to stop after the job where the terminal was closed, and none where it was not.
        """
        return self.hearing_orders(worker, {**INTENTS, HANG_UP: self.hang_up(Worker.shutdown)})

    def hang_up(self, stop: Callable[[T], None]) -> Callable[[T], None]:
        """What HUP orders: to stop, where the terminal was closed. Log files are followed without it (``log_format.py``)."""

        def heard(listener: T) -> None:
            if self.terminal.closed():
                stop(listener)

        return heard

    @contextmanager
    def hearing_orders(
        self, listener: T, intents: Mapping[str, Callable[[T], None]]
    ) -> Iterator[None]:
        """The same for whoever listens, with what each signal orders."""
        former: dict[int, signal_handlers.Handler] = {}
        former_fd = signal_handlers.wake_by(self._pipe.writing)
        for name, intent in intents.items():
            number = int(signal.Signals[name])
            if name == "SIGHUP" and self.terminal.ignored:
                continue  # what is run from here shall ignore it, too
            former[number] = signal_handlers.take(number, _handler(listener, intent))
        former[signal.SIGCHLD] = signal_handlers.take(signal.SIGCHLD, _noticed)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal_handlers.give_back(number, handler)
            signal_handlers.wake_by(-1)
            with suppress(OSError, ValueError):  # a job has closed that one
                signal.set_wakeup_fd(former_fd)

    def close(self) -> None:
        """Hang up, and close the pipe."""
        if self._lines is not None:
            self._lines.close()
        self._pipe.close()


def hostname() -> str:
    """This host's name, as Ruby's ``Socket.gethostname``."""
    return socket.gethostname()


def _handler(listener: T, intent: Callable[[T], None]) -> Callable[[int, FrameType | None], None]:
    def heard(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        intent(listener)

    return heard


def _noticed(number: int, frame: FrameType | None) -> None:
    """A child ended: the wake-up pipe says so."""


signal_handlers.idle.append(_noticed)


def _command_lines() -> list[tuple[int, str]] | None:
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        found = []
        for entry in proc.iterdir():
            if entry.name.isdecimal():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue  # it ended meanwhile
                found.append(
                    (int(entry.name), line.replace(b"\0", b" ").decode("utf-8", "replace"))
                )
        return found
    import subprocess  # noqa: PLC0415 - only where there is no /proc; every child would pay for it

    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,command="],  # noqa: S607 - ps stands in different places
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    rows = (line.strip().partition(" ") for line in listed.stdout.splitlines() if line.strip())
    return [(int(pid), line) for pid, _, line in rows]
