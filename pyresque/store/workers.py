"""The workers' books as Redis holds them (Ruby's ``DataStore::Workers``); a worker's turns are in ``turns``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyresque.errors import RedisCommandError
from pyresque.ops import Batch, Command
from pyresque.store.queues import integer, names, some_bytes, text, to_bytes
from pyresque.store.reserve import NO_FAILURE
from pyresque.store.scripts import script
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys
    from pyresque.store.reserve import FailureEntry

#: Where SCAN and its kin begin, and where they end.
START: Final = b"0"

#: Workers that are read at a time where all are gone through.
PAGE: Final = 500

#: What PTTL says of a key that does not end by itself.
ENDLESS = -1

#: Seconds after which a count is forgotten: a job that waits longer in its queue begins anew.
REMEMBERED = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A payload that goes back into its queue, for the ``number``th of ``most`` times."""

    queue: str
    payload: bytes
    number: int
    most: int


def where(keys: Keys, back: Redelivery) -> tuple[bytes, bytes, bytes]:
    """The keys of a payload that goes back: its queue, the set of queues, its count."""
    count = keys.redeliveries(back.queue, back.payload)
    return (to_bytes(keys.queue(back.queue)), to_bytes(keys.queues), to_bytes(count))


class RemovedWorker(NamedTuple):
    """What the unregistration of a worker deleted in Redis, in Ruby's order: 1 where it was there, else 0."""

    registered: int
    record: int
    started: int
    heartbeat: int
    processed: int
    failed: int


