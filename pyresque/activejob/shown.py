"""Jobs as people are shown them: an ActiveJob by its own class and a readable call, any other as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyresque.activejob.envelope import is_wrapper
from pyresque.activejob.render import call

if TYPE_CHECKING:
    from pyresque.job.job import Job, Payload


def job_hash(payload: Payload) -> Mapping[str, object] | None:
    """The job hash in a wrapper's payload; None for any other job, and for a wrapper with something else in it."""
    args = payload.args
    if not is_wrapper(payload.class_name) or not isinstance(args, list) or len(args) != 1:
        return None
    found = args[0]
    if isinstance(found, Mapping) and isinstance(found.get("job_class"), str):
        return found
    return None


def class_name(payload: Payload) -> str:
    """The class a payload is about: ``SyncAccountJob``, not the wrapper; empty where there is none."""
    found = job_hash(payload)
    return payload.name if found is None else call({"job_class": found["job_class"]})[:-2]


def active_call(payload: Payload) -> str | None:
    """``SyncAccountJob(gid://shop/Account/7, force: true)``; None for what is no ActiveJob."""
    found = job_hash(payload)
    return None if found is None else call(found)


def arguments(payload: Payload) -> str | None:
    """The same without class and brackets: ``gid://shop/Account/7, force: true``."""
    found = job_hash(payload)
    if found is None:
        return None
    return call(found)[len(call({"job_class": found["job_class"]})) - 1 : -1]


def line(job: Job) -> str:
    """A job for a log: as Ruby's ``Job#inspect``, an ActiveJob as its call."""
    shown = active_call(job.payload)
    return str(job) if shown is None else f"(Job{{{job.queue}}} | {shown})"
