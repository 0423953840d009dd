"""Jobs as people are shown them: an ActiveJob by its own class and a readable call, any other as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.activejob.envelope import is_wrapper
from pyresque.activejob.render import arguments_of, call, class_of

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
    return payload.name if found is None else class_of(found)


def active_call(payload: Payload) -> str | None:
    """``SyncAccountJob(gid://shop/Account/7, force: true)``; None for what is no ActiveJob."""
    found = job_hash(payload)
    return None if found is None else call(found)


def arguments(payload: Payload) -> str | None:
    """The same without class and brackets: ``gid://shop/Account/7, force: true``."""
    found = job_hash(payload)
    return None if found is None else arguments_of(found)


@dataclass(frozen=True, slots=True)
class Line:
    """A job for a log, made text only if the line is written: Ruby's ``Job#inspect``, an ActiveJob as its call."""

    job: Job

    def __str__(self) -> str:
        shown = active_call(self.job.payload)
        return str(self.job) if shown is None else f"(Job{{{self.job.queue}}} | {shown})"
