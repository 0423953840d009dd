"""Jobs, as pages show them: in a queue, delayed, and in a worker's hands."""

from __future__ import annotations

from typing import Any, TypedDict

#: A class of its own, because ``class`` is a keyword of Python.
_Class = TypedDict("_Class", {"class": str | None})


class JobShown(_Class, total=False):
    """A job: its class, its arguments, and its call, if it is an ActiveJob. What is no job has its bytes and the reason instead."""

    call: str | None
    args: Any
    more: dict[str, Any] | str
    fault: str
    raw: str


class QueuedJob(JobShown):
    """A job in a queue. ``id``: a digest of its bytes. ``waiting_since``: seconds since 1970, where the payload tells."""

    index: int
    id: str
    waiting_since: float | None


class DelayedJob(JobShown):
    """A job that waits for a time. ``id``: a digest of its bytes. ``timestamp``: the time as Redis has it."""

    id: str
    queue: str | None
    timestamp: str
    at: str | None


class WorkersJob(JobShown):
    """The job that a worker performs, and for how many seconds."""

    queue: str
    run_at: str | None
    seconds: float | None
