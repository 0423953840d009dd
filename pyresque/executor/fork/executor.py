"""A fresh child for every job, or for some: a leak, a crash or a changed global of one job never reaches the next.

The worker's side of forking; it joins the child pool, the fork server and the fast path.
"""

from __future__ import annotations

import marshal
import os
import signal
from math import inf
from typing import TYPE_CHECKING

from pyresque.errors import HardTimeLimit
from pyresque.executor.base import NOT_STARTED, Outcome
from pyresque.executor.fast_path import FastPathResult
from pyresque.executor.fork.child_pool import ChildPool
from pyresque.executor.fork.child_process import ChildOptions
from pyresque.executor.fork.fast_path_child import CALL_BACK
from pyresque.executor.fork.fast_path_handle import LOST, FastPathHandle
from pyresque.executor.fork.fast_path_process import ANSWERED, BROKEN, WORKING
from pyresque.executor.fork.job_call import JobCall
from pyresque.executor.fork.server_handle import ServerHandle
from pyresque.executor.fork.shared_page import SharedPage
from pyresque.job.job import read_job
from pyresque.job.plain import child_allows, is_plain, server_allows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.clock import Clock
    from pyresque.executor.fast_path import CurrentRecord, FastPathEnd, FastPathSetup
    from pyresque.executor.fork.child_handle import ChildHandle
    from pyresque.executor.fork.early_server import EarlyServer
    from pyresque.executor.fork.fast_path_handle import LentConnection
    from pyresque.executor.fork.warm_up import WarmUps
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Driver, Op
    from pyresque.settings import Settings

#: Seconds that a child has for its atexit functions, where it runs them.
AT_EXIT = 30.0

#: Seconds within which a job follows another one, so that a child forked ahead will soon be used.
SOON = 1.0


