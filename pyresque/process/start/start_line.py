"""The line by which a worker, a pool or a scheduler says that it starts, and with what."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.printable import many, without_password
from pyresque.process.host.posix import hostname
from pyresque.process.worker.queue_list import QueueList
from pyresque.ruby.fnmatch import fnmatch
from pyresque.settings import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pyresque.client import Resque

log = logging.getLogger("pyresque")

#: Queues that are not there yet and stand in the line; of more of them only the number.
MOST_NAMED = 10


def worker_starts(resque: Resque, known: Collection[str] | None) -> None:
    """Tell of one worker; ``known`` are the queues there are, None where Redis could not be asked."""
    settings = resque.settings
    patterns = QueueList.parse(settings.queues).patterns
    together = settings.executor in TOGETHER and settings.count > 1
    slots = f" with {settings.count} workers" if together else ""
    _tell(
        resque,
        f"worker {hostname()}:{os.getpid()}:{','.join(patterns)}",
        [f"executor {settings.executor}{slots}", _jobs(resque)],
        _missing(patterns, known),
    )
    _tell_of_lists(patterns)


def pool_starts(resque: Resque, counts: Mapping[str, int], known: Collection[str] | None) -> None:
    """Tell of a pool, with its lines of queues and how many workers each has."""
    lists = [QueueList.parse(line.split(",")).patterns for line in counts]
    patterns = [pattern for one in lists for pattern in one]
    lines = ", ".join(f"{count} of {queues}" for queues, count in counts.items())
    _tell(
        resque,
        f"pool {hostname()}:{os.getpid()}",
        [f"workers: {lines or 'none'}", f"executor {resque.settings.executor}", _jobs(resque)],
        _missing(patterns, known),
    )
    _tell_of_lists(patterns)


def scheduler_starts(resque: Resque, entries: int) -> None:
    """Tell of a scheduler, with the entries that it has of its own file."""
    settings = resque.settings
    of_file = f" of {settings.schedule}" if settings.schedule else ""
    _tell(
        resque,
        f"scheduler {hostname()}:{os.getpid()}",
        [
            f"{many(entries, 'recurring job')}{of_file}",
            f"{'follows' if settings.dynamic_schedule else 'does not follow'} changes in Redis",
            f"environment {settings.rails_env or 'none'}",
        ],
        [],
    )


def _tell(resque: Resque, who: str, parts: list[str], missing: list[str]) -> None:
    settings = resque.settings
    parts = [*parts, f"namespace {settings.namespace}", f"Redis {without_password(settings.url)}"]
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (
            f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        )
        parts.append(f"no such queue yet: {named}")
    log.info(
        "pyresque %s starts as %s: %s",
        *(__version__, who, "; ".join(parts)),
        extra={"fields": {"event": "start", "version": __version__}},
    )


def _jobs(resque: Resque) -> str:
    count = len(resque.registered) + len(list(resque.active_job_classes))
    return f"{many(count, 'job')} registered"


def _missing(patterns: Collection[str], known: Collection[str] | None) -> list[str]:
    """What matches no queue that there is; ``*`` is meant for whatever comes."""
    if known is None:
        return []
    return [
        pattern
        for pattern in dict.fromkeys(patterns)
        if pattern != "*" and not any(fnmatch(pattern, queue) for queue in known)
    ]


def _tell_of_lists(patterns: Collection[str]) -> None:
    for pattern in patterns:
        if pattern.startswith("@"):
            log.warning(
                "the queue %s is taken by that very name: lists of queues in Redis, which Ruby's resque-dynamic-queues "
                "reads for such a name, are not read here",
                pattern,
            )
