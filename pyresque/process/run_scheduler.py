"""Put a scheduler together and let it lead or wait in this process, from its settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pyresque.errors import ScheduleFileError
from pyresque.process.posix import Posix, hostname
from pyresque.process.run import prepare
from pyresque.process.scheduler import Scheduler
from pyresque.schedule.yaml_file import Written, read_yaml
from pyresque.store.lock import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque

#: What each signal orders, as Ruby's scheduler hears it.
INTENTS: dict[str, Callable[[Scheduler], None]] = {
    "SIGTERM": Scheduler.shutdown,
    "SIGINT": Scheduler.shutdown,
    "SIGQUIT": Scheduler.shutdown,
    "SIGUSR1": Scheduler.ask_print,
    "SIGUSR2": Scheduler.ask_reload,
}


def run_scheduler(resque: Resque) -> None:
    """Schedule in this process, in its main thread, until told to stop. Raises ScheduleFileError."""
    settings = resque.settings
    written = read_schedule(settings.schedule) if settings.schedule else []
    prepare(background=settings.background, pidfile=settings.pidfile)
    if written:
        resque.core.recurring.memory.update({entry.name: entry.config for entry in written})
    posix = Posix()
    try:
        scheduler = Scheduler(resque.core, claim(), posix)
        with posix.hearing_orders(scheduler, INTENTS):
            resque.run(scheduler.work())
    finally:
        posix.close()
        resque.close()


def claim() -> Claim:
    """What this process claims the master lock by."""
    return Claim(f"{hostname()}:{os.getpid()}", os.urandom(16).hex())


def read_schedule(path: str) -> list[Written]:
    """The entries of a schedule's file. Raises ScheduleFileError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleFileError(f"{path} cannot be read: {error}") from error
    return read_yaml(text, path)
