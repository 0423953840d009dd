"""Statuses of active jobs, on resque-status' keys: ``active_job("ReportJob", tracked=True)``.

Keys: those of ``status.py``, with the job_id in the uuid's place. The payload is Rails' own. A job that Rails has enqueued has no status
until it is performed here.

Moments: the status is written before the job is pushed or delayed, and says "queued" again when Rails' rules retry it; the others are
those of ``status.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.activejob.registry import AGAIN
from pyresque.errors import JobOptionError
from pyresque.job.plugin import Plugin
from pyresque.plugins.status import TRACKED_FOR, Status, tracked_in
from pyresque.plugins.unique_jobs import give_wrapper
from pyresque.ruby.inspect import inspect

if TYPE_CHECKING:
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.registry import ActiveJobs
    from pyresque.job.plugin import PluginJob
    from pyresque.job.plugin_context import PluginContext
    from pyresque.job.registry import Registry
    from pyresque.job.sending import Carried
    from pyresque.job.tracked import TrackedJob
    from pyresque.ops import Op


class ActiveStatus(Status):
    """The status of each job of one active job's class."""

    gem = ""
    by_name = False

    def args_received(self, args: list[Any]) -> list[Any]:
        """Return the arguments as they are: the envelope."""
        return args

    async def put(self, context: PluginContext, envelope: Envelope, put: Op[bool]) -> bool:
        """Enqueue a job, for the first time or again, with its status."""
        status, again = self._of_envelope(context, envelope), envelope.executions > 0
        try:
            await (status.queued_again() if again else status.create(envelope.arguments))
            done = await put
        except GeneratorExit:
            raise
        except BaseException:
            put.close()
            if not again:
                await status.remove()
            raise
        if not done and not again:
            await status.remove()
        return done

    async def carried(self, context: PluginContext, envelope: Envelope, made: Carried) -> bool:
        """Write the status of a job that Resque's own verbs are about to enqueue, and have them answer its id."""
        status, refused = self._of_envelope(context, envelope), made.refused

        async def removed() -> None:
            await status.remove()
            if refused is not None:
                await refused()

        made.answer, made.refused = status.id, removed
        await status.create(envelope.arguments)
        return True

    async def always_status(self, job: PluginJob) -> None:
        """Say that a hook has left the job undone, unless it is enqueued again."""
        if AGAIN not in job.state:
            await super().always_status(job)

    def _of_envelope(self, context: PluginContext, envelope: Envelope) -> TrackedJob:
        return tracked_in(context, str(envelope.job_id), "", self.expire_in)

    def _identity(self, job: PluginJob) -> tuple[str, object]:
        envelope = job.args[0] if job.args else None
        if not isinstance(envelope, dict):
            return "", []
        given = envelope.get("job_id")
        return given if isinstance(given, str) else "", envelope.get("arguments")

    def _name(self, job: PluginJob, options: object) -> str:
        args = options if isinstance(options, list) else []
        return f"{job.name}({', '.join(map(inspect, args))})"


class TrackedActiveJobs(Plugin):
    """The moments of every active job that is tracked: one object for all, because all have the wrapper's class."""

    def __init__(self, jobs: ActiveJobs) -> None:
        self.jobs = jobs

    def _status(self, job: PluginJob) -> ActiveStatus | None:
        envelope = job.args[0] if job.args else None
        name = envelope.get("job_class") if isinstance(envelope, dict) else None
        found: ActiveStatus | None = (
            self.jobs.tracked.get(name.removeprefix("::")) if isinstance(name, str) else None
        )
        return found

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Say that the job has failed."""
        status = self._status(job)
        if status is not None:
            await status.lost(job, error)

    async def returned(self, job: PluginJob) -> None:
        """Say that the job is queued again."""
        status = self._status(job)
        if status is not None:
            await status.returned(job)

    async def dequeued(self, job: PluginJob) -> None:
        """Say that the job will not be performed."""
        status = self._status(job)
        if status is not None:
            await status.dequeued(job)


def make_tracked(jobs: ActiveJobs, registry: Registry, name: str, given: object) -> None:
    """Track an active job, by its Ruby class name. Raises JobOptionError."""
    if given is not True:
        raise JobOptionError(f"tracked={given!r} of {name}: give True")
    jobs.tracked[name.removeprefix("::")] = ActiveStatus(expire_in=TRACKED_FOR)
    give_wrapper(registry, TrackedActiveJobs(jobs))
