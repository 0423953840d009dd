"""Enqueues active jobs by Resque's own verbs: each call travels inside an envelope."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.activejob.calls import NewJob, Options
from pyresque.activejob.registry import WRAPPER, job_hash
from pyresque.job.sending import Carried

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.job.job import Job


class EnvelopeCarrier:
    """Wraps calls of one registered ActiveJob in envelopes."""

    def __init__(self, wrapper: JobWrapper, job_class: str) -> None:
        self.wrapper = wrapper
        self.job_class = job_class

    async def made(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        queue: str | None,
        at: float | None = None,
        *,
        hooks: bool = True,
        copy: bool = False,
    ) -> Carried | None:
        """Return the wrapper's job; None if a before_enqueue hook vetoed it, or an equal one is enqueued. Without ``hooks`` no hook runs.

        A ``copy`` takes the place of a job that is enqueued already, and so takes no lock. Raises JobNotUnique.
        """
        new = NewJob(self.job_class, tuple(args), kwargs, Options(queue=queue, wait_until=at))
        envelope = self.wrapper.envelope(new)
        unique = self.wrapper.jobs.unique.get(self.job_class) if hooks and not copy else None
        if unique is not None and not await unique.lock(self.wrapper, envelope):
            return None
        after = partial(self.wrapper.after_enqueue, new, envelope)
        refused = None if unique is None else partial(unique.unlock, envelope)
        made = Carried(str(envelope.queue_name), WRAPPER, [envelope.to_json()], after, refused)
        allowed = not hooks or await made.unless_refused(self.wrapper.allowed(new, envelope))
        tracked = self.wrapper.jobs.tracked.get(self.job_class) if allowed else None
        if tracked is not None:
            await made.unless_refused(
                tracked.carried(self.wrapper.view.plugin_context(), envelope, made)
            )
        return made if allowed else None

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the arguments as they stand in an envelope."""
        return self.wrapper.serialized(args, kwargs)

    def args_of(self, job: Job) -> object:
        """Return the arguments in the envelope of a job found in Redis; None if it is of another class."""
        found = job_hash(job.payload)
        mine = found is not None and str(found["job_class"]).removeprefix("::") == self.job_class
        return found.get("arguments") if found is not None and mine else None
