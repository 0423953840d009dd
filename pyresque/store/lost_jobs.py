"""Jobs whose worker was pruned, while whoever pruned it runs the plugins' moments: the hash ``lost_jobs``.

A field is ``failed`` or ``queued`` (what became of the job), the second of the pruning, and the worker's id; its value is the worker
record. ``unregister.lua`` writes it. It is deleted together with what the plugins write. A field that stays was left by a process that
died in between: ``failure/interrupted.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyresque.ops import Command
from pyresque.store.queues import natural_number, text, to_bytes
from pyresque.store.settle import Settled, carry_out, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys


class LostJob(NamedTuple):
    """One field of the hash. ``queued``: the job is in its queue again; else it has failed."""

    queued: bool
    seconds: int
    worker_id: str

    def __str__(self) -> str:
        return f"{'queued' if self.queued else 'failed'} {self.seconds} {self.worker_id}"

    @classmethod
    def parse(cls, field: str) -> LostJob | None:
        """Return what a field says; None if nobody here wrote it."""
        kind, _, rest = field.partition(" ")
        written, _, worker_id = rest.partition(" ")
        seconds = natural_number(written)
        if kind not in {"queued", "failed"} or seconds is None:
            return None
        return cls(kind == "queued", seconds, worker_id)


class LostJobTable:
    """The hash ``lost_jobs`` of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.key = to_bytes(keys.lost_jobs)

    async def all(self) -> dict[str, bytes]:
        """Return every field with its record."""
        found: list[bytes] = await Command(("HGETALL", self.key))
        return {text(field): record for field, record in zip(found[::2], found[1::2], strict=True)}

    async def take_over(self, field: str, record: bytes, taken: LostJob) -> bool:
        """Put another field in the place of this one; False if another process has done so."""
        command = ("HSET", self.key, to_bytes(str(taken)), record)
        return (await settle(self.key, field, record, (command,))).held

    async def settle(
        self, lost: LostJob, record: bytes, commands: Sequence[tuple[Arg, ...]]
    ) -> Settled:
        """Delete a field and carry out the commands; nothing if another process has taken it over."""
        done = await settle(self.key, str(lost), record, commands)
        return await carry_out(commands) if done.at == self.key else done
