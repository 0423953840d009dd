"""The lists of failed records as Redis holds them (Ruby's ``DataStore::FailedQueueAccess``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.ops import Batch, Command
from pyresque.store.queues import names, some_bytes, to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

#: An element that stands in a failed list for the moment between two commands of one script.
REMOVED = b"\x00pyresque:removed\x00"


class FailedTable:
    """The failed lists of one namespace; ``failure_queue`` is ``failed`` or, with RedisMultiQueue, ``QUEUE_failed``."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def append(self, record: bytes, failure_queue: str = "failed") -> int:
        """Add a record at the end; the new length."""
        return await Command(("RPUSH", self._key(failure_queue), record), int)

    async def append_to_named(self, record: bytes, failure_queue: str) -> None:
        """Add a record and remember the failure queue's name, in one round trip."""
        await Batch(
            (
                self.naming(failure_queue),
                Command(("RPUSH", self._key(failure_queue), record)),
            )
        )

    def naming(self, failure_queue: str) -> Command[int]:
        """Remember a failure queue's name; 1 when it is new."""
        return Command(("SADD", self.keys.failed_queues, to_bytes(failure_queue)))

    async def size(self, failure_queue: str = "failed") -> int:
        """How many records there are."""
        return await Command(("LLEN", self._key(failure_queue)), int)

    async def names(self) -> list[str]:
        """The remembered failure queues, sorted."""
        return await Command(("SMEMBERS", self.keys.failed_queues), names)

    async def slice(self, first: int, last: int, failure_queue: str = "failed") -> list[bytes]:
        """The records from ``first`` to ``last``, both included."""
        return await Command(("LRANGE", self._key(failure_queue), first, last), list)

    async def element(self, index: int, failure_queue: str = "failed") -> bytes | None:
        """One record, or None."""
        return await Command(("LINDEX", self._key(failure_queue), index), some_bytes)

    async def clear(self, failure_queue: str = "failed") -> int:
        """Delete all records; 1 when there were any."""
        return await Command(("DEL", self._key(failure_queue)), int)

    async def remove_at(self, index: int, failure_queue: str = "failed", seen: bytes = b"") -> int:
        """Remove the record at a place, if it is still the one that was seen; how many were removed."""
        return await script("remove_failed").call(
            (self._key(failure_queue),), (index, seen, REMOVED), int
        )

    async def remove_record(self, record: bytes, failure_queue: str = "failed") -> int:
        """Remove one copy of this very record; how many were removed."""
        return await Command(("LREM", self._key(failure_queue), 1, record), int)

    async def requeue(
        self,
        index: int,
        seen: bytes,
        marked: bytes,
        queue: str,
        payload: bytes,
        failure_queue: str = "failed",
    ) -> list[int]:
        """Put a job back and mark its record, at once; an empty list when another record stands there now."""
        return await script("requeue").call(
            (self._key(failure_queue), self.keys.queues, to_bytes(self.keys.queue(queue))),
            (index, seen, marked, to_bytes(queue), payload),
        )

    def _key(self, failure_queue: str) -> bytes:
        return to_bytes(self.keys.failed(failure_queue))
