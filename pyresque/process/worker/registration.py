"""A worker's registration in Redis: entered at its start, removed at its end, and that of a dead worker of the same id."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pyresque.activejob.describe import LoggedJob
from pyresque.clock import local
from pyresque.errors import DirtyExit, RedisCommandError, RedisUnavailable
from pyresque.job.worker_registry import read_record
from pyresque.ops import Call
from pyresque.process.health.state import Flag
from pyresque.process.worker.ended import unregister_ended
from pyresque.ruby import time as ruby_time

if TYPE_CHECKING:
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.current_job import CurrentJob
    from pyresque.process.worker.idle import Host
    from pyresque.process.worker.liveness import Heartbeat
    from pyresque.process.worker.remote import RemoteControl
    from pyresque.store.workers import RemovedWorker

log = logging.getLogger("pyresque")

#: Seconds to wait before each further attempt to unregister while Redis is away or cannot serve.
UNREGISTER_WAITS = (0.25, 0.5, 1.0)


class Registration:
    """Whether one worker is in ``workers``, with ``worker:<id>:started``."""

    def __init__(
        self, current_job: CurrentJob, heartbeat: Heartbeat, health: HealthState, host: Host
    ) -> None:
        self.core = current_job.core
        self.id = current_job.id
        self.current_job = current_job
        self.heartbeat = heartbeat
        self.health = health
        self.host = host
        #: Whether ``leave`` could not remove the worker.
        self.given_up = False

    async def enter(self) -> None:
        """Add the worker to ``workers``, with ``worker:<id>:started``."""
        started = ruby_time.to_s(local(self.core.clock))
        replies = await self.core.worker_registry.table.register(self.id, started)
        self.current_job.wrong_key_log.replies_or(replies)
        self.heartbeat.registered = True
        self.health.mark(Flag.REGISTERED, True)

    async def remove(self, error: BaseException | None = None) -> RemovedWorker | None:
        """Remove the worker from ``workers``; a job that it has becomes a failure with that error."""
        self.heartbeat.registered = False
        self.health.mark(Flag.REGISTERED, False)
        removed = await unregister_ended(self.current_job)
        if removed is not None:
            return removed
        cause = error or DirtyExit("Job still being processed")
        return await self.core.lost_jobs.unregister(self.id, cause)

    async def remove_predecessor(self) -> None:
        """Unregister a dead worker of the same id: a restarted container gives its process the old host name and pid.

        Otherwise our first job would overwrite the dead worker's job in ``worker:<id>``, and we would continue its counters.
        """
        working_on = self.core.worker_registry.working_on(self.id)
        if await self.current_job.wrong_key_log.value_or(working_on, None) is not None:
            await self.remove(DirtyExit("Job still being processed"))
        await self.current_job.read_finished_count()

    async def leave(self, failure: BaseException | None, remote: RemoteControl | None) -> None:
        """Remove the worker, and its note in Redis. After UNREGISTER_WAITS, or PATIENCE, it gives up; another worker then prunes this one."""
        is_patience_over = self.current_job.redis_retry.is_patience_over
        for wait in (*UNREGISTER_WAITS, None):
            try:
                await self.remove(failure)
                if remote is not None:
                    await remote.end()
            except (RedisUnavailable, RedisCommandError) as error:
                away = isinstance(error, RedisUnavailable)
                if wait is not None and away and not is_patience_over():
                    await Call(partial(self.host.sleep, wait), offload=True)
                    continue
                self.given_up = True
                if self.current_job.record or failure is None or str(failure) != str(error):
                    self.log_stay(error)
            return

    def log_stay(self, why: BaseException) -> None:
        """Log that the worker stays in Redis, and which job its record there keeps: whoever prunes it decides on that."""
        keeps, job = "", None
        if self.current_job.record:
            unwritten = self.current_job.ended is not None
            keeps = (
                ", and keeps a job whose end is not written" if unwritten else ", and keeps its job"
            )
            job = read_record(self.core.codec, self.current_job.record).job
        log.warning(
            "%s stays registered until another worker prunes it%s%s: %s",
            *(self.id, keeps, "" if job is None else f", {LoggedJob(job)}", why),
        )
