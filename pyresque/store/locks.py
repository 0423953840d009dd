"""Locks whose value is the time at which they are void, in seconds since 1970 (resque-lock and others)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.ops import Command
from pyresque.store.queues import integer
from pyresque.store.scripts import script
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence


async def take_until(key: bytes, held_from: int, void_at: int) -> bool:
    """Take a lock until a time; False if it is held: if its own time is ``held_from`` or later.

    Ruby needs three commands and may lose a race between them. A value that is not a number, or a key of another type, is a void lock.
    """
    return await script("take_until").call((key,), (held_from, void_at), bool)


async def release(keys: Sequence[bytes]) -> None:
    """Delete locks, whoever holds them: these plugins know no owner."""
    await Command(("DEL", *keys))


async def release_taken_since(key: bytes, void_at: int) -> bool:
    """Delete a lock whose time is this one or a later one; return whether it was."""
    return await script("release_taken_since").call((key,), (void_at,), bool)


async def take(key: bytes, value: str = "true") -> bool:
    """Take a lock that is never void; return whether it was free."""
    return await Command(("SETNX", key, value), bool)


async def held(key: bytes, now: int | None) -> bool:
    """Return whether a lock is held: its time lies after ``now``, or if ``now`` is None the key is there."""
    if now is None:
        return await Command(("EXISTS", key), bool)
    found = await WrongKeyLog().value_or(_got(key), None)
    return integer(found) > now


async def _got(key: bytes) -> bytes | None:
    command: Command[bytes | None] = Command(("GET", key))
    return await command


async def write(key: bytes, void_at: int) -> None:
    """Write the time at which a lock is void, whoever holds it."""
    await Command(("SET", key, void_at))


async def take_all(keys: Sequence[bytes], ttl: int) -> bool:
    """Take several locks for so many seconds, all or none; return whether they were free."""
    return await script("take_all").call(list(dict.fromkeys(keys)), (ttl,), bool)


async def take_for(key: bytes, ttl: int) -> bool:
    """Take a lock that expires after so many seconds; return whether it was free."""
    return await Command(("SET", key, "true", "EX", ttl, "NX"), bool)
