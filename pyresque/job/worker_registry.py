"""Workers as their books show them: ids, what they perform, since when (Ruby: the class methods of ``Resque::Worker``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError, NotAJob, WorkerIdError
from pyresque.job.embedding import can_embed, unwrap, wrap
from pyresque.job.job import NO_PAYLOAD, Codec, Job, read_job
from pyresque.ops import Batch, Command, in_lots
from pyresque.ruby import time as ruby_time
from pyresque.ruby.json import member
from pyresque.store.queues import integer, to_bytes
from pyresque.store.reserve import RecordTemplate
from pyresque.store.workers import START
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pyresque.store.workers import WorkerTable

#: What stands before the payload in a record of ours.
PAYLOAD = b',"payload":'


#: What stands between the host and the number of a slot, in the ids of several workers in one process.
SLOT = "~"


@dataclass(frozen=True, slots=True)
class WorkerId:
    """``host:pid:queue,queue``; ``host~2:pid:queue`` for the second worker of one process.

    The mark stands in the host, which Ruby compares with its own: it never takes a slot for a process of its own host.
    """

    host: str
    pid: int
    queues: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> WorkerId:
        """Read an id. Raises WorkerIdError where it has fewer than three parts or names no queue."""
        parts = text.split(":", 2)
        if len(parts) != 3 or not parts[2]:  # noqa: PLR2004 - host, pid, queues
            msg = f"{text!r} is no worker id: it must be host:pid:queue,queue"
            raise WorkerIdError(msg)
        host, pid, queues = parts
        digits = pid[: len(pid) - len(pid.lstrip("0123456789"))]
        return cls(host, int(digits or 0), tuple(queues.split(",")))

    def slot(self, number: int) -> WorkerId:
        """The id of a process's worker of that number; the first one's is the plain one."""
        return (
            self if number == 1 else WorkerId(f"{self.host}{SLOT}{number}", self.pid, self.queues)
        )

    @property
    def machine(self) -> str:
        """The host without the mark of a slot."""
        name, mark, number = self.host.rpartition(SLOT)
        return name if name and mark and number.isdecimal() else self.host

    def __str__(self) -> str:
        """The id as it stands in Redis."""
        return f"{self.host}:{self.pid}:{','.join(self.queues)}"


@dataclass(frozen=True, slots=True)
class WorkingOn:
    """What a worker performs: the job, since when (as written), and the record's own bytes."""

    job: Job
    run_at: str | None
    record: bytes


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One registered worker; an id that is none has no host and no queues."""

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
    def state(self) -> str:
        """``working`` or ``idle``, as in Ruby."""
        return "idle" if self.working_on is None else "working"


class WorkerRegistry:
    """What can be read of workers, and how their records are written."""

    def __init__(self, table: WorkerTable, codec: Codec) -> None:
        self.table = table
        self.codec = codec
        self._forms = lru_cache(maxsize=8)(partial(_forms, codec))

    async def all(self) -> list[WorkerInfo]:
        """Every registered worker, by id, in two round trips."""
        return await self._infos(await self.ids())

    async def ids(self) -> list[str]:
        """The ids of all that are registered; none where their key is no set."""
        return await WrongKeyLog().value_or(self.table.ids(), [])

    async def working(self) -> list[WorkerInfo]:
        """Those that perform a job."""
        return [info for info in await self.all() if info.working_on is not None]

    async def counts(self) -> tuple[int, int]:
        """How many are registered, and how many of them perform a job."""
        registered, working = await self.with_job()
        return registered, len(working)

    async def with_job(self) -> tuple[int, list[str]]:
        """How many are registered, and the ids of those that perform a job, sorted: one command for each, some hundreds at a time."""
        table, cursor = self.table, START
        wrong_key_log = WrongKeyLog()
        registered = await wrong_key_log.value_or(table.count(), 0)
        working: set[str] = set()
        while True:
            cursor, ids = await wrong_key_log.value_or(table.ids_from(cursor), (START, []))
            lengths = wrong_key_log.replies_or(
                await Batch(
                    tuple(
                        Command[Any](("STRLEN", to_bytes(table.keys.worker(one)))) for one in ids
                    ),
                    lenient=True,
                ),
                0,
            )
            working.update(one for one, length in zip(ids, lengths, strict=True) if length > 0)
            if cursor == START:
                return registered, sorted(working)

    async def of(self, ids: Sequence[str]) -> list[WorkerInfo]:
        """These workers."""
        return await self._infos(ids)

    async def find(self, worker_id: str) -> WorkerInfo | None:
        """One worker, or None where no such id is registered."""
        if not await self.table.exists(worker_id):
            return None
        return (await self._infos([worker_id]))[0]

    async def working_on(self, worker_id: str) -> WorkingOn | None:
        """What a worker performs, or None."""
        record = await self.table.record(worker_id)
        return read_record(self.codec, record) if record else None

    def record(self, job: Job, run_at: datetime) -> bytes:
        """What stands in ``worker:<id>`` while a job is performed: Ruby's keys and order, the payload as it was found."""
        forms = self.record_template((job.queue,), run_at)
        whole = can_embed(self.codec, job)
        payload = job.raw if whole else wrap(self.codec, job.raw)
        return forms.heads[0] + payload + forms.foot

    def record_template(self, queues: tuple[str, ...], run_at: datetime) -> RecordTemplate:
        """The same in pieces, for the script that reserves."""
        return self._forms(queues, ruby_time.iso8601_z(run_at))

    async def _infos(self, ids: Sequence[str]) -> list[WorkerInfo]:
        if not ids:
            return []
        keys = self.table.keys
        commands: Iterable[Command[Any]] = (
            Command(args)
            for i in ids
            for args in (
                ("GET", to_bytes(keys.worker(i))),
                ("GET", to_bytes(keys.worker_started(i))),
                ("HGET", keys.heartbeats, to_bytes(i)),
                ("GET", to_bytes(keys.stat(f"processed:{i}"))),
                ("GET", to_bytes(keys.stat(f"failed:{i}"))),
            )
        )
        rows = WrongKeyLog().replies_or(await in_lots(commands, lenient=True))
        return [
            self._info(worker_id, rows[5 * at : 5 * at + 5]) for at, worker_id in enumerate(ids)
        ]

    def _info(self, worker_id: str, row: Sequence[Any]) -> WorkerInfo:
        record, started, heartbeat, processed, failed = row
        try:
            parsed = WorkerId.parse(worker_id)
        except WorkerIdError:
            parsed = WorkerId("", 0, ())
        return WorkerInfo(
            worker_id,
            parsed.host,
            parsed.pid,
            parsed.queues,
            _text(started),
            _text(heartbeat),
            read_record(self.codec, record) if record else None,
            integer(processed),
            integer(failed),
        )


