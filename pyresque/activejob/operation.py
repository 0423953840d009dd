"""Performs the ActiveJobs inside the wrapper's payloads (``job_class.Operation``). Light: the fork server loads this module."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.job.direct import DirectJob
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.ops import Op


class ActiveJobOperation:
    """Performs the ActiveJobs of one Core; ``wrapper`` returns its JobWrapper."""

    def __init__(self, jobs: ActiveJobs, wrapper: Callable[[], JobWrapper]) -> None:
        self.jobs = jobs
        self.wrapper = wrapper

    async def perform(self, job: Job, instead: Callable[[], Op[bool]] | None = None) -> bool:
        """As ``JobWrapper.perform``."""
        return await self.wrapper().perform(job, instead)

    def inside(self, job: Job) -> JobClass | None:
        """As ``ActiveJobs.inside``."""
        return self.jobs.inside(job)

    def direct(self, job: Job) -> DirectJob | None:
        """As ``activejob.direct.direct_job``."""
        from pyresque.activejob.direct import direct_job  # noqa: PLC0415 - for those who have such jobs

        return direct_job(self.wrapper(), job)
