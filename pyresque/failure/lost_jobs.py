"""A job whose process died becomes one failed record, or is redelivered if its registration asks for that.

The first process that finds the job deals with it: ``unregister.lua`` and ``redeliver.lua`` check ``worker:<id>``.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from pyresque.clock import local
from pyresque.errors import (
    DecodeError,
    DirtyExit,
    FailureHookError,
    HardTimeLimit,
    UnknownJobClass,
    WrongKey,
)
from pyresque.failure.record import Failure, no_failure_id, write_local
from pyresque.failure.report import report
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import guard_copies, run_failure_hooks
from pyresque.job.plugin import moment
from pyresque.lightweight import replace
from pyresque.ruby.time import parse_time
from pyresque.store.keys import FAILED_ASIDE
from pyresque.store.look_again import Attempts
from pyresque.store.lost_jobs import LostJob, LostJobTable
from pyresque.store.reserve import NO_FAILURE, FailureEntry
from pyresque.store.workers import Redelivery, RedeliveryTable
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.clock import Clock
    from pyresque.failure.base import FailureBackend
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry
    from pyresque.job.worker_registry import WorkerRegistry, WorkingOn
    from pyresque.store.workers import RemovedWorker

log = logging.getLogger("pyresque")

#: Logged when a backend raises an error.
BACKEND_FAILED = "the failure backend failed; the record goes to the list of failed jobs instead"


def aside(entry: FailureEntry, error: WrongKey) -> FailureEntry:
    """Return an entry for the list ``failed_aside``, if the record's own key is not a list; log that."""
    log.error(
        "%s: the failed record is kept in the list %r below the namespace; when the key is mended, move it there: LMOVE, or RENAME",
        error,
        FAILED_ASIDE,
    )
    return replace(entry, failure_queue=FAILED_ASIDE, name="")


class Ending(NamedTuple):
    """The job of a worker that has ended: its record, its failure, and what becomes of it. Without a job: nothing.

    ``lost``: its note for whoever prunes after us, should we die before its plugins have run; None: it has none.
    """

    record: bytes
    failure: Failure | None
    left: FailureEntry | Redelivery
    lost: LostJob | None = None


