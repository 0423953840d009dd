"""The worker: takes jobs one at a time, has them performed, writes down how they ended; nothing else.

Law: at every moment a job is in its queue, in ``worker:<id>``, or finished; a crash between any two lines leaves it in one
of these places, where this worker, another one or Ruby's pruning finds it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from pyresque import __version__, signal_handlers
from pyresque.activejob.describe import class_name
from pyresque.activejob.registry import job_hash
from pyresque.clock import local
from pyresque.errors import (
    DirtyExit,
    NoPerformError,
    PyresqueError,
    RedisCommandError,
    RedisUnavailable,
    UnknownJobClass,
)
from pyresque.job.job import read_job
from pyresque.ops import Call, Sleep, Spawn, Spawned
from pyresque.printable import printable
from pyresque.process.health.state import Flag, HealthState
from pyresque.process.worker.controls import WorkerControls
from pyresque.process.worker.current_job import CurrentJob
from pyresque.process.worker.fast_path import fast_path_for
from pyresque.process.worker.idle import IdleWait, Interval
from pyresque.process.worker.liveness import Heartbeat, Pruner, Upkeep
from pyresque.process.worker.redis_retry import RedisRetry, StoppedWhileRedisAway
from pyresque.ruby import time as ruby_time
from pyresque.store.reserve import NO_FAILURE

if TYPE_CHECKING:
    from pyresque.core import Core
    from pyresque.executor.base import Executor, Outcome
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.job.worker_registry import WorkerId
    from pyresque.process.worker.host import Host
    from pyresque.process.worker.queue_list import QueueList
    from pyresque.store.reserve import FailureEntry
    from pyresque.store.workers import RemovedWorker

log = logging.getLogger("pyresque")

#: Seconds between the attempts to leave the books of a Redis that is away or cannot serve just now.
WAITS_TO_LEAVE = (0.25, 0.5, 1.0)

#: Seconds until a job that no child began is tried again.
AGAIN = 0.5


class Worker(WorkerControls):
    """One worker of one application (Ruby: ``Resque::Worker``).

    ``hooks`` are the application's unless others are given; of one that is ``tended`` another sees to the heartbeat.
    """

    def __init__(
        self,
        core: Core,
        worker_id: WorkerId,
        queue_list: QueueList,
        executor: Executor,
        surroundings: Host,
        vitals: HealthState | None = None,
        hooks: WorkerHooks | None = None,
        *,
        tended: bool = False,
    ) -> None:
        super().__init__(core, hooks or core.hooks, executor, vitals or HealthState(core.clock))
        self.id = str(worker_id)
        self.queue_list = queue_list
        self.surroundings = surroundings
        self.pulse = Heartbeat(core, self.id)
        self.pruner = Pruner(core, worker_id, queue_list, surroundings.worker_pids)
        self.rounds = Upkeep(core, self.pulse, self.pruner, self.vitals)
        self.patience = RedisRetry(
            surroundings.sleep,
            self._may_leave,
            self.vitals.redis_away,
            fails_over=core.settings.fails_over,
        )
        self.desk = CurrentJob(core, self.id, queue_list, self.patience)
        self.patience.holding = self.desk.holding
        self.rest = IdleWait(core.clock, surroundings, self._tend_at_rest)
        self.streak = fast_path_for(self, executor)
        self._working = False
        self._alone = not executor.isolated and not tended

    # -- the life

    async def work(self, interval: Interval | None = None) -> None:
        """Start, take jobs until told to stop (or, with an interval of 0, until every queue is empty), and leave.

        An error that is not a job's ends the worker: a job it has is recorded as failed with that error, which is
        then raised.
        """
        interval = interval or Interval.of(self.core.settings)
        beating: Spawned | None = None
        trouble: BaseException | None = None
        try:
            await self.startup()
            if self._alone:
                beating = await Spawn(self.rounds.keep, f"heartbeat of {self.id}")
            await self._loop(interval)
        except GeneratorExit:
            raise
        except StoppedWhileRedisAway as order:
            log.warning("leaving while Redis is away: %s", order)
        except BaseException as error:
            if not isinstance(
                error, PyresqueError
            ):  # which says all there is to say, and is told by whoever runs us
                log.exception("worker %s ends", self.id)
            trouble = error
            raise
        finally:
            if beating is not None:
                beating.stop()
            await self._leave(trouble)
            await Call(self.executor.close)
            await self.hooks.run("worker_exit")

    async def _leave(self, trouble: BaseException | None) -> None:
        for wait in (*WAITS_TO_LEAVE, None):
            try:
                await self.unregister_worker(trouble)
            except RedisUnavailable as error:
                if wait is None:
                    self._left_in_the_books(error, trouble)
                else:
                    await Call(partial(self.surroundings.sleep, wait), offload=True)
            except RedisCommandError as error:
                self._left_in_the_books(error, trouble)
                return
            else:
                return

    def _left_in_the_books(self, error: Exception, trouble: BaseException | None) -> None:
        if trouble is None or str(trouble) != str(error):
            log.warning("%s is left in the books, for another worker to prune: %s", self.id, error)

    async def startup(self) -> None:
        """Title, heartbeat, pruning, before_first_fork hooks, registration: in Ruby's order."""
        self.procline("Starting")
        if self._alone:
            self.tell_of_limits()
        await self.patience.steady(self._succeed)
        await self.patience.steady(self.pulse.start)
        await self.prune_dead_workers()
        await self.hooks.run("before_first_fork")
        await self.patience.steady(self.register_worker)

    def tell_of_limits(self) -> None:
        """Say which jobs run as long as they like here."""
        entries = (*self.core.registry, *self.core.active_job_classes.entries())
        unlimited = [each.name for each in entries if each.timeout and each.timeout.soft is None]
        if unlimited:
            names = ", ".join(unlimited)
            log.warning(
                "only a forked child can be killed: here these jobs have no limit: %s", names
            )

    async def _succeed(self) -> None:
        """Bury a predecessor of this very id: in a container the next process has the same host and pid.

        What it was performing would be overwritten by our first job; its counts would be taken for ours.
        """
        working_on = self.core.worker_registry.working_on(self.id)
        if await self.desk.wrong_key_log.value_or(working_on, None) is not None:
            await self.unregister_worker(DirtyExit("Job still being processed"))
        await self.desk.open()

    async def _loop(self, interval: Interval) -> None:
        wait = interval.first
        while not self.stopping:
            resting = self.resting
            self.vitals.turned()
            if await self._one_run():
                if self._alone:
                    signal_handlers.take_again()
                self.rest.found_work()
                if self.why_paused:
                    self.tell_pause("")
                wait = interval.after_work
                continue
            await self._no_more_work()
            self.tell_pause(self.reason_to_pause(self.desk), self.desk.paused_queues)
            if interval.burst:
                return
            wait = interval.longer(wait)
            self.procline(
                "Paused" if self.why_paused else f"Waiting for {await self._shown_queues()}"
            )
            log.debug("sleeping for %s seconds", wait)
            await self._rest(wait, resting=resting)

    async def _one_run(self) -> bool:
        """Work as long as one job follows another; whether there was any."""
        job = await self.reserve()
        if job is None:
            return False
        while job is not None:
            outcome = None
            if self.streak is not None:
                self._working = True
                job, outcome = await self.streak.run(job)
                if job is None:
                    break
            if outcome is None:
                outcome = await self._performed(job)
            job = await self._finish(job, outcome, then_reserve=True)
        return True

    async def work_one_job(self, job: Job | None = None) -> bool:
        """Reserve one job (or take the one given), perform it and finish it; False where there was none or it is paused."""
        if job is None:
            job = await self.reserve()
        else:
            await self.working_on(job)
        if job is None:
            return False
        await self._finish(job, await self._performed(job), then_reserve=False)
        return True

    async def _performed(self, job: Job) -> Outcome:
        self._working = True
        doing = self.show(job.queue, int(self.core.clock.time()), self._known_name(job))
        self.desk.log.got(job)
        self.vitals.job(True)
        outcome = await self.executor.run(job, self.tend, self.procline, doing)
        self.vitals.job(False)
        if self._alone:
            signal_handlers.take_again()
        return outcome

    async def _finish(self, job: Job, outcome: Outcome, *, then_reserve: bool) -> Job | None:
        """Write down how it ended and, where more may be done, take the next."""
        if not outcome.begun:
            await self.desk.give_back(job)
            if not self.stopping:
                await Sleep(AGAIN)
            return None
        if outcome.report is None and outcome.dirty is None:
            self.desk.ended = NO_FAILURE
        failure = self.desk.ended = await self.desk.failure(job, outcome)
        if then_reserve and not self.called_off():
            return await self._turn(failure)
        await self.desk.finish(failure)
        return None

    # -- reserving and finishing

    async def reserve(self) -> Job | None:
        """Take the next job and enter it in ``worker:<id>``, in one step; None where there is none, or while paused.

        Raises JobInHand where it has one already, which Ruby would forget.
        """
        self.desk.clear_of_work()
        if self.resting:
            return None
        return await self._turn(NO_FAILURE)

    async def working_on(self, job: Job) -> None:
        """Enter a job that was reserved elsewhere."""
        await self.desk.take(job)

    async def done_working(self) -> None:
        """Strike the job out and count it: a failed job is processed, too, as in Ruby."""
        await self.desk.finish(NO_FAILURE)

    async def _turn(self, failure: FailureEntry) -> Job | None:
        """Finish what we have, if anything, and reserve the next."""
        job: Job | None
        if failure is NO_FAILURE:
            found = await self.desk.next()
            job = None if found is None else read_job(self.core.codec, *found)
        else:
            job = await self.desk.turn(failure)
        return None if job is None else await self.accept(job)

    async def accept(self, job: Job) -> Job | None:
        """Go on with a job that was reserved, unless an order came meanwhile."""
        if self.called_off():
            # The order came while the job was on its way: it goes back, unperformed.
            await self.desk.give_back(job)
            return None
        if not job.sound:
            await self.desk.make_readable(job)
        return job

    async def paused(self) -> bool:
        """Whether it takes no jobs: by its own order, or because the pause key says so."""
        return self.resting or await self.core.worker_registry.table.paused()

    # -- the books

    async def register_worker(self) -> None:
        """Enter this worker."""
        started = ruby_time.to_s(local(self.core.clock))
        self.desk.wrong_key_log.replies_or(
            await self.core.worker_registry.table.register(self.id, started)
        )
        self.pulse.registered = True
        self.vitals.mark(Flag.REGISTERED, True)

    async def unregister_worker(self, error: BaseException | None = None) -> RemovedWorker | None:
        """Unregister this worker; a job it has becomes a failure."""
        self.pulse.registered = False
        self.vitals.mark(Flag.REGISTERED, False)
        if self.desk.record and self.desk.ended is not None:
            # How it ended is known, and could not be written down as usual: a job that is done does not become a failure.
            table, record = self.core.worker_registry.table, self.desk.record
            removed = await table.unregister(self.id, record, "*", self.desk.ended)
            if removed is not None:
                log.warning("worker %s ends; its last job has ended, but is not counted", self.id)
                return removed
        cause = error or DirtyExit("Job still being processed")
        return await self.core.lost_jobs.unregister(self.id, cause)

    async def prune_dead_workers(self) -> list[str] | None:
        """Clear away dead workers; trouble with Redis puts it off."""
        return await self.rounds.prune()

    def procline(self, text: str) -> None:
        """Set the process title, in Ruby's words after the colon; ``resque-1`` in it is what Ruby's ``ps`` looks for."""
        self.surroundings.title(self.titled(text))

    def show(self, queue: str, second: int, name: str) -> str:
        """Show a job, as Ruby's title does; the title."""
        title = self.titled(f"Processing {queue} since {second} [{name}]")
        self.surroundings.title(title)
        return title

    def titled(self, text: str) -> str:
        """A title of this process or of one of its children."""
        return printable(f"{self.core.settings.procline_prefix}pyresque-{__version__}: {text}")

    # -- waiting

    async def tend(self) -> float:
        """What must not wait for a job to end."""
        return await self.rounds.make() if self.executor.isolated else self.pulse.interval

    async def _tend_at_rest(self) -> float:
        """The same without a job: the loop goes on, however long the interval is."""
        self.vitals.turned()
        return await self.tend()

    async def _rest(self, seconds: float, *, resting: bool) -> None:
        """Wait for the next look, beating; an order ends it, one that came since ``resting`` was looked at, too."""
        await self.rest.take(
            seconds,
            self._calling(),
            lambda: self.stopping or self.resting != resting,
            paused=bool(self.desk.paused_queues),
        )

    def _calling(self) -> tuple[str, ...]:
        """The keys of the queues whose jobs end a rest. Those of paused queues do not: they would end each one at once."""
        if self.queue_list.dynamic or self.resting or self.desk.paused_by_key:
            return ()
        paused = self.desk.paused_queues
        patterns = self.queue_list.patterns
        return tuple(self.core.keys.queue(queue) for queue in patterns if queue not in paused)

    def _may_leave(self) -> bool:
        """Whether there is no need to wait for a Redis that is away: told to stop, and no job's end to write down."""
        return self.stopping and not self.desk.record

    async def _queues(self) -> tuple[str, ...]:
        if not self.queue_list.dynamic:
            return self.queue_list.patterns
        return self.queue_list.matching(
            await self.desk.wrong_key_log.value_or(self.core.table.queues(), [])
        )

    async def _shown_queues(self) -> str:
        return ",".join(await self.patience.steady(self._queues))

    async def _no_more_work(self) -> None:
        if self._working:
            self._working = False
            self.executor.rest()
            await self.hooks.run("queue_empty")

    def _known_name(self, job: Job) -> str:
        """As Ruby's ``Job#payload_class_name``, but an ActiveJob by its own class."""
        if job_hash(job.payload) is not None:
            return class_name(job.payload)
        try:
            return self.core.registry.find(job.payload.class_name).name
        except NoPerformError as error:
            return error.constant
        except UnknownJobClass:
            return "No Name"
