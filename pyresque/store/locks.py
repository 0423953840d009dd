"""Locks whose value is the time at which they are void, in seconds since 1970 (resque-lock, resque-lonely_job)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.ops import Command
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Sequence


async def take_until(key: bytes, held_from: int, void_at: int) -> bool:
    """Take a lock until a time; False where it is held: where its own time is ``held_from`` or later.

    Ruby needs three commands and may lose a race between them. A value that is no number, or a key of another type, is a void lock.
    """
    return await script("take_until").call((key,), (held_from, void_at), bool)


async def release(keys: Sequence[bytes]) -> None:
    """Delete locks, whoever holds them: these plugins know no owner."""
    await Command(("DEL", *keys))
