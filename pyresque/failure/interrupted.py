"""Prunings that were interrupted: whoever unregistered a dead worker died before the plugins of its job had run.

The job is in the failed list, or in its queue again. But it was not retried, its locks were not released, its status is "working".
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.errors import PruneDeadWorkerDirtyExit
from pyresque.job.worker_registry import read_record
from pyresque.store.lost_jobs import LostJob
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.failure.lost_jobs import LostJobs

log = logging.getLogger("pyresque")


async def finish_prunings(lost_jobs: LostJobs, seconds: float) -> None:
    """Run the plugins' moments for jobs whose worker was pruned so many seconds ago, where its pruner has not."""
    table, registry = lost_jobs.table, lost_jobs.worker_registry
    found = await WrongKeyLog().value_or(table.all(), {})
    if not found:
        return
    now = int((await registry.table.server_time()).timestamp())
    for field, record in found.items():
        lost = LostJob.parse(field)
        if lost is None or lost.seconds + seconds > now:
            continue
        taken = lost._replace(seconds=now)
        job = read_record(registry.codec, record).job
        if lost_jobs.registry.with_plugins_of(job) is None:
            continue  # not registered here
        if await table.take_over(field, record, taken):
            log.warning(
                "%s: whoever pruned %s has died before its plugins ran", job, lost.worker_id
            )
            error = PruneDeadWorkerDirtyExit(lost.worker_id, job.class_name or None)
            await lost_jobs.run_plugins(job, error, record, taken)
