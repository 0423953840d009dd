"""Jobs in an event loop: what is ``async def`` runs there, each job in a task of its own; plain functions run in threads."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque import job_copies
from pyresque.cancellations import raise_inside
from pyresque.errors import PyresqueError, ScriptMissing
from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.executor.interrupt import Interrupt, InterruptibleCalls, instead_of
from pyresque.failure.report import report
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import perform
from pyresque.job.perform_directly import what_follows
from pyresque.ops import Call, Command
from pyresque.user_errors import closes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pyresque.job.direct import DirectJob
    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op

#: The error of a process that a job forked, if it would go on in the event loop of its parent.
NOT_HERE = "a process that a job forked cannot await in the event loop it was forked in: it ends"


class TaskExecutor:
    """Performs the jobs of one slot as tasks of the running event loop. ``carry`` is ``run`` of the awaiting driver."""

    isolated = False

    def __init__(
        self, registry: Registry, carry: Callable[[Op[Any]], Coroutine[Any, Any, Any]]
    ) -> None:
        self.registry = registry
        self._carry = carry
        self._interrupt = Interrupt()
        self._calls = InterruptibleCalls(self._interrupt, of_the_loop=True)
        self._task: asyncio.Task[Outcome] | None = None

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        return await self.perform(job)

    async def perform(self, job: Job) -> Outcome:
        """Perform a job with all that belongs to it, as ``run``."""
        end = JobEnd()
        performed: Callable[[], Any] = partial(self._performed, job, end)
        outcome: Outcome = await Call(performed)
        return outcome.with_end(end)

    async def directly(self, direct: DirectJob) -> Outcome:
        """Perform a job by a call alone: one of an ``async def`` function without hooks."""
        number, raised = None, list[BaseException]()
        try:
            number = await Command(direct.first, int) if direct.first else None
        except ScriptMissing:
            return await self.perform(direct.job)
        except PyresqueError as error:
            raised.append(
                error
            )  # whether Redis has counted is unknown: it does not count once more
        outcome, end = DONE, JobEnd()
        if not raised:
            work = partial(_noting, raised, direct.entry.perform)
            outcome = await self.call(work, direct.args)
        if outcome is DONE and not raised and direct.same_hooks():
            end.commands = direct.writes
        elif outcome is DONE or raised:
            bound, first = direct.bound(self.registry, number, end), raised[0] if raised else None
            follow = end.collect(what_follows(bound, direct, first))
            outcome = await self.call(partial(self._carry, follow), ())
        return outcome.with_end(end)

    async def call(self, work: Callable[..., Any], args: Iterable[Any]) -> Outcome:
        """Perform a plain job that is an ``async def`` function."""
        task: Callable[[], Any] = partial(self.start, work, args)
        outcome: Outcome = await Call(task)
        return outcome

    @property
    def performing(self) -> bool:
        """Whether a job is under way."""
        return self._task is not None and not self._task.done()

    def kill(self) -> None:
        """Do nothing: the job is left to end, as Ruby's worker without children does."""

    def terminate(self) -> None:
        """Raise TermException if the running job is: it awaits, or runs in a thread. Once a job; from any thread."""
        task = self._task
        if task is not None:
            with suppress(RuntimeError):  # the job has closed the loop
                task.get_loop().call_soon_threadsafe(self._interrupt_task, task)

    def stop(self) -> None:
        """Do nothing: a job in this process can ask the worker."""

    def idle(self) -> None:
        """Do nothing: a job leaves nothing here."""

    def close(self) -> None:
        """Do nothing: the loop belongs to the crew."""

    def _interrupt_task(self, task: asyncio.Task[Outcome]) -> None:
        if task is self._task and not task.done():
            self._interrupt.request()
            if not self._calls.under_way:
                self._interrupt.cancel(task)

    def start(self, work: Callable[..., Any], args: Iterable[Any]) -> asyncio.Task[Outcome]:
        """Start a plain job that is an ``async def`` function; returns its task, to be awaited.

        In a task of its own the job has its own context, and what it changes there ends with it.
        """
        self._interrupt.reset()
        loop = asyncio.get_running_loop()
        self._task = task = loop.create_task(self._attempt(work, args), name="job")
        return task

    async def _operation(self, job: Job, end: JobEnd) -> Outcome:
        performed = await self._carry(self._calls.run(perform(self.registry, job, end)))
        return DONE if performed else UNDONE

    async def _performed(self, job: Job, end: JobEnd) -> Outcome:
        return await self.start(self._operation, (job, end))

    async def _attempt(self, work: Callable[..., Any], args: Iterable[Any]) -> Outcome:
        forks = job_copies.forks
        try:
            given = await raise_inside(
                work(*args), partial(instead_of, self._interrupt), partial(_end_copy, forks)
            )
        except BaseException as error:
            if job_copies.forks != forks:
                job_copies.end(error)
            if closes(error):
                raise
            return Outcome(report=report(error))  # a job may raise anything; it is all recorded
        return UNDONE if given is UNDONE else DONE


async def _noting(raised: list[BaseException], work: Callable[..., Any], *args: Any) -> None:
    """Do the work, and note its error."""
    try:
        await work(*args)
    except BaseException as error:
        raised.append(error)
        raise


def _end_copy(before: int, ended: bool) -> None:
    """End a process that the job has forked: it cannot go on in the event loop of the process that it was copied from."""
    if job_copies.forks != before:
        job_copies.end(None if ended else RuntimeError(NOT_HERE))
