"""What a failed assertion says: what was expected, what is enqueued, the nearest first, and why it may be missing."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.testing.enqueued import EnqueuedJob
    from pyresque.testing.expected import Expected

#: The most jobs that a message lists.
MOST = 20


def missing(
    expected: Expected, found: int, wanted: str, jobs: Sequence[EnqueuedJob], *, inline: bool
) -> str:
    """Return why an assertion fails that expects a job so many times."""
    times = "is not enqueued" if not found else f"is enqueued {_times(found)}, not {wanted}"
    return "\n".join([f"{expected} {times}.", *listed(jobs, expected), *hints(inline=inline)])


def unwanted(expected: Expected, found: Sequence[EnqueuedJob]) -> str:
    """Return why an assertion fails that expects no such job."""
    return "\n".join(
        [f"{expected} is enqueued {_times(len(found))}:", *(f"  {job}" for job in found)]
    )


def listed(jobs: Sequence[EnqueuedJob], expected: Expected) -> list[str]:
    """Return the enqueued jobs as lines, those of the expected class first, with what differs."""
    if not jobs:
        return ["No job is enqueued."]
    alike = [job for job in jobs if job.class_name == expected.name]
    alike.sort(key=lambda job: len(expected.differences(job)))
    names = {job.class_name for job in jobs} - {expected.name}
    near = difflib.get_close_matches(expected.name, names, MOST)
    others = [job for job in jobs if job.class_name != expected.name]
    others.sort(key=lambda job: near.index(job.class_name) if job.class_name in near else len(near))
    lines = ["Enqueued is 1 job:" if len(jobs) == 1 else f"Enqueued are {len(jobs)} jobs:"]
    for job in [*alike, *others][:MOST]:
        differing = expected.differences(job) if job.class_name == expected.name else []
        lines.append(f"  {job}" + (f"   <- {', '.join(differing)}" if differing else ""))
    if len(jobs) > MOST:
        lines.append(f"  and {len(jobs) - MOST} more")
    return lines


def hints(*, inline: bool) -> list[str]:
    """Return why a job may be missing."""
    found = []
    if inline:
        found.append(
            "Jobs are performed as they are enqueued here (resque_inline): look at what the job did, or use resque_recorded."
        )
    waiting = _waiting_for_commit()
    if waiting:
        found.append(
            f"Django has {waiting} function{'s' * (waiting > 1)} waiting for the transaction's commit (on_commit), which a TestCase never "
            "makes: enqueue within self.captureOnCommitCallbacks(execute=True), or use TransactionTestCase."
        )
    return found


def _waiting_for_commit() -> int:
    """Return how many functions wait for a commit of Django's, where Django is at work."""
    database = sys.modules.get("django.db")
    if database is None:
        return 0
    try:
        return sum(
            len(each.run_on_commit) for each in database.connections.all(initialized_only=True)
        )
    except Exception:  # noqa: BLE001 - a hint is never worth another error
        return 0


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