class ForkExecutor:
    """Performs jobs in children, which the fork server or this process forks.

    wakeup: a pipe that is readable after a signal. driver: runs a job's operation in the child. close_inherited: closes, in the
    fork server, the connections of this process. early_server: a fork server that runs already. connect: opens a connection to
    Redis for the fast path; it returns None if none can be lent. active_jobs: as JobCall's.
    """

    isolated = True
    performing = False  # never in this process

    def __init__(
        self,
        registry: Registry,
        hooks: WorkerHooks,
        settings: Settings,
        clock: Clock,
        codec: Codec,
        driver: Driver,
        wakeup: int,
        close_inherited: Callable[[], None] = lambda: None,
        early_server: EarlyServer | None = None,
        connect: Callable[[], LentConnection | None] = lambda: None,
        warm_ups: WarmUps | None = None,
        active_jobs: ActiveJobs | None = None,
    ) -> None:
        self.registry = registry
        self.codec = codec
        self.hooks = hooks
        self.settings = settings
        self.clock = clock
        self.wakeup = wakeup
        self.page = SharedPage() if early_server is None else early_server.page
        self._child: ChildHandle | None = None  # the one that performs a job
        self.options = options = ChildOptions.of(settings)
        job_call = JobCall(registry, hooks, lambda: (registry, codec), lambda: driver, active_jobs)
        self.server = ServerHandle(
            job_call, options, self.page, close_inherited, early_server, warm_ups
        )
        self.children = ChildPool(
            hooks, job_call, options, self.page, self.server, settings, warm_ups
        )
        self.fast_path = FastPathHandle(self.server, self.page, wakeup, connect)
        #: Signals that came during the fast path, for the child that performs its current job.
        self._deferred: list[Callable[[], None]] = []
        #: When the last job ended, and how many have soon followed one another.
        self._ended_at = -inf
        self._in_a_row = 0

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Have a child perform the job; NOT_STARTED if no child could. Blocks the whole process, as its driver does."""
        children = self.children
        children.reap()
        soon = self.clock.monotonic() < self._ended_at + SOON
        self._in_a_row = self._in_a_row + 1 if soon else 0
        child = children.take_idle() or await children.new_child(job)
        if child is None:
            return NOT_STARTED
        child.group = self.options.group
        if self.options.run_at_exit:
            child.linger = AT_EXIT
        self._child = child
        try:
            if self.page.stopping:
                return NOT_STARTED  # the worker was stopped meanwhile: the job goes back into its queue
            set_title(f"Forked {child.pid} at {int(self.clock.time())}")
            call = self._call(job)
            last = child.jobs_sent + 1 >= children.most_jobs
            child.send_job(
                job.queue, call or job.raw, last=last, is_call=bool(call), title=child_title
            )
            if not call and (seconds := hard_limit(self.registry, job)) is not None:
                child.kill_after(seconds, HardTimeLimit(seconds))
            if last and self._forks_ahead() and children.server_may_fork():
                children.request()  # the next child is forked while this one works
            outcome = await self._wait(child, upkeep)
            if child.leaving and self.settings.run_at_exit_hooks:
                await self._wait_exit(child, upkeep)
        finally:
            self._child = None
            children.keep_or_release(child)
            self._ended_at = self.clock.monotonic()
        if outcome.process_error is None:
            self.fast_path.note_job(child.seconds)
        else:
            self.fast_path.note_idle()
        return outcome

    def kill(self) -> None:
        """Send SIGKILL to the child; during the fast path, after the run has ended."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
        elif self.fast_path.running:
            self._deferred.append(self.kill)

    def terminate(self) -> None:
        """Leave the child alone for the pre-shutdown time, then TERM it, then after the term time-out KILL it."""
        child, settings = self._child, self.settings
        if child is None and self.fast_path.running:
            self._deferred.append(self.terminate)
        if child is not None and not child.signal_scheduled:
            child.schedule_signal(settings.pre_shutdown_timeout, signal.SIGTERM)
            child.schedule_signal(
                settings.pre_shutdown_timeout + settings.term_timeout, signal.SIGKILL
            )

    def stop(self) -> None:
        """Tell children, which may look for it, that the worker stops after the current job."""
        self.page.stop()

    def _forks_ahead(self) -> bool:
        """By default a child is forked ahead from the third job on of those that soon follow one another: it costs memory."""
        ahead = self.settings.fork_ahead
        return ahead == "always" or (ahead == "auto" and self._in_a_row > 1)

    def idle(self) -> None:
        """Reap the children of the last jobs."""
        self.fast_path.note_idle()
        self.server.flush_released()
        self.children.reap()

    def close(self) -> None:
        """Let the children exit, and wait for them."""
        self.fast_path.close()
        self.children.close()

    async def _wait(self, child: ChildHandle, upkeep: Callable[[], Op[float]]) -> Outcome:
        outcome = None
        while outcome is None:
            outcome = child.wait(await upkeep(), self.wakeup)
            self.children.reap()
        return outcome

    async def _wait_exit(self, child: ChildHandle, upkeep: Callable[[], Op[float]]) -> None:
        """Wait until the process has exited: its atexit functions belong to the job. They have AT_EXIT seconds."""
        while not child.wait_exit(await upkeep(), self.wakeup):
            pass

    def _call(self, job: Job) -> bytes:
        """Class and arguments of a plain job, written by marshal; empty for any other job, whose payload the child reads.

        Reading JSON and running operations in each child would copy pages in each of them.
        """
        if not child_allows(self.hooks) or not is_plain(self.registry, job):
            return b""
        try:
            return marshal.dumps((job.class_name, job.args))
        except ValueError:
            return b""  # an argument that only MessagePack has

    # -- the fast path

    def fast_path_barred(self) -> str:
        """What keeps every job from the fast path (``FastPathExecutor.fast_path_barred``)."""
        settings, children = self.settings, self.children
        if settings.fork_ahead == "always":
            return "its children are forked ahead"
        if (children.most_jobs, children.most_seconds) != (1, inf):
            return "its children perform several jobs each"
        if settings.run_at_exit_hooks:
            return "its children call atexit functions"
        if not server_allows(self.hooks):
            return "it has before_fork hooks"
        return (
            "" if CALL_BACK and hasattr(os, "waitid") else "this system has no SIGURG or waitid()"
        )

    def fast_path_due(self) -> bool:
        """Whether the next job may start the fast path (``FastPathExecutor.fast_path_due``)."""
        return self.fast_path.due() and not self.fast_path_barred()

    async def run_fast_path(
        self,
        setup: FastPathSetup,
        current: CurrentRecord,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
    ) -> FastPathResult | None:
        """Run the fast path from this job on (``FastPathExecutor.run_fast_path``)."""
        self.children.freeze_memory()
        self.children.receive_requested()
        slot = self.page.new_slot()

        def show_child(pid: int) -> None:
            set_title(f"Forked {pid} at {int(self.clock.time())}")

        try:
            end = await self.fast_path.run(slot, setup, current, upkeep, show_child)
            return None if end is None else await self._result(end, slot, upkeep, show_child)
        finally:
            self.fast_path.running = False
            self._ended_at = self.clock.monotonic()
            self._deferred.clear()

    async def _result(
        self,
        end: FastPathEnd,
        slot: int,
        upkeep: Callable[[], Op[float]],
        show_child: Callable[[int], None],
    ) -> FastPathResult:
        """What a run of the fast path leaves, once its last child's job has ended."""
        outcome, reply, lost = None, None, end.kind == LOST
        child = self.fast_path.child(end, slot)
        if child is not None:
            if end.kind == WORKING:
                self.children.server_pids.add(child.pid)
            outcome = await self._take_over(child, end, upkeep, show_child)
        elif lost:
            outcome = NOT_STARTED
        elif end.kind == ANSWERED:
            reply = self.fast_path.complete_reply(end.detail)
        elif end.kind == BROKEN:
            reply = self.fast_path.broken(end.detail)
        rest = (outcome, reply, lost, end.in_turn, end.error, end.unwritten)
        return FastPathResult(end.current, end.turns, end.second, *rest)

    async def _take_over(
        self,
        child: ChildHandle,
        end: FastPathEnd,
        upkeep: Callable[[], Op[float]],
        show_child: Callable[[int], None],
    ) -> Outcome | None:
        """Wait for the job of a child of the fast path; None if the worker itself has failed: it ends with the job unfinished."""
        child.group = self.options.group
        self._child = child
        try:
            outcome = child.wait(0.0, self.wakeup)
            if outcome is not None:
                return outcome  # the child has exited, and its pid may be another's: no signal is for that
            for send_signal in self._deferred:
                send_signal()
            if end.error is not None:
                return None
            self._limit(child, end)
            show_child(child.pid)
            return await self._wait(child, upkeep)
        finally:
            self._child = None
            self.children.keep_or_release(child)

    def _limit(self, child: ChildHandle, end: FastPathEnd) -> None:
        """Have a child killed that the fast path has left at work, when its job's hard limit is over."""
        if end.kind != WORKING:
            return
        job = read_job(self.codec, "", end.current.raw)
        if (seconds := hard_limit(self.registry, job)) is not None:
            _, passed = end.detail
            child.kill_after(seconds - passed, HardTimeLimit(seconds))


def hard_limit(registry: Registry, job: Job) -> float | None:
    """Seconds after which the child that performs this job must be killed; None: never."""
    entry = registry.entry_of(job)
    return None if entry is None or entry.timeout is None else entry.timeout.hard
