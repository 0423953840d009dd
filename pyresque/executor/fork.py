"""A fresh child for every job, or for some: a leak, a crash or a changed global of one job never reaches the next."""

from __future__ import annotations

import logging
import marshal
import signal
import time
from math import inf
from typing import TYPE_CHECKING

from pyresque.errors import HardTimeLimit
from pyresque.executor import late
from pyresque.executor.attempt import Attempt
from pyresque.executor.base import UNBEGUN, Outcome
from pyresque.executor.board import Board
from pyresque.executor.child import Child
from pyresque.executor.memory import settle
from pyresque.executor.rules import Rules
from pyresque.executor.server import ForkServer
from pyresque.executor.spare import ForkAhead
from pyresque.job import perform
from pyresque.job.limits import hard_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.seed import Seed
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import Registry
    from pyresque.job.worker_hooks import WorkerHooks
    from pyresque.ops import Clock, Driver, Op
    from pyresque.settings import Settings

log = logging.getLogger("pyresque")

#: Seconds that a child may take to end once its job is done and told.
LINGER = 5.0

#: Seconds until the parent looks again at a child that is about to end.
GLANCE = 0.001


class ForkExecutor:
    """Has children forked for jobs, here or by the fork server.

    ``wakeup`` is a pipe that a signal makes readable; ``driver`` carries the job in the child; ``let_go`` closes, in the fork
    server, the connections of this process. ``seed`` is a fork server that runs already.
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
        seed: Seed | None = None,
    ) -> None:
        self.registry = registry
        self.hooks = hooks
        self.settings = settings
        self.clock = clock
        self.wakeup = wakeup
        self.board = Board() if seed is None else seed.board
        self.rules = Rules.of(settings)
        self.ahead = ForkAhead(settings.fork_ahead)
        self._most_jobs, self._longest = _shelf_life(settings)
        self._child: Child | None = None  # the one that performs a job
        self._ready: Child | None = None  # the one that waits for its next job, or its first
        self._leaving: list[tuple[float, Child]] = []
        self._of_the_server: set[int] = set()
        self._attempt = Attempt(registry, hooks, lambda: (registry, codec, driver))
        self._server = ForkServer(self._attempt, self.rules, self.board, let_go, seed)
        self._loaded: set[str] = set()
        self._settled = False

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
        if self._leaving:
            self._see_off()
        child = self._child_that_waits() or await self._new_child(job)
        if child is None:
            return UNBEGUN
        self._child = child
        try:
            if self.board.stopping:
                return UNBEGUN  # the order to stop came while the child was: the job goes back to its queue
            title(f"Forked {child.pid} at {int(self.clock.time())}")
            call = self._call(job)
            last = child.given + 1 >= self._most_jobs
            child.give(job.queue, call or job.raw, last=last, ready=bool(call), title=doing)
            if not call and (seconds := hard_limit(self.registry, job)) is not None:
                child.limit(seconds, HardTimeLimit(seconds))
            if child.given >= self._most_jobs and self.ahead.worth_it() and self._by_the_server():
                self._ask_the_server()
            outcome = None
            while outcome is None:
                outcome = child.wait(await tend(), self.wakeup)
            now = time.monotonic()
            if child.leaving and self.settings.run_at_exit_hooks:
                await self._see_to_its_end(child, tend)
        finally:
            self._child = None
            self._retire_or_keep(child)
        if child.loaded:
            self._load(child)
        self.ahead.took(now - started - child.seconds)
        return outcome

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

    def stop(self) -> None:
        """Tell children that look for it."""
        self.board.stop()

    def rest(self) -> None:
        """Bury the children of the last jobs."""
        self._server.say_who_is_done()
        self._see_off()

    def close(self) -> None:
        """Let the children end, and wait for them."""
        if self._ready is not None:
            self._let_go(self._ready)
            self._ready = None
        self._server.close()
        while self._leaving:
            self._see_off()
            time.sleep(GLANCE)

    async def _see_to_its_end(self, child: Child, tend: Callable[[], Op[float]]) -> None:
        """Wait for it: its atexit functions belong to the job."""
        while not child.linger(await tend(), self.wakeup):
            pass

    # -- which child

    def _child_that_waits(self) -> Child | None:
        ready, self._ready = self._ready, None
        if ready is None and self._server.asked:
            ready = self._from_the_server()
        if ready is not None:
            if time.monotonic() - ready.born < self._longest and not ready.broken():
                return ready
            self._let_go(ready)
        return None

    async def _new_child(self, job: Job) -> Child | None:
        if self._by_the_server():
            self._ask_the_server()
            if self._server.asked and (child := self._from_the_server()) is not None:
                return child
        await self.hooks.run("before_fork", job)
        try:
            return self._fork()
        except OSError as error:
            log.error("no child can be forked for a job, so it goes back to its queue: %s", error)  # noqa: TRY400 - the text says it all
            return None

    def _by_the_server(self) -> bool:
        """Only where nobody could tell: a before_fork hook is called with the job that the child is for, in this process.

        What this process writes while a child lives it must copy first, which the server saves it.
        """
        return not self.hooks.any("before_fork")

    def _fork(self) -> Child:
        self._settle()
        return Child.fork(self._attempt, self.rules, self.board)

    def _settle(self) -> None:
        if not self._settled:
            settle()
            self._settled = True

    def _load(self, child: Child) -> None:
        """Have children find loaded from now on what this one had to load for itself."""
        names = "\n".join(set(child.loaded.split("\n")) - self._loaded)
        child.loaded = ""
        if not names:
            return
        self._loaded.update(names.split("\n"))
        ready, self._ready = self._ready, None
        if ready is not None:
            self._let_go(ready)
        if self._by_the_server():
            self._server.load(names)
        else:
            late.load(names)

    def _ask_the_server(self) -> None:
        self._settle()
        try:
            self._server.ask()
        except OSError as error:
            log.warning("the fork server forks no child: %s", error)

    def _from_the_server(self) -> Child | None:
        try:
            child = self._server.take()
        except OSError as error:
            log.warning("no child came from the fork server: %s", error)
            return None
        self._of_the_server.add(child.pid)
        return child

    def _retire_or_keep(self, child: Child) -> None:
        """A child serves on unless it has had its jobs, its time or its memory, or orders are out against it."""
        if (
            child.leaving
            or child.ordered
            or child.given >= self._most_jobs
            or time.monotonic() - child.born >= self._longest
            or child.broken()
        ):
            self._let_go(child)
        else:
            self._ready = child

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

    # -- the end of children

    def _let_go(self, child: Child) -> None:
        if child.pid in self._of_the_server:
            self._of_the_server.discard(child.pid)
            self._server.done_with(child)
            return
        child.close()
        if not child.ended():
            self._leaving.append((time.monotonic() + LINGER, child))

    def _see_off(self) -> None:
        """Bury the children that have ended; one that takes too long, although its job is told, is helped on."""
        now = time.monotonic()
        for until, child in self._leaving:
            if until < now:
                child.signal(signal.SIGKILL)
        self._leaving = [(until, child) for until, child in self._leaving if not child.ended()]


def _shelf_life(settings: Settings) -> tuple[float, float]:
    """Jobs and seconds after which a child ends; one job, unless a time or a size is the measure."""
    jobs, minutes = settings.jobs_per_child, settings.minutes_per_child
    endless = minutes is not None or settings.max_child_memory is not None
    most_jobs = (inf if endless else 1) if jobs is None else jobs
    return most_jobs, inf if minutes is None else 60 * minutes
