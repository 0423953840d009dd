"""The worker's loop: reserve a job, have it performed, write down how it ended, reserve the next.

Rule: at every moment a job is in its queue, in ``worker:<id>``, or finished. A crash between any two lines leaves the job in one
of these places, where this worker, another one or Ruby's pruning finds it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pyresque import signal_handlers
from pyresque.errors import JobInHand, PyresqueError
from pyresque.executor.base import STAYS
from pyresque.ops import Call, Sleep, Spawn, Spawned
from pyresque.process.health.state import HealthState
from pyresque.process.worker.controls import WorkerControls
from pyresque.process.worker.current_job import CurrentJob
from pyresque.process.worker.ended import failure_entry
from pyresque.process.worker.idle import IdleWait, Interval
from pyresque.process.worker.job_log import known_name
from pyresque.process.worker.liveness import Heartbeat, Upkeep
from pyresque.process.worker.pruning import Pruner
from pyresque.process.worker.redis_retry import RedisRetry, StoppedWhileRedisAway
from pyresque.process.worker.registration import Registration
from pyresque.process.worker.taken import note_taken
from pyresque.store.reserve import NO_FAILURE

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.executor.base import Executor, Outcome
    from pyresque.executor.fast_path import FastPath
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.job.worker_registry import WorkerId
    from pyresque.process.worker.idle import Host
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.store.workers import RemovedWorker

log = logging.getLogger("pyresque")

#: Seconds until the worker reserves again after fork() failed for a job.
RETRY_START = 0.5


class Worker(WorkerControls):
    """One worker of one application (Ruby: ``Resque::Worker``).

    ``hooks``: by default the application's. ``in_crew``: a Crew sends this worker's heartbeat, prunes and handles signals. The code
    that builds the worker sets ``fast_path``; None: every job goes through the executor's ``run``.
    """

    def __init__(
        self,
        core: Core,
        worker_id: WorkerId,
        queue_list: QueueList,
        executor: Executor,
        host: Host,
        health: HealthState | None = None,
        hooks: WorkerHooks | None = None,
        *,
        in_crew: bool = False,
    ) -> None:
        health = health or HealthState(core.clock)
        super().__init__(core, hooks or core.hooks, executor, host, health)
        self.id = str(worker_id)
        self.queue_list = queue_list
        self.fast_path: FastPath | None = None
        self.heartbeat = Heartbeat(core, self.id)
        self.pruner = Pruner(core, worker_id, queue_list, host.worker_pids)
        self.upkeep = Upkeep(core, self.heartbeat, self.pruner, self.health)
        self.redis_retry = RedisRetry(
            *(host.sleep, lambda: self.stopping, self.health.redis_away),
            now=core.clock.monotonic,
            fails_over=core.settings.fails_over,
        )
        self.current_job = self._new_current_job()
        self.redis_retry.has_job = self.current_job.exists
        self.registration = Registration(self.current_job, self.heartbeat, self.health, host)
        self.idle_wait = IdleWait(core.clock, host, self._idle_upkeep)
        self._performed_any = False
        self._in_crew = in_crew
        self._jobs_run_here = not executor.isolated and not in_crew

    def _new_current_job(self) -> CurrentJob:
        if not self.core.settings.selective:
            return CurrentJob(self.core, self.id, self.queue_list, self.redis_retry)
        from pyresque.process.worker.selective_job import SelectiveJob  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        return SelectiveJob(
            *(self.core, self.id, self.queue_list, self.redis_retry, self._idle_upkeep),
            lambda: self.stopping or self.health.paused_by_signal,
        )

    # -- start, loop, end

    async def work(self, interval: Interval | None = None) -> None:
        """Start, perform jobs until a signal stops the worker (interval 0: until every queue is empty), and unregister.

        An error outside a job ends the worker. It records the current job as failed with that error, and raises the error.
        """
        interval = interval or Interval.of(self.core.settings)
        beating: Spawned | None = None
        failure: BaseException | None = None
        try:
            await self.startup()
            if self._jobs_run_here:
                beating = await Spawn(self.upkeep.run_forever, f"heartbeat of {self.id}")
            await self._loop(interval)
        except GeneratorExit:
            raise
        except StoppedWhileRedisAway as reason:
            log.warning("leaving while Redis is away: %s", reason)
        except BaseException as error:
            # The caller prints a PyresqueError; its message is enough.
            if not isinstance(error, PyresqueError):
                log.exception("worker %s ends", self.id)
            failure = error
            raise
        finally:
            if beating is not None:
                beating.stop()
            self.hurry()
            await self.registration.leave(failure, self.upkeep.remote)
            await Call(self.executor.close)
            await self.hooks.run("worker_exit")

    async def startup(self) -> None:
        """Title, heartbeat, pruning, before_first_fork hooks, registration: in Ruby's order."""
        self.procline("Starting")
        if self._jobs_run_here:
            self.warn_of_unlimited_jobs()
        await self.redis_retry.until_answered(self.registration.remove_predecessor)
        await self.redis_retry.until_answered(self.heartbeat.start)
        if not self._in_crew:
            await self.prune_dead_workers()
        await self._run_hooks("before_first_fork")
        await self.redis_retry.until_answered(self.register_worker)

    async def _run_hooks(self, name: str) -> None:
        """Run the worker's own hooks; what one of them has done to signal handlers does not stay."""
        await self.hooks.run(name)
        if not self._in_crew and self.hooks.any(name):
            signal_handlers.take_again()

    async def _loop(self, interval: Interval) -> None:
        wait = interval.first
        while not self.stopping:
            was_paused = self.health.paused_by_signal
            since = self.health.turned()
            if await self.perform_jobs():
                if self._jobs_run_here:
                    signal_handlers.take_again()
                self.idle_wait.found_job()
                if self.why_paused:
                    self.log_pause("", since)
                wait = interval.after_work
                continue
            await self._queues_are_empty()
            why = self.reason_to_pause(self.current_job)
            self.log_pause(why, since, self.current_job.paused_queues)
            if interval.burst:
                if self.current_job.again():
                    continue
                return
            wait = interval.longer(wait)
            queues = () if why else await self.redis_retry.until_answered(self._queues)
            self.procline("Paused" if why else f"Waiting for {','.join(queues)}")
            log.debug("sleeping for %s seconds", wait)
            await self.wait_for_jobs(wait, was_paused=was_paused)

    async def perform_jobs(self) -> bool:
        """Reserve and perform jobs until there is none. Returns whether there was any."""
        job = await self.reserve()
        if job is None:
            return False
        self.host.busy()
        while job is not None:
            outcome = None
            if self.fast_path is not None and not self.current_job.selective:
                self._performed_any = True
                job, outcome = await self.fast_path.run(job)
                if job is None:
                    break
            if outcome is None:
                outcome = await self._perform(job)
            job = await self._finish(job, outcome, then_reserve=True)
        return True

    async def work_one_job(self, job: Job | None = None) -> bool:
        """Reserve one job (or take the one given), perform it and finish it; False if there was none, or the worker is paused."""
        if job is not None:
            await self.working_on(job)
        while job is not None or (job := await self.reserve()) is not None:
            if await self.perform_job(job) is not STAYS:
                return True
            job = None
        return False

    async def perform_job(self, job: Job) -> Outcome:
        """Perform the job that is in ``worker:<id>``, finish it, and return how it ended. STAYS: it is in its queue again."""
        outcome = await self._perform(job)
        await self._finish(job, outcome, then_reserve=False)
        return outcome

    async def _perform(self, job: Job) -> Outcome:
        self._performed_any = True
        registry = self.core.registry
        entry = registry.with_plugins_of(job) if registry.with_plugins else None
        refused = None if entry is None else await note_taken(entry, job, self.current_job)
        if refused is not None:
            return refused
        name = known_name(registry, job)
        child_title = self.show_job(job.queue, int(self.core.clock.time()), name)
        self.current_job.log.got(job)
        self.health.job(True)
        outcome = await self.executor.run(job, self.run_upkeep, self.procline, child_title)
        self.health.job(False)
        if self._jobs_run_here:
            signal_handlers.take_again()
        return outcome

    async def _finish(self, job: Job, outcome: Outcome, *, then_reserve: bool) -> Job | None:
        """Record in Redis how the job ended and, with ``then_reserve``, return the next one."""
        current = self.current_job
        if self.stopping:
            self.hurry()
        if outcome is STAYS:
            return await self.reserve() if then_reserve else None
        if not outcome.started:
            await self.core.lost_jobs.returned(job)
            await current.return_unperformed(job)
            if not self.stopping:
                await Sleep(RETRY_START)
            return None
        if outcome.report is None and outcome.process_error is None:
            current.ended = NO_FAILURE
        failure = current.ended = await failure_entry(current, job, outcome)
        following = None
        if not then_reserve or self.stopping or self.health.paused_by_signal:
            await current.finish(failure)
        else:
            following = await current.next_job(failure)
        if (failure.record or failure.counted) and self.core.retention.on:
            await self.core.retention.trim_after_failure()
        if current.performed is not None:
            await current.performed.look_at_brakes()
        return None if following is None else await self.accept(following)

    # -- reserve and finish

    async def reserve(self) -> Job | None:
        """Take the next job and write it into ``worker:<id>``, in one step; None if there is none, or while paused.

        Raises JobInHand if the worker has a job already, which Ruby would overwrite.
        """
        if self.current_job.record:
            raise JobInHand(
                f"worker {self.id} has a job already: finish it first, by done_working or unregister_worker"
            )
        if self.health.paused_by_signal:
            return None
        job = await self.current_job.next_job(NO_FAILURE)
        return None if job is None else await self.accept(job)

    async def working_on(self, job: Job) -> None:
        """Write a job that was reserved elsewhere into ``worker:<id>``."""
        await self.current_job.set(job)

    async def done_working(self) -> None:
        """Delete ``worker:<id>`` and count the job: a failed job is processed, too, as in Ruby."""
        await self.current_job.finish(NO_FAILURE)

    async def accept(self, job: Job) -> Job | None:
        """Return the reserved job; None if a signal stopped or paused the worker meanwhile. Then the job goes back into its queue."""
        if self.stopping or self.health.paused_by_signal:
            await self.current_job.return_unperformed(job)
            return None
        if not job.sound:
            await self.current_job.rewrite_record(job)
        return job

    # -- registration

    async def register_worker(self) -> None:
        """Add this worker to ``workers``, with ``worker:<id>:started``."""
        await self.registration.enter()

    async def unregister_worker(self, error: BaseException | None = None) -> RemovedWorker | None:
        """Remove this worker from ``workers``; a job that it has becomes a failure with that error."""
        return await self.registration.remove(error)

    async def prune_dead_workers(self) -> list[str] | None:
        """Unregister dead workers and return their ids; None if another worker does it, or Redis cannot serve now."""
        return await self.upkeep.prune()

    # -- waiting

    async def run_upkeep(self) -> float:
        """Send the heartbeat and prune if they are due; return the seconds until they are. With threads another thread does both."""
        return await self.upkeep.run() if self.executor.isolated else self.heartbeat.interval

    async def _idle_upkeep(self) -> float:
        """Do ``run_upkeep`` while idle, and note that the loop runs, however long the interval is."""
        self.health.turned()
        return await self.run_upkeep()

    async def wait_for_jobs(self, seconds: float, *, was_paused: bool) -> None:
        """Wait for a job, for ``seconds`` at most. A stop, a pause or its end, also one since ``was_paused`` was read, ends the wait."""
        wait, keys, some_left_out = self.current_job.wait(
            seconds, paused=self.health.paused_by_signal
        )
        over = partial(self._wait_is_over, was_paused)
        await self.idle_wait.run(wait, keys, over, paused=some_left_out)

    def _wait_is_over(self, was_paused: bool) -> bool:
        return self.stopping or self.health.paused_by_signal != was_paused

    async def _queues(self) -> tuple[str, ...]:
        if not self.queue_list.dynamic:
            return self.queue_list.patterns
        known = await self.current_job.wrong_key_log.value_or(self.core.table.queues(), [])
        return self.queue_list.matching(known)

    async def _queues_are_empty(self) -> None:
        if self.current_job.performed is not None:
            await self.current_job.performed.look_at_brakes()
        if self._performed_any:
            self._performed_any = False
            self.executor.idle()
            await self._run_hooks("queue_empty")
