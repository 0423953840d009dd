"""Counters of attempts at jobs, and failures that are kept aside while a job is retried (resque-retry)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.ops import Batch, Command
from pyresque.store.queues import integer
from pyresque.store.scripts import script
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Op


async def count(key: bytes) -> int:
    """Count an attempt; return its number, 0 for the first one."""
    return await script("count_attempt").call((key,), (), int)


async def attempt(key: bytes) -> int | None:
    """Return the number of the attempt that was counted last; None if none was."""
    found: bytes | None = await WrongKeyLog().value_or(_value(Command(("GET", key))), None)
    return None if found is None else integer(found)


def _value(command: Command[Any]) -> Op[Any]:
    async def asked() -> Any:
        return await command

    return asked()


async def uncount(key: bytes) -> int:
    """Take one attempt back; return the number of the attempt before."""
    return await Command(("DECR", key), int)


async def begin(key: bytes) -> None:
    """Write a counter for a job that is retried although no attempt was counted."""
    await Command(("SETNX", key, -1))


async def expire(key: bytes, ttl: int) -> None:
    """Let a counter expire."""
    await Command(("EXPIRE", key, ttl))


async def delete(key: bytes) -> None:
    """Delete a counter."""
    await Command(("DEL", key))


async def values(keys: Sequence[bytes]) -> list[bytes | None]:
    """Return what each of these keys holds; None for one that is missing, or holds no text."""
    if not keys:
        return []
    return await Command(("MGET", *keys), list)


async def delete_all(keys: Sequence[bytes]) -> None:
    """Delete these keys."""
    if keys:
        await Command(("DEL", *keys))


async def carry_over(key: bytes, to: bytes, number: int) -> None:
    """Move a count to another counter: the job is retried with other arguments."""
    await Batch((Command(("SET", to, number)), Command(("DEL", key))), atomic=True)


async def keep_place(key: bytes, ttl: int) -> None:
    """Say that the failure which is about to be recorded belongs into this key, for that many seconds."""
    await Command(("SET", key, "", "EX", ttl))


async def keep_failure(key: bytes, record: bytes) -> bool:
    """Write a failed record if ``keep_place`` said so; return whether it did."""
    return await Command(("SET", key, record, "XX", "KEEPTTL"), bool)


async def exists(key: bytes) -> bool:
    """Return whether a key is there."""
    return await Command(("EXISTS", key), bool)
