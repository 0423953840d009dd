"""Workers in Redis: ids, records, heartbeats, pruning, redelivered jobs (Ruby's ``DataStore::Workers``).

Reserving jobs is in ``reserve``. ``beating``, ``entering`` and ``starting`` return a Command, for a larger batch.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyresque.errors import RedisCommandError
from pyresque.lightweight import dataclass
from pyresque.ops import Batch, Command
from pyresque.store.queues import integer, names, some_bytes, text, to_bytes
from pyresque.store.reserve import NO_FAILURE
from pyresque.store.scripts import script
from pyresque.store.worker_rows import heartbeats
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys
    from pyresque.store.lost_jobs import LostJob
    from pyresque.store.reserve import FailureEntry

#: The cursor with which SSCAN and HSCAN begin and end.
START: Final = b"0"

#: Workers in one page if all are read.
PAGE: Final = 1000

#: PTTL's reply for a key that never expires.
ENDLESS = -1

#: Seconds after which a count of redeliveries expires.
REMEMBERED = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A payload that is redelivered for the ``number``th of ``most`` times."""

    queue: str
    payload: bytes
    number: int
    most: int


def redelivery_keys(keys: Keys, redelivery: Redelivery) -> tuple[bytes, bytes, bytes]:
    """Return the keys of a redelivery: the queue, ``queues``, the count."""
    count = keys.redeliveries(redelivery.queue, redelivery.payload)
    return (to_bytes(keys.queue(redelivery.queue)), to_bytes(keys.queues), to_bytes(count))


class RemovedWorker(NamedTuple):
    """What the unregistration of a worker deleted in Redis, in Ruby's order: 1 if it was there, else 0."""

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
        """Return the registered ids, sorted."""
        return await Command(("SMEMBERS", self.keys.workers), names)

    async def ids_and_paused(self) -> tuple[list[str], bool]:
        """Return the registered ids, sorted, and whether the pause key pauses every worker."""
        both = (
            Command(("SMEMBERS", self.keys.workers), names),
            Command(("GET", self.keys.pause), says_paused),
        )
        ids, paused = WrongKeyLog().replies_or(await Batch(both, lenient=True))
        return ids or [], bool(paused)

    async def ids_from(self, cursor: bytes) -> tuple[bytes, list[str]]:
        """Return the next cursor and a page of ids, sorted; ``0`` is the first and the last cursor. An id may come twice."""
        return await Command(
            ("SSCAN", self.keys.workers, cursor, "COUNT", PAGE), lambda r: (r[0], names(set(r[1])))
        )

    async def counting(self) -> list[Any]:
        """Return how many ids and how many heartbeats there are; a WrongKey in place of a number whose key is of a wrong type."""
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
        """Register an id with the text of its start time; a WrongKey in place of a reply whose key is of a wrong type."""
        return await Batch(
            (self.entering(worker_id), self.starting(worker_id, started)), lenient=True
        )

    def entering(self, *worker_ids: str) -> Command[int]:
        """The command that registers ids; how many are new."""
        return Command(("SADD", self.keys.workers, *map(to_bytes, worker_ids)))

    def starting(self, worker_id: str, started: str) -> Command[str]:
        """The command that writes a start time."""
        return Command(("SET", to_bytes(self.keys.worker_started(worker_id)), started), text)

    async def started(self, worker_id: str) -> str | None:
        """Return the text of a start time, or None."""
        return await Command(("GET", to_bytes(self.keys.worker_started(worker_id))), _optional_text)

    # -- what they do

    async def record(self, worker_id: str) -> bytes | None:
        """Return the bytes of ``worker:<id>``; None while the worker is idle."""
        return await Command(("GET", to_bytes(self.keys.worker(worker_id))), some_bytes)

    async def set_record(self, worker_id: str, record: bytes) -> None:
        """Write a record to ``worker:<id>``."""
        await Command(("SET", to_bytes(self.keys.worker(worker_id)), record))

    async def return_unperformed(
        self, worker_id: str, record: bytes, queue: str, payload: bytes, key: bytes | None = None
    ) -> bool:
        """Return a reserved job to the head of its queue, or of the list ``key``; False if the worker no longer has it."""
        return await script("return_unperformed").call(
            (to_bytes(self.keys.worker(worker_id)), key or to_bytes(self.keys.queue(queue))),
            (record, payload),
            bool,
        )

    async def unregister(
        self,
        worker_id: str,
        seen_record: bytes = b"",
        seen_heartbeat: str = "*",
        left: FailureEntry | Redelivery = NO_FAILURE,
        lost: LostJob | None = None,
    ) -> RemovedWorker | None:
        """Unregister a worker, and record or redeliver its job. None: its job or heartbeat is not as it was seen.

        ``lost``: the field of ``lost_jobs`` that gets the job's record, if the job has plugins.
        """
        keys, args = self._unregistering(worker_id, seen_record, seen_heartbeat, left, lost)
        return await script("unregister").call(keys, args, _removed)

    def unregistering(
        self, worker_id: str, seen_record: bytes, seen_heartbeat: str, left: FailureEntry
    ) -> Command[RemovedWorker | None]:
        """The command of ``unregister``, for a batch; ScriptMissing where Redis does not have the script."""
        keys, args = self._unregistering(worker_id, seen_record, seen_heartbeat, left)
        return script("unregister").command(keys, args, _removed)

    def _unregistering(
        self,
        worker_id: str,
        record: bytes,
        heartbeat: str,
        left: FailureEntry | Redelivery,
        lost: LostJob | None = None,
    ) -> tuple[tuple[str | bytes, ...], tuple[Arg, ...]]:
        """Return KEYS and ARGV of ``unregister.lua``."""
        keys = self.keys
        lists: tuple[str | bytes, ...]
        entry: tuple[Arg, ...]
        if isinstance(left, Redelivery):
            lists = redelivery_keys(keys, left)
            entry = (left.payload, to_bytes(left.queue), REMEMBERED)
        else:
            lists = (to_bytes(keys.failed(left.failure_queue)), keys.failed_queues)
            entry = (left.record, to_bytes(left.name))
        if lost is not None:
            lists = (*lists, keys.lost_jobs)
            ttl = () if isinstance(left, Redelivery) else ("",)
            entry = (*entry, *ttl, to_bytes(str(lost)))
        return (
            to_bytes(keys.worker(worker_id)),
            to_bytes(keys.worker_started(worker_id)),
            keys.workers,
            keys.heartbeats,
            to_bytes(keys.stat(f"processed:{worker_id}")),
            to_bytes(keys.stat(f"failed:{worker_id}")),
            to_bytes(keys.worker_note(worker_id)),
            to_bytes(keys.worker_quit(worker_id)),
            *lists,
        ), (to_bytes(worker_id), to_bytes(heartbeat), record, *entry)

    # -- heartbeats and pruning

    async def server_time(self) -> datetime:
        """Return the server's time in whole seconds, UTC. Hosts compare heartbeats, so all of them use this clock."""
        return await Command(
            ("TIME",), lambda reply: datetime.fromtimestamp(int(reply[0]), timezone.utc)
        )

    def beating(self, at: str, *worker_ids: str) -> Command[int]:
        """The command that writes the heartbeat of these workers; how many have none yet."""
        beats: list[Arg] = []
        for one in worker_ids:
            beats += (to_bytes(one), at)
        return Command(("HSET", self.keys.heartbeats, *beats))

    async def heartbeat(self, worker_id: str) -> str | None:
        """Return the text of the last heartbeat, or None."""
        return await Command(("HGET", self.keys.heartbeats, to_bytes(worker_id)), _optional_text)

    async def remove_heartbeat(self, worker_id: str) -> int:
        """Delete the heartbeat; return 1 when there was one."""
        return await Command(("HDEL", self.keys.heartbeats, to_bytes(worker_id)), int)

    async def heartbeats(self) -> dict[str, str]:
        """Return every worker's last heartbeat as text, sorted by id."""
        return await Command(("HGETALL", self.keys.heartbeats), _text_pairs)

    async def heartbeats_from(self, cursor: bytes) -> tuple[bytes, dict[str, str]]:
        """Return the next cursor and a page of heartbeats, sorted by id; ``0`` is the first and the last cursor."""
        return await Command(
            ("HSCAN", self.keys.heartbeats, cursor, "COUNT", PAGE),
            lambda reply: (reply[0], _text_pairs(reply[1])),
        )

    async def heartbeats_of(self, worker_ids: Sequence[str]) -> list[str | None]:
        """Return the last heartbeat of each of these workers, or None."""
        return list(map(_optional_text, await heartbeats(self.keys, worker_ids)))

    async def acquire_pruning(self, worker_id: str, seconds: int) -> bool:
        """Take the pruning lock for that many seconds; return whether it was free.

        A lock that never expires was not written by Resque. It gets an expiry, because else no worker would prune again.
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

    async def paused(self) -> bool:
        """Whether the pause key pauses every worker, as Ruby reads it; a key of another type than text pauses none."""
        try:
            return await Command(("GET", self.keys.pause), says_paused)
        except RedisCommandError:
            return False

    async def pause_all(self) -> None:
        """Pause every worker, Ruby's too, until ``unpause_all``."""
        await Command(("SET", self.keys.pause, "true"))

    async def unpause_all(self) -> None:
        """Let paused workers go on: delete the pause key."""
        await Command(("DEL", self.keys.pause))


