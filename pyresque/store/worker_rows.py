"""What Redis holds of many workers: every function is one round trip, with a few commands that read PAGE values each.

In a cluster all keys of a namespace are in one slot, so MGET may have any of them. It replies nil for a key of another type.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.queues import to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.store.keys import Keys

T = TypeVar("T")

#: Values that one MGET or HMGET reads: none of them holds Redis up for long.
PAGE = 500

#: Workers that one EXISTS counts; the records of a group are read together.
GROUP = 100

#: Commands of one round trip at most, where a worker takes one.
MOST = 20_000


class WorkerRow(NamedTuple):
    """What Redis holds of one worker, each as bytes or None."""

    record: bytes | None
    started: bytes | None
    heartbeat: bytes | None
    processed: bytes | None
    failed: bytes | None


async def records_of(keys: Keys, worker_ids: Sequence[str]) -> dict[str, bytes]:
    """Return the records of those of these workers that perform a job."""
    found = _joined(await Batch(_mgets(map(keys.worker, worker_ids))))
    return {one: record for one, record in zip(worker_ids, found, strict=True) if record}


async def checked_records_of(
    keys: Keys, worker_ids: Sequence[str], log: WrongKeyLog
) -> dict[str, bytes]:
    """``records_of`` by one GET for each worker: a key of another type is logged."""
    commands = (Command[Any](("GET", to_bytes(keys.worker(one)))) for one in worker_ids)
    found = log.replies_or(await in_chunks(commands, lenient=True))
    return {one: record for one, record in zip(worker_ids, found, strict=True) if record}


async def busy(keys: Keys, worker_ids: Sequence[str]) -> list[str]:
    """Return those of these workers that perform a job. STRLEN of their records: MGET would read every payload."""
    lengths = await in_chunks(busy_commands(keys, worker_ids), lenient=True, size=MOST)
    return busy_ones(worker_ids, lengths)


async def some_busy(
    keys: Keys, worker_ids: Sequence[str], most: int
) -> tuple[int, dict[str, bytes]]:
    """Return how many of these workers perform a job, and the records of ``most`` of them at least, if there are so many.

    Two round trips, with a command for each GROUP workers; a key of another type counts as a job.
    """
    groups = [worker_ids[start : start + GROUP] for start in range(0, len(worker_ids), GROUP)]
    counting = (
        Command[int](("EXISTS", *(to_bytes(keys.worker(one)) for one in group)), int)
        for group in groups
    )
    counts: list[int] = await in_chunks(counting)
    wanted: list[str] = []
    expected = 0
    for group, count in zip(groups, counts, strict=True):
        if count and expected < most:
            expected += count
            wanted += group
    return sum(counts), await records_of(keys, wanted) if wanted else {}


def busy_commands(keys: Keys, worker_ids: Iterable[str]) -> Iterable[Command[Any]]:
    """The commands of ``busy``, for a larger batch: one for each worker."""
    return (Command(("STRLEN", to_bytes(keys.worker(one)))) for one in worker_ids)


def busy_ones(worker_ids: Sequence[str], replies: Sequence[Any]) -> list[str]:
    """Read the replies to ``busy_commands``; a key of a wrong type is no job, and is logged."""
    lengths = WrongKeyLog().replies_or(replies, 0)
    return [one for one, length in zip(worker_ids, lengths, strict=True) if length > 0]


async def rows_of(
    keys: Keys, worker_ids: Sequence[str], records: Sequence[bytes] | None = None
) -> list[WorkerRow]:
    """Return what Redis holds of each of these workers. ``records``: their records, if they were read already."""
    columns: list[Callable[[str], str]] = [
        keys.worker_started,
        lambda one: keys.stat(f"processed:{one}"),
        lambda one: keys.stat(f"failed:{one}"),
    ]
    if records is None:
        columns.append(keys.worker)
    asked = [_mgets(map(column, worker_ids)) for column in columns]
    beats = tuple(heartbeats(keys, page) for page in pages(worker_ids))
    replies = await Batch((*chain.from_iterable(asked), *beats), lenient=True)
    cut = len(beats)
    started, processed, failed, *rest = (
        _joined(replies[at * cut : (at + 1) * cut]) for at in range(len(columns))
    )
    beaten = WrongKeyLog().replies_or(replies[-cut:] if cut else ())
    heard = _joined(
        reply or [None] * len(page) for reply, page in zip(beaten, pages(worker_ids), strict=True)
    )
    found = records if records is not None else rest[0]
    return list(map(WorkerRow, found, started, heard, processed, failed))


def heartbeats(keys: Keys, worker_ids: Sequence[str]) -> Command[Any]:
    """The command that reads the last heartbeats of these workers."""
    return Command(("HMGET", keys.heartbeats, *map(to_bytes, worker_ids)))


def pages(elements: Sequence[T]) -> list[Sequence[T]]:
    """Return the elements in pages of PAGE."""
    return [elements[start : start + PAGE] for start in range(0, len(elements), PAGE)]


def _mgets(names: Iterable[str]) -> tuple[Command[list[bytes | None]], ...]:
    return tuple(Command(("MGET", *page)) for page in pages(list(map(to_bytes, names))))


def _joined(replies: Iterable[Sequence[bytes | None]]) -> list[bytes | None]:
    return list(chain.from_iterable(replies))
