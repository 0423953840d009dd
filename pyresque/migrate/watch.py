"""Watch how many jobs of each class are performed and enqueued, by looking again and again; nothing but reads.

Redis counts jobs performed (``stat:processed``), not their classes. So each look compares both ends of every queue with those of the look
before: elements that are gone from the head were taken, elements that are new at the tail were enqueued. Of workers' records it tells which
jobs have started. A job that was pushed and taken between two looks is seen only if it still runs, so that of queues that are
nearly empty the short jobs are missed. What is seen is a lower bound; the estimate shares out the jobs that Redis counted.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from pyresque.job.job import read_job
from pyresque.migrate.figures import Z
from pyresque.migrate.seen import NO_CLASS, Rate
from pyresque.migrate.shapes import cut_name
from pyresque.ops import Command, Sleep, in_chunks
from pyresque.routing.share import routed_class
from pyresque.store.queues import names, to_bytes
from pyresque.store.slices import SLICE_BYTES
from pyresque.store.worker_rows import busy
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.migrate.found import Found

#: Seconds between two looks.
EVERY: Final = 1.0

#: Elements at each end of a queue that a look reads at most, those of the tail that it remembers, and the queues and workers that are watched.
WINDOW: Final = 100
REMEMBERED: Final = 10
QUEUES: Final = 500
WORKERS: Final = 2000


class Watch:
    """Several looks at one namespace. The first one tells nothing: it is what the second one is compared with."""

    def __init__(self, core: Core, found: Found) -> None:
        self.core = core
        self.found = found
        self._log = WrongKeyLog()
        self._records: dict[str, int] = {}
        #: The elements at the head of each queue, by hash and class, and those at its tail.
        self._heads: dict[str, list[tuple[int, str]]] = {}
        self._tails: dict[str, list[int]] = {}
        self._windows: dict[str, int] = {}
        self._processed: list[int] = []
        self._times: list[float] = []

    async def look(self, after: float = 0.0) -> None:
        """Look once, after some seconds."""
        if after > 0:
            await Sleep(after)
        first = not self._times
        now, processed = self.core.clock.monotonic(), await self.core.stats.get("processed")
        # The first and the last value are enough.
        self._times, self._processed = [*self._times[:1], now], [*self._processed[:1], processed]
        started = await self._started()
        taken, enqueued = await self._moved()
        if not first:
            for name in started:
                self._rate(name).started += 1
            for name in taken:
                self._rate(name).taken += 1
            for name in enqueued:
                self._rate(name).enqueued += 1

    def _rate(self, name: str) -> Rate:
        seen = self.found.classes.of(name)
        if seen is None:
            return Rate()
        seen.rate = seen.rate or Rate()
        return seen.rate

    def _class(self, queue: str, raw: bytes) -> str:
        return cut_name(routed_class(read_job(self.core.codec, queue, raw).payload) or NO_CLASS)

    async def _started(self) -> list[str]:
        """Return the classes of the jobs that workers perform now and did not perform at the look before."""
        registry = self.core.worker_registry
        ids = (await busy(self.core.keys, await registry.ids()))[:WORKERS]
        records: dict[str, int] = {}
        found = []
        for worker in await registry.of(ids):
            if worker.working_on is None:
                continue
            records[worker.id] = hash(worker.working_on.record)
            if self._records.get(worker.id) != records[worker.id]:
                found.append(cut_name(routed_class(worker.working_on.job.payload) or NO_CLASS))
        self._records = records
        return found

    async def _moved(self) -> tuple[list[str], list[str]]:
        """Return the classes of the jobs that are gone from the heads of queues since the look before, and of those new at their tails."""
        queues = (await self._log.value_or(self._queues(), []))[:QUEUES]
        asked = []
        for queue in queues:
            key, window = to_bytes(self.core.keys.queue(queue)), self._windows.get(queue, WINDOW)
            asked += [
                Command[Any](("LRANGE", key, 0, window - 1)),
                Command[Any](("LRANGE", key, -window, -1)),
            ]
        pages = self._log.replies_or(await in_chunks(asked, lenient=True, size=10), [])
        taken: list[str] = []
        enqueued: list[str] = []
        for at, queue in enumerate(queues):
            head, tail = pages[2 * at], pages[2 * at + 1]
            known, now = self._heads.get(queue, []), [hash(raw) for raw in head]
            gone = _gone([one for one, _ in known], now)
            taken += [name for _, name in known[:gone]]
            self._heads[queue] = [
                (one, self._class(queue, raw)) for one, raw in zip(now, head, strict=True)
            ]
            ends = [hash(raw) for raw in tail]
            new = tail[_after(self._tails.get(queue, []), ends) :]
            enqueued += [self._class(queue, raw) for raw in new]
            self._tails[queue] = ends[-REMEMBERED:]
            if tail:
                average = sum(map(len, tail)) // len(tail) + 1
                self._windows[queue] = max(1, min(WINDOW, SLICE_BYTES // average))
        return taken, enqueued

    async def _queues(self) -> list[str]:
        return await Command(("SMEMBERS", self.core.keys.queues), names)

    def end(self) -> None:
        """Make the estimates."""
        seconds = self._times[-1] - self._times[0] if self._times else 0.0
        performed = max(0, self._processed[-1] - self._processed[0]) if self._processed else 0
        rated = [one.rate for one in self.found.classes.classes.values() if one.rate is not None]
        seen = sum(one.performed for one in rated)
        self.found.watched = {"seconds": round(seconds, 1), "performed": performed, "seen": seen}
        if not seconds:
            return
        total = max(seen, performed) / seconds
        for rate in rated:
            rate.enqueued_per_second = rate.enqueued / seconds
            if not rate.performed:
                continue
            share = rate.performed / seen
            error = Z * sqrt(share * (1 - share) / seen) if performed > seen else 0.0
            rate.low = max(rate.performed / seconds, total * (share - error))
            rate.high = total * min(1.0, share + error)
            rate.per_second = total * share


def _gone(known: list[int], now: list[int]) -> int:
    """Return how many of the first elements that were known are gone: as few as can be."""
    for count in range(len(known)):
        both = min(len(known) - count, len(now))
        if both and known[count : count + both] == now[:both]:
            return count
    return len(known)


def _after(known: list[int], now: list[int]) -> int:
    """Return the index after the elements that were known; 0 if none is left: all are new.

    Elements before the last known one may have been popped since, so as many are compared as there are.
    """
    if not known:
        return 0
    for at in range(len(now) - 1, -1, -1):
        count = min(at + 1, len(known))
        if now[at + 1 - count : at + 1] == known[-count:]:
            return at + 1
    return 0
