"""Counters of attempts at jobs (resque-retry). What the end of an attempt writes waits for the end of the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.ops import Batch, Command
from pyresque.store.queues import integer
from pyresque.store.scripts import script
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg, Op


async def count(key: bytes) -> int:
    """Count an attempt; return its number, 0 for the first one."""
    return await script("count_attempt").call((key,), (), int)


def counting(key: bytes) -> tuple[Arg, ...]:
    """Return the command that ``count`` sends to a server that knows the script."""
    return ("EVALSHA", script("count_attempt").sha, 1, key)


async def attempt(key: bytes) -> int | None:
    """Return the number of the attempt that was counted last; None if none was."""
    found: bytes | None = await WrongKeyLog().value_or(_value(Command(("GET", key))), None)
    return None if found is None else integer(found)


def _value(command: Command[Any]) -> Op[Any]:
    async def asked() -> Any:
        return await command

    return asked()


async def expire(key: bytes, ttl: int) -> None:
    """Let a counter expire."""
    await Command(("EXPIRE", key, ttl))


async def uncount(key: bytes) -> None:
    """Take one attempt back."""
    await _at_end(Command(("DECR", key)))


async def begin(key: bytes, ttl: int | None = None) -> None:
    """Write a counter for a job that is retried, if no attempt was counted. With ``ttl`` it expires."""
    expires = () if ttl is None else (Command[int](("EXPIRE", key, ttl)),)
    await _at_end(Command(("SETNX", key, -1)), *expires)


async def delete(*keys: bytes) -> None:
    """Delete counters."""
    await _at_end(*(Command(("DEL", key)) for key in keys))


async def _at_end(*commands: Command[Any]) -> None:
    await Batch(commands, at_end=True)


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
    await Batch((Command(("SET", to, number)), Command(("DEL", key))), atomic=True, at_end=True)
