"""Jobs in the thread of their slot: several at a time in one process, for jobs that wait more than they compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.executor.interrupt import Interrupt, InterruptibleCalls
from pyresque.failure.report import report
from pyresque.job.perform import called, is_plain, perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op


class ThreadExecutor:
    """Performs one slot's jobs, in the thread that carries its worker."""

    isolated = False

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._order = Interrupt()
        self._calls = InterruptibleCalls(self._order, of_the_loop=False)

    async def run(
        self,
        job: Job,
        tend: Callable[[], Op[float]],  # noqa: ARG002 - the Protocol's signature
        title: Callable[[str], None],  # noqa: ARG002 - the Protocol's signature
        doing: str = "",  # noqa: ARG002 - the Protocol's signature
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        self._order.renew()
        try:
            if is_plain(self.registry, job):
                await self._calls.watched(called(self.registry.call, (job.class_name, job.args)))
                return DONE
            performed = await self._calls.watched(perform(self.registry, job))
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error))
        return DONE if performed else UNDONE

    def kill(self) -> None:
        """Nothing: a thread cannot be killed, and the job is left to end, as Ruby's worker without children does."""

    def terminate(self) -> None:
        """Raise TermException inside the running job; once a job, so that it can clean up."""
        self._order.give()

    def stop(self) -> None:
        """Nothing: what runs here can ask the worker."""

    def rest(self) -> None:
        """Nothing is left of a job."""

    def close(self) -> None:
        """Nothing to let go of."""
