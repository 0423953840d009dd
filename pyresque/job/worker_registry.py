"""Registered workers: their ids, what they perform and since when (Ruby: the class methods of ``Resque::Worker``)."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

from pyresque.errors import DecodeError, NotAJob, WorkerIdError
from pyresque.job.embedding import can_embed, unwrap, wrap
from pyresque.job.job import NO_PAYLOAD, Codec, Job, read_job
from pyresque.lightweight import dataclass
from pyresque.ruby import time as ruby_time
from pyresque.ruby.json import member
from pyresque.store.queues import integer
from pyresque.store.reserve import RecordTemplate
from pyresque.store.worker_rows import records_of, rows_of
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from pyresque.store.worker_rows import WorkerRow
    from pyresque.store.workers import WorkerTable

#: The bytes before the payload in a record that pyresque wrote.
PAYLOAD = b',"payload":'

#: Digits of a pid at most: no system has longer ones, and Python reads no number of thousands of digits.
PID_DIGITS = 18

#: Separates host and slot number in the ids of several workers in one process.
SLOT = "~"


@dataclass(frozen=True, slots=True)
class WorkerId:
    """``host:pid:queue,queue``; ``host~2:pid:queue`` for the second worker of one process.

    The slot's number is part of the host. Ruby compares hosts when it prunes, so it never takes a slot for a process of its own.
    """

    host: str
    pid: int
    queues: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> WorkerId:
        """Read an id. Raises WorkerIdError for one of fewer than three parts, without a queue, or with a pid that no process has."""
        parts = text.split(":", 2)
        if len(parts) != 3 or not parts[2]:  # noqa: PLR2004 - host, pid, queues
            msg = f"{text!r} is no worker id: it must be host:pid:queue,queue"
            raise WorkerIdError(msg)
        host, pid, queues = parts
        digits = pid[: len(pid) - len(pid.lstrip("0123456789"))].lstrip("0")
        if len(digits) > PID_DIGITS:
            msg = f"an id with a pid of {len(digits)} digits is no worker id"
            raise WorkerIdError(msg)
        return cls(host, int(digits or 0), tuple(queues.split(",")))

    def slot(self, number: int) -> WorkerId:
        """Return the id of this process's worker of that number, from 1; the first one's id has no number."""
        return (
            self if number == 1 else WorkerId(f"{self.host}{SLOT}{number}", self.pid, self.queues)
        )

    @property
    def machine(self) -> str:
        """The host without a slot's number."""
        name, mark, number = self.host.rpartition(SLOT)
        return name if name and mark and number.isdecimal() else self.host

    def __str__(self) -> str:
        """Return the id as it stands in Redis."""
        return f"{self.host}:{self.pid}:{','.join(self.queues)}"


