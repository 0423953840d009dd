"""Since when a job could have run: only what Rails writes into the payloads of active jobs tells it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.activejob.names import job_hash

if TYPE_CHECKING:
    from pyresque.job.job import Payload


def due_since(payload: Payload) -> float | None:
    """Seconds since 1970 from which on it waited for a worker: its enqueueing, or the later time it was meant for.

    None where nobody knows: Resque's own payloads bear no time.
    """
    found = job_hash(payload)
    if found is None:
        return None
    known = [_seconds(found.get(name)) for name in ("enqueued_at", "scheduled_at")]
    return max((seconds for seconds in known if seconds is not None), default=None)


def _seconds(written: object) -> float | None:
    from pyresque.activejob import times  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    try:
        moment: datetime = times.read(written, timezone.utc)
        return moment.timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
