"""The values of one frame of ``pyresque top``: what Redis held at one moment, and how it changed since the frame before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.failure.record import FailedRecord
    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.store.schedules import LockInfo

#: The numbers whose change per second is shown. ``failures`` counts the jobs that raised; ``failed`` is the length of the list.
NUMBERS = (
    "pending",
    "processed",
    "failures",
    "failed",
    "working",
    "workers",
    "queues",
    "delayed",
    "recurring",
)
RATES = ("pending", "processed", "failures", "failed")


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue. Size None: its key is no list. ``oldest``: seconds that its next job has waited, where its payload tells."""

    name: str
    size: int | None
    oldest: float | None
    workers: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What Redis held. Of queues, workers, failed and delayed jobs there are the first some; ``numbers`` count all."""

    at: float
    numbers: Mapping[str, int]
    queues: Sequence[QueueRow]
    workers: Sequence[WorkerInfo]
    failed: Sequence[FailedRecord]
    #: Times that jobs wait for, each with its number of jobs.
    delayed: Sequence[tuple[float, int]]
    master: LockInfo | None
    workers_paused: bool
    queues_paused: bool
    #: Workers without a heartbeat for five minutes, and those that never sent one.
    late: int
    silent: int
    #: The length of every queue, for the next frame.
    sizes: Mapping[str, int | None] = field(repr=False)
    #: Change per second since the frame before; empty for the first one.
    rates: Mapping[str, float] = field(default_factory=dict)
    queue_rates: Mapping[str, float] = field(default_factory=dict)


def rates(before: Frame | None, at: float, numbers: Mapping[str, int]) -> dict[str, float]:
    """Return the change per second of these numbers since a frame."""
    if before is None or at <= before.at:
        return {}
    return {name: (numbers[name] - before.numbers[name]) / (at - before.at) for name in RATES}


def queue_rates(
    before: Frame | None, at: float, sizes: Mapping[str, int | None]
) -> dict[str, float]:
    """Return the change per second of the size of each queue that was there before."""
    if before is None or at <= before.at:
        return {}
    return {
        name: (size - former) / (at - before.at)
        for name, size in sizes.items()
        if size is not None and (former := before.sizes.get(name)) is not None
    }
