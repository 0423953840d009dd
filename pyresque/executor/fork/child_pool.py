"""The worker's children: the idle one that waits for its next job, new ones, and those that are exiting."""

from __future__ import annotations

import logging
import signal
import time
from math import inf
from typing import TYPE_CHECKING

from pyresque import signal_handlers
from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import freeze_memory
from pyresque.executor.fork.child_handle import ChildHandle
from pyresque.executor.fork.child_process import LINGER
from pyresque.executor.fork.child_reports import ChildReports, names_modules

if TYPE_CHECKING:
    from pyresque.executor.fork.child_process import ChildOptions
    from pyresque.executor.fork.job_call import JobCall
    from pyresque.executor.fork.server_handle import ServerHandle
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.executor.fork.warm_up import WarmUps
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.settings import Settings

log = logging.getLogger("pyresque")

#: Children of one process that may be about to exit: the next one is forked when one of them has. They end slowly if their hooks do.
MOST_EXITING = 32

#: Seconds between two looks at children that are about to exit.
GLANCE = 0.001


class ChildPool:
    """Keeps at most one idle child. Children come from the fork server; the worker forks them if a hook must see the job."""

    def __init__(
        self,
        hooks: WorkerHooks,
        job_call: JobCall,
        options: ChildOptions,
        page: SharedPage,
        server: ServerHandle,
        settings: Settings,
        warm_ups: WarmUps | None = None,
    ) -> None:
        self.hooks = hooks
        self._warm_ups, self._warm = warm_ups, False
        self.server = server
        #: Jobs and seconds after which a child ends.
        self.most_jobs, self.most_seconds = _child_limits(settings)
        self.idle: ChildHandle | None = None
        #: The pids of children of the fork server, which reaps them.
        self.server_pids: set[int] = set()
        self._job_call = job_call
        self._options = options
        self._page = page
        self._exiting: list[tuple[float, ChildHandle]] = []
        self._reports = ChildReports()
        self._frozen = False

    def close(self) -> None:
        """Let the children exit, and wait for them."""
        if self.idle is not None:
            self.release(self.idle)
            self.idle = None
        self.server.close()
        while self._exiting:
            self.reap()
            time.sleep(GLANCE)

    def take_idle(self) -> ChildHandle | None:
        """The idle child, or the one that was requested ahead; None if there is none that can take a job."""
        self.receive_requested()
        idle, self.idle = self.idle, None
        if idle is not None:
            if time.monotonic() - idle.forked_at < self.most_seconds and not idle.hung_up():
                return idle
            idle.warn_of_early_end()
            self.release(idle)
        return None

    def receive_requested(self) -> None:
        """Make the child that was requested ahead the idle one."""
        if self.idle is None and self.server.child_requested:
            self.idle = self._receive()

    async def new_child(self, job: Job) -> ChildHandle | None:
        """Fork a child for this job; None if that is not possible."""
        if self.server_may_fork():
            self.request()
            if self.server.child_requested and (child := self._receive()) is not None:
                return child
        self._await_room()
        await self.hooks.run("before_fork", job)
        self._warm_up()
        signal_handlers.take_again()  # the application's code has run here
        self.freeze_memory()
        try:
            return ChildHandle.fork(self._job_call, self._options, self._page)
        except OSError as error:
            log.error("no child can be forked for a job, so it goes back to its queue: %s", error)
            return None

    def server_may_fork(self) -> bool:
        """Whether the fork server may fork: a before_fork hook must run in this process, with the job that the child is for.

        What this process writes while a child lives must be copied first. The fork server saves it that.
        """
        return not self.hooks.any("before_fork")

    def _warm_up(self) -> None:
        """Call the functions of ``@resque.warm_up`` here, before this process first forks a child itself."""
        if self._warm_ups is not None and not self._warm:
            for line in self._warm_ups.run():
                log.warning("%s", line)
        if self._warm_ups is not None:
            self._options.begin = self._warm_ups.in_child
        if not self._warm:
            self._options.end_with(self.hooks)
        self._warm = True

    def freeze_memory(self) -> None:
        """Freeze this process's memory before its first fork."""
        if not self._frozen:
            freeze_memory()
            self._frozen = True

    def request(self) -> None:
        """Have the fork server fork a child for the next job."""
        self.freeze_memory()
        try:
            self.server.request_child()
        except OSError as error:
            log.warning("the fork server forks no child: %s", error)

    def _receive(self) -> ChildHandle | None:
        """The child that was requested; None if none came."""
        try:
            child = self.server.receive_child()
        except OSError as error:
            log.warning("no child came from the fork server: %s", error)
            return None
        self.server_pids.add(child.pid)
        return child

    def keep_or_release(self, child: ChildHandle) -> None:
        """After a job: keep the child for the next one, unless it has reached a limit, leaves, or is to be signalled.

        Later children find imported what it had to import.
        """
        if (
            child.leaving
            or child.signal_scheduled
            or child.jobs_sent >= self.most_jobs
            or time.monotonic() - child.forked_at >= self.most_seconds
            or child.hung_up()
        ):
            self.release(child)
        else:
            self.idle = child
        if child.imported:
            self._learn(child)

    def _learn(self, child: ChildHandle) -> None:
        lines = self._reports.read(child.imported)
        child.imported = ""
        if not lines:
            return
        if names_modules(lines):
            idle, self.idle = self.idle, None
            if idle is not None:
                self.release(idle)
        if self.server_may_fork():
            self.server.prepare(lines)
        else:
            cheap_fork.prepare(lines)

    # -- the end of children

    def release(self, child: ChildHandle) -> None:
        """Let a child exit: it gets no other job."""
        if child.pid in self.server_pids:
            self.server_pids.discard(child.pid)
            self.server.release(child)
            return
        child.close()
        if not child.has_exited():
            self._exiting.append((time.monotonic() + LINGER, child))

    def _await_room(self) -> None:
        """Wait until few enough children are about to exit."""
        self.reap()
        while len(self._exiting) >= MOST_EXITING:
            time.sleep(GLANCE)
            self.reap()

    def reap(self) -> None:
        """Read the exit status of children that have exited; kill those that still live LINGER seconds after their release."""
        now = time.monotonic()
        for until, child in self._exiting:
            if until < now:
                child.send_signal(signal.SIGKILL)
        self._exiting = [(until, child) for until, child in self._exiting if not child.has_exited()]


def _child_limits(settings: Settings) -> tuple[float, float]:
    """Jobs and seconds after which a child ends: one job, unless a time or a size is the limit."""
    jobs, minutes = settings.jobs_per_child, settings.minutes_per_child
    endless = minutes is not None or settings.max_child_memory is not None
    most_jobs = (inf if endless else 1) if jobs is None else jobs
    return most_jobs, inf if minutes is None else 60 * minutes
