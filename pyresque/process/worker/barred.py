"""Jobs that a worker takes from a restriction queue while they may not be performed yet: they stay there.

The worker looks at the jobs behind such a job, and brings the first one that may be performed to the head of the queue. If there is
none, it passes the queue over until the next second begins: else it would go round and round in it.

A selective worker puts such a job back where it was, since the jobs behind it are others'. It passes the queue over, too; then it leaves
jobs in place that the same limits bar, and takes one behind them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pyresque.job.job import read_job
from pyresque.store.limits import reached, turn_over

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.process.worker.current_job import CurrentJob

#: Jobs of a queue that are read in one step.
PAGE = 1000

#: Counters without anything left that a selective worker remembers, at most.
MOST_CLOSED = 1000


class PassedOver:
    """The queues that a worker passes over until the next second begins."""

    def __init__(self) -> None:
        self.queues: set[str] = set()
        #: Of these counters nothing was left: a selective worker takes no job from a restriction queue that needs one.
        self.closed: set[bytes] = set()
        self._second = 0

    def left(self, queues: tuple[str, ...], second: int) -> tuple[str, ...]:
        """Return the queues that are not passed over in that second."""
        if self.queues and second != self._second:
            self.queues.clear()
        self._second = second
        return queues if not self.queues else tuple(one for one in queues if one not in self.queues)

    def note_barred(self, entry: JobClass, queue: str, second: int) -> None:
        """Pass over the queue of a job that is barred in this second, and later the jobs that need a counter of its."""
        self.queues.add(queue)
        self._second = second
        if len(self.closed) >= MOST_CLOSED:
            self.closed.clear()
        self.closed.update(_keys(entry))

    def bars(self, entry: JobClass | None) -> bool:
        """Whether a job needs one of the closed counters."""
        return not self.closed.isdisjoint(_keys(entry))

    async def look_again(self) -> None:
        """Forget counters of which something is left by now."""
        asked = list(self.closed)
        found = await reached(asked) if asked else []
        self.closed = {key for key, none_left in zip(asked, found, strict=True) if none_left}


async def stays(entry: JobClass, job: Job, current: CurrentJob) -> bool:
    """Return whether a reserved job stays in its queue; then it is there again. ``entry`` is bound to it."""
    if not await current.redis_retry.until_answered(partial(_barred, [entry])):
        return False
    if current.selective:  # the jobs behind it are others': they stay where they are
        await current.return_unperformed(job)
        current.passed_over.note_barred(entry, job.queue, current.second)
        return True
    most = min((one.max_queue_peek for one in entry.plugins if one.max_queue_peek), default=None)
    await current.redis_retry.until_answered(partial(_put_back, job, current, most))
    current.record = b""
    return True


async def _put_back(job: Job, current: CurrentJob, most: int | None) -> None:
    """Put the job back: behind its queue with all that are barred, too, or at its head if all of them are."""
    table, core = current.core.worker_registry.table, current.core
    more, found = await _barred_behind(job, current, most)
    if found or (most is not None and more == most - 1):
        await turn_over(core.keys, current.id, current.record, job.queue, job.raw, more)
    else:
        await table.return_unperformed(current.id, current.record, job.queue, job.raw)
    if not found:
        current.passed_over.queues.add(job.queue)
        current.second = -1


async def _barred_behind(job: Job, current: CurrentJob, most: int | None) -> tuple[int, bool]:
    """Return how many jobs at the head of the queue are barred, and whether one follows that is not. ``most`` counts ``job``, too."""
    core, start = current.core, 0
    key = core.keys.queue(job.queue)
    while most is None or start < most - 1:
        stop = start + PAGE if most is None else min(start + PAGE, most - 1)
        page = await core.table.slice(key, start, stop - 1)
        entries = (
            core.registry.with_plugins_of(read_job(core.codec, job.queue, raw)) for raw in page
        )
        barred = await _barred(entries)
        if barred < len(page):
            return start + barred, True
        start += len(page)
        if len(page) < PAGE:
            break
    return start, False


async def _barred(entries: Iterable[JobClass | None]) -> int:
    """Return how many of these jobs are barred, up to the first one that is not."""
    keys = [_keys(entry) for entry in entries]
    asked = list(dict.fromkeys(key for some in keys for key in some))
    if not asked:
        return 0
    closed = {key for key, none_left in zip(asked, await reached(asked), strict=True) if none_left}
    for count, some in enumerate(keys):
        if closed.isdisjoint(some):
            return count
    return len(keys)


def _keys(entry: JobClass | None) -> list[bytes]:
    """Return a job's counters; none if they cannot be named: then the job is performed, and fails with that error."""
    try:
        if entry is None or entry.plugin_job is None:
            return []
        return [key for plugin in entry.plugins for key in plugin.barred_by(entry.plugin_job)]
    except Exception:  # noqa: BLE001 - a key function may raise anything
        return []
