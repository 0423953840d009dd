"""What a worker does for the plugins of a job that it has reserved, before anything of the job runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyresque.executor.base import STAYS, Outcome
from pyresque.failure.report import report
from pyresque.job.plugin import moment
from pyresque.process.worker.barred import stays
from pyresque.process.worker.redis_retry import StoppedWhileRedisAway

if TYPE_CHECKING:
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.process.worker.current_job import CurrentJob


async def note_taken(entry: JobClass, job: Job, current: CurrentJob) -> Outcome | None:
    """Run the moment ``taken`` of a job's plugins, by its bound entry. An error of theirs is the job's failure, which is returned.

    STAYS: the job may not be performed yet, and is in its queue again.
    """
    if await stays(entry, job, current):
        return STAYS
    try:
        await current.redis_retry.until_answered(partial(moment, entry, "taken"))
    except (GeneratorExit, StoppedWhileRedisAway):
        raise
    except Exception as error:  # noqa: BLE001 - a key function may raise anything
        current.log.got(job)
        return Outcome(report=report(error))
    return None
