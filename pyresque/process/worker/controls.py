"""What a worker can be told to do, by signals or by a program (Ruby: ``Worker#shutdown``, ``#pause_processing`` and so on)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.process.health.state import Flag

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.executor.base import Executor
    from pyresque.job.hooks import WorkerHooks
    from pyresque.process.health.state import HealthState

log = logging.getLogger("pyresque")


class WorkerControls:
    """One who performs jobs and takes orders; they may come from a signal handler, between any two steps."""

    def __init__(
        self, core: Core, hooks: WorkerHooks, executor: Executor, vitals: HealthState
    ) -> None:
        self.core = core
        self.hooks = hooks
        self.executor = executor
        self.vitals = vitals
        self.stopping = False
        self.resting = False
        self.why_paused = ""

    def shutdown(self) -> None:
        """Stop after the current job (QUIT, and TERM with GRACEFUL_TERM)."""
        if not self.stopping:
            log.info("exiting...")
            self.stopping = True
            self.vitals.mark(Flag.STOPPING, True)
            self.executor.stop()
            self.hooks.run_now("shutdown")

    def shutdown_now(self) -> None:
        """Stop at once (INT, TERM): the running job is killed or, with TERM_CHILD, told to end."""
        self.shutdown()
        self.kill_child()

    def terminate(self) -> None:
        """TERM: what it means depends on GRACEFUL_TERM."""
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
        """Take no new jobs (USR2)."""
        self.hooks.run_now("before_pause", self)
        self.resting = True
        self.vitals.mark(Flag.PAUSED, True)

    def unpause_processing(self) -> None:
        """Take jobs again (CONT)."""
        self.resting = False
        self.vitals.mark(Flag.PAUSED, False)
        self.hooks.run_now("after_pause", self)

    def reason_to_pause(self, *, by_key: bool) -> str:
        """Why it takes no jobs: the order, or else the key in Redis; "" where it takes some."""
        if self.resting:
            return "USR2 came; CONT ends it"
        key = self.core.keys.pause
        return (
            f"{key} in Redis pauses every worker; `pyresque workers resume` ends it"
            if by_key
            else ""
        )

    def tell_pause(self, why: str) -> None:
        """Note why it takes no jobs, or that it takes some again, and tell the log of a change."""
        self.why_paused = why
        self.vitals.paused(why)

    def called_off(self) -> bool:
        """Whether no other job is to be taken."""
        return self.stopping or self.resting