def _forms(codec: Codec, queues: tuple[str, ...], when: str) -> RecordTemplate:
    """The pieces of records written in the same second."""
    null = codec.encode(None)
    odd = codec.embed({"class": None, "args": []}, "raw", null, {})
    cut = len(odd) - len(null) - (1 if codec.name == "json" else 0)
    heads = []
    for queue in queues:
        whole = codec.embed({"queue": queue, "run_at": when}, "payload", null, {})
        heads.append(whole[: len(whole) - (len(odd) - cut)])
    if codec.name == "json":
        return RecordTemplate(tuple(heads))
    return RecordTemplate(tuple(heads), foot=b"", odd_head=odd[:cut])


def read_record(codec: Codec, record: bytes) -> WorkingOn:
    """A worker's record, whatever its shape; one that cannot be read is the raw of a job with a fault."""
    try:
        fields = codec.decode(record)
    except DecodeError as error:
        return _around_what_cannot_be_read(codec, record) or WorkingOn(
            Job("", NO_PAYLOAD, record, error), None, record
        )
    if not isinstance(fields, dict) or "payload" not in fields:
        fault = NotAJob(f"a worker's record names no payload: {record[:100]!r}")
        return WorkingOn(Job("", NO_PAYLOAD, record, fault), None, record)
    queue, run_at, payload = fields.get("queue"), fields.get("run_at"), fields["payload"]
    raw = member(record, "payload") if codec.name == "json" else None
    if raw is None:
        raw = codec.encode(payload)
    odd = unwrap(payload)
    if odd is not None:
        raw = odd
    job = read_job(codec, "" if queue is None else str(queue), raw)
    return WorkingOn(job, None if run_at is None else str(run_at), record)


def _around_what_cannot_be_read(codec: Codec, record: bytes) -> WorkingOn | None:
    """A record that was written around a payload which is no JSON, as its worker died before it put that right."""
    head, found, rest = record.partition(PAYLOAD)
    if codec.name != "json" or not found or not rest.endswith(b"}"):
        return None
    try:
        fields = codec.decode(head + PAYLOAD + b"null}")
    except DecodeError:
        return None
    return WorkingOn(
        read_job(codec, str(fields["queue"]), rest[:-1]), str(fields["run_at"]), record
    )


def _text(reply: bytes | None) -> str | None:
    return None if reply is None else reply.decode("utf-8", "replace")
