"""Jobs that go back into their queues because their processes died, and how often each one did.

The count stands beside the payload, never in it: a payload's bytes are its identity, and Ruby reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.ops import Command
from pyresque.store.queues import integer, to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

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
