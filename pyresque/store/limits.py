"""Counters of what is left of a limit, within a period or at a time (resque-restriction)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pyresque.lightweight import dataclass
from pyresque.ops import Batch, Command, MayWait
from pyresque.store.queues import to_bytes
from pyresque.store.scripts import script
from pyresque.store.settle import BELOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: What the scripts take for a number.
_NUMBER = re.compile(rb"-?[0-9]{1,17}")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of one job: its counter's key, how many jobs it lets through, and the seconds after which the counter expires.

    ``seconds`` is None for jobs that run at a time: then each gives back what it took.
    """

    key: bytes
    most: int
    seconds: int | None


async def take_limits(keys: Keys, limits: Sequence[Limit], queue: str, payload: bytes) -> bool:
    """Count a job against its limits; where one is reached, push its payload to ``queue`` instead. Return whether it was counted."""
    waits = await MayWait()
    names = [to_bytes(keys.queues), to_bytes(keys.queue(queue)), *(limit.key for limit in limits)]
    args = [
        part
        for limit in limits
        for part in (limit.most, "" if limit.seconds is None else limit.seconds)
    ]
    where = b"" if waits else to_bytes(queue)
    taken = await script("take_limits").call(names, (where, payload, *args), bool)
    if waits and not taken:
        known: Command[int] = Command(("SADD", keys.queues, to_bytes(queue)))
        await Batch((known, Command(("RPUSH", names[1], payload))), at_end=True)
    return taken


async def give_back(limits: Sequence[Limit]) -> None:
    """Give back what a job took of limits, none of which grows beyond itself."""
    if await MayWait():
        commands = tuple(Command[Any]((BELOW, limit.key, limit.most)) for limit in limits)
        await Batch(commands, at_end=True)
        return
    await script("give_back").call(
        [limit.key for limit in limits], [limit.most for limit in limits], int
    )


async def reached(keys: Sequence[bytes]) -> list[bool]:
    """Return for each counter whether nothing is left. A key that holds no number is no counter."""
    found: list[bytes | None] = await Command(("MGET", *keys))
    return [
        value is not None and bool(_NUMBER.fullmatch(value)) and int(value) <= 0 for value in found
    ]


async def turn_over(
    keys: Keys, worker_id: str, record: bytes, queue: str, payload: bytes, more: int
) -> bool:
    """Put a reserved job behind its queue, and ``more`` jobs after it; False if the worker no longer has it."""
    names = (to_bytes(keys.worker(worker_id)), to_bytes(keys.queue(queue)))
    return await script("turn_over").call(names, (record, payload, more), bool)
