"""What becomes of the job a worker leaves behind: one failed record, whoever finds it first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import FailureHookError, UnknownJobClass
from pyresque.failure.record import Failure
from pyresque.failure.report import report
from pyresque.job.perform import run_failure_hooks
from pyresque.store.workers import NO_FAILURE

if TYPE_CHECKING:
    from pyresque.failure.base import FailureBackend
    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.job.workers import WorkerBooks
    from pyresque.ops import Clock

log = logging.getLogger("pyresque")


class Undertaker:
    """Takes workers out of the books and records what they were performing."""

    def __init__(
        self, books: WorkerBooks, backend: FailureBackend, registry: Registry, clock: Clock
    ) -> None:
        self.books = books
        self.backend = backend
        self.registry = registry
        self.clock = clock

    async def unregister(
        self, worker_id: str, error: BaseException, seen_heartbeat: str = "*"
    ) -> list[int] | None:
        """Unregister a worker; a job it has becomes a failure with that error, and its failure hooks run.

        Returns what was removed (workers, worker, started, heartbeat, processed, failed), or None when its heartbeat
        is no longer the one that was seen: it lives, or somebody else has done it.
        """
        while True:
            working_on = await self.books.working_on(worker_id)
            record = b"" if working_on is None else working_on.record
            failure = None
            entry = NO_FAILURE
            if working_on is not None:
                failure = Failure(working_on.job, report(error), worker_id, local(self.clock))
                entry = self.backend.entry(failure) or NO_FAILURE
            removed = await self.books.table.unregister(worker_id, record, seen_heartbeat, entry)
            if removed is not None:
                break
            if seen_heartbeat != "*" and await self.books.table.heartbeat(worker_id) != (
                seen_heartbeat or None
            ):
                return None
        if failure is not None:
            if entry is NO_FAILURE:
                await self.backend.save(failure)
            await self.run_hooks(failure.job, error)
        return removed

    async def run_hooks(self, job: Job, error: BaseException) -> None:
        """Run a job's failure hooks, where its class is registered here; their own errors are logged."""
        try:
            entry = self.registry.find(job.payload.class_name)
        except UnknownJobClass:
            return
        try:
            await run_failure_hooks(entry, job, error)
        except FailureHookError as another:
            log.error("%s", another)  # noqa: TRY400 - the message tells both errors; a traceback adds none
