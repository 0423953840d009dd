"""Jobs in an event loop: what is ``async def`` runs there, each job in a task of its own; plain functions run in threads."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque import job_copies
from pyresque.errors import TermException
from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.executor.interrupt import Interrupt, InterruptibleCalls
from pyresque.failure.report import report
from pyresque.job.perform import perform
from pyresque.ops import Call, raise_inside
from pyresque.user_errors import closes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op

#: Told by a process that a job forked, where that would go on in the loop of the process that performs jobs.
NOT_HERE = "a process that a job forked cannot await in the event loop it was forked in: it ends"


class TaskExecutor:
    """Performs one slot's jobs; ``run`` of an awaiting driver carries them."""

    isolated = False

    def __init__(
        self, registry: Registry, carry: Callable[[Op[Any]], Coroutine[Any, Any, Any]]
    ) -> None:
        self.registry = registry
        self._carry = carry
        self._order = Interrupt()
        self._calls = InterruptibleCalls(self._order, of_the_loop=True)
        self._task: asyncio.Task[Outcome] | None = None

    async def run(
        self,
        job: Job,
        tend: Callable[[], Op[float]],  # noqa: ARG002 - the Protocol's signature
        title: Callable[[str], None],  # noqa: ARG002 - the Protocol's signature
        doing: str = "",  # noqa: ARG002 - the Protocol's signature
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        performed: Callable[[], Any] = partial(self._performed, self._operation, job)
        outcome: Outcome = await Call(performed)
        return outcome

    def kill(self) -> None:
        """Nothing: the job is left to end, as Ruby's worker without children does."""

    def terminate(self) -> None:
        """Raise TermException where the running job is: it awaits, or runs in a thread. Once a job; from any thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(self._tell, task)

    def stop(self) -> None:
        """Nothing: what runs here can ask the worker."""

    def rest(self) -> None:
        """Nothing is left of a job."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _tell(self, task: asyncio.Task[Outcome]) -> None:
        if task is self._task and not task.done():
            self._order.give()
            if not self._calls.under_way:
                task.cancel()

    def begin(self, work: Callable[..., Any], args: Iterable[Any]) -> asyncio.Task[Outcome]:
        """The same for a job that is one call of an ``async def``, and nothing around it: its task, to be awaited.

        In a task of its own the job has its own context, and what it changes there ends with it.
        """
        self._order.renew()
        loop = asyncio.get_running_loop()
        self._task = task = loop.create_task(self._attempt(work, args), name="job")
        return task

    async def _operation(self, job: Job) -> Outcome:
        performed = await self._carry(self._calls.watched(perform(self.registry, job)))
        return DONE if performed else UNDONE

    async def _performed(self, work: Callable[..., Any], *args: Any) -> Outcome:
        return await self.begin(work, args)

    async def _attempt(self, work: Callable[..., Any], args: Iterable[Any]) -> Outcome:
        forks = job_copies.forks
        try:
            given = await raise_inside(
                work(*args), partial(_instead_of, self._order), partial(_end_copy, forks)
            )
        except BaseException as error:
            if job_copies.forks != forks:
                job_copies.end(error)
            if closes(error):
                raise
            return Outcome(report=report(error))  # a job may raise anything; it is all recorded
        return UNDONE if given is UNDONE else DONE


def _end_copy(before: int, ended: bool) -> None:
    """End a process that the job has forked: it cannot go on in the event loop of the process it was copied from."""
    if job_copies.forks != before:
        job_copies.end(None if ended else RuntimeError(NOT_HERE))


def _instead_of(order: Interrupt, error: BaseException | None) -> BaseException | None:
    """A cancellation that TERM brought about becomes TermException, at the place where the job awaits."""
    if not isinstance(error, asyncio.CancelledError) or not order.pending():
        return error
    uncancel = getattr(asyncio.current_task(), "uncancel", None)  # since Python 3.11
    if uncancel is not None:
        uncancel()
    return TermException("SIGTERM")
