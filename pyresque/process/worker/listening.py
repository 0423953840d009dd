"""Which queues workers take from, by the lists of queues in their ids."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pyresque.errors import NoQueueError, WorkerIdError
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.queue_list import QueueList

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Letters of a pid that every host may have.
PID = 7


def listening(worker_ids: Iterable[str]) -> dict[QueueList, int]:
    """Return the lists of queues that workers take from, as their ids have them, each with its number of workers."""
    lists: dict[QueueList, int] = {}
    for queues, number in Counter(map(_queues, worker_ids)).items():
        try:
            lists[QueueList.parse(queues.split(","))] = number
        except NoQueueError:
            continue
    return lists


def _queues(worker_id: str) -> str:
    """Return the list of queues in a worker's id; none for what is no id. Of thousands few have a pid that must be looked at."""
    parts = worker_id.split(":", 2)
    if len(parts) != 3:  # noqa: PLR2004 - host, pid, queues
        return ""
    if len(parts[1]) > PID:
        try:
            WorkerId.parse(worker_id)
        except WorkerIdError:
            return ""
    return parts[2]
