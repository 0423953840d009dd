"""The status of a task: resque-status' keys, with what Django wants to know of a result in the field ``task``.

The payload is that of every tracked job, ``[uuid, {arguments by their names}]``. Rails may enqueue a task with plain arguments, too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pyresque.job.job_status import ENDED
from pyresque.job.plugin import TrackingId
from pyresque.job.sending import wire_args
from pyresque.plugins.status import Status

if TYPE_CHECKING:
    from pyresque.job.job_status import JobStatus
    from pyresque.job.plugin import PluginJob

#: The field of a status that has what Django wants to know.
TASK: Final = "task"

_UUID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def kept_of(status: JobStatus) -> dict[str, Any]:
    """Return what a status has in the field ``task``; nothing if that was spoilt."""
    found = status.fields.get(TASK)
    return found if isinstance(found, dict) else {}


class NewTask(TrackingId):
    """The id of a task that is being enqueued. ``fields`` go into its status; ``wait``: seconds until it is due."""

    fields: dict[str, Any]
    wait: float


def new_task(task_id: str, fields: dict[str, Any], wait: float = 0.0) -> NewTask:
    """Return the id of a new task, with what its status is to hold."""
    made = NewTask(task_id)
    made.fields, made.wait = fields, wait
    return made


class TaskStatus(Status):
    """The status of a task of Django's."""

    async def args_sent(self, job: PluginJob, args: list[Any]) -> list[Any]:
        """Write the status of a new task. Arguments that Rails gave by their places are named."""
        new = args[0] if args else None
        if isinstance(new, NewTask):
            options = args[1] if len(args) > 1 else {}
            await self._create(job, new, options)
            return [str(new), options]
        sent = args[:1] if isinstance(new, TrackingId) else []
        rest = args[len(sent) :]
        if not _is_named(rest):
            rest = wire_args(job.entry, rest, {})
        return await super().args_sent(job, [*sent, *rest])

    def args_received(self, args: list[Any]) -> list[Any]:
        """Return the arguments: one hash of their names, or those that Rails gave by their places."""
        return args[1:] if _has_id(args) else args

    async def before_schedule_status(self, job: PluginJob) -> None:
        """Write the status of a new task that is enqueued for later."""
        given = job.given
        if given and isinstance(given[0], NewTask):
            await self._create(job, given[0], given[1])
        else:
            await super().before_schedule_status(job)

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Say that the task has failed, with the death of its process as its error."""
        tracked = self._of(job)
        found = await tracked.read()
        await super().lost(job, error)
        if found is not None and found.status not in ENDED:
            fields = kept_of(found)
            kind = type(error)
            path = f"{kind.__module__}.{kind.__qualname__}"
            before = fields.get("errors")
            errors = [*(before if isinstance(before, list) else ()), [path, str(error)]]
            now = job.context.clock.time()
            await tracked.write(
                {TASK: {**fields, "errors": errors, "finished_at": now}}, ended=True
            )

    async def _create(self, job: PluginJob, new: NewTask, options: object) -> None:
        tracked = self._tracked(job, str(new), options)
        if tracked.ttl is not None:
            tracked.ttl += int(new.wait)
        await tracked.create(options, {TASK: new.fields})
        job.state[self] = tracked


def _has_id(args: list[Any]) -> bool:
    """Whether arguments of a payload begin with an id of resque-status."""
    return (
        len(args) == 2  # noqa: PLR2004 - the id and the hash
        and isinstance(args[0], str)
        and isinstance(args[1], dict)
        and (isinstance(args[0], TrackingId) or _UUID.fullmatch(args[0]) is not None)
    )


def _is_named(args: list[Any]) -> bool:
    """Whether arguments are one hash of their names already, or none."""
    return not args or _has_id(args) or (len(args) == 1 and isinstance(args[0], dict))
