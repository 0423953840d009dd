"""How the demo reports: steps on the terminal, a table of events on keys, and conditions that must come true."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.cli.output import safe_text
from pyresque.errors import DemoFailed, MissingPackage

try:
    from rich.table import Table
except ModuleNotFoundError as error:
    raise MissingPackage("the demo", "demo", error) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from pyresque.cli.demo.processes import Program
    from pyresque.client import Resque
    from pyresque.process.host.embedded_redis import RedisServer

#: Seconds that any step may take.
TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened on a key, and when (seconds since the start)."""

    at: float
    key: str
    what: str


class Narrator:
    """Reports what happens on one Redis."""

    def __init__(
        self, console: Console, resque: Resque, server: RedisServer, started: float
    ) -> None:
        self.console = console
        self.resque = resque
        self.server = server
        self.started = started
        self.events: list[Event] = []

    def until(self, promise: str, seen: Callable[[], bool], programs: Sequence[Program]) -> None:
        """Wait until a condition holds. Raises DemoFailed when a process of the demo ends or time runs out."""
        deadline = time.monotonic() + TIMEOUT
        pause = threading.Event()
        while not seen():
            ended = [program.last_words() for program in programs if program.has_ended()]
            self.check(not ended, f"{promise} (a process ended: {'; '.join(ended)})")
            self.check(time.monotonic() < deadline, f"{promise} within {TIMEOUT:.0f} s")
            pause.wait(0.02)

    def check(self, holds: bool, promise: str) -> None:
        """Raise DemoFailed unless a condition holds."""
        if not holds:
            raise DemoFailed(f"this did not come true: {promise}")

    def note(self, key: str, what: str) -> None:
        """Keep an event on a key for the table."""
        self.events.append(Event(self.seconds(), self.resque.core.keys.of(key), what))

    def step(self, what: str) -> None:
        """Print that a step is done."""
        self.console.print(f"{self.seconds():6.2f} s  {what}", soft_wrap=True)

    def seconds(self) -> float:
        """Return the seconds since the start of the demo."""
        return time.monotonic() - self.started

    def table(self) -> Table:
        """Return the table of events."""
        table = Table(
            title="What happened on which key", title_justify="left", show_lines=False, expand=False
        )
        table.add_column("at", justify="right", no_wrap=True)
        table.add_column("key", overflow="fold", ratio=2)
        table.add_column("what happened there", overflow="fold", ratio=3)
        for event in self.events:
            table.add_row(f"{event.at:.2f} s", safe_text(event.key), safe_text(event.what))
        return table
