"""Locks that hold a token and expire, on one Redis or on the majority of several (redlock, as activejob-uniqueness uses it)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pyresque.errors import PyresqueError
from pyresque.ops import Command, elsewhere
from pyresque.store.marks import delete_marks
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.ops import Op


async def take_token(servers: Sequence[str], key: bytes, token: str, ttl: int) -> bool:
    """Take a lock for ``ttl`` milliseconds; return whether it was free. Without servers it lies where Resque's own keys do.

    With several it counts as taken if most of them have it. Raises RedisUnavailable where most are away.
    """
    if not servers:
        return await _take(key, token, ttl)
    taken, errors, quorum = 0, list[PyresqueError](), len(servers) // 2 + 1
    for server in servers:
        try:
            taken += await elsewhere(server, _take(key, token, ttl))
        except PyresqueError as error:
            errors.append(error)
    if taken >= quorum:
        return True
    if taken:
        with suppress(PyresqueError):  # a server that is away; the lock expires there
            await _everywhere(servers, lambda: script("release_token").call((key,), (token,)))
    if len(errors) >= quorum:
        raise errors[0]
    return False


async def retake_token(servers: Sequence[str], key: bytes, token: str, ttl: int) -> None:
    """Write a lock anew, whoever holds it: it lasts ``ttl`` milliseconds from now."""
    await _everywhere(servers, lambda: _sent(Command(("SET", key, token, "PX", ttl))))


async def release_tokens(servers: Sequence[str], keys: Sequence[bytes]) -> None:
    """Delete locks, whoever holds them."""
    await _everywhere(servers, lambda: _sent(Command(("DEL", *keys))))


async def release_older(servers: Sequence[str], key: bytes, ttl: int, age: int) -> None:
    """Delete a lock that lasts ``ttl`` milliseconds, if it was taken ``age`` milliseconds ago, or earlier."""
    await _everywhere(servers, lambda: script("release_older").call((key,), (ttl, age)))


async def release_all(servers: Sequence[str], prefix: str) -> None:
    """Delete every lock whose key begins with this text."""
    await _everywhere(servers, partial(delete_marks, prefix))


async def _take(key: bytes, token: str, ttl: int) -> bool:
    return await script("take_token").call((key,), (token, ttl), bool)


async def _sent(command: Command[object]) -> None:
    await command


async def _everywhere(servers: Sequence[str], work: Callable[[], Op[object]]) -> None:
    """Do the work on each server, then raise the first error."""
    if not servers:
        await work()
        return
    errors: list[PyresqueError] = []
    for server in servers:
        try:
            await elsewhere(server, work())
        except PyresqueError as error:
            errors.append(error)
    if errors:
        raise errors[0]
