"""Jobs in the worker's own process, one after the other (Ruby: FORK_PER_JOB=false)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.errors import TermException
from pyresque.executor.base import DONE, NOT_STARTED, UNDONE, Outcome
from pyresque.failure.report import report
from pyresque.job import perform
from pyresque.job_copies import own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op


class InlineExecutor:
    """Performs in place."""

    isolated = False

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._performing = False
        self._told = False
        self._stopping = False

    async def run(
        self,
        job: Job,
        tend: Callable[[], Op[float]],  # noqa: ARG002 - the Protocol's signature
        title: Callable[[str], None],  # noqa: ARG002 - the Protocol's signature
        doing: str = "",  # noqa: ARG002 - the Protocol's signature
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        if perform.is_plain(self.registry, job):
            call = (job.class_name, job.args)
            return await self.attempt(perform.called, self.registry.call, call)
        return await self.attempt(perform.perform, self.registry, job)

    def call(self, work: Callable[..., Any], args: Iterable[Any]) -> tuple[Outcome, Any]:
        """The same for a job that is one call, and how it ended is known when that returns; what it returned."""
        if self._stopping:
            return NOT_STARTED, None
        self._performing, self._told = True, False
        try:
            return DONE, own(work, *args)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error)), None
        finally:
            self._performing = False

    async def attempt(self, operation: Callable[..., Op[Any]], *args: Any) -> Outcome:
        """Carry out what a job is; UNBEGUN where there was an order to stop meanwhile, so that it goes back to its queue."""
        if self._stopping:
            return NOT_STARTED
        self._performing, self._told = True, False
        try:
            performed = await operation(*args)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error))
        finally:
            self._performing = False
        return UNDONE if performed is False else DONE

    def kill(self) -> None:
        """Nothing: there is no child, and the job is left to end, as in Ruby."""

    def terminate(self) -> None:
        """Raise TermException inside the running job; once a job, so that it can clean up."""
        if self._performing and not self._told:
            self._told = True
            raise TermException("SIGTERM")

    def stop(self) -> None:
        """Begin no other job; what runs here can ask the worker."""
        self._stopping = True

    def rest(self) -> None:
        """Nothing is left of a job."""

    def close(self) -> None:
        """Nothing to let go of."""
