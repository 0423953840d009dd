"""Progress of a long command, on standard error from its third second on. Ctrl-C ends the command between two steps."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque.cli.errors import Complaint
from pyresque.ops import rewrite
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from typing_extensions import Self

    from pyresque.ops import Op

T = TypeVar("T")

#: Seconds until a command is long, and between two reports: a terminal has one line that is overwritten, a file a line for each.
LONG = 2.0
EVERY_ON_TERMINAL = 0.2
EVERY_LINE = 5.0

#: The length of the bar on a terminal.
BAR = 20

#: The signals that end a command.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Complaint):
    """A signal ended the command before it was through; the exit code is 128 plus the signal's number, as in a shell."""

    def __init__(self, number: int, summary: str) -> None:
        super().__init__(f"interrupted: {summary}")
        self.number = number

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click's is a plain number
        """Return 128 plus the signal's number."""
        return 128 + self.number


class Progress:
    """Reports how far a command is that works step by step, and handles its signals.

    The first SIGINT or SIGTERM is kept in ``signal``, and the current step runs to its end. A second one has its usual effect.
    """

    def __init__(self, doing: str) -> None:
        #: What the command does; it may name a queue or a file.
        self.doing = printable(doing)
        self.signal = 0
        self._since = self._reported = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._line = ""
        self._former: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._former[number] = signal.signal(number, self._asked)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        self._clear()

    def step(self, seen: int, total: int, done: int | None = None) -> None:
        """Report the position, if the last report is long enough ago."""
        now = time.monotonic()
        every = EVERY_ON_TERMINAL if self._terminal else EVERY_LINE
        first = self._reported == self._since
        if now - self._since < LONG or (not first and now - self._reported < every):
            return
        self._reported = now
        part = f" ({100 * min(seen, total) // total}%)" if total else ""
        bar = f"[{'#' * (BAR * min(seen, total) // total):-<{BAR}}] " if total else ""
        of = f" of {max(seen, total)}" if total else ""
        line = f"{self.doing}: {bar if self._terminal else ''}{seen}{of}{part}"
        if done is not None and done != seen:
            line += f", {done} so far"
        if self._terminal:
            self._clear()
            line = line[
                : max(20, shutil.get_terminal_size().columns - 1)
            ]  # a second line could not be taken away
            self._line = line
            click.echo(line, nl=False, err=True)
        else:
            click.echo(f"pyresque: {line}", err=True)

    async def watch(self, operation: Callable[[], Op[T]], summary: str) -> T:
        """Run an operation of unknown length that reports its steps, and ends with Interrupted between two once a signal has come."""
        steps = count(1)

        def asked(request: Any) -> Any:
            self.step(next(steps), 0)
            self.end(summary)
            return request

        return await rewrite(operation(), asked)

    def end(self, summary: str) -> None:
        """Raise Interrupted with the summary if a signal has come."""
        if self.signal:
            raise Interrupted(self.signal, summary)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]  # what signal() gave
        self._former = {}

    def _clear(self) -> None:
        if self._line:
            click.echo("\r" + " " * len(self._line) + "\r", nl=False, err=True)
            self._line = ""
