"""Unique active jobs outside their enqueue and their work: jobs whose process died, dequeued jobs, ``unlock_active_jobs``."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from pyresque.activejob.registry import WRAPPER
from pyresque.errors import JobOptionError
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import Plugin
from pyresque.plugins.uniqueness import Uniqueness
from pyresque.ruby.names import underscore
from pyresque.store.keys import uniqueness_lock
from pyresque.store.queues import to_bytes
from pyresque.store.tokens import release_all, release_older, release_tokens, take_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.job.plugin import PluginJob
    from pyresque.job.registry import Registry


class UniqueJobs(Plugin):
    """The moments of every active job that is unique: one object for all of them, because all have the wrapper's class."""

    gem = "activejob-uniqueness"

    def __init__(self, jobs: ActiveJobs) -> None:
        self.jobs = jobs

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Delete the locks of a job whose process died. Ruby leaves them.

        A lock that goes before the job is performed may be an equal job's by now. It is this job's if it was taken before this one began.
        """
        await self._release(job, runtime=True, after=True)
        found = self._found(job)
        if found is not None and found[0].strategy.before and job.since:
            unique, name, arguments = found
            began = job.since + 1  # the record has whole seconds
            age = max(int((job.context.clock.time() - began) * 1000), 0)
            key = to_bytes(unique.key(name, arguments))
            await release_older(unique.servers, key, unique.lock_ttl, age)

    async def returned(self, job: PluginJob) -> None:
        """Delete the runtime lock of a job that is redelivered, and take again what it let go."""
        if not job.since:
            return
        await self._release(job, runtime=True)
        found = self._found(job)
        if found is not None and found[0].strategy.before:
            unique, name, arguments = found
            key = to_bytes(unique.key(name, arguments))
            await take_token(unique.servers, key, str(uuid.uuid4()), unique.lock_ttl)

    async def dequeued(self, job: PluginJob) -> None:
        """Delete the lock of a job that is removed from its queue. Ruby leaves it."""
        await self._release(job, before=True, after=True)

    async def _release(self, job: PluginJob, **moments: bool) -> None:
        found = self._found(job)
        if found is None:
            return
        unique, name, arguments = found
        keys = []
        if any(
            moments.get(moment) and getattr(unique.strategy, moment)
            for moment in ("before", "after")
        ):
            keys.append(unique.key(name, arguments))
        if moments.get("runtime") and unique.strategy.runtime:
            keys.append(unique.runtime_key(name, arguments))
        if keys:
            await release_tokens(unique.servers, list(map(to_bytes, keys)))

    def _found(self, job: PluginJob) -> tuple[Uniqueness, str, object] | None:
        """Return the uniqueness of the job inside a payload, its class and arguments; None if it is not unique."""
        args = job.args
        inside = args[0] if len(args) == 1 else None
        if not isinstance(inside, dict) or not isinstance(inside.get("job_class"), str):
            return None
        name = inside["job_class"].removeprefix("::")
        unique: Any = self.jobs.unique.get(name)
        return None if unique is None else (unique, name, inside.get("arguments"))


async def unlock(
    wrapper: JobWrapper, name: str | None, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    """Delete the locks of all unique jobs; of a class; or of its jobs with these arguments (Ruby: ``unlock!``)."""
    known: dict[str, Any] = wrapper.jobs.unique
    default = Uniqueness("until_executed")
    if name is None:
        every = {(one.lock_prefix, one.servers) for one in known.values()}
        for prefix, servers in every or {(default.lock_prefix, default.servers)}:
            await release_all(servers, uniqueness_lock(prefix))
        return
    unique: Uniqueness = known.get(name, default)
    if not args and not kwargs:
        await release_all(unique.servers, uniqueness_lock(unique.lock_prefix, underscore(name)))
        return
    arguments = wrapper.serialized(args, kwargs)
    keys = (unique.key(name, arguments), unique.runtime_key(name, arguments))
    await release_tokens(unique.servers, list(map(to_bytes, dict.fromkeys(keys))))


def uniqueness_of(given: object, shown: str) -> Uniqueness:
    """Return what ``unique=`` gives. Raises JobOptionError."""
    if isinstance(given, Uniqueness):
        return given
    if isinstance(given, str):
        return Uniqueness(given)  # type: ignore[arg-type]  # it checks the name
    raise JobOptionError(
        f"unique={given!r} of {shown}: give the name of a strategy, such as 'until_executed', or Uniqueness('until_executed', ...)"
    )


def make_unique(jobs: ActiveJobs, registry: Registry, name: str, given: object) -> None:
    """Make an active job unique, by its Ruby class name. Raises JobOptionError."""
    jobs.unique[name.removeprefix("::")] = uniqueness_of(given, name)
    give_wrapper(registry, UniqueJobs(jobs))


def give_wrapper(registry: Registry, plugin: Plugin) -> None:
    """Give the wrapper of all active jobs a plugin whose moments look into the envelopes, unless it has one of the kind."""
    known = registry.with_plugins.get(WRAPPER)
    plugins = () if known is None else known.plugins
    if not any(type(one) is type(plugin) for one in plugins):
        registry.with_plugins[WRAPPER] = JobClass(
            WRAPPER, None, WRAPPER, plugins=(*plugins, plugin)
        )
