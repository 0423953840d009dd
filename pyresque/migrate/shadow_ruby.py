"""What the other side did with a job: from its failed record, or from watching the worker that had it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.errors import PyresqueError
from pyresque.failure import record as records
from pyresque.job.job import Job, read_job
from pyresque.migrate.copies import FAILED, WORKING, Copy
from pyresque.migrate.habits import time_of
from pyresque.ops import Command, Sleep, answer
from pyresque.routing.rules import Routes
from pyresque.routing.share import goes_to_python, routed_class
from pyresque.store.queues import names
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.failure.record import FailedRecord
    from pyresque.job.worker_registry import WorkerInfo

#: Seconds between two looks of a watch, and failed records that are read after it.
EVERY: Final = 0.25
MOST_RECORDS: Final = 10_000

UNKNOWN, PERFORMED = "unknown", "performed"


@dataclass(frozen=True, slots=True)
class Ruby:
    """What became of a job there: ``performed``, ``failed`` or ``unknown``. ``seconds`` are known of a job that was watched."""

    outcome: str = UNKNOWN
    exception: str | None = None
    error: str | None = None
    seconds: float | None = None


def from_record(record: FailedRecord, seconds: float | None = None) -> Ruby:
    """Return what a failed record tells."""
    return Ruby(FAILED, record.exception, record.error, seconds)


def key_of(core: Core, job: Job) -> bytes:
    """Return what two spellings of one job have in common: its class and its arguments."""
    try:
        return core.codec.encode([job.payload.class_name, job.payload.args])
    except PyresqueError:
        return job.raw


async def failed_lengths(core: Core) -> dict[str, int]:
    """Return how long each failed list is."""
    log = WrongKeyLog()
    queues = await log.value_or(answer(Command(("SMEMBERS", core.keys.failed_queues)), names), [])
    found = {}
    for queue in dict.fromkeys(["failed", *queues]):
        counting = answer(Command(("LLEN", core.keys.failed(queue))), int)
        found[queue] = await log.value_or(counting, 0)
    return found


class RubyWatch:
    """Looks at workers' records again and again: which jobs of a class they begin, and that they have ended them."""

    def __init__(self, core: Core, class_name: str, most: int) -> None:
        self.core = core
        self.class_name = class_name
        self.most = most
        #: The jobs that were seen, each with its worker's record, when it began and when its record was gone.
        self.seen: dict[bytes, _Watched] = {}
        self._log = WrongKeyLog()

    @property
    def full(self) -> bool:
        """Whether enough jobs were seen, and all have ended."""
        ended = sum(one.ended is not None for one in self.seen.values())
        return ended >= self.most and ended == len(self.seen)

    async def look(self) -> None:
        """Look once, a moment after the last look."""
        await Sleep(EVERY if self.seen else 0.0)
        now = self.core.clock.time()
        there = set()
        for worker in await self.core.worker_registry.working():
            key, job = _key(worker), _job(worker)
            if job is None or routed_class(job.payload) != self.class_name:
                continue
            there.add(key)
            if key not in self.seen and len(self.seen) < self.most:
                began = None if worker.working_on is None else time_of(worker.working_on.run_at)
                self.seen[key] = _Watched(job, now if began is None else min(began, now))
        for key, one in self.seen.items():
            if key not in there and one.ended is None:
                one.ended = now

    async def found(self, failed_before: dict[str, int]) -> list[tuple[Copy, Ruby]]:
        """Return the jobs that were seen, with what became of them. ``failed_before``: lengths of failed lists when the watch began.

        Records of Python's workers look like those of Ruby's, so nothing is known of Ruby for jobs that the routing table leads to Python.
        """
        failed: dict[bytes, FailedRecord] = {}
        for queue, before in failed_before.items():
            for record in await self._records(queue, before):
                payload = records.payload_of(self.core.codec, record)
                if payload is not None:
                    job = read_job(self.core.codec, record.queue or "", payload)
                    failed[key_of(self.core, job)] = record
        try:
            routes = await self.core.routes.show()
        except PyresqueError:  # a broken table leads nothing to Python
            routes = Routes()
        return [
            (Copy(one.job, WORKING), self._of(one, failed, routes)) for one in self.seen.values()
        ]

    async def _records(self, queue: str, before: int) -> list[FailedRecord]:
        key = self.core.keys.failed(queue)
        reading = answer(Command(("LRANGE", key, before, before + MOST_RECORDS)), list)
        raws: list[bytes] = await self._log.value_or(reading, [])
        return [records.read(self.core.codec, raw, 0, queue) for raw in raws]

    def _of(self, one: _Watched, failed: dict[bytes, FailedRecord], routes: Routes) -> Ruby:
        if one.ended is None or goes_to_python(routes, self.core.codec, one.job.payload):
            return Ruby()
        seconds = max(0.0, one.ended - one.began)
        record = failed.get(key_of(self.core, one.job))
        return Ruby(PERFORMED, seconds=seconds) if record is None else from_record(record, seconds)


class _Watched:
    def __init__(self, job: Job, began: float) -> None:
        self.job = job
        self.began = began
        self.ended: float | None = None


def _key(worker: WorkerInfo) -> bytes:
    record = b"" if worker.working_on is None else worker.working_on.record
    return worker.id.encode("utf-8", "surrogateescape") + b"\0" + record


def _job(worker: WorkerInfo) -> Job | None:
    return None if worker.working_on is None else worker.working_on.job