class LostJobs:
    """Unregisters workers, and records or redelivers the jobs that they were performing.

    ``last_resort`` is the backend that records a failure if ``backend`` raised. ``worker_hooks``: those of ``@resque.job_lost``.
    """

    def __init__(
        self,
        worker_registry: WorkerRegistry,
        backend: FailureBackend,
        registry: Registry,
        clock: Clock,
        last_resort: FailureBackend,
        new_id: Callable[[], str | None] = no_failure_id,
        worker_hooks: WorkerHooks | None = None,
    ) -> None:
        self.worker_registry = worker_registry
        self.backend = backend
        self.registry = registry
        self.clock = clock
        self.last_resort = last_resort
        self.new_id = new_id
        self.worker_hooks = worker_hooks
        self.redeliveries = RedeliveryTable(worker_registry.table.keys)
        self.table = LostJobTable(worker_registry.table.keys)
        self.wrong_key_log = WrongKeyLog()

    async def unregister(
        self, worker_id: str, error: BaseException, seen_heartbeat: str = "*"
    ) -> RemovedWorker | None:
        """Unregister a worker; its job fails with that error, and the job's failure hooks run.

        A job registered with ``on_dirty_exit="requeue"`` is redelivered instead, by the same script, and no hook runs.
        Returns None when its heartbeat is no longer the one that was seen: the worker lives, or another process has unregistered it.
        """
        attempts = Attempts("the job of a worker")
        while True:
            found = await self.wrong_key_log.value_or(
                self.worker_registry.working_on(worker_id), None
            )
            ending = await self.ending(worker_id, found, error)
            removed = await self._unregister(worker_id, ending, seen_heartbeat)
            if removed is not None:
                break
            if seen_heartbeat != "*" and await self.worker_registry.table.heartbeat(worker_id) != (
                seen_heartbeat or None
            ):
                return None
            attempts.failed()
        failure, left = ending.failure, ending.left
        if failure is None:
            return removed
        if isinstance(left, Redelivery):
            log.warning(
                "%s goes back into its queue (%d of %d): %s",
                *(failure.job, left.number, left.most, error),
            )
            if ending.lost is not None:
                await self.run_plugins(failure.job, error, ending.record, ending.lost)
        else:
            if left is NO_FAILURE:
                await self._save(failure)
            if self.may_redeliver(failure.job):
                await self.forget(failure.job)
            await self.run_plugins(failure.job, error, ending.record, ending.lost)
        return removed

    async def ending(
        self, worker_id: str, working_on: WorkingOn | None, error: BaseException
    ) -> Ending:
        """Return what the script is to do with the job of a worker that ended with that error."""
        if working_on is None:
            return Ending(b"", None, NO_FAILURE)
        failure = Failure(
            working_on.job, report(error), worker_id, local(self.clock), self.new_id()
        )
        back = await self.redelivery_for(working_on.job, error)
        left = back or self.backend.entry(failure) or NO_FAILURE
        lost = None
        if self.registry.with_plugins_of(working_on.job) is not None:
            now = await self.worker_registry.table.server_time()
            lost = LostJob(back is not None, int(now.timestamp()), worker_id)
        return Ending(working_on.record, failure, left, lost)

    def is_all(self, ending: Ending) -> bool:
        """Whether the script does all that there is to do: no failure is to be saved elsewhere, no hook and no plugin runs."""
        if ending.failure is None:
            return True
        job = ending.failure.job
        if ending.left is NO_FAILURE or self.may_redeliver(job) or self._tells():
            return False
        try:
            hooks = self.registry.find(job.payload.class_name).hooks.on_failure
        except UnknownJobClass:
            return True
        return not hooks and self.registry.with_plugins_of(job) is None

    async def run_plugins(
        self, job: Job, error: BaseException, record: bytes, lost: LostJob | None
    ) -> None:
        """Run the hooks and moments of a job whose worker was pruned, and carry out what its plugins write at its end.

        ``lost``: its note, which is deleted in the same step; None: it has no plugins.
        """
        if lost is not None and lost.queued:
            end = JobEnd()
            await end.collect(self.returned(job, record))
        else:
            end = await self.run_hooks(job, error, record)
        if lost is None:
            return
        at = local(self.clock)
        failure = Failure(job, report(error), lost.worker_id, at, None)
        commands = end.with_record(write_local(self.worker_registry.codec, failure))
        done = await self.table.settle(lost, record, commands)
        if done.refused:
            log.error("%s: what its plugins write is refused: %s", job, done.refused)
            done = await self.table.settle(lost, record, end.instead)
        for key in done.wrong_keys:
            self.wrong_key_log.warn(f"{key} is of a wrong type, or may not be written")

    async def _unregister(
        self, worker_id: str, ending: Ending, heartbeat: str
    ) -> RemovedWorker | None:
        table, record, left = self.worker_registry.table, ending.record, ending.left
        try:
            return await table.unregister(worker_id, record, heartbeat, left, ending.lost)
        except WrongKey as error:
            if isinstance(left, Redelivery) or left.failure_queue == FAILED_ASIDE:
                raise
            left = aside(left, error)
            return await table.unregister(worker_id, record, heartbeat, left, ending.lost)

    async def redelivery_for(self, job: Job, error: BaseException) -> Redelivery | None:
        """Return the redelivery of a job after this error; None if the job fails, or was redelivered too often."""
        entry = redeliverable(self.registry, job, error)
        if entry is None or not job.queue:
            return None
        number = (
            await self.wrong_key_log.value_or(self.redeliveries.count(job.queue, job.raw), 0) + 1
        )
        if number > entry.redeliveries:
            return None
        return Redelivery(job.queue, job.raw, number, entry.redeliveries)

    def may_redeliver(self, job: Job) -> bool:
        """Whether the job was registered with ``on_dirty_exit="requeue"``."""
        entry = self.registry.entry_of(job)
        return entry is not None and entry.redeliveries > 0

    async def forget(self, job: Job) -> None:
        """Delete the count of redeliveries of a job that has ended."""
        await self.redeliveries.forget(job.queue, job.raw)

    async def entry(self, failure: Failure, *, counted: bool) -> FailureEntry:
        """Return the failed record for ``turn.lua`` to append; an empty one if the backend has saved the failure by itself.

        ``counted``: whether ``stat:failed`` counts it.
        """
        entry = self.backend.entry(failure)
        if entry is None:
            try:
                await self.backend.save(failure)
                entry = FailureEntry(b"")
            except Exception:
                log.exception(BACKEND_FAILED)
                entry = self.last_resort.entry(failure) or NO_FAILURE
        return FailureEntry(entry.record, entry.failure_queue, entry.name, counted)

    async def _save(self, failure: Failure) -> None:
        try:
            await self.backend.save(failure)
        except Exception:
            log.exception(BACKEND_FAILED)
            await self.last_resort.save(failure)

    async def run_hooks(self, job: Job, error: BaseException, record: bytes = b"") -> JobEnd:
        """Run a job's failure hooks, if its class is registered here; log their errors. ``record``: its worker record.

        Returns what the job's plugins write at its end, for the caller to carry out.
        """
        end = JobEnd()
        try:
            entry = self.registry.find(job.payload.class_name)
        except UnknownJobClass:
            return end
        bound = self.registry.with_plugins_of(job)
        if bound is not None and bound.plugin_job is not None:
            entry, bound.plugin_job.end = bound, end
            _note_beginning(entry, record)
            await end.collect(self.run_moment(entry, "lost", error))
        try:
            await guard_copies(end.collect(run_failure_hooks(entry, job, error)))
        except FailureHookError as another:
            log.error("%s", another)
        if self._tells():
            await self._tell(job, error)
        return end

    def _tells(self) -> bool:
        return self.worker_hooks is not None and self.worker_hooks.any("job_lost")

    async def _tell(self, job: Job, error: BaseException) -> None:
        """Run the hooks of ``@resque.job_lost``; an error of theirs is logged."""
        if self.worker_hooks is None:
            return
        try:
            await self.worker_hooks.run("job_lost", job, error)
        except GeneratorExit:
            raise
        except Exception:
            log.exception("a job_lost hook failed for %s", job)

    async def returned(self, job: Job, record: bytes = b"") -> None:
        """Run the moment of a job's plugins: it was taken, and is in its queue again. ``record``: its worker record."""
        entry = self.registry.with_plugins_of(job)
        if entry is not None:
            _note_beginning(entry, record)
            await self.run_moment(entry, "returned")

    async def run_moment(self, entry: JobClass, name: str, *args: object) -> None:
        """Run a moment of a job's plugins if no failure can be recorded: log the error of each, and run those of the others."""
        for plugin in entry.plugins:
            try:
                await moment(entry, name, *args, of=(plugin,))
            except GeneratorExit:
                raise
            except Exception:
                log.exception("the plugin %r of %s failed", plugin, entry.name)


def _note_beginning(entry: JobClass, record: bytes) -> None:
    """Note for plugins when a job began, as its worker record says; 0 if it says nothing."""
    found = re.search(rb'"run_at":"([^"]*)"', record)
    if found is None or entry.plugin_job is None:
        return
    try:
        entry.plugin_job.since = int(parse_time(found[1].decode(), None).timestamp())
    except (DecodeError, ValueError):
        return


def redeliverable(registry: Registry, job: Job, error: BaseException) -> JobClass | None:
    """Return the entry of a job that may be redelivered after this error, else None.

    That is a job whose process died for an unknown reason. A job that reached its hard limit would reach it again.
    """
    if not isinstance(error, DirtyExit) or isinstance(error, HardTimeLimit):
        return None
    entry = registry.entry_of(job)
    return entry if entry is not None and entry.redeliveries else None
