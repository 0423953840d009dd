"""Jobs that could not even be queued: they go to the failed list, with their payload as it was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.failure.record import Failure, no_failure_id
from pyresque.failure.report import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.base import FailureBackend
    from pyresque.job.job import Job
    from pyresque.ops import Clock
    from pyresque.store.turns import FailureEntry


class RefusedJobs:
    """Tells a failure backend of jobs that no worker has seen."""

    def __init__(
        self,
        backend: FailureBackend,
        clock: Clock,
        worker_id: str = "scheduler",
        new_id: Callable[[], str | None] = no_failure_id,
    ) -> None:
        self.backend = backend
        self.clock = clock
        self.worker_id = worker_id
        self.new_id = new_id

    def entry(self, job: Job, error: BaseException) -> FailureEntry | None:
        """The record as one append to a list; None: ``save`` must be called."""
        return self.backend.entry(self._failure(job, error))

    async def save(self, job: Job, error: BaseException) -> None:
        """Record it."""
        await self.backend.save(self._failure(job, error))

    def _failure(self, job: Job, error: BaseException) -> Failure:
        return Failure(job, report(error), self.worker_id, local(self.clock), self.new_id())
