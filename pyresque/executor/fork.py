"""A fresh child for every job: a leak, a crash or a changed global of one job never reaches the next."""

from __future__ import annotations

import gc
import signal
from functools import partial
from typing import TYPE_CHECKING

from pyresque.errors import TermException
from pyresque.executor.base import DONE, Outcome
from pyresque.executor.child import Child
from pyresque.failure.report import report
from pyresque.job.perform import perform
from pyresque.ops import Call, Clock, Driver, Op

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.job.worker_hooks import WorkerHooks
    from pyresque.settings import Settings


class ForkExecutor:
    """Forks for each job. ``wakeup`` is a pipe that a signal makes readable; ``driver`` carries the job in the child."""

    isolated = True

    def __init__(
        self,
        registry: Registry,
        hooks: WorkerHooks,
        settings: Settings,
        clock: Clock,
        driver: Driver,
        wakeup: int,
    ) -> None:
        self.registry = registry
        self.hooks = hooks
        self.settings = settings
        self.clock = clock
        self.driver = driver
        self.wakeup = wakeup
        self._child: Child | None = None
        self._frozen = False

    async def run(
        self, job: Job, tend: Callable[[], Op[float]], title: Callable[[str], None]
    ) -> Outcome:
        """Fork, wait, and tell how the child ended."""
        await self.hooks.run("before_fork", job)
        if not self._frozen:
            # What is loaded now stays: a collection in a child would write to every page it shares with us.
            gc.collect()
            gc.freeze()
            self._frozen = True
        child = await Call(
            partial(
                Child.fork, partial(self._life, job), run_at_exit=self.settings.run_at_exit_hooks
            )
        )
        self._child = child
        try:
            title(f"Forked {child.pid} at {int(self.clock.time())}")
            while True:
                outcome = await Call(partial(child.wait, await tend(), self.wakeup))
                if outcome is not None:
                    return outcome
        finally:
            self._child = None
            child.close()

    def kill(self) -> None:
        """KILL the child."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Leave the child alone for the pre-shutdown time, then TERM it, then after the term time-out KILL it."""
        child, settings = self._child, self.settings
        if child is not None and not child.ordered:
            child.order(settings.pre_shutdown_timeout, signal.SIGTERM)
            child.order(settings.pre_shutdown_timeout + settings.term_timeout, signal.SIGKILL)

    def _life(self, job: Job) -> Outcome:
        """What a child does."""
        own_signals(term_child=self.settings.term_child)
        try:
            self.driver.run(self._perform(job))
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error))
        return DONE

    async def _perform(self, job: Job) -> None:
        await self.hooks.run("after_fork", job)
        await perform(self.registry, job)


def own_signals(*, term_child: bool) -> None:
    """A child's signals, as Ruby's child has them.

    With TERM_CHILD the first TERM is raised in the job and the others are the system's defaults. Without it the orders
    are the parent's to carry out: the child takes no notice. (Not SIG_IGN: what the job starts would inherit that.)
    """
    signal.set_wakeup_fd(-1)
    if term_child:
        signal.signal(signal.SIGTERM, _raise_once)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_DFL)
    else:
        for number in (
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGQUIT,
            signal.SIGUSR1,
            signal.SIGUSR2,
        ):
            signal.signal(number, _unmoved)
    signal.signal(signal.SIGCONT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _raise_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    signal.signal(signal.SIGTERM, _unmoved)
    raise TermException("SIGTERM")


def _unmoved(number: int, frame: FrameType | None) -> None:
    """Take no notice."""
