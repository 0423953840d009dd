"""Queues that nobody listens to, that are paused, or that no worker of ``*`` can find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.ops import Command, in_chunks
from pyresque.printable import many
from pyresque.process.worker.listening import listening
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyresque.doctor.commands import Commands
    from pyresque.doctor.look import Look
    from pyresque.job.overview import Overview

UNSERVED: Final = Kind(
    "queue-without-worker",
    "warning",
    "Jobs of a queue that is in no worker's list wait for ever.",
)
UNLISTED: Final = Kind(
    "queue-not-listed",
    "error",
    "Workers of * and dashboards find queues by the set of queues alone: these jobs are as good as lost.",
)
PAUSED: Final = Kind(
    "queue-paused",
    "note",
    "No worker takes a job from a paused queue until somebody resumes it.",
)
ALL_PAUSED: Final = Kind(
    "all-queues-paused",
    "warning",
    "Every job waits until somebody ends the pause.",
)
WORKERS_PAUSED: Final = Kind(
    "workers-paused",
    "warning",
    "Every worker, Ruby's too, leaves all jobs where they are until somebody ends the pause.",
)
KINDS: Final = (UNSERVED, UNLISTED, PAUSED, ALL_PAUSED, WORKERS_PAUSED)


async def check(look: Look) -> Iterable[Finding]:
    """Look at queues, their workers and pauses."""
    found = await look.overview()
    return [*of_overview(found, look.commands), *await _unlisted(look, found)]


def of_overview(found: Overview, commands: Commands) -> Iterator[Finding]:
    """Yield what an overview tells: pauses, and queues that nobody takes from."""
    yield from _paused(found, commands)
    lists = listening(found.workers)
    waiting = [name for name, size in found.sizes.items() if size]
    alone = [name for name in waiting if not any(one.takes(name) for one in lists)]
    if alone:
        jobs = sum(found.sizes[name] or 0 for name in alone)
        yield UNSERVED.found(
            f"No worker takes from {listed(alone)}.",
            commands.worker(*alone[:MOST]),
            page=("queues",),
            queues=_sizes(found, alone),
            count=len(alone),
            jobs=jobs,
            workers=len(found.workers),
        )


def _paused(found: Overview, commands: Commands) -> Iterator[Finding]:
    jobs = sum(size or 0 for size in found.sizes.values())
    keys = commands.keys
    if found.workers_paused:
        yield WORKERS_PAUSED.found(
            "All workers are paused: none takes a job.",
            commands.pyresque("workers", "resume"),
            page=("workers",),
            key=keys.pause,
            jobs=jobs,
        )
    if found.all_queues_paused:
        yield ALL_PAUSED.found(
            "All queues are paused: no job is taken from any.",
            commands.pyresque("queues", "resume", "--all"),
            page=("queues",),
            key=keys.pause_all_queues,
            jobs=jobs,
        )
    elif found.paused_queues:
        paused = list(found.paused_queues)
        waiting = sum(found.sizes.get(name) or 0 for name in paused)
        yield PAUSED.found(
            f"Paused: {listed(paused)}.",
            commands.pyresque("queues", "resume", "--", *paused[:MOST]),
            severity="warning" if waiting else None,
            page=("queues",),
            queues=_sizes(found, paused),
            count=len(paused),
            jobs=waiting,
            key=keys.pause_queue(paused[0]),
        )


async def _unlisted(look: Look, found: Overview) -> list[Finding]:
    """Look for lists of queues that are not in the set of queues; each is asked for again, as it may have been emptied."""
    keys = look.core.keys
    names = sorted(look.found.marks.queues.difference(found.sizes))
    commands: list[Command[Any]] = []
    for name in names:
        commands += (
            Command(("SISMEMBER", keys.queues, to_bytes(name))),
            Command(("LLEN", to_bytes(keys.queue(name)))),
        )
    replies = await in_chunks(commands, lenient=True)
    lost = {
        name: size
        for name, known, size in zip(names, replies[::2], replies[1::2], strict=True)
        if known == 0 and isinstance(size, int) and size
    }
    if not lost:
        return []
    some = list(lost)
    return [
        UNLISTED.found(
            f"{many(sum(lost.values()), 'job')} in {listed(some)}, not in the set of queues.",
            look.commands.redis("SADD", keys.queues, *some[:MOST]),
            page=("stats", "keys"),
            queues={name: lost[name] for name in some[:MOST]},
            count=len(some),
            jobs=sum(lost.values()),
            key=keys.queue(some[0]),
        )
    ]


def _sizes(found: Overview, names: Sequence[str]) -> dict[str, int | None]:
    return {name: found.sizes.get(name) for name in names[:MOST]}
