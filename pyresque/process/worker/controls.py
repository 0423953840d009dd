"""What a worker can be told to do, by signals or by a program (Ruby: ``Worker#shutdown``, ``#pause_processing`` and so on)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.process.health.state import Flag, listed

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.executor.base import Executor
    from pyresque.job.hooks import WorkerHooks
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.current_job import CurrentJob

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

    def reason_to_pause(self, look: CurrentJob) -> str:
        """Why the worker takes no jobs: the order, or the keys in Redis that the last look found; "" where it takes some."""
        if self.resting:
            return "USR2 came; CONT ends it"
        keys = self.core.keys
        if look.paused_by_key:
            return f"{keys.pause} in Redis pauses every worker; `pyresque workers resume` ends it"
        if look.all_queues_paused:
            key = keys.pause_all_queues
            return f"{key} in Redis pauses every queue; `pyresque queues resume --all` ends it"
        if look.all_paused:
            return f"its queues are paused: {listed(look.paused_queues)}; `pyresque queues resume` ends it"
        return ""

    def tell_pause(self, why: str, queues: tuple[str, ...] = ()) -> None:
        """Note why the worker takes no jobs, or that it takes some again, and log a change.

        ``queues``: those that are paused while the worker takes jobs from others.
        """
        self.why_paused = why
        self.vitals.paused(why)
        self.vitals.queues_paused(() if why else queues)

    def called_off(self) -> bool:
        """Whether no other job is to be taken."""
        return self.stopping or self.resting
