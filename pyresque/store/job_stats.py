"""Counters and lists of performed jobs (resque-job-stats, resque-history), written at the job's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.ops import Batch, Command
from pyresque.store.queues import to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence


async def push_newest(key: str, element: bytes, most: int) -> None:
    """Put an element at the head of a list that keeps so many; log that the key is not a list."""
    name = to_bytes(key)
    commands: tuple[Command[int], ...] = (
        Command(("LPUSH", name, element)),
        Command(("LTRIM", name, 0, most - 1) if most else ("DEL", name)),
    )
    WrongKeyLog().replies_or(await Batch(commands, lenient=True, at_end=True), 0)


async def count(keys: Sequence[tuple[str, int | None]]) -> None:
    """Count in several counters, each with the seconds after which it expires (None: never); log those that are none."""
    commands: list[Command[int]] = []
    for key, ttl in keys:
        name = to_bytes(key)
        commands.append(Command(("INCR", name)))
        if ttl is not None:
            commands.append(Command(("EXPIRE", name, ttl)))
    WrongKeyLog().replies_or(await Batch(tuple(commands), lenient=True, at_end=True), 0)
