"""Failed records as they were before they were removed or requeued: kept for some minutes, so that it can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Seconds for which they are kept, and how many of one action at most, in bytes too.
KEPT: Final = 600
MOST: Final = 1000
MOST_BYTES: Final = 1 << 23

#: Records that are put back in one step.
STEP: Final = 500


class UndoTable:
    """The kept records of one namespace. ``token`` names an action, ``failure_queue`` a failed list."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def keep(self, token: str, failure_queue: str, records: Sequence[bytes]) -> None:
        """Keep these records of an action."""
        key = self._key(token, failure_queue)
        await Batch((Command(("RPUSH", key, *records)), Command(("EXPIRE", key, KEPT))))

    async def forget(self, token: str, failure_queues: Sequence[str]) -> None:
        """Keep nothing of an action."""
        await Command(("DEL", *(self._key(token, name) for name in failure_queues)))

    async def count(self, token: str, failure_queue: str) -> int:
        """Return how many records of an action are kept."""
        return await Command(("LLEN", self._key(token, failure_queue)), int)

    async def first(self, token: str, failure_queue: str) -> bytes | None:
        """Return the first kept element, or None."""
        command: Command[bytes | None] = Command(("LINDEX", self._key(token, failure_queue), 0))
        return await command

    async def put_back(self, token: str, failure_queue: str) -> int:
        """Put some removed records back at the end of their list; return how many, 0 at the end."""
        keys = (self._key(token, failure_queue), to_bytes(self.keys.failed(failure_queue)))
        return await script("undo_removal").call(keys, (STEP,), int)

    async def take_back(
        self,
        token: str,
        failure_queue: str,
        element: bytes,
        before: bytes,
        now: tuple[int, bytes] | None,
        queue: str,
        payload: bytes,
    ) -> int:
        """Take a requeued job out of its queue; return 1, 0 if it has left it, -1 if another process undoes this, -2 to look again.

        ``now``: index and bytes of its marked record, if it was found; without it the record comes back at the end of its list.
        """
        index, marked = (0, b"") if now is None else now
        keys = (
            self._key(token, failure_queue),
            to_bytes(self.keys.failed(failure_queue)),
            to_bytes(self.keys.queue(queue)),
        )
        args: tuple[Any, ...] = (element, before, marked, index, payload)
        return await script("undo_requeue").call(keys, args, int)

    def _key(self, token: str, failure_queue: str) -> bytes:
        return to_bytes(self.keys.undo(token, failure_queue))
