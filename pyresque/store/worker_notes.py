"""What a worker of this package tells of itself in Redis, and the wish that it quits: two keys of each worker, which expire.

Ruby reads neither. Both name the worker's start time, as ``worker:<id>:started`` has it: another worker of the same id, such as that
of a restarted container, is not meant.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pyresque.ops import Batch, Command
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Seconds for which a note is kept after it was written last, and for which a worker may be asked to quit.
KEPT = 3600
ASKED = 600


class WorkerNotes:
    """The notes of the workers of one namespace, by worker id."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def of(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what these workers tell of themselves; of one that tells nothing, or not in this life, there is no entry."""
        if not ids:
            return {}
        notes, started = await Batch(
            (
                _reading(map(self.keys.worker_note, ids)),
                _reading(map(self.keys.worker_started, ids)),
            )
        )
        found = {
            one: _read(note, start) for one, note, start in zip(ids, notes, started, strict=True)
        }
        return {one: note for one, note in found.items() if note is not None}

    async def tell(self, ids: Sequence[str], note: dict[str, object]) -> bool:
        """Write a note for these workers of one process; return whether one of them is to quit."""
        started, asked = await Batch(
            (
                _reading(map(self.keys.worker_started, ids)),
                _reading(map(self.keys.worker_quit, ids)),
            )
        )
        writing = tuple(
            self._writing(one, {**note, "started": start.decode("utf-8", "replace")})
            for one, start in zip(ids, started, strict=True)
            if start is not None
        )
        if writing:
            await Batch(writing)
        return any(
            wish is not None and wish == start for wish, start in zip(asked, started, strict=True)
        )

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete what workers that end have told, and wishes that they quit."""
        names = (key(one) for one in ids for key in (self.keys.worker_note, self.keys.worker_quit))
        await Command[object](("DEL", *map(to_bytes, names)))

    def _writing(self, worker_id: str, note: dict[str, object]) -> Command[object]:
        key = to_bytes(self.keys.worker_note(worker_id))
        return Command(("SET", key, json.dumps(note), "EX", KEPT))

    async def ask_to_quit(self, worker_id: str) -> bool:
        """Ask a worker to end after its job, at its next heartbeat; return whether it is one that looks for this."""
        note = (await self.of([worker_id])).get(worker_id)
        if note is None:
            return False
        # the start time of the note: another worker of this id may have begun since
        key, started = self.keys.worker_quit(worker_id), to_bytes(str(note["started"]))
        await Command[object](("SET", to_bytes(key), started, "EX", ASKED))
        return True

    async def asked_to_quit(self, worker_id: str) -> bool:
        """Return whether this worker, and not an earlier one of its id, was asked to quit a short while ago."""
        keys = (self.keys.worker_quit(worker_id), self.keys.worker_started(worker_id))
        wish, started = await _reading(keys)
        return wish is not None and wish == started


def _reading(keys: Any) -> Command[list[bytes | None]]:
    return Command(("MGET", *map(to_bytes, keys)))


def _read(note: bytes | None, started: bytes | None) -> dict[str, Any] | None:
    """Return a note that is one of this worker's life."""
    if note is None or started is None or len(note) > 1000:  # noqa: PLR2004 - ours are far shorter
        return None
    try:
        found = json.loads(note)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("started") != started.decode("utf-8", "replace"):
        return None
    return {str(name): value for name, value in found.items() if isinstance(value, (str, int))}
