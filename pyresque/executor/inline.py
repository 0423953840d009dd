"""Jobs in the worker's own process, one after the other (Ruby: FORK_PER_JOB=false)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque import signal_handlers
from pyresque.dropped_errors import if_dropped
from pyresque.errors import TermException
from pyresque.executor.base import DONE, NOT_STARTED, UNDONE, Outcome
from pyresque.failure.report import report
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import called, perform
from pyresque.job.perform_directly import directly
from pyresque.job.plain import is_plain
from pyresque.job_copies import own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.direct import DirectJob
    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op


class InlineExecutor:
    """Performs jobs in the worker's own process."""

    isolated = False

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        #: Whether a job is under way.
        self.performing = False
        self._terminated = False
        self._call_off: Callable[[], None] | None = None
        self._stopping = False

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Perform the job; whatever it raises is its failure, a SystemExit too."""
        if is_plain(self.registry, job):
            call = (job.class_name, job.args)
            return await self.attempt(called, self.registry.call, call)
        return await self.perform(job)

    async def perform(self, job: Job) -> Outcome:
        """Perform a job with all that belongs to it; whatever it raises is its failure."""
        end = JobEnd()
        return (await self.attempt(perform, self.registry, job, end)).with_end(end)

    async def directly(self, direct: DirectJob) -> Outcome:
        """Perform a job by calls alone."""
        end = JobEnd()
        return (await self.attempt(directly, self.registry, direct, end)).with_end(end)

    def call(self, work: Callable[..., Any], args: Iterable[Any]) -> tuple[Outcome, Any]:
        """Perform a plain job at once; its outcome, and what the function returned, which may have to be awaited."""
        if self._stopping:
            return NOT_STARTED, None
        self.performing, self._terminated = True, False
        try:
            return DONE, own(work, *args)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error)), None
        finally:
            self.performing = False
            if self._call_off is not None:
                self._call_off()
                self._call_off = None

    async def attempt(self, operation: Callable[..., Op[Any]], *args: Any) -> Outcome:
        """Run an operation that performs a job; NOT_STARTED after ``stop``, so that the job goes back into its queue."""
        if self._stopping:
            return NOT_STARTED
        self.performing, self._terminated = True, False
        try:
            performed = await operation(*args)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; it is all recorded
            return Outcome(report=report(error))
        finally:
            self.performing = False
            if self._call_off is not None:
                self._call_off()
                self._call_off = None
        return UNDONE if performed is False else DONE

    def kill(self) -> None:
        """Do nothing: there is no child, and the job is left to end, as in Ruby."""

    def terminate(self) -> None:
        """Raise TermException inside the running job; once a job, so that it can clean up."""
        if self.performing and not self._terminated:
            self._terminated = True
            raise if_dropped(TermException("SIGTERM"), self._dropped)

    def _dropped(self) -> None:
        """The job did not get the error: this process is to be told again to end it, as by USR1."""
        self._terminated = False
        self._call_off = signal_handlers.come_again(signal_handlers.USR1)

    def stop(self) -> None:
        """Begin no other job."""
        self._stopping = True

    def idle(self) -> None:
        """Do nothing: a job leaves nothing here."""

    def close(self) -> None:
        """Do nothing: there is no process or thread to release."""
