"""The first line of the log of a worker, a pool or a scheduler: version, id, executor, queues, Redis."""

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

#: Missing queues that the line names; of more only the number.
MOST_QUEUES = 10


def log_worker_start(resque: Resque, known: Collection[str] | None) -> None:
    """Log the start of a worker; ``known``: the queues in Redis, None if Redis could not be asked."""
    settings = resque.settings
    patterns = QueueList.parse(settings.queues).patterns
    together = settings.executor in TOGETHER and settings.count > 1
    slots = f" with {settings.count} workers" if together else ""
    _log_start(
        resque,
        f"worker {hostname()}:{os.getpid()}:{','.join(patterns)}",
        [f"executor {settings.executor}{slots}", _jobs(resque)],
        _missing(patterns, known),
    )
    _warn_of_lists(patterns)


def log_pool_start(
    resque: Resque, counts: Mapping[str, int], known: Collection[str] | None
) -> None:
    """Log the start of a pool; ``counts``: how many workers each list of queues has."""
    lists = [QueueList.parse(line.split(",")).patterns for line in counts]
    patterns = [pattern for one in lists for pattern in one]
    lines = ", ".join(f"{count} of {queues}" for queues, count in counts.items())
    _log_start(
        resque,
        f"pool {hostname()}:{os.getpid()}",
        [f"workers: {lines or 'none'}", f"executor {resque.settings.executor}", _jobs(resque)],
        _missing(patterns, known),
    )
    _warn_of_lists(patterns)


def log_scheduler_start(resque: Resque, entries: int) -> None:
    """Log the start of a scheduler; ``entries``: how many recurring jobs its file has."""
    settings = resque.settings
    of_file = f" of {settings.schedule}" if settings.schedule else ""
    _log_start(
        resque,
        f"scheduler {hostname()}:{os.getpid()}",
        [
            f"{many(entries, 'recurring job')}{of_file}",
            f"{'follows' if settings.dynamic_schedule else 'does not follow'} changes in Redis",
            f"environment {settings.rails_env or 'none'}",
        ],
        [],
    )


def log_mover_start(resque: Resque) -> None:
    """Log the start of a mover."""
    patterns = QueueList.parse(resque.settings.queues).patterns
    classes = "of registered classes" if resque.settings.app else "of any class"
    _log_start(
        resque,
        f"mover {hostname()}:{os.getpid()}:{','.join(patterns)}",
        [f"jobs {classes} that the routing table leads to Python"],
        [],
    )
    _warn_of_lists(patterns)


def _log_start(resque: Resque, process: str, parts: list[str], missing: list[str]) -> None:
    settings = resque.settings
    parts = [
        *parts,
        f"namespace {settings.namespace}",
        f"Redis {without_password(settings.server_url)}",
    ]
    if missing:
        named = ", ".join(missing[:MOST_QUEUES]) + (
            f" and {len(missing) - MOST_QUEUES} more" if len(missing) > MOST_QUEUES else ""
        )
        parts.append(f"no such queue yet: {named}")
    log.info(
        "pyresque %s starts as %s: %s",
        *(__version__, process, "; ".join(parts)),
        extra={"fields": {"event": "start", "version": __version__}},
    )


def _jobs(resque: Resque) -> str:
    count = len(resque.registered) + len(list(resque.active_job_classes))
    return f"{many(count, 'job')} registered"


def _missing(patterns: Collection[str], known: Collection[str] | None) -> list[str]:
    """Return the patterns that match no queue in Redis; ``*`` is not one of them."""
    if known is None:
        return []
    return [
        pattern
        for pattern in dict.fromkeys(patterns)
        if pattern != "*" and not any(fnmatch(pattern, queue) for queue in known)
    ]


def _warn_of_lists(patterns: Collection[str]) -> None:
    for pattern in patterns:
        if pattern.startswith("@"):
            log.warning(
                "the queue %s is taken by that very name: lists of queues in Redis, which Ruby's resque-dynamic-queues "
                "reads for such a name, are not read here",
                pattern,
            )
