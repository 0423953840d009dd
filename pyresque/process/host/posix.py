"""The host of a worker on a POSIX system: process title, signals, waiting, other workers' processes."""

from __future__ import annotations

import signal
import socket
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from setproctitle import setproctitle

from pyresque import signal_handlers
from pyresque.printable import printable
from pyresque.process.host.processes import worker_pids
from pyresque.process.host.waiter import Waiter, WakePipe, ready
from pyresque.process.worker.worker import Worker
from pyresque.signal_handlers import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from pyresque.process.host.waits import Watch

T = TypeVar("T")

#: What the worker does at each signal, as Ruby's does.
SIGNAL_ACTIONS: dict[str, Callable[[Worker], None]] = {
    "SIGTERM": Worker.terminate,
    "SIGINT": Worker.shutdown_now,
    "SIGQUIT": Worker.shutdown,
    "SIGUSR1": Worker.kill_child,
    "SIGUSR2": Worker.pause_processing,
    "SIGCONT": Worker.unpause_processing,
    "SIGIO": Worker.shutdown,  # a pool's master is gone
}

#: The signal of a closed terminal.
HANG_UP = "SIGHUP"


class PosixHost:
    """The host of a worker. ``watch``: the connections that wait for jobs; None: the worker polls."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._pipe = WakePipe(self._moved)
        self._watch = watch
        self.terminal = Terminal()
        self._waiter = Waiter(self.wakeup, watch, self._pipe.empty)

    @property
    def wakeup(self) -> int:
        """The descriptor that becomes readable when a signal comes."""
        return self._pipe.reading

    def _moved(self, former: int) -> None:
        """Use the new pipe: a job closed the former one."""
        self._waiter.wakeup = self._pipe.reading
        signal_handlers.woken_elsewhere(former, self._pipe.writing)

    def title(self, text: str) -> None:
        """Set the process title."""
        setproctitle(printable(text))

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds, or until a signal comes."""
        self._waiter.sleep(seconds)

    def ready(self, seconds: float, watched: Iterable[int]) -> list[int] | None:
        """Wait as ``sleep`` does; return the watched descriptors that became readable, None for a signal."""
        found = ready((self.wakeup, *watched), seconds)
        if self.wakeup not in found:
            return found
        self._pipe.empty()
        return None

    def wake(self) -> None:
        """End the current wait, or the next one. Any thread may call this."""
        self._pipe.wake()

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Wait until it is time to look for a job, a signal comes, or ``most`` seconds pass; return whether it is time."""
        return self._waiter.wait(queues, look, most)

    def busy(self) -> None:
        """Let others watch the queues: this worker has a job (``QueueWatch.leave``)."""
        if self._watch is not None:
            self._watch.leave()

    def worker_pids(self) -> frozenset[int] | None:
        """Return the pids whose command lines are those of Resque workers, Ruby's and ours; None if they cannot be listed."""
        return worker_pids()

    def hearing(self, worker: Worker) -> AbstractContextManager[None]:
        """Have signals control a worker until the block ends. Only in the main thread.

        HUP stops the worker after its job if its terminal was closed, and otherwise does nothing.
        """
        return self.handling_signals(
            worker, {**SIGNAL_ACTIONS, HANG_UP: self.hang_up(Worker.shutdown)}
        )

    def hang_up(self, stop: Callable[[T], None]) -> Callable[[T], None]:
        """Return the action of HUP: ``stop``, if the terminal was closed. A log file that moved needs no HUP (``log_format.py``)."""

        def handler(listener: T) -> None:
            if self.terminal.closed():
                stop(listener)

        return handler

    @contextmanager
    def handling_signals(
        self, listener: T, actions: Mapping[str, Callable[[T], None]]
    ) -> Iterator[None]:
        """Have each signal call its action with ``listener`` until the block ends. Only in the main thread."""
        former: dict[int, signal_handlers.Handler] = {}
        former_fd = signal_handlers.wake_by(self._pipe.writing)
        for name, action in actions.items():
            number = int(signal.Signals[name])
            if name == "SIGHUP" and self.terminal.ignored:
                continue  # under nohup: programs that jobs start must ignore it, too
            former[number] = signal_handlers.take(number, _handler(listener, action))
        former[signal.SIGCHLD] = signal_handlers.take(signal.SIGCHLD, _child_ended)
        signal_handlers.unblock(*former)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal_handlers.give_back(number, handler)
            signal_handlers.wake_by(-1)
            with suppress(OSError, ValueError):  # a job has closed that one
                signal.set_wakeup_fd(former_fd)

    def close(self) -> None:
        """Close the waiting connections and the pipe."""
        if self._watch is not None:
            self._watch.close()
        self._pipe.close()


def hostname() -> str:
    """Return this host's name, as Ruby's ``Socket.gethostname``."""
    return socket.gethostname()


def _handler(listener: T, action: Callable[[T], None]) -> Callable[[int, FrameType | None], None]:
    def handler(_number: int, _frame: FrameType | None) -> None:
        action(listener)

    return handler


def _child_ended(number: int, frame: FrameType | None) -> None:
    """Handler of SIGCHLD. Python writes to the wake-up pipe, which is all that is needed."""


signal_handlers.idle.append(_child_ended)