class WorkerTable:
    """The workers of one namespace, by id."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    # -- who is there

    async def ids(self) -> list[str]:
        """The registered ids, sorted."""
        return await Command(("SMEMBERS", self.keys.workers), names)

    async def ids_from(self, cursor: bytes) -> tuple[bytes, list[str]]:
        """Some registered ids, sorted, and where to go on; ``0`` is the start and the end. One may come twice."""
        return await Command(
            ("SSCAN", self.keys.workers, cursor, "COUNT", PAGE), lambda r: (r[0], names(set(r[1])))
        )

    async def count(self) -> int:
        """How many ids are registered."""
        return await Command(("SCARD", self.keys.workers), int)

    async def counting(self) -> list[Any]:
        """How many ids and how many heartbeats there are; a WrongKey stands in the place of what is no set, or no hash."""
        return await Batch(
            (
                Command(("SCARD", self.keys.workers), int),
                Command(("HLEN", self.keys.heartbeats), int),
            ),
            lenient=True,
        )

    async def exists(self, worker_id: str) -> bool:
        """Whether the id is registered."""
        return await Command(("SISMEMBER", self.keys.workers, to_bytes(worker_id)), bool)

    async def register(self, worker_id: str, started: str) -> list[object]:
        """Enter an id with the text of its start time; a WrongKey stands in the place of what could not be written."""
        return await Batch(
            (self.entering(worker_id), self.starting(worker_id, started)), lenient=True
        )

    def entering(self, worker_id: str) -> Command[int]:
        """Enter an id; 1 when it is new."""
        return Command(("SADD", self.keys.workers, to_bytes(worker_id)))

    def starting(self, worker_id: str, started: str) -> Command[str]:
        """Write the text of a start time."""
        return Command(("SET", to_bytes(self.keys.worker_started(worker_id)), started), text)

    async def started(self, worker_id: str) -> str | None:
        """The text of a start time, or None."""
        return await Command(("GET", to_bytes(self.keys.worker_started(worker_id))), _optional_text)

    # -- what they do

    async def record(self, worker_id: str) -> bytes | None:
        """What stands in ``worker:<id>``: None while it is idle."""
        return await Command(("GET", to_bytes(self.keys.worker(worker_id))), some_bytes)

    async def records(self, worker_ids: Sequence[str]) -> dict[str, bytes]:
        """The records of those that work. One GET each, in one round trip: a Cluster refuses MGET over slots."""
        commands = [Command[Any](("GET", to_bytes(self.keys.worker(i)))) for i in worker_ids]
        found = WrongKeyLog().replies_or(await Batch(tuple(commands), lenient=True))
        return {i: record for i, record in zip(worker_ids, found, strict=True) if record}

    async def set_record(self, worker_id: str, record: bytes) -> None:
        """Write what the worker performs."""
        await Command(("SET", to_bytes(self.keys.worker(worker_id)), record))

    async def return_unperformed(
        self, worker_id: str, record: bytes, queue: str, payload: bytes
    ) -> bool:
        """Give a reserved job back to the head of its queue, if the worker still has it."""
        return await script("return_unperformed").call(
            (to_bytes(self.keys.worker(worker_id)), to_bytes(self.keys.queue(queue))),
            (record, payload),
            bool,
        )

    async def unregister(
        self,
        worker_id: str,
        seen_record: bytes = b"",
        seen_heartbeat: str = "*",
        left: FailureEntry | Redelivery = NO_FAILURE,
    ) -> RemovedWorker | None:
        """Take a worker out; its job leaves a failed record or goes back. None: its job or heartbeat is not as seen."""
        keys = self.keys
        lists: tuple[Arg, ...]
        entry: tuple[Arg, ...]
        if isinstance(left, Redelivery):
            lists = where(keys, left)
            entry = (left.payload, to_bytes(left.queue), REMEMBERED)
        else:
            lists = (to_bytes(keys.failed(left.failure_queue)), keys.failed_queues)
            entry = (left.record, to_bytes(left.name))
        reply: list[int] = await script("unregister").call(
            (
                to_bytes(keys.worker(worker_id)),
                to_bytes(keys.worker_started(worker_id)),
                keys.workers,
                keys.heartbeats,
                to_bytes(keys.stat(f"processed:{worker_id}")),
                to_bytes(keys.stat(f"failed:{worker_id}")),
                *lists,
            ),
            (to_bytes(worker_id), to_bytes(seen_heartbeat), seen_record, *entry),
        )
        return RemovedWorker(*reply[1:]) if reply[0] else None

    # -- heartbeats and pruning

    async def server_time(self) -> datetime:
        """The server's clock, whole seconds, UTC: heartbeats are compared across hosts."""
        return await Command(
            ("TIME",), lambda reply: datetime.fromtimestamp(int(reply[0]), timezone.utc)
        )

    def beating(self, worker_id: str, at: str) -> Command[int]:
        """Write the text of a heartbeat; 1 when it is the first."""
        return Command(("HSET", self.keys.heartbeats, to_bytes(worker_id), at))

    async def heartbeat(self, worker_id: str) -> str | None:
        """The text of the last heartbeat, or None."""
        return await Command(("HGET", self.keys.heartbeats, to_bytes(worker_id)), _optional_text)

    async def remove_heartbeat(self, worker_id: str) -> int:
        """Forget the heartbeat; 1 when there was one."""
        return await Command(("HDEL", self.keys.heartbeats, to_bytes(worker_id)), int)

    async def heartbeats(self) -> dict[str, str]:
        """Every worker's last heartbeat as text, sorted by id."""
        return await Command(("HGETALL", self.keys.heartbeats), _text_pairs)

    async def heartbeats_from(self, cursor: bytes) -> tuple[bytes, dict[str, str]]:
        """Some workers' last heartbeats, sorted by id, and where to go on; ``0`` is the start and the end."""
        return await Command(
            ("HSCAN", self.keys.heartbeats, cursor, "COUNT", PAGE),
            lambda reply: (reply[0], _text_pairs(reply[1])),
        )

    async def heartbeats_of(self, worker_ids: Sequence[str]) -> list[str | None]:
        """The last heartbeat of each of these, or None."""
        return await Command(
            ("HMGET", self.keys.heartbeats, *map(to_bytes, worker_ids)),
            lambda found: list(map(_optional_text, found)),
        )

    async def acquire_pruning(self, worker_id: str, seconds: int) -> bool:
        """Become the one who prunes for that long.

        What stands there without an end was written by nobody who prunes: it gets one, else nobody would prune any more.
        """
        if await Command(
            ("SET", self.keys.pruning, to_bytes(worker_id), "EX", seconds, "NX"), bool
        ):
            return True
        if await Command(("PTTL", self.keys.pruning), int) == ENDLESS:
            WrongKeyLog().warn(
                f"{self.keys.pruning} has no end, so that nobody prunes; in {seconds} s it ends"
            )
            await Command(("EXPIRE", self.keys.pruning, seconds))
        return False

    async def pause_text(self) -> str:
        """What the pause key says; empty when it is missing."""
        return await Command(("GET", self.keys.pause), lambda reply: text(reply or b""))

    async def paused(self) -> bool:
        """Whether the pause key pauses every worker, as Ruby reads it; a key of another type than text pauses none."""
        try:
            return (await self.pause_text()).strip().lower() == "true"
        except RedisCommandError:
            return False

    async def pause_all(self) -> None:
        """Pause every worker, Ruby's too, until ``unpause_all``."""
        await Command(("SET", self.keys.pause, "true"))

    async def unpause_all(self) -> None:
        """Let paused workers go on: delete the pause key."""
        await Command(("DEL", self.keys.pause))


class RedeliveryTable:
    """The counts of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def redeliver(self, worker_id: str, record: bytes, back: Redelivery) -> bool:
        """Finish a worker's record by putting its job back; False, and nothing is done, where it has it no longer."""
        keys = self.keys
        return await script("redeliver").call(
            (
                to_bytes(keys.worker(worker_id)),
                keys.stat("processed"),
                to_bytes(keys.stat(f"processed:{worker_id}")),
                *where(keys, back),
            ),
            (record, back.payload, to_bytes(back.queue), REMEMBERED),
            bool,
        )

    async def count(self, queue: str, payload: bytes) -> int:
        """How often this payload went back."""
        return await Command(("GET", to_bytes(self.keys.redeliveries(queue, payload))), integer)

    async def forget(self, queue: str, payload: bytes) -> int:
        """It is done or has failed for good: enqueued again it counts from nothing. 1 when there was a count."""
        return await Command(("DEL", to_bytes(self.keys.redeliveries(queue, payload))), int)


def _optional_text(reply: bytes | None) -> str | None:
    return None if reply is None else text(reply)


def _text_pairs(reply: Sequence[bytes]) -> dict[str, str]:
    return dict(sorted((text(reply[i]), text(reply[i + 1])) for i in range(0, len(reply), 2)))
