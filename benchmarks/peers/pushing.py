"""What every Python side can be asked: fill a queue by a plan, push at light load, and how long N pushes take.

python -m benchmarks.peers.X fill < plan     plan: JSON, [[job, [argument, ...], how many], ...]
python -m benchmarks.peers.X push N PATH     N ``stamp`` jobs with pauses between them; a line with the time before each
python -m benchmarks.peers.X one N           N ``noop`` jobs, one by one; prints the seconds
python -m benchmarks.peers.X bulk N          the same in the way that is fastest
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Seconds between two jobs of light load, at least and at most: never in step with anybody's polling.
PAUSES = (0.03, 0.13)


def answer(
    put: Callable[..., Any],
    bulk: Callable[[str, list[tuple[Any, ...]]], Any],
    one: Callable[[int], Any] | None = None,
) -> None:
    """Do what the command line asks; ``put(job, *args)``, ``bulk(job, list of args)``."""
    verb, *rest = sys.argv[1:]
    if verb == "fill":
        for job, args, many in json.load(sys.stdin):
            if many == 1:
                put(job, *args)
            else:
                bulk(job, [tuple(args)] * many)
        return
    many = int(rest[0])
    if verb == "push":
        chance = random.Random(1)
        for _ in range(many):
            time.sleep(chance.uniform(*PAUSES))
            print(time.time(), flush=True)
            put("stamp", rest[1])
        return
    put("noop", 0, "x")
    if verb == "one":
        start = time.perf_counter()
        if one is not None:
            one(many)
        else:
            for number in range(many):
                put("noop", number, "x")
    else:
        rows = [(number, "x") for number in range(many)]
        start = time.perf_counter()
        bulk("noop", rows)
    print(time.perf_counter() - start)


def awaiting(
    put: Callable[..., Awaitable[Any]],
    start: Callable[[], Awaitable[Any]] | None = None,
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[[int], Any]]:
    """What ``answer`` takes, for a client that is awaited: one job, a hundred at a time, and one after another."""
    import asyncio

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    if start is not None:
        loop.run_until_complete(start())

    async def together(job: str, rows: list[tuple[Any, ...]]) -> None:
        each = 100
        for at in range(0, len(rows), each):
            await asyncio.gather(*(put(job, *args) for args in rows[at : at + each]))

    async def one_by_one(many: int) -> None:
        for number in range(many):
            await put("noop", number, "x")

    return (
        lambda job, *args: loop.run_until_complete(put(job, *args)),
        lambda job, rows: loop.run_until_complete(together(job, rows)),
        lambda many: loop.run_until_complete(one_by_one(many)),
    )
