"""What a worker writes of a job that has ended: its failed record, its redelivery, what its plugins write at its end."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import RedisCommandError
from pyresque.failure.record import Failure, write_local
from pyresque.failure.report import report
from pyresque.job.plain import fast_entry
from pyresque.lightweight import replace
from pyresque.process.worker.job_log import UNKNOWN, registered_instead
from pyresque.store.reserve import NO_FAILURE, FailureEntry

if TYPE_CHECKING:
    from pyresque.executor.base import Outcome
    from pyresque.job.job import Job
    from pyresque.job.job_end import JobEnd
    from pyresque.process.worker.current_job import CurrentJob
    from pyresque.store.workers import RemovedWorker

log = logging.getLogger("pyresque")


async def failure_entry(
    current: CurrentJob, job: Job, outcome: Outcome, *, count: bool = True
) -> FailureEntry:
    """Log how the job ended, and return what is written when it is finished; NO_FAILURE if that is nothing.

    If the job's process died, this may redeliver the job instead; then nothing is left to finish. ``count``: if the worker counts what
    it performs, the job is counted in the same step.
    """
    if count and current.performed is not None:
        return await _counted(current, job, outcome)
    error, process_error, end = outcome.report, outcome.process_error, outcome.end
    core = current.core
    lost_jobs, until_answered = core.lost_jobs, current.redis_retry.until_answered
    if process_error is not None:
        back = await until_answered(partial(lost_jobs.redelivery_for, job, process_error))
        if back is not None:
            current.log.redelivered(job, back, process_error)
            # Before the job is in its queue: a worker that dies in between would leave its locks, which then refuse it.
            await lost_jobs.returned(job, current.record)
            await current.redeliver(back)
            return NO_FAILURE
        error = report(process_error)
        end = await lost_jobs.run_hooks(job, process_error, current.record)
    if fast_entry(core.registry, job.payload.class_name) is None and lost_jobs.may_redeliver(job):
        await until_answered(partial(lost_jobs.forget, job))
    if error is None:
        current.log.done(job, undone=outcome.undone)
        return NO_FAILURE if end is None else with_end(current, job, end, NO_FAILURE)
    if log.isEnabledFor(logging.ERROR):
        unknown = error.exception in UNKNOWN and job.fault is None
        current.log.failed(job, error, registered_instead(core, job) if unknown else "")
    failure = Failure(job, error, current.id, local(core.clock), core.new_failure_id())
    counted = process_error is None  # Ruby does not count a DirtyExit in stat:failed
    if end is not None and end.keeps_failure:
        entry = FailureEntry(b"", counted=counted)
    else:
        entry = await lost_jobs.entry(failure, counted=counted)
    return entry if end is None else with_end(current, job, end, entry, failure)


async def _counted(current: CurrentJob, job: Job, outcome: Outcome) -> FailureEntry:
    """The entry of a worker that counts what it performs."""
    entry = await failure_entry(current, job, outcome, count=False)
    if current.performed is None or outcome.undone or not current.record:
        return entry
    seconds = current.core.clock.monotonic() - current.log.started
    failed = outcome.report is not None or outcome.process_error is not None
    return current.performed.counted(job, entry, seconds, failed=failed)


async def without_writes(failure: FailureEntry, refused: str) -> FailureEntry:
    """Return the entry for a job whose plugins write what Redis refuses."""
    if failure.without is None:
        return replace(failure, writes=())
    return await failure.without(refused)


def with_end(
    current: CurrentJob,
    job: Job,
    end: JobEnd,
    entry: FailureEntry,
    failure: Failure | None = None,
) -> FailureEntry:
    """Return an entry with what the job's plugins write. ``failure``: the job's own, if it failed."""
    core, writes = current.core, end.commands
    if failure is not None:
        writes = end.with_record(write_local(core.codec, failure))
    if not writes:
        return entry

    async def without(refused: str) -> FailureEntry:
        """Redis refuses what the plugins write. The job, which may have been retried by that, becomes a failed record."""
        error = RedisCommandError(f"what the job's plugins write at its end is refused: {refused}")
        log.error("%s: %s", job, error)
        left = entry
        if failure is None or end.keeps_failure:
            at, failure_id = local(core.clock), core.new_failure_id()
            lost = failure or Failure(job, report(error), current.id, at, failure_id)
            left = await core.lost_jobs.entry(lost, counted=failure is None or entry.counted)
        return replace(left, writes=tuple(end.instead), without=None)

    if entry is NO_FAILURE:
        return FailureEntry(b"", counted=False, writes=tuple(writes), without=without)
    return replace(entry, writes=tuple(writes), without=without)


async def unregister_ended(current: CurrentJob) -> RemovedWorker | None:
    """Unregister a worker whose job has ended, and only its turn failed: a job that is done must not become a failure.

    None if it has no such job, or was pruned.
    """
    if current.record and current.ended is not None and current.ended.writes:
        await current.finish_at_once(current.ended)
    if not current.record or current.ended is None:
        return None
    table = current.core.worker_registry.table
    removed = await table.unregister(current.id, current.record, "*", current.ended)
    if removed is not None:
        log.warning("worker %s ends; its last job has ended, but is not counted", current.id)
    return removed
