"""The lists of failed records in Redis (Ruby's ``DataStore::FailedQueueAccess``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.lightweight import dataclass
from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.queues import Pushed, names, some_bytes, to_bytes
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED, Backward
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys
    from pyresque.store.marks import Mark


#: Records that one step removes at most, so that the server serves others in between.
DROPPED: Final = 1000


@dataclass(frozen=True, slots=True)
class Requeued:
    """A record whose job is requeued: its index and bytes as they were seen, the marked bytes, and the job's queue and payload."""

    index: int
    seen: bytes
    marked: bytes
    queue: str
    payload: bytes


def no_mark(queue: str, payload: bytes) -> Mark | None:  # noqa: ARG001 - FailedTable.mark_of gets both
    """No job has a mark."""
    return None


class FailedTable:
    """The failed lists of one namespace; ``failure_queue`` is ``failed`` or, with RedisMultiQueue, ``QUEUE_failed``."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        #: The mark that a job is requeued with, by its queue and payload; one that is set already keeps the job out of the queue.
        self.mark_of: Callable[[str, bytes], Mark | None] = no_mark

    async def append(self, record: bytes, failure_queue: str = "failed") -> int:
        """Append a record; return the list's new length."""
        return await Command(("RPUSH", self.key(failure_queue), record), int)

    async def append_to_named(self, record: bytes, failure_queue: str) -> None:
        """Append a record, and add the failure queue's name to ``failed_queues``, in one round trip."""
        await Batch(
            (
                self.naming(failure_queue),
                Command(("RPUSH", self.key(failure_queue), record)),
            )
        )

    def naming(self, failure_queue: str) -> Command[int]:
        """The command that adds a name to ``failed_queues``; 1 when it is new."""
        return Command(("SADD", self.keys.failed_queues, to_bytes(failure_queue)))

    async def size(self, failure_queue: str = "failed") -> int:
        """Return how many records there are."""
        return await self.measuring(failure_queue)

    def measuring(self, failure_queue: str = "failed") -> Command[int]:
        """The command of ``size``, for a larger batch."""
        return Command(("LLEN", self.key(failure_queue)), int)

    async def ends(self, failure_queues: Sequence[str]) -> list[tuple[int, bytes | None]]:
        """Return the length and the first record of each of these lists; a list of another type has none."""
        asked: list[Command[Any]] = []
        for name in failure_queues:
            key = self.key(name)
            asked += [Command(("LLEN", key), int), Command(("LINDEX", key, 0), some_bytes)]
        found = WrongKeyLog().replies_or(await in_chunks(asked, lenient=True))
        return [(found[at] or 0, found[at + 1]) for at in range(0, len(found), 2)]

    async def drop_oldest(self, keep: int, failure_queue: str = "failed") -> int:
        """Remove records before the newest ``keep``, at most ``DROPPED``; return how many."""
        return await script("trim_failed").call((self.key(failure_queue),), (keep, DROPPED), int)

    async def names(self) -> list[str]:
        """Return the members of ``failed_queues``, sorted."""
        return await Command(("SMEMBERS", self.keys.failed_queues), names)

    async def slice(self, first: int, last: int, failure_queue: str = "failed") -> list[bytes]:
        """Return the records from index ``first`` to ``last``, both included."""
        return await Command(("LRANGE", self.key(failure_queue), first, last), list)

    async def element(self, index: int, failure_queue: str = "failed") -> bytes | None:
        """Return the record at an index, or None."""
        return await Command(("LINDEX", self.key(failure_queue), index), some_bytes)

    async def index_of(self, record: bytes, failure_queue: str = "failed") -> int | None:
        """Return the index of this record, of the last one of several equal ones; None if it is not in the list."""
        walk = Backward(self.key(failure_queue))
        while (page := await walk.more()) is not None:
            first, found = page
            if record in found:
                return first + len(found) - 1 - found[::-1].index(record)
        return None

    async def clear(self, failure_queue: str = "failed") -> int:
        """Delete all records; return 1 when there were any."""
        return await Command(("DEL", self.key(failure_queue)), int)

    async def remove_at(self, index: int, failure_queue: str = "failed", seen: bytes = b"") -> int:
        """Remove the record at an index, if it is still the one that was seen; return how many were removed."""
        return await script("remove_failed").call(
            (self.key(failure_queue),), (index, seen, REMOVED), int
        )

    async def remove_record(self, record: bytes, failure_queue: str = "failed") -> int:
        """Remove one copy of this record; return how many were removed."""
        return await Command(("LREM", self.key(failure_queue), 1, record), int)

    async def requeue(
        self,
        index: int,
        seen: bytes,
        marked: bytes,
        queue: str,
        payload: bytes,
        failure_queue: str = "failed",
    ) -> Pushed | None:
        """Put a job back and mark its record, at once; None when another record stands there now."""
        mark = self.mark_of(queue, payload)
        keys = (self.key(failure_queue), self.keys.queues, to_bytes(self.keys.queue(queue)))
        pushed: list[int] = await script("requeue").call(
            keys if mark is None else (*keys, mark.key),
            (index, seen, marked, to_bytes(queue), payload, *(() if mark is None else mark.args)),
        )
        return Pushed(*pushed) if pushed else None

    async def requeue_seen(
        self, records: Sequence[Requeued], failure_queue: str = "failed"
    ) -> list[int]:
        """Requeue these jobs and mark their records, in one script.

        Returns for each 1, 0 if another record stands at its index now, 2 if its queue's key is not a list, or 3 if the record was marked
        and an equal job is in the queue by its mark.
        """
        first = min(one.index for one in records)
        queues = {queue: number for number, queue in enumerate({one.queue for one in records}, 3)}
        args: list[Arg] = [first, max(one.index for one in records) - first + 1, len(queues)]
        keys = [to_bytes(self.keys.queue(queue)) for queue in queues]
        for one in records:
            number, name = queues[one.queue], to_bytes(one.queue)
            args += (one.index - first, one.seen, one.marked, number, name, one.payload)
            mark = self.mark_of(one.queue, one.payload)
            if mark is None:
                args += (0, "")
            else:
                keys.append(mark.key)
                args += (len(keys) + 2, *mark.args)
        return await script("requeue_seen").call(
            (self.key(failure_queue), self.keys.queues, *keys), args, list
        )

    def key(self, failure_queue: str) -> bytes:
        """Return the key of a failure queue's list."""
        return to_bytes(self.keys.failed(failure_queue))
