"""Build a mover from its settings and run it in this process."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pyresque.driver.hurry import Hurry
from pyresque.lightweight import random_hex
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.mover import AHEAD, POLL, Mover
from pyresque.process.run.worker import health_state, prepare
from pyresque.process.start.start_line import log_mover_start
from pyresque.process.worker.queue_list import QueueList
from pyresque.store.moved import MovedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job
    from pyresque.process.health.state import HealthState

log = logging.getLogger("pyresque")

#: What the mover does at each signal, as a worker does.
SIGNAL_ACTIONS: dict[str, Callable[[Mover], None]] = {
    "SIGTERM": Mover.shutdown,
    "SIGINT": Mover.shutdown,
    "SIGQUIT": Mover.shutdown,
    "SIGUSR2": Mover.pause_processing,
    "SIGCONT": Mover.unpause_processing,
}


def run_mover(resque: Resque, *, ahead: int = AHEAD, poll: float = POLL) -> None:
    """Move jobs in this process, in its main thread, until a signal stops the mover. Raises NoQueueError."""
    settings = resque.settings
    QueueList.parse(settings.queues)
    prepare(background=settings.background, pidfile=settings.pidfile)
    log_mover_start(resque)
    with health_state(resque) as health:
        posix = PosixHost()
        try:
            mover = build_mover(resque, posix, health, ahead=ahead, poll=poll)
            mover.hurry = Hurry(resque.driver.waits_here())
            hang_up = {HANG_UP: posix.hang_up(Mover.shutdown)}
            with posix.handling_signals(mover, {**SIGNAL_ACTIONS, **hang_up}):
                resque.run(mover.work())
        finally:
            posix.close()
            resque.close()


def move_once(resque: Resque, *, aside: bool, everything_back: bool) -> tuple[int, int]:
    """Go through the queues once, as ``Mover.once``; return how many jobs were moved aside, and how many back."""
    posix = PosixHost()
    try:
        mover = build_mover(resque, posix)
        mover.hurry = Hurry(resque.driver.waits_here())
        with posix.handling_signals(mover, SIGNAL_ACTIONS):
            resque.run(mover.once(aside=aside, everything_back=everything_back))
        return mover.moved, mover.moved_back
    finally:
        posix.close()


def build_mover(
    resque: Resque,
    posix: PosixHost,
    health: HealthState | None = None,
    *,
    ahead: int = AHEAD,
    poll: float = POLL,
) -> Mover:
    """Return the mover of this process. With an application it leaves classes to Ruby that nobody registered."""
    core = resque.core
    name = f"{hostname()}:{os.getpid()}:{random_hex(4)}"
    performs = performed_here(resque) if core.settings.app else None
    return Mover(
        core,
        MovedTable(core.keys, name),
        QueueList.parse(core.settings.queues),
        posix,
        ahead=ahead,
        poll=poll,
        registered=performs,
        brakes=core.brakes,
        health=health,
    )


def performed_here(resque: Resque) -> Callable[[Job], bool]:
    """Return what says whether the application performs a job."""
    registry = resque.core.registry

    def performs(job: Job) -> bool:
        entry = registry.entry_of(job)
        return entry is not None and entry.performs

    return performs
