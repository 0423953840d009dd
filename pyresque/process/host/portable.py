"""The host of a worker on a system without fork and without poll() of pipes, such as Windows: it polls Redis."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from setproctitle import setproctitle

from pyresque.errors import SettingsError
from pyresque.printable import printable
from pyresque.process.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from pyresque.settings import Settings

#: Longest single wait: on some systems no signal interrupts the wait of an event.
LOOK = 0.1

#: What the worker does at each signal that such a system has.
SIGNAL_ACTIONS: dict[str, Callable[[Worker], None]] = {
    "SIGTERM": Worker.terminate,
    "SIGBREAK": Worker.shutdown,
    "SIGINT": Worker.shutdown_now,
}


def can_fork() -> bool:
    """Return whether this system has fork()."""
    return hasattr(os, "fork")


def refuse_what_needs_fork(settings: Settings) -> None:
    """Raise SettingsError if settings need fork()."""
    wanted = {
        f"executor {settings.executor}": settings.executor != "inline",
        f"count {settings.count}": settings.count > 1,
        "background": settings.background,
        "health_port": settings.health_port is not None,
    }
    missing = [name for name, asked in wanted.items() if asked]
    if missing:
        raise SettingsError(
            f"{', '.join(missing)}: this system has no fork; start several workers with executor inline in their place"
        )


class PortableHost:
    """The host of a worker without fork: signals, title and waits of this process."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def title(self, text: str) -> None:
        """Set the process title."""
        setproctitle(printable(text))

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds, or until a signal comes."""
        until = time.monotonic() + seconds
        while not self._woken.is_set() and (left := until - time.monotonic()) > 0:
            self._woken.wait(min(left, LOOK))
        self._woken.clear()

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:  # noqa: ARG002 - the Protocol's signature
        """Wait until it is time to look for a job, or until a signal comes; return whether it is time."""
        until = time.monotonic() + min(look, most)
        self.sleep(min(look, most))
        return look <= most and time.monotonic() >= until

    def busy(self) -> None:
        """Do nothing: nothing waits for jobs on behalf of a worker that polls."""

    def worker_pids(self) -> frozenset[int] | None:
        """Return None: the processes of the host are unknown, so dead workers are found by their heartbeats alone."""
        return None

    @contextmanager
    def hearing(self, worker: Worker) -> Iterator[None]:
        """Have signals control a worker until the block ends. Only in the main thread."""
        former = {}
        for name, action in SIGNAL_ACTIONS.items():
            number = getattr(signal, name, None)
            if number is not None:
                former[number] = signal.signal(number, self._handler(worker, action))
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Close nothing; the Host protocol asks for this method."""

    def _handler(
        self, worker: Worker, action: Callable[[Worker], None]
    ) -> Callable[[int, FrameType | None], None]:
        def handler(_number: int, _frame: FrameType | None) -> None:
            action(worker)
            self._woken.set()

        return handler