@dataclass(frozen=True, slots=True)
class WorkingOn:
    """What a worker performs: the job, since when (the text in Redis), and the bytes of ``worker:<id>``."""

    job: Job
    run_at: str | None
    record: bytes


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One registered worker. A member of ``workers`` that is not a worker id has no host and no queues."""

    id: str
    host: str = ""
    pid: int = 0
    queues: tuple[str, ...] = ()
    started: str | None = None
    heartbeat: str | None = None
    working_on: WorkingOn | None = None
    processed: int = 0
    failed: int = 0

    @property
    def state(self) -> Literal["idle", "working"]:
        """``working`` or ``idle``, as in Ruby."""
        return "idle" if self.working_on is None else "working"


class WorkerRegistry:
    """Reads what Redis holds of workers, and writes their records."""

    def __init__(self, table: WorkerTable, codec: Codec) -> None:
        self.table = table
        self.codec = codec
        self._template = lru_cache(maxsize=8)(partial(_template, codec))

    async def all(self) -> list[WorkerInfo]:
        """Return every registered worker, sorted by id, in two round trips (Ruby: ``Worker.all``)."""
        return await self._infos(await self.ids())

    async def ids(self) -> list[str]:
        """Return the registered ids; an empty list if the key ``workers`` is not a set."""
        return await WrongKeyLog().value_or(self.table.ids(), [])

    async def working(self) -> list[WorkerInfo]:
        """Return the registered workers that perform a job, in three round trips."""
        found = await records_of(self.table.keys, await self.ids())
        return await self._infos(list(found), list(found.values()))

    async def of(self, ids: Sequence[str]) -> list[WorkerInfo]:
        """Return the workers of these ids."""
        return await self._infos(ids)

    async def with_records(self, records: Mapping[str, bytes]) -> list[WorkerInfo]:
        """Return the workers of these ids, whose records were read already; an empty one is no job."""
        return await self._infos(list(records), list(records.values()))

    async def find(self, worker: str | WorkerInfo) -> WorkerInfo | None:
        """Return one worker by its id, or as ``workers`` gave it; None if it is not registered."""
        worker_id = worker if isinstance(worker, str) else worker.id
        if not await self.table.exists(worker_id):
            return None
        return (await self._infos([worker_id]))[0]

    async def working_on(self, worker_id: str) -> WorkingOn | None:
        """Return what a worker performs, or None."""
        record = await self.table.record(worker_id)
        return read_record(self.codec, record) if record else None

    def record(self, job: Job, run_at: datetime) -> bytes:
        """Return the bytes of ``worker:<id>`` while a job is performed: Ruby's keys in Ruby's order around the payload."""
        template = self.record_template((job.queue,), run_at)
        whole = can_embed(self.codec, job)
        payload = job.raw if whole else wrap(self.codec, job.raw)
        return template.heads[0] + payload + template.tail

    def record_template(self, queues: tuple[str, ...], run_at: datetime) -> RecordTemplate:
        """Return the bytes around the payload, for ``turn.lua``, which reserves a job and writes its record."""
        return self._template(queues, ruby_time.iso8601_z(run_at))

    async def _infos(
        self, ids: Sequence[str], records: Sequence[bytes] | None = None
    ) -> list[WorkerInfo]:
        if not ids:
            return []
        rows = await rows_of(self.table.keys, ids, records)
        return [self._info(worker_id, row) for worker_id, row in zip(ids, rows, strict=True)]

    def _info(self, worker_id: str, row: WorkerRow) -> WorkerInfo:
        try:
            parsed = WorkerId.parse(worker_id)
        except WorkerIdError:
            parsed = WorkerId("", 0, ())
        return WorkerInfo(
            worker_id,
            parsed.host,
            parsed.pid,
            parsed.queues,
            _text(row.started),
            _text(row.heartbeat),
            read_record(self.codec, row.record) if row.record else None,
            integer(row.processed),
            integer(row.failed),
        )


def _template(codec: Codec, queues: tuple[str, ...], when: str) -> RecordTemplate:
    """Build the template of records that are written in the same second."""
    null = codec.encode(None)
    wrapped = codec.embed({"class": None, "args": []}, "raw", null, {})
    cut = len(wrapped) - len(null) - (1 if codec.name == "json" else 0)
    heads = []
    for queue in queues:
        whole = codec.embed({"queue": queue, "run_at": when}, "payload", null, {})
        heads.append(whole[: len(whole) - (len(wrapped) - cut)])
    if codec.name == "json":
        return RecordTemplate(tuple(heads))
    return RecordTemplate(tuple(heads), tail=b"", wrapper_head=wrapped[:cut])


def read_record(codec: Codec, record: bytes) -> WorkingOn:
    """Read the bytes of ``worker:<id>``; never raises. An unreadable record is the ``raw`` of a job with a fault."""
    try:
        fields = codec.decode(record)
    except DecodeError as error:
        return _around_unreadable_payload(codec, record) or WorkingOn(
            Job("", NO_PAYLOAD, record, error), None, record
        )
    if not isinstance(fields, dict) or "payload" not in fields:
        fault = NotAJob(f"a worker's record names no payload: {record[:100]!r}")
        return WorkingOn(Job("", NO_PAYLOAD, record, fault), None, record)
    payload = fields["payload"]
    raw = member(record, "payload") if codec.name == "json" else None
    if raw is None:
        raw = codec.encode(payload)
    unwrapped = unwrap(payload)
    if unwrapped is not None:
        raw = unwrapped
    return _working_on(codec, fields, raw, record)


def _around_unreadable_payload(codec: Codec, record: bytes) -> WorkingOn | None:
    """Read a record around a payload that is not JSON: its worker died between ``turn.lua`` and the record's correction."""
    head, found, rest = record.partition(PAYLOAD)
    if codec.name != "json" or not found or not rest.endswith(b"}"):
        return None
    try:
        fields = codec.decode(head + PAYLOAD + b"null}")
    except DecodeError:
        return None
    return _working_on(codec, fields, rest[:-1], record)


def _working_on(codec: Codec, fields: dict[str, Any], raw: bytes, record: bytes) -> WorkingOn:
    """The job of these bytes, with the queue and the time that the record's fields give, if they do."""
    queue, run_at = fields.get("queue"), fields.get("run_at")
    job = read_job(codec, "" if queue is None else str(queue), raw)
    return WorkingOn(job, None if run_at is None else str(run_at), record)


def _text(reply: bytes | None) -> str | None:
    return None if reply is None else reply.decode("utf-8", "replace")
