"""Jobs in the thread of their slot: several at a time in one process, for jobs that wait more than they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.executor.interrupt import Interrupt, InterruptibleCalls
from pyresque.failure.report import report
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import called, perform
from pyresque.job.plain import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op


class ThreadExecutor:
    """Performs the jobs of one slot in the thread that runs its worker."""

    isolated = False

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._interrupt = Interrupt()
        self._calls = InterruptibleCalls(self._interrupt, of_the_loop=False)
        #: Whether a job is under way.
        self.performing = False

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        self._interrupt.reset()
        end = JobEnd()
        self.performing = True
        try:
            if is_plain(self.registry, job):
                await self._calls.run(called(self.registry.call, (job.class_name, job.args)))
                return DONE
            performed = await self._calls.run(perform(self.registry, job, end))
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error)).with_end(end)
        finally:
            self.performing = False
        return (DONE if performed else UNDONE).with_end(end)

    def kill(self) -> None:
        """Do nothing: a thread cannot be killed, and the job is left to end, as Ruby's worker without children does."""

    def terminate(self) -> None:
        """Raise TermException inside the running job; once a job, so that it can clean up."""
        self._interrupt.request()

    def stop(self) -> None:
        """Do nothing: a job in this process can ask the worker."""

    def idle(self) -> None:
        """Do nothing: a job leaves nothing here."""

    def close(self) -> None:
        """Do nothing: the thread belongs to the slot."""
