"""The worker's process where there is neither fork nor a poll of pipes, as on Windows: one job after the other, and polling."""

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

#: Seconds that a handler may have to wait: an event's wait cannot be interrupted everywhere.
LOOK = 0.1

#: The orders that such a system knows.
INTENTS: dict[str, Callable[[Worker], None]] = {
    "SIGTERM": Worker.terminate,
    "SIGBREAK": Worker.shutdown,
    "SIGINT": Worker.shutdown_now,
}


def can_fork() -> bool:
    """Whether this system can."""
    return hasattr(os, "fork")


def refuse_what_needs_fork(settings: Settings) -> None:
    """Raise SettingsError where the settings ask for what this system has not got."""
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
    """This process."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def title(self, text: str) -> None:
        """Set the process title."""
        setproctitle(printable(text))

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until a signal comes."""
        until = time.monotonic() + seconds
        while not self._woken.is_set() and (left := until - time.monotonic()) > 0:
            self._woken.wait(min(left, LOOK))
        self._woken.clear()

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:  # noqa: ARG002 - the Protocol's signature
        """Wait until it is time to look for a job, or for a signal; whether it is time."""
        until = time.monotonic() + min(look, most)
        self.sleep(min(look, most))
        return look <= most and time.monotonic() >= until

    def worker_pids(self) -> frozenset[int] | None:
        """Nobody's: dead workers are told by their heartbeats."""
        return None

    @contextmanager
    def hearing(self, worker: Worker) -> Iterator[None]:
        """Bring the signals' orders to a worker; afterwards everything is as before. Only in the main thread."""
        former = {}
        for name, intent in INTENTS.items():
            number = getattr(signal, name, None)
            if number is not None:
                former[number] = signal.signal(number, self._handler(worker, intent))
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Nothing to let go of."""

    def _handler(
        self, worker: Worker, intent: Callable[[Worker], None]
    ) -> Callable[[int, FrameType | None], None]:
        def heard(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
            intent(worker)
            self._woken.set()

        return heard