def _removed(reply: Sequence[int]) -> RemovedWorker | None:
    return RemovedWorker(*reply[1:]) if reply[0] else None


def says_paused(reply: bytes | None) -> bool:
    """Whether this text of the pause key pauses every worker, as Ruby reads it."""
    return text(reply or b"").strip().lower() == "true"


class RedeliveryTable:
    """Redelivers jobs, and counts how often.

    The count is a key of its own, not part of the payload: a payload's bytes are its identity, and Ruby reads them.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def redeliver(self, worker_id: str, record: bytes, redelivery: Redelivery) -> bool:
        """Finish a worker's record by redelivering its job; False, and nothing is done, if the worker no longer has it."""
        keys = self.keys
        return await script("redeliver").call(
            (
                to_bytes(keys.worker(worker_id)),
                keys.stat("processed"),
                to_bytes(keys.stat(f"processed:{worker_id}")),
                *redelivery_keys(keys, redelivery),
            ),
            (record, redelivery.payload, to_bytes(redelivery.queue), REMEMBERED),
            bool,
        )

    async def count(self, queue: str, payload: bytes) -> int:
        """Return how often this payload was redelivered."""
        return await Command(("GET", to_bytes(self.keys.redeliveries(queue, payload))), integer)

    async def forget(self, queue: str, payload: bytes) -> int:
        """Delete the count of a payload that succeeded or failed for good; return 1 when there was one."""
        return await Command(("DEL", to_bytes(self.keys.redeliveries(queue, payload))), int)


def _optional_text(reply: bytes | None) -> str | None:
    return None if reply is None else text(reply)


def _text_pairs(reply: Sequence[bytes]) -> dict[str, str]:
    return dict(sorted((text(reply[i]), text(reply[i + 1])) for i in range(0, len(reply), 2)))
