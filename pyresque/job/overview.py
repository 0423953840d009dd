"""The overview of a namespace, as ``resque-web`` opens with it: read in two round trips, with one command a worker and a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.queues import QueueTable, StatTable, names, read_lengths
from pyresque.store.worker_rows import MOST, busy_commands, busy_ones
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.failed import FailedTable
    from pyresque.store.pauses import QueuePauses


class Overview(NamedTuple):
    """The known queues with their sizes (None: no list), the workers, those of them that perform a job, and counters.

    The last three are read if they are asked for: whether every worker is paused, whether every queue is, and which queues are.
    """

    sizes: dict[str, int | None]
    workers: list[str]
    busy: list[str]
    processed: int
    failed: int
    workers_paused: bool = False
    all_queues_paused: bool = False
    paused_queues: Sequence[str] = ()


async def read_overview(
    stats: StatTable, failed: FailedTable, pauses: QueuePauses | None = None
) -> Overview:
    """Read the overview. A key of a wrong type is logged, and counts nothing. ``pauses``: read these, too."""
    keys, log = stats.keys, WrongKeyLog()
    first: list[Command[Any]] = [
        Command(("SMEMBERS", keys.queues), names),
        Command(("SMEMBERS", keys.workers), names),
        stats.getting("processed"),
        failed.measuring(),
    ]
    if pauses is not None:
        first.append(pauses.reading_all())
    found = log.replies_or(await Batch(tuple(first), lenient=True))
    queues, workers = found[0] or [], found[1] or []
    second = [*QueueTable(keys).measuring(queues), *busy_commands(keys, workers)]
    if pauses is not None:
        second += pauses.reading(queues)
    replies = await in_chunks(second, lenient=True, size=MOST)
    counted = len(queues) + len(workers)
    read = Overview(
        read_lengths(queues, replies[: len(queues)]),
        workers,
        busy_ones(workers, replies[len(queues) : counted]),
        stats.read("processed", found[2]),
        found[3] or 0,
    )
    if pauses is None:
        return read
    every_worker, every_queue = found[4]
    paused = pauses.read(queues, replies[counted:], every=every_queue)
    return read._replace(
        workers_paused=every_worker, all_queues_paused=every_queue, paused_queues=paused
    )
