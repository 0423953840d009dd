"""Reads a frame of ``pyresque top``: a few round trips, with two commands a queue at most and two for each hundred workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.cli.top.frame import NUMBERS, Frame, QueueRow, queue_rates, rates
from pyresque.job_text import moment
from pyresque.ops import Batch, Command, in_chunks
from pyresque.process.worker.listening import listening
from pyresque.store.queues import integer, names, read_lengths, some_bytes, text
from pyresque.store.schedules import LockInfo
from pyresque.store.worker_rows import heartbeats, pages, some_busy
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.core import Core
    from pyresque.failure.record import FailedRecord
    from pyresque.job.worker_registry import WorkerInfo

#: How many of each a frame has at most: of queues the longest, of workers those at work and the silent ones, of failed jobs the latest.
QUEUES: Final = 100
WORKERS: Final = 200
FAILED: Final = 50
DELAYED: Final = 50

#: Records of workers that are read to find those that have been at work the longest.
RECORDS: Final = 500

#: Seconds without a heartbeat after which Resque prunes a worker.
LATE: Final = 300


async def read_frame(core: Core, before: Frame | None = None) -> Frame:
    """Read a frame; ``before`` is the one that its rates are counted from. A key of a wrong type is logged, and counts nothing."""
    log, keys, pauses = WrongKeyLog(), core.keys, core.jobs.pauses
    first = log.replies_or(
        await Batch(
            (
                Command[Any](("SMEMBERS", keys.queues), names),
                Command[Any](("SMEMBERS", keys.workers), names),
                core.stats.getting("processed"),
                core.stats.getting("failed"),
                core.failed_table.measuring(),
                Command[Any](("ZCARD", keys.delayed_schedule), int),
                Command[Any](("HLEN", keys.schedules), int),
                Command[Any](("GET", core.lock.key), some_bytes),
                Command[Any](("PTTL", core.lock.key), int),
                pauses.reading_all(),
            ),
            lenient=True,
        )
    )
    queues, workers = first[0] or [], first[1] or []
    workers_paused, queues_paused = first[9]
    beats = [heartbeats(keys, page) for page in pages(workers)]
    second: list[Command[Any]] = [*core.table.measuring(queues), *pauses.reading(queues), *beats]
    replies = await in_chunks(second, lenient=True)
    sizes = read_lengths(queues, replies[: len(queues)])
    cut = len(replies) - len(beats)
    paused = pauses.read(queues, replies[len(queues) : cut], every=queues_paused)
    heard = _heartbeats(workers, log.replies_or(replies[cut:]))
    working, records = await some_busy(keys, workers, RECORDS)
    at = core.clock.time()
    seen = {one: at - moment_of(beat) for one, beat in heard.items() if beat is not None}
    numbers = dict(
        zip(
            NUMBERS,
            (
                sum(size or 0 for size in sizes.values()),
                core.stats.read("processed", first[2]),
                integer(first[3]),
                first[4] or 0,
                working,
                len(workers),
                len(queues),
                first[5] or 0,
                first[6] or 0,
            ),
            strict=True,
        )
    )
    return Frame(
        at=at,
        numbers=numbers,
        queues=await _queues(core, sizes, paused, workers),
        workers=await _workers(core, _chosen(workers, records, seen)),
        failed=await log.value_or(_failed(core), []),
        delayed=await log.value_or(_delayed(core), []),
        master=None if first[7] is None else LockInfo(text(first[7]), _seconds(first[8])),
        workers_paused=workers_paused,
        queues_paused=queues_paused,
        late=sum(age > LATE for age in seen.values()),
        silent=len(workers) - len(seen),
        sizes=sizes,
        rates=rates(before, at, numbers),
        queue_rates=queue_rates(before, at, sizes),
    )


def moment_of(written: str) -> float:
    """Return a time as Redis has it in seconds since 1970; 0 for what is no time."""
    found = moment(written)
    return 0.0 if found is None else found.timestamp()


def _seconds(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds >= 0 else None


def _heartbeats(
    workers: Sequence[str], replies: Sequence[list[bytes | None] | None]
) -> dict[str, str | None]:
    found: list[bytes | None] = []
    for reply, page in zip(replies, pages(workers), strict=True):
        found += reply or [None] * len(page)
    return {
        one: None if beat is None else beat.decode("utf-8", "replace")
        for one, beat in zip(workers, found, strict=True)
    }


def _chosen(
    workers: Sequence[str], records: dict[str, bytes], seen: dict[str, float]
) -> dict[str, bytes]:
    """Return the workers of the frame with their records: those at work, then those that were silent for the longest."""
    chosen = dict(records)
    others = sorted(
        (one for one in workers if one not in records), key=lambda one: -seen.get(one, 1e12)
    )
    for one in others:
        if len(chosen) >= WORKERS:
            break
        chosen[one] = b""
    return chosen


async def _workers(core: Core, chosen: dict[str, bytes]) -> list[WorkerInfo]:
    """Return these workers: of those at work the ones that began first."""
    found = await core.worker_registry.with_records(chosen)
    found.sort(key=lambda one: (one.working_on is None, began(one)))
    return found[:WORKERS]


def began(worker: WorkerInfo) -> float:
    """Return when a worker began with its job, in seconds since 1970; the far future without a job or a readable date."""
    written = None if worker.working_on is None else worker.working_on.run_at
    found = None if written is None else moment(written)
    return 1e12 if found is None else found.timestamp()


async def _queues(
    core: Core, sizes: dict[str, int | None], paused: Sequence[str], workers: Sequence[str]
) -> list[QueueRow]:
    """Return the longest queues."""
    longest = sorted(sizes, key=lambda name: (-(sizes[name] or 0), name))[:QUEUES]
    latencies = await core.queue_overview.latencies([name for name in longest if sizes[name]])
    lists = listening(workers)
    held = set(paused)
    return [
        QueueRow(
            name,
            sizes[name],
            latencies.get(name),
            sum(number for one, number in lists.items() if one.takes(name)),
            name in held,
        )
        for name in longest
    ]


async def _failed(core: Core) -> list[FailedRecord]:
    """Return the latest failed records, the last one first."""
    total = await core.failures.count()
    return await core.failures.each(max(0, total - FAILED), FAILED).everything()


async def _delayed(core: Core) -> list[tuple[float, int]]:
    """Return the next times with their numbers of jobs, without those whose jobs were all removed."""
    times = core.delayed.table.times
    found = await times.ranked(0, DELAYED)
    sizes = await times.sizes(found)
    return [(float(score), size) for (_, score), size in zip(found, sizes, strict=True) if size]
