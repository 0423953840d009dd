"""Whether a job like this one waits in its queue or is being performed now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.job.job import read_job
from pyresque.job.queues import same_value

if TYPE_CHECKING:
    from pyresque.job.job import Job
    from pyresque.job.queues import Queues
    from pyresque.job.sending import Carrier
    from pyresque.job.worker_registry import WorkerRegistry

#: Jobs read at a time.
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two jobs the same: queue, class and arguments; ``carrier`` for one that travels inside another."""

    queue: str
    class_name: str
    args: list[Any]
    carrier: Carrier | None = None

    def is_of(self, job: Job) -> bool:
        """Whether a job is the same, by meaning."""
        if self.carrier is not None:
            return same_value(self.carrier.args_of(job), self.args)
        return (
            job.fault is None
            and job.class_name == self.class_name
            and same_value(list(job.args), self.args)
        )


class Overlap:
    """Looks for jobs; the cost grows with the queue."""

    def __init__(self, jobs: Queues, worker_registry: WorkerRegistry) -> None:
        self.jobs = jobs
        self.worker_registry = worker_registry

    async def is_queued(self, wanted: Identity) -> bool:
        """Whether it waits in its queue."""
        key, start = self.jobs.table.keys.queue(wanted.queue), 0
        while page := await self.jobs.table.slice(key, start, start + PAGE - 1):
            if any(wanted.is_of(read_job(self.jobs.codec, wanted.queue, raw)) for raw in page):
                return True
            start += PAGE
        return False

    async def is_running(self, wanted: Identity) -> bool:
        """Whether a worker performs it."""
        return any(
            info.working_on is not None
            and info.working_on.job.queue == wanted.queue
            and wanted.is_of(info.working_on.job)
            for info in await self.worker_registry.working()
        )
