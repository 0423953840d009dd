"""Unregisters many dead workers, in a few round trips.

Rule: a worker is unregistered by one script, as if it were the only one. What follows that script, such as the failure hooks of its
job, follows at once: such a worker is unregistered by itself, so that a crash loses the hooks of one job at most.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.errors import (
    DirtyExit,
    PruneDeadWorkerDirtyExit,
    RedisCommandError,
    ScriptMissing,
)
from pyresque.job.worker_registry import read_record
from pyresque.ops import Batch
from pyresque.store.reserve import FailureEntry
from pyresque.store.worker_rows import checked_records_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.failure.lost_jobs import LostJobs
    from pyresque.ops import Command
    from pyresque.store.wrong_keys import WrongKeyLog

log = logging.getLogger("pyresque")

#: Workers that are unregistered in one round trip at most.
TOGETHER = 100


class _Step(NamedTuple):
    """One dead worker: its id, the heartbeat that was seen (``*``: any), and the error that its job fails with."""

    worker_id: str
    heartbeat: str
    error: BaseException


async def unregister_dead(
    lost_jobs: LostJobs, dead: Mapping[str, str | None], wrong_key_log: WrongKeyLog
) -> list[str]:
    """Unregister workers, each if its heartbeat is still the one that was seen; the ids of those that were.

    ``dead``: ids with the expired heartbeat, or None for a worker whose process is gone.
    """
    registry = lost_jobs.worker_registry
    records = await checked_records_of(registry.table.keys, list(dead), wrong_key_log)
    pruned: list[str] = []
    together: list[tuple[_Step, Command[Any]]] = []
    for worker_id, heartbeat in dead.items():
        log.info("pruning dead worker: %s", worker_id)
        record = records.get(worker_id)
        found = read_record(registry.codec, record) if record else None
        error: BaseException = DirtyExit("Job still being processed")
        if heartbeat is not None:
            class_name = None if found is None else found.job.class_name or None
            error = PruneDeadWorkerDirtyExit(worker_id, class_name)
        step = _Step(worker_id, "*" if heartbeat is None else heartbeat, error)
        ending = await lost_jobs.ending(worker_id, found, error)
        alone = not lost_jobs.is_all(ending) or not isinstance(ending.left, FailureEntry)
        if not alone and isinstance(ending.left, FailureEntry):
            command = registry.table.unregistering(
                worker_id, ending.record, step.heartbeat, ending.left
            )
            together.append((step, command))
        if alone or len(together) == TOGETHER:
            pruned += await _all_at_once(lost_jobs, together, wrong_key_log)
            together = []
        if alone:
            pruned += await _one(lost_jobs, step, wrong_key_log)
    return pruned + await _all_at_once(lost_jobs, together, wrong_key_log)


async def _all_at_once(
    lost_jobs: LostJobs, together: list[tuple[_Step, Command[Any]]], wrong_key_log: WrongKeyLog
) -> list[str]:
    """Unregister these in one round trip. Whoever is not as it was seen, and whoever is refused, is looked at by itself."""
    if not together:
        return []
    try:
        replies = await Batch(tuple(command for _, command in together), lenient=True)
    except ScriptMissing:
        first = await _one(lost_jobs, together[0][0], wrong_key_log)
        return first + await _all_at_once(lost_jobs, together[1:], wrong_key_log)
    except RedisCommandError:  # by itself a worker is refused with more words
        replies = [None] * len(together)
    pruned: list[str] = []
    for (step, _), removed in zip(together, replies, strict=True):
        if removed is None or isinstance(removed, RedisCommandError):
            pruned += await _one(lost_jobs, step, wrong_key_log)
        else:
            pruned.append(step.worker_id)
    return pruned


async def _one(lost_jobs: LostJobs, step: _Step, wrong_key_log: WrongKeyLog) -> list[str]:
    unregistering = lost_jobs.unregister(step.worker_id, step.error, step.heartbeat)
    removed = await wrong_key_log.value_or(unregistering, None)
    return [] if removed is None else [step.worker_id]
