"""Stops and pauses a worker, by signals or from a program, and sets its title (Ruby: ``Worker#shutdown`` and so on)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.printable import printable
from pyresque.process.health.state import Flag, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.executor.base import Executor
    from pyresque.job.hooks import WorkerHooks
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.current_job import CurrentJob
    from pyresque.process.worker.idle import Host

log = logging.getLogger("pyresque")


def no_hurry() -> None:
    """Do nothing: no connection is known whose waits could be bounded."""


class WorkerControls:
    """Methods that stop, pause and resume a worker, and its process title. A signal handler may call them between any two steps of the loop."""

    def __init__(
        self, core: Core, hooks: WorkerHooks, executor: Executor, host: Host, health: HealthState
    ) -> None:
        self.core = core
        self.hooks = hooks
        self.executor = executor
        self.host = host
        self.health = health
        self.stopping = False
        self.why_paused = ""
        #: Bounds the waits for Redis once the worker stops (``driver/hurry.py``). The code that builds the worker sets it.
        self.hurry: Callable[[], None] = no_hurry
        self._title_prefix = f"{core.settings.procline_prefix}pyresque-{__version__}: "

    # -- stop and pause

    def shutdown(self) -> None:
        """Stop after the current job (QUIT, and TERM with GRACEFUL_TERM)."""
        if not self.stopping:
            log.info("exiting...")
            self.stopping = True
            self.health.mark(Flag.STOPPING, True)
            self.executor.stop()
            self.hurry()
            self.hooks.run_now("shutdown")

    def shutdown_now(self) -> None:
        """Stop at once (INT, TERM): the running job is killed or, with TERM_CHILD, gets TERM."""
        self.shutdown()
        self.kill_child()

    def terminate(self) -> None:
        """Handle TERM: as QUIT with GRACEFUL_TERM, else stop at once."""
        if self.core.settings.graceful_term:
            self.shutdown()
        else:
            self.shutdown_now()

    def kill_child(self) -> None:
        """End the running job and go on (USR1)."""
        if self.core.settings.term_child:
            self.executor.terminate()
        else:
            self.executor.kill()

    def pause_processing(self) -> None:
        """Take no new jobs (USR2); in a crew none of its workers does."""
        self.hooks.run_now("before_pause", self)
        self.health.pause(True)

    def unpause_processing(self) -> None:
        """Take jobs again (CONT)."""
        self.health.pause(False)
        self.hooks.run_now("after_pause", self)

    # -- the pause

    async def paused(self) -> bool:
        """Whether the worker takes no jobs: because of ``pause_processing``, or of the pause key in Redis."""
        return self.health.paused_by_signal or await self.core.worker_registry.table.paused()

    def reason_to_pause(self, last: CurrentJob) -> str:
        """Why the worker takes no jobs: the signal, or the keys in Redis that the last turn found; "" if it takes jobs."""
        if self.health.paused_by_signal:
            return "USR2 came; CONT ends it"
        keys = self.core.keys
        if last.paused_by_key:
            return f"{keys.pause} in Redis pauses every worker; `pyresque workers resume` ends it"
        if last.all_queues_paused:
            key = keys.pause_all_queues
            return f"{key} in Redis pauses every queue; `pyresque queues resume --all` ends it"
        if last.all_paused:
            return f"its queues are paused: {listed(last.paused_queues)}; `pyresque queues resume` ends it"
        return ""

    def log_pause(self, why: str, since: float, queues: tuple[str, ...] = ()) -> None:
        """Keep the reason why the worker takes no jobs ("": it takes jobs), and log a change.

        ``since``: when it began to look. ``queues``: those that are paused while the worker takes jobs from others.
        """
        self.why_paused = why
        self.health.paused(why, () if why else queues, since)

    # -- what operators see

    def warn_of_unlimited_jobs(self) -> None:
        """Log the names of jobs whose hard limit cannot be enforced here, because only a child can be killed."""
        entries = (*self.core.registry, *self.core.active_job_classes.entries())
        unlimited = [each.name for each in entries if each.timeout and each.timeout.soft is None]
        if unlimited:
            names = ", ".join(unlimited)
            log.warning(
                "only a forked child can be killed: here these jobs have no limit: %s", names
            )

    def procline(self, text: str) -> None:
        """Set the process title, in Ruby's words after the colon."""
        self.host.title(self.title(text))

    def show_job(self, queue: str, second: int, name: str) -> str:
        """Set and return the process title that shows a job, in Ruby's words."""
        title = printable(f"{self._title_prefix}Processing {queue} since {second} [{name}]")
        self.host.title(title)
        return title

    def title(self, text: str) -> str:
        """A title of this process or of one of its children."""
        return printable(self._title_prefix + text)
