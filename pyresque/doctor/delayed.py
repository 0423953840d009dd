"""Delayed jobs that no scheduler finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.ops import Command, in_chunks
from pyresque.printable import many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.doctor.look import Look

LOST: Final = Kind(
    "delayed-not-scheduled",
    "error",
    "Schedulers find delayed jobs by the sorted set of times alone: these jobs are as good as lost.",
)
KINDS: Final = (LOST,)


async def check(look: Look) -> Iterable[Finding]:
    """Look at the lists that the scan has noted; each is asked for again, as its jobs may have been moved."""
    keys, times = look.core.keys, sorted(look.keys.unscheduled)
    commands: list[Command[Any]] = []
    for at in times:
        commands += (
            Command(("ZCOUNT", keys.delayed_schedule, at, f"({int(at) + 1}")),
            Command(("LLEN", keys.delayed(at))),
        )
    replies = await in_chunks(commands, lenient=True)
    pairs = zip(times, replies[::2], replies[1::2], strict=True)
    lost = {at: size for at, known, size in pairs if known == 0 and isinstance(size, int) and size}
    if not lost:
        return []
    some = list(lost)
    members = [word for at in some[:MOST] for word in (at, at)]
    return [
        LOST.found(
            f"{many(sum(lost.values()), 'delayed job')} whose time is not among the scheduled ones: {listed(some)}.",
            look.commands.redis("ZADD", keys.delayed_schedule, *members),
            page=("stats", "keys"),
            times={at: lost[at] for at in some[:MOST]},
            count=len(some),
            jobs=sum(lost.values()),
            key=keys.delayed_schedule,
        )
    ]
