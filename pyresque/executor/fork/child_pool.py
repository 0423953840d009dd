"""The children of a worker that forks: those that wait for a job, where new ones come from, and how they are buried."""

from __future__ import annotations

import logging
import signal
import time
from math import inf
from typing import TYPE_CHECKING

from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import freeze_memory
from pyresque.executor.fork.child_handle import ChildHandle

if TYPE_CHECKING:
    from pyresque.executor.fork.child_job import ChildOptions, JobCall
    from pyresque.executor.fork.server_handle import ServerHandle
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.settings import Settings

log = logging.getLogger("pyresque")


#: Seconds that a child may take to end once its job is done and told.
LINGER = 5.0


#: Seconds until the parent looks again at a child that is about to end.
GLANCE = 0.001


class ChildPool:
    """One worker's. Children come from its fork server, or are its own."""

    def __init__(
        self,
        hooks: WorkerHooks,
        attempt: JobCall,
        rules: ChildOptions,
        board: SharedPage,
        server: ServerHandle,
        settings: Settings,
    ) -> None:
        self.hooks = hooks
        self.server = server
        #: Jobs and seconds after which a child ends.
        self.most_jobs, self.longest = _shelf_life(settings)
        self.ready: ChildHandle | None = None  # the one that waits for its next job, or its first
        self.of_the_server: set[int] = set()
        self._attempt = attempt
        self._rules = rules
        self._board = board
        self._leaving: list[tuple[float, ChildHandle]] = []
        self._loaded: set[str] = set()
        self._repeated = cheap_fork.Repeated()
        self._settled = False

    def close(self) -> None:
        """Let them end, and wait for them."""
        if self.ready is not None:
            self.let_go(self.ready)
            self.ready = None
        self.server.close()
        while self._leaving:
            self.see_off()
            time.sleep(GLANCE)

    def waiting(self) -> ChildHandle | None:
        """The one that waits for a job, if there is one that is good for it."""
        ready, self.ready = self.ready, None
        if ready is None and self.server.asked:
            ready = self.from_the_server()
        if ready is not None:
            if time.monotonic() - ready.born < self.longest and not ready.broken():
                return ready
            self.let_go(ready)
        return None

    async def new(self, job: Job) -> ChildHandle | None:
        """One that is forked for this job; None where none can be."""
        if self.by_the_server():
            self.ask()
            if self.server.asked and (child := self.from_the_server()) is not None:
                return child
        await self.hooks.run("before_fork", job)
        try:
            return self._fork()
        except OSError as error:
            log.error("no child can be forked for a job, so it goes back to its queue: %s", error)  # noqa: TRY400 - the text says it all
            return None

    def by_the_server(self) -> bool:
        """Only where nobody could tell: a before_fork hook is called with the job that the child is for, in this process.

        What this process writes while a child lives it must copy first, which the server saves it.
        """
        return not self.hooks.any("before_fork")

    def _fork(self) -> ChildHandle:
        self.settle()
        return ChildHandle.fork(self._attempt, self._rules, self._board)

    def settle(self) -> None:
        """Make this process's memory ready for forks."""
        if not self._settled:
            freeze_memory()
            self._settled = True

    def _load(self, child: ChildHandle) -> None:
        if repeated := self._repeated.note(child.loaded):
            log.warning(
                "each forked child imports %s anew for its job: import it where the application's module begins, "
                "and all children share it",
                ", ".join(repeated),
            )
        told = (name for name in child.loaded.split("\n") if not name.startswith(cheap_fork.OTHER))
        names = "\n".join(set(told) - self._loaded)
        child.loaded = ""
        if not names:
            return
        self._loaded.update(names.split("\n"))
        ready, self.ready = self.ready, None
        if ready is not None:
            self.let_go(ready)
        if self.by_the_server():
            self.server.load(names)
        else:
            cheap_fork.preload_modules(names)

    def ask(self) -> None:
        """Have the server fork one for the next job."""
        self.settle()
        try:
            self.server.ask()
        except OSError as error:
            log.warning("the fork server forks no child: %s", error)

    def from_the_server(self) -> ChildHandle | None:
        """The one that was asked for; None where none came."""
        try:
            child = self.server.take()
        except OSError as error:
            log.warning("no child came from the fork server: %s", error)
            return None
        self.of_the_server.add(child.pid)
        return child

    def retire_or_keep(self, child: ChildHandle) -> None:
        """A child serves on unless it has had its jobs, its time or its memory, or orders are out against it.

        What it had to load, later ones find loaded.
        """
        if (
            child.leaving
            or child.ordered
            or child.given >= self.most_jobs
            or time.monotonic() - child.born >= self.longest
            or child.broken()
        ):
            self.let_go(child)
        else:
            self.ready = child
        if child.loaded:
            self._load(child)

    # -- the end of children

    def let_go(self, child: ChildHandle) -> None:
        """It is needed no more."""
        if child.pid in self.of_the_server:
            self.of_the_server.discard(child.pid)
            self.server.done_with(child)
            return
        child.close()
        if not child.ended():
            self._leaving.append((time.monotonic() + LINGER, child))

    def see_off(self) -> None:
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


#: Jobs of one round, and how many of them try each way; the first of each still sees the other way's child.
ROUND, TRIAL = 400, 12


class ForkAhead:
    """The decision for each job: ``always``, ``never``, or ``auto``, which measures."""

    def __init__(self, choice: str) -> None:
        self.choice = choice
        self._jobs = 0
        self._without: list[float] = []
        self._ahead: list[float] = []
        self._pays = True

    def worth_it(self) -> bool:
        """Whether to fork the next child while the present job runs."""
        if self.choice != "auto":
            return self.choice == "always"
        place = self._jobs % ROUND
        if place < TRIAL:
            return False
        return True if place < 2 * TRIAL else self._pays

    def took(self, seconds: float) -> None:
        """How long the present job took beyond its own work: the fork, the ways there and back."""
        place = self._jobs % ROUND
        self._jobs += 1
        if 0 < place < TRIAL:
            self._without.append(seconds)
        elif TRIAL < place < 2 * TRIAL:
            self._ahead.append(seconds)
        elif place == 2 * TRIAL:
            self._pays = _middle(self._ahead) < _middle(self._without)
            self._without.clear()
            self._ahead.clear()


def _middle(times: list[float]) -> float:
    """The median: one job that took long decides nothing."""
    return sorted(times)[len(times) // 2]
