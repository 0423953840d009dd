"""The command ``top``: live in a terminal, frame after frame elsewhere, as JSON for programs."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Option
from pyresque.cli.failed_selection import record_json
from pyresque.cli.options import CONNECTION, RECORDS, json_option, settings_options
from pyresque.cli.output import as_text, safe_text
from pyresque.cli.top.layout import screen, whole
from pyresque.cli.top.reading import read_frame
from pyresque.cli.top.state import State
from pyresque.cli.workers import worker_json
from pyresque.errors import PyresqueError
from pyresque.job_text import iso_of_seconds
from pyresque.printable import one_line, without_password
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.cli.top.frame import Frame
    from pyresque.cli.top.screen import Screen
    from pyresque.cli.top.state import Wish
    from pyresque.client import Resque

#: The width of what is no terminal, and the rows that each table has there.
WIDTH, ROWS = 120, 20


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    cls=Option,
    help="Seconds between two frames.",
)
@click.option("--once", is_flag=True, help="Print one frame and end.")
@settings_options(*CONNECTION, *RECORDS)
@json_option
def top(interval: float, once: bool, as_json: bool, **given: Any) -> None:
    """Show queues, workers, failures and delayed jobs live, as tables.

    Keys: q quits, Tab or an arrow turns to the next view, j and k move, s changes the order, p pauses or resumes the queue.
    Where the output is no terminal, and with --json (an object a line), frame follows frame.
    """
    resque = load_application(given)
    if not (once or as_json) and _live(Top(resque, interval)):
        return
    before: Frame | None = None
    while True:
        frame = resque.run(read_frame(resque.core, before))
        if as_json:
            click.echo(as_text(frame_json(frame)))
        else:
            _print(frame, resque, interval)
        if once:
            return
        before = frame
        time.sleep(interval)


def _live(top: Top) -> bool:
    """Run in the terminal, if there is one that can; return whether there is."""
    try:
        from pyresque.cli.top import screen  # noqa: PLC0415 - a Python may have been built without curses
    except ImportError:
        return False
    if not screen.usable():
        return False
    logger = logging.getLogger("pyresque")
    handler = Latest(top)
    logger.addHandler(handler)
    try:
        screen.run(top.work)
    finally:
        logger.removeHandler(handler)
    return True


class Top:
    """The live view: reads a frame each interval, and does what keys ask for."""

    def __init__(self, resque: Resque, interval: float) -> None:
        self.resque = resque
        self.state = State(interval)
        self.where = where(resque)
        self._frame: Frame | None = None

    def work(self, terminal: Screen) -> None:
        """Show frames until the reader quits."""
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:
                self._read()
                due = time.monotonic() + self.state.interval
            width, height = terminal.size()
            terminal.draw(screen(self._frame, self.state, self.where, width, height))
            key = terminal.key(due - time.monotonic())
            wish = self.state.press(key, self._frame) if key else None
            if wish is not None:
                if wish.verb == "quit":
                    return
                self._do(wish)
                due = time.monotonic()

    def _read(self) -> None:
        try:
            self._frame = self.resque.run(read_frame(self.resque.core, self._frame))
            self.state.trouble = ""
        except PyresqueError as error:
            self.state.trouble = one_line(str(error))

    def _do(self, wish: Wish) -> None:
        queue = safe_text(wish.queue)
        try:
            if wish.verb == "pause":
                self.resque.pause_queue(wish.queue)
                self.state.message = f"paused {queue}: no job is taken from it"
            else:
                ended = self.resque.resume_queue(wish.queue)
                self.state.message = (
                    f"resumed {queue}" if ended else f"{queue} was not paused by itself"
                )
        except PyresqueError as error:
            self.state.message = one_line(str(error))


class Latest(logging.Handler):
    """Shows the latest warning at the foot of the screen, where a line of a log would overwrite the tables."""

    def __init__(self, top: Top) -> None:
        super().__init__(logging.WARNING)
        self._top = top

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning."""
        self._top.state.message = one_line(record.getMessage())


def where(resque: Resque) -> str:
    """Return which Redis and namespace a frame is of."""
    settings = resque.settings
    return safe_text(f"{without_password(settings.server_url)} {settings.namespace}")


def _print(frame: Frame, resque: Resque, interval: float) -> None:
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    for line in whole(frame, State(interval), where(resque), width, ROWS):
        click.echo(line.text.rstrip())
    click.echo()
    sys.stdout.flush()


def frame_json(frame: Frame) -> dict[str, object]:
    """Return a frame for JSON."""
    master = frame.master
    return {
        "time": iso_of_seconds(frame.at),
        "numbers": dict(frame.numbers),
        "per_second": dict(frame.rates),
        "queues": [
            {**asdict(one), "per_second": frame.queue_rates.get(one.name)} for one in frame.queues
        ],
        "workers": [worker_json(one, paused=frame.workers_paused) for one in frame.workers],
        "failed": [record_json(one) for one in frame.failed],
        "delayed": [{"time": iso_of_seconds(at), "jobs": jobs} for at, jobs in frame.delayed],
        "master": None if master is None else {"holder": master.holder, "ttl": master.ttl},
        "workers_paused": frame.workers_paused,
        "queues_paused": frame.queues_paused,
        "late_workers": frame.late,
        "silent_workers": frame.silent,
    }
