"""Build a scheduler from its settings and run it in this process."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyresque.driver.hurry import Hurry
from pyresque.errors import ScheduleFileError
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.run.worker import prepare
from pyresque.process.scheduler import Scheduler
from pyresque.process.start.start_line import log_scheduler_start
from pyresque.schedule.entries import is_section
from pyresque.schedule.yaml_file import FileEntry, read_yaml
from pyresque.store.schedules import Claim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyresque.client import Resque

log = logging.getLogger("pyresque")

#: What the scheduler does at each signal, as Ruby's does.
SIGNAL_ACTIONS: dict[str, Callable[[Scheduler], None]] = {
    "SIGTERM": Scheduler.shutdown,
    "SIGINT": Scheduler.shutdown,
    "SIGQUIT": Scheduler.shutdown,
    "SIGUSR1": Scheduler.ask_print,
    "SIGUSR2": Scheduler.ask_reload,
}


def run_scheduler(resque: Resque) -> None:
    """Schedule in this process, in its main thread, until a signal stops it. Raises ScheduleFileError."""
    resque.connect_by_url()
    settings = resque.settings
    written = (
        read_schedule(settings.schedule, settings.schedule_section) if settings.schedule else []
    )
    prepare(background=settings.background, pidfile=settings.pidfile)
    log_scheduler_start(resque, len(written))
    if written:
        resque.core.recurring.memory.update({entry.name: entry.config for entry in written})
        for note in warnings_of(written):
            log.warning("%s, %s", settings.schedule, note)
    posix = PosixHost()
    try:
        scheduler = Scheduler(resque.core, claim(), posix)
        scheduler.hurry = Hurry(resque.driver.waits_here())
        hang_up = {HANG_UP: posix.hang_up(Scheduler.shutdown)}
        with posix.handling_signals(scheduler, {**SIGNAL_ACTIONS, **hang_up}):
            resque.run(scheduler.work())
    finally:
        posix.close()
        resque.close()


def claim() -> Claim:
    """Return the value by which this process holds the master lock."""
    return Claim(f"{hostname()}:{os.getpid()}", os.urandom(16).hex())


def warnings_of(written: list[FileEntry]) -> Iterator[str]:
    """Yield warnings with their lines: keys that stand there twice, and sections, which do not run."""
    for entry in written:
        yield from entry.notes
        if is_section(entry.config):
            yield f"line {entry.line}: {section_hint(entry.name)}"


def section_hint(name: str) -> str:
    """Return the hint for an entry that holds entries."""
    return f"{name!r} never runs: is it a section? Name it with --schedule-section {name}"


def read_schedule(
    path: str, section: str = "", progress: Callable[[int, int], None] | None = None
) -> list[FileEntry]:
    """Read the entries of a schedule's file, or of a section of it. Raises ScheduleFileError.

    ``progress`` is called now and then with the line that was reached and the number of lines.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleFileError(f"{path} cannot be read: {error}") from error
    if progress is None:
        return read_yaml(text, path, section)
    lines, report = text.count("\n") + 1, progress
    return read_yaml(text, path, section, lambda line: report(line, lines))
