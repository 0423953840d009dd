"""All queues at once: their sizes, their first jobs, and how long the next job of each has waited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError, WrongKey
from pyresque.job.enqueue_middleware import ENQUEUED_AT
from pyresque.job.job import Codec, Job, Payload, read_job
from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.queues import QueueTable, to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.clock import Clock

#: Letters of the longest text that may be a date.
LONGEST = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """The size of a queue and its first jobs."""

    size: int
    samples: list[Job]


@dataclass(frozen=True, slots=True)
class Info:
    """The overview that ``resque-web`` opens with."""

    pending: int
    processed: int
    queues: int
    workers: int
    working: int
    failed: int
    servers: list[str]
    environment: str


class QueueOverview:
    """The queues of one application as a whole."""

    def __init__(self, table: QueueTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.codec = codec
        self.clock = clock

    async def sample_queues(self, sample_size: int = 1000) -> dict[str, Sample]:
        """The size and the first jobs of every queue."""
        names = await self.table.queues()
        keys = [to_bytes(self.table.keys.queue(name)) for name in names]
        asked: list[Command[Any]] = []
        for key in keys:
            asked += [Command(("LLEN", key)), Command(("LRANGE", key, 0, sample_size - 1))]
        found = WrongKeyLog().replies_or(await Batch(tuple(asked), lenient=True))
        return {
            name: Sample(
                int(found[2 * i] or 0),
                [read_job(self.codec, name, raw) for raw in found[2 * i + 1] or ()],
            )
            for i, name in enumerate(names)
        }

    async def queue_sizes(self) -> dict[str, int]:
        """Every queue with its number of jobs. Raises WrongKey if one is not a list in Redis."""
        return await self.table.sizes(await self.table.queues())

    async def queue_lengths(self) -> dict[str, int | None]:
        """Every queue with its number of jobs; None for a key of another type than a list."""
        return await self.table.lengths(await WrongKeyLog().value_or(self.table.queues(), []))

    async def queue_latency(self, queue: str) -> float | None:
        """Seconds that the next job of a queue has waited; None if there is no job, or its payload bears no time.

        Payloads of ActiveJob bear one, and those that are written here with the setting ``enqueued_at``. The clock is this
        process's; a time in its future counts as now.

        >>> resque.queue_latency("mailers")
        """
        return (await self.latencies([queue]))[queue]

    async def latencies(self, queues: Sequence[str]) -> dict[str, float | None]:
        """``queue_latency`` of each of these queues; a key that is not a list has none."""
        keys = (to_bytes(self.table.keys.queue(queue)) for queue in queues)
        heads = await in_chunks((Command[Any](("LINDEX", key, 0)) for key in keys), lenient=True)
        found: dict[str, float | None] = {}
        for queue, raw in zip(queues, heads, strict=True):
            since = None
            if raw is not None and not isinstance(raw, WrongKey):
                since = waiting_since(read_job(self.codec, queue, raw).payload)
            found[queue] = None if since is None else max(0.0, self.clock.time() - since)
        return found


def waiting_since(payload: Payload) -> float | None:
    """When a job was put into its queue, in seconds since 1970, as its payload says; None if it does not.

    An active job that was enqueued for later was moved into its queue at ``scheduled_at``.
    """
    own = _seconds(payload.extra.get(ENQUEUED_AT))
    if own is not None:
        return own
    envelope = payload.args[0] if isinstance(payload.args, list) and payload.args else None
    if not isinstance(envelope, dict) or "job_class" not in envelope:
        return None
    enqueued, due = _seconds(envelope.get(ENQUEUED_AT)), _seconds(envelope.get("scheduled_at"))
    return enqueued if enqueued is None or due is None else max(enqueued, due)


def _seconds(written: object) -> float | None:
    """A date in a payload; None for what is none."""
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        return None
    if isinstance(written, str) and len(written) > LONGEST:
        return None
    from pyresque.ruby.time import parse_time  # noqa: PLC0415 - by those who ask: each forked child pays for what is loaded

    try:
        return parse_time(written).timestamp()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None
