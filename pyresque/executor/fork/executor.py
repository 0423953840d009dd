"""A fresh child for every job, or for some: a leak, a crash or a changed global of one job never reaches the next."""

from __future__ import annotations

import marshal
import os
import signal
import time
from math import inf
from typing import TYPE_CHECKING

from pyresque.errors import HardTimeLimit
from pyresque.executor.base import NOT_STARTED, Outcome
from pyresque.executor.fork.child_job import ChildOptions, JobCall
from pyresque.executor.fork.child_pool import ChildPool, ForkAhead
from pyresque.executor.fork.fast_path_handle import LOST, FastPathHandle, FastPathResult
from pyresque.executor.fork.fast_path_process import ANSWERED, BROKEN, CALL, WORKING
from pyresque.executor.fork.server_handle import ServerHandle
from pyresque.executor.fork.shared_page import SharedPage
from pyresque.job import perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.clock import Clock
    from pyresque.executor.fork.child_handle import ChildHandle
    from pyresque.executor.fork.fast_path_handle import (
        CurrentRecord,
        FastPathEnd,
        FastPathSetup,
        LentConnection,
    )
    from pyresque.executor.fork.server_process import EarlyServer
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Driver, Op
    from pyresque.settings import Settings


class ForkExecutor:
    """Has children forked for jobs, here or by the fork server.

    ``wakeup`` is a pipe that a signal makes readable; ``driver`` carries the job in the child; ``let_go`` closes, in the fork
    server, the connections of this process. ``seed`` is a fork server that runs already. ``connect`` makes
    a line to Redis for shifts (``fast_path_process.py``), None where none can be lent.
    """

    isolated = True

    def __init__(
        self,
        registry: Registry,
        hooks: WorkerHooks,
        settings: Settings,
        clock: Clock,
        codec: Codec,
        driver: Driver,
        wakeup: int,
        let_go: Callable[[], None] = lambda: None,
        seed: EarlyServer | None = None,
        connect: Callable[[], LentConnection | None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.hooks = hooks
        self.settings = settings
        self.clock = clock
        self.wakeup = wakeup
        self.board = SharedPage() if seed is None else seed.board
        self.ahead = ForkAhead(settings.fork_ahead)
        self._child: ChildHandle | None = None  # the one that performs a job
        self.rules = rules = ChildOptions.of(settings)
        attempt = JobCall(registry, hooks, lambda: (registry, codec, driver))
        self.server = ServerHandle(attempt, rules, self.board, let_go, seed)
        self.children = ChildPool(hooks, attempt, rules, self.board, self.server, settings)
        self.shifts = FastPathHandle(self.server, self.board, wakeup, connect)
        self._wanted: list[Callable[[], None]] = []  # orders for the child of a shift

    async def run(
        self,
        job: Job,
        tend: Callable[[], Op[float]],
        title: Callable[[str], None],
        doing: str = "",
    ) -> Outcome:
        """Have a child perform it, and tell how that ended; UNBEGUN where there is none that could.

        Whatever carries this blocks: it is the whole process's work to wait for the child.
        """
        started = time.monotonic()
        children = self.children
        children.see_off()
        child = children.waiting() or await children.new(job)
        if child is None:
            return NOT_STARTED
        child.group = self.rules.group
        self._child = child
        try:
            if self.board.stopping:
                return NOT_STARTED  # the order to stop came while the child was: the job goes back to its queue
            title(f"Forked {child.pid} at {int(self.clock.time())}")
            call = self._call(job)
            last = child.given + 1 >= children.most_jobs
            child.give(job.queue, call or job.raw, last=last, ready=bool(call), title=doing)
            if not call and (seconds := hard_limit(self.registry, job)) is not None:
                child.limit(seconds, HardTimeLimit(seconds))
            if last and self.ahead.worth_it() and children.by_the_server():
                children.ask()
            outcome = await self._watched(child, tend)
            now = time.monotonic()
            if child.leaving and self.settings.run_at_exit_hooks:
                await self._see_to_its_end(child, tend)
        finally:
            self._child = None
            self.children.retire_or_keep(child)
        self.ahead.took(now - started - child.seconds)
        if outcome.dirty is None:
            self.shifts.note(child.seconds)
        else:
            self.shifts.rest()
        return outcome

    def may_shift(self) -> bool:
        """Whether the fork server can go on alone: nothing has to be done here for a job."""
        settings, children = self.settings, self.children
        return (
            self.shifts.due()
            and settings.fork_ahead != "always"
            and (children.most_jobs, children.longest, settings.run_at_exit_hooks)
            == (1, inf, False)
            and not self.hooks.any("before_fork")
            and not self.hooks.any("after_fork")
            and bool(CALL)
            and hasattr(os, "waitid")
        )

    async def shift(
        self,
        plan: FastPathSetup,
        standing: CurrentRecord,
        tend: Callable[[], Op[float]],
        title: Callable[[str], None],
    ) -> FastPathResult | None:
        """Have the fork server perform the job in the books and those that follow it; what that leaves.

        None where it could not, and nothing has happened.
        """
        self.children.settle()
        if self.children.ready is None and self.server.asked:
            self.children.ready = self.children.from_the_server()
        place = self.board.place()

        def told(pid: int) -> None:
            title(f"Forked {pid} at {int(self.clock.time())}")

        try:
            over = await self.shifts.run(place, plan, standing, tend, told)
            return None if over is None else await self._handed(over, place, tend, title)
        finally:
            self.shifts.on = False
            self._wanted.clear()

    async def _handed(
        self,
        over: FastPathEnd,
        place: int,
        tend: Callable[[], Op[float]],
        title: Callable[[str], None],
    ) -> FastPathResult:
        outcome, reply, shifts = None, None, self.shifts
        child = shifts.child(over, place)
        if child is not None:
            if over.kind == WORKING:
                self.children.of_the_server.add(child.pid)
            outcome = await self._taken_over(child, over, tend, title)
        elif over.kind == LOST:
            outcome = NOT_STARTED
        elif over.kind == ANSWERED:
            reply = shifts.heard(over.what)
        elif over.kind == BROKEN:
            reply = shifts.broken(over.what)
        lost = over.kind == LOST
        rest = (outcome, reply, lost, over.turning, over.trouble)
        return FastPathResult(over.standing, over.turns, over.second, *rest)

    async def _taken_over(
        self,
        child: ChildHandle,
        over: FastPathEnd,
        tend: Callable[[], Op[float]],
        title: Callable[[str], None],
    ) -> Outcome | None:
        """How its job ends; None where the worker has trouble of its own, and ends with the job in its hands."""
        child.group = self.rules.group
        self._child = child
        try:
            outcome = child.wait(0.0, self.wakeup)
            if outcome is not None:
                return outcome  # it has ended already: its pid may be another's, and no order is for that
            for order in self._wanted:
                order()
            if over.trouble is not None:
                return None
            title(f"Forked {child.pid} at {int(self.clock.time())}")
            return await self._watched(child, tend)
        finally:
            self._child = None
            self.children.retire_or_keep(child)

    async def _watched(self, child: ChildHandle, tend: Callable[[], Op[float]]) -> Outcome:
        outcome = None
        while outcome is None:
            outcome = child.wait(await tend(), self.wakeup)
        return outcome

    def kill(self) -> None:
        """KILL the child."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
        elif self.shifts.on:
            self._wanted.append(self.kill)

    def terminate(self) -> None:
        """Leave the child alone for the pre-shutdown time, then TERM it, then after the term time-out KILL it."""
        child, settings = self._child, self.settings
        if child is None and self.shifts.on:
            self._wanted.append(self.terminate)
        if child is not None and not child.ordered:
            child.order(settings.pre_shutdown_timeout, signal.SIGTERM)
            child.order(settings.pre_shutdown_timeout + settings.term_timeout, signal.SIGKILL)

    def stop(self) -> None:
        """Tell children that look for it."""
        self.board.stop()

    def rest(self) -> None:
        """Bury the children of the last jobs."""
        self.shifts.rest()
        self.server.say_who_is_done()
        self.children.see_off()

    def close(self) -> None:
        """Let the children end, and wait for them."""
        self.shifts.close()
        self.children.close()

    async def _see_to_its_end(self, child: ChildHandle, tend: Callable[[], Op[float]]) -> None:
        """Wait for it: its atexit functions belong to the job."""
        while not child.linger(await tend(), self.wakeup):
            pass

    def _call(self, job: Job) -> bytes:
        """The call that a plain job is, read already; empty for any other job, which the child reads and performs.

        Reading JSON and running operations is Python that each child would do anew, on pages of its own.
        """
        if self.hooks.any("after_fork") or not perform.is_plain(self.registry, job):
            return b""
        try:
            return marshal.dumps((job.class_name, job.args))
        except ValueError:
            return b""  # an argument that only MessagePack has


def hard_limit(registry: Registry, job: Job) -> float | None:
    """Seconds after which the child that performs this job must be killed; None: never."""
    entry = registry.entry_of(job)
    return None if entry is None or entry.timeout is None else entry.timeout.hard
