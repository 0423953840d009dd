"""Jobs that do nothing, performed before the first fork: what they warm up no child has to. Runs in the fork server. Light.

The interpreter specializes code that ran some dozen times, and writes to memory pages while it does so. A child that had to do that
would be given a copy of each such page.
"""

from __future__ import annotations

import os

from pyresque.executor.fork.child_process import REHEARSALS
from pyresque.executor.fork.job_call import JobCall
from pyresque.job.direct import direct_job
from pyresque.job.hooks import WorkerHooks
from pyresque.job.plain import any_general
from pyresque.job.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.ops import Op

#: The name of the job that does nothing: no Ruby class is called so.
NAME = "pyresque's rehearsal"

#: The job hash of an active job, as Rails writes it, but for class and arguments.
ENVELOPE: dict[str, object] = {
    "job_id": "3f1c0e5e-9d0b-4a36-8b5d-0a5d0d2ab0d5",
    "provider_job_id": None,
    "queue_name": "default",
    "priority": None,
    "executions": 0,
    "exception_executions": {},
    "locale": "en",
    "timezone": "UTC",
    "enqueued_at": "2026-01-01T00:00:00.000000000Z",
    "scheduled_at": None,
}


def plain_job_call() -> JobCall:
    """What performs the rehearsal's plain job, and no other."""
    return JobCall(registry(), WorkerHooks(), _no_needs, _no_needs)


def registry() -> Registry:
    """A registry of the rehearsal's plain job alone."""
    made = Registry()
    made.add(_do_nothing, name=NAME)
    return made


def rehearse_general(job_call: JobCall) -> None:
    """Perform jobs that are not plain, if the application has such jobs; what they need is made here, once."""
    if not any_general(job_call.registry, job_call.hooks, job_call.active_jobs or ()):
        return
    from pyresque.job.job import Job, Payload  # noqa: PLC0415 - for those who have such jobs
    from pyresque.job.job_end import JobEnd  # noqa: PLC0415 - as above

    view, _, run, perform, _ = job_call.tools()
    if any(entry.plugins for entry in view) or any(job_call.active_jobs or ()):
        # For jobs that are retried later.
        from pyresque.schedule import delayed, promote, search  # noqa: F401, PLC0415 - children find them loaded
    if any(entry.plugins for entry in view):
        from pyresque.store import settle  # noqa: F401, PLC0415 - for those who have plugins; children find it loaded
        from pyresque.store.scripts import LUA, script  # noqa: PLC0415 - as above

        # Inside a zip file there is no folder to list: each child reads what it needs.
        for file in os.listdir(LUA) if os.access(LUA, os.R_OK) else ():  # noqa: PTH208 - pathlib would be copied by each child
            script(file.removesuffix(".lua"))
    hooked = Registry()
    hooked.add(_do_nothing, name=NAME, hooks=(before_perform_nothing, after_perform_nothing))
    job = Job("", Payload(NAME, [1, "x"]), b"")
    direct = direct_job(hooked, job)
    for _ in range(REHEARSALS):
        run(perform(hooked, job, JobEnd()))
        if direct is not None:
            job_call.perform_directly(direct)
    if any(entry.plugins for entry in view):
        _rehearse_plugin(view, lambda registry: run(perform(registry, job, JobEnd())))
    if job_call.active_jobs is not None and any(job_call.active_jobs):
        _rehearse_active_job(job_call, job_call.active_jobs, view, run)


def _rehearse_plugin(view: Registry, perform: Callable[[Registry], bool]) -> None:
    """Perform a job of a plugin that writes nothing."""
    from pyresque.job.plugin import Plugin, PluginJob  # noqa: PLC0415 - for those who have plugins
    from pyresque.ops import Batch  # noqa: PLC0415 - as above

    class Nothing(Plugin):
        async def before_perform_nothing(self, job: PluginJob) -> None:
            job.state[self] = job.payload_args, job.context.keys.of(job.name)

        async def after_perform_nothing(self, job: PluginJob) -> None:
            del job.state[self]
            await Batch((), at_end=True)

    plugged = Registry()
    plugged.context = view.plugin_context()
    plugged.add(_do_nothing, name=NAME, plugins=(Nothing(),))
    for _ in range(REHEARSALS):
        perform(plugged)


def _rehearse_active_job(
    job_call: JobCall, active_jobs: ActiveJobs, view: Registry, run: Callable[[Op[bool]], bool]
) -> None:
    from pyresque.activejob.registry import WRAPPER  # noqa: PLC0415 - for those who have such jobs
    from pyresque.job.job import Job, Payload  # noqa: PLC0415 - as above
    from pyresque.job.job_end import JobEnd  # noqa: PLC0415 - as above

    wrapper = view.named(WRAPPER)
    if wrapper is None or wrapper.operation is None:
        return

    def job(*arguments: object) -> Job:
        envelope = {**ENVELOPE, "job_class": NAME, "arguments": list(arguments)}
        return Job("", Payload(WRAPPER, [envelope]), b"")

    active_jobs.add(NAME, _do_nothing)
    try:
        direct = wrapper.operation.direct(job(1, "x"))
        general = job(1, "x", {"a": 1, "_aj_ruby2_keywords": ["a"]})
        for _ in range(REHEARSALS):
            run(JobEnd().collect(wrapper.operation.perform(general)))
            if direct is not None:
                job_call.perform_directly(direct)
    finally:
        active_jobs.remove(NAME)


def before_perform_nothing(*args: object) -> None:
    """Do nothing."""


def after_perform_nothing(*args: object) -> None:
    """Do nothing."""


def _do_nothing(*args: object, **options: object) -> None:
    """Perform the rehearsal."""


def _no_needs() -> NoReturn:
    raise AssertionError("the rehearsal is a plain job")
