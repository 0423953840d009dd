"""A process that ends with the one that started it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: What a shell does beside a process, the process's pid and a folder given: once nobody holds the other end of its input, the owner
#: is gone, by ``kill -9`` for example. Then the process goes, with its session, and the folder.
WATCH = 'read _; kill -9 "-$1"; [ -z "$2" ] || rm -rf "$2"'

#: The signals that end a command.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: Seconds in which a process must end.
TIMEOUT = 10.0


class OwnedProcess(subprocess.Popen[Any]):
    """A process that leads a session of its own. It ends with this process and the copies that this process forks."""

    def __init__(
        self, command: Sequence[str], *, folder: Path | None = None, **options: Any
    ) -> None:
        """``folder``: goes when the owner is killed; ``options``: as Popen's."""
        self._watcher: subprocess.Popen[bytes] | None = None
        # Ctrl-C is for the owner, who then ends this process.
        super().__init__(command, start_new_session=True, **options)
        try:
            self._watcher = _watch(self.pid, folder)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def poll(self) -> Any:
        """Return the exit code if it has ended."""
        found = super().poll()
        self._unwatch()
        return found

    def wait(self, timeout: float | None = None) -> Any:
        """Wait for its end; return the exit code."""
        found = super().wait(timeout)
        self._unwatch()
        return found

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, wait for its end, then kill the rest of its session."""
        if self.returncode is not None:
            return int(self.returncode)  # its id may be another's by now
        self.send_signal(number)
        try:
            return int(self.wait(TIMEOUT))
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def _unwatch(self) -> None:
        """End the shell once the process has ended: its id may soon be another's."""
        if self.returncode is None or self._watcher is None:
            return
        watcher, self._watcher = self._watcher, None
        watcher.kill()
        watcher.communicate()


def _watch(pid: int, folder: Path | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - words of our own
        ["/bin/sh", "-c", WATCH, "sh", str(pid), str(folder or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends the owner may end its whole process group
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
