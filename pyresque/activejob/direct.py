"""ActiveJobs that are performed by calls (``job/direct.py``): those that need nothing but their arguments.

That is a job whose arguments are texts, numbers, booleans and None, and whose class is neither unique nor tracked nor in steps, and
has no time limit. Where it fails, the wrapper goes on: its rules may retry it.

The fork server asks for each job, and each page of memory that it touches after a fork costs: an Envelope is made where it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.activejob import times
from pyresque.activejob.arguments import primitive
from pyresque.activejob.versions import Rails
from pyresque.job.direct import with_own_hooks

if TYPE_CHECKING:
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.job.direct import DirectJob
    from pyresque.job.job import Job
    from pyresque.ops import Op

#: Names of zones that were found; only names that are found get in, and there are some hundreds.
_zones: set[object] = {None, "", "UTC"}


def direct_job(  # noqa: C901, PLR0911 - one check after the other, for what calls would cost
    wrapper: JobWrapper, job: Job
) -> DirectJob | None:
    """Return how to perform the job inside an envelope by calls; None if it needs more. Raises what is wrong with the envelope."""
    given: Any = job.payload.args
    found = given[0]
    if len(given) != 1 or found.__class__ is not dict or not primitive(found.get("arguments")):
        return None
    name, jobs = found["job_class"], wrapper.jobs
    active = jobs.find(name)
    if active is None or active.resume is not None:
        return None
    entry = active.entry
    if entry.timeout or entry.plugins or entry.redeliveries:
        return None
    if jobs.unique and (name in jobs.unique or entry.name in jobs.unique):
        return None
    if not _usual(found, wrapper.app.version):
        return None
    for zone in (wrapper.app.timezone, found.get("timezone")):
        if zone not in _zones:
            times.find_zone(zone)
            _zones.add(zone)

    def envelope() -> Envelope:
        return wrapper.started(found)

    bound = envelope() if active.bind else None
    args, kwargs = active.call(bound, found["arguments"], {})
    direct = None if kwargs else with_own_hooks(entry, job, args)
    if direct is None:
        return None

    async def finish(work: Op[bool]) -> bool:
        return bool(await wrapper.perform_once(job, active, envelope(), lambda _: work))

    direct.finish = finish
    return direct


def _usual(found: dict[str, Any], version: Rails) -> bool:
    """Whether ``Envelope.from_payload`` reads the job hash without an error: its counts and times are as Rails writes them."""
    if found.get("executions").__class__ is not int or "continuation" in found:
        return False
    if "resumptions" in found:
        return False
    if version >= Rails.V7_1:
        for name in ("enqueued_at", "scheduled_at"):
            written = found.get(name)
            if written is not None:
                times.check(written)
    return True
