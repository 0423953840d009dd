"""Performs enqueued jobs as a worker does, in the process and the thread of the test: by a Worker, whose host does nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pyresque.errors import TestKitError
from pyresque.executor.base import DONE, STAYS, UNDONE, Outcome
from pyresque.executor.inline import InlineExecutor
from pyresque.failure.report import report
from pyresque.job.job import Job, read_job, write_payload
from pyresque.job.plugin import sent_args
from pyresque.job.sending import wire_args
from pyresque.job.worker_registry import WorkerId
from pyresque.ops import Command
from pyresque.process.host.posix import hostname
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.queues import to_bytes
from pyresque.user_errors import as_raised, is_retried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyresque.application import Application
    from pyresque.job.registry import Target
    from pyresque.ops import Op
    from pyresque.testing.enqueued import EnqueuedJob, Home

#: Jobs of a queue that are looked at in one round trip.
PAGE = 20

#: The queue of a job that is performed without one.
NO_QUEUE = "default"


class _Host:
    """The host of a worker that runs in a test: it has no title, and never waits."""

    def title(self, text: str) -> None:
        """Leave the title of the process."""

    def sleep(self, seconds: float) -> None:
        """Return at once."""

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Return at once."""
        return True

    def busy(self) -> None:
        """Do nothing: nothing waits for jobs."""

    def worker_pids(self) -> frozenset[int] | None:
        """Return None: the test's worker prunes no other."""
        return None


class _Executor(InlineExecutor):
    """Performs jobs where the test runs, and keeps the error that the last one raised."""

    error: BaseException | None = None

    def begin(self) -> None:
        """Forget the last job."""
        self.error = None

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Perform the job."""
        return await self.perform(job)

    async def attempt(self, operation: Callable[..., Op[Any]], *args: Any) -> Outcome:
        """Run an operation that performs a job."""
        try:
            performed = await operation(*args)
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - a job may raise anything; the test gets it
            self.error = as_raised(error)
            return Outcome(report=report(error))
        return UNDONE if performed is False else DONE


class Performing:
    """Performs jobs of one Home. ``failed`` is the error of the last job, and ``error`` too, unless that job is retried."""

    def __init__(self, home: Home, most: int = 1) -> None:
        """``most``: how many jobs it performs; a job that enqueues itself would have no end."""
        self.home = home
        self.most = most
        self.error: BaseException | None = None
        self.failed: BaseException | None = None
        self.performed: list[EnqueuedJob] = []
        self._workers: dict[int, tuple[Worker, _Executor]] = {}
        self._staying: set[bytes] = set()

    async def all(
        self,
        wanted: Callable[[EnqueuedJob], bool],
        due: Callable[[], float],
        stop: Callable[[BaseException], bool],
    ) -> None:
        """Move what is due into its queue, and perform what is wanted, until nothing is left or ``stop(error)`` says so.

        Raises TestKitError after ``most`` jobs.
        """
        while True:
            await self.home.core.delayed.move_due(due())
            job = await self._next(wanted)
            if job is None:
                return
            if len(self.performed) >= self.most:
                raise TestKitError(
                    f"{self.most} jobs were performed, and there are more, such as {job}. Does a job enqueue itself? "
                    "Name the jobs or the queue to perform, or give a larger most="
                )
            await self._take_and_perform(job)
            if self.error is not None and stop(self.error):
                return

    async def _next(self, wanted: Callable[[EnqueuedJob], bool]) -> EnqueuedJob | None:
        """Return the first job that a worker would take. Jobs that only Ruby performs stay where they are."""
        core = self.home.core
        pauses = core.jobs.pauses
        if await core.worker_registry.table.paused() or await pauses.all_queues_paused():
            return None
        paused = set(await pauses.paused_queues())
        for queue in sorted(await core.table.queues()):
            start = 0
            while queue not in paused and (
                page := await core.table.slice(core.keys.queue(queue), start, start + PAGE - 1)
            ):
                start += PAGE
                for raw in page:
                    job = self.home.enqueued(read_job(core.codec, queue, raw))
                    if self._is_ours(job) and wanted(job):
                        return job
        return None

    def _is_ours(self, job: EnqueuedJob) -> bool:
        if job.payload in self._staying:
            return False
        return job.job.fault is not None or self.home.performer(job.job) is not None

    async def _take_and_perform(self, job: EnqueuedJob) -> None:
        core = self.home.core
        key = to_bytes(core.keys.queue(job.job.queue))
        if not await Command(("LREM", key, 1, job.payload), int):
            return  # another process has taken it
        if await self.perform(job.job) is STAYS:
            self._staying.add(job.payload)
        else:
            self.performed.append(job)

    async def perform(self, job: Job) -> Outcome:
        """Perform a job that was taken from its queue, and write down how it ended."""
        found = None if job.fault is not None else self.home.performer(job)
        resque = self.home.resques[0] if found is None else found[0]
        worker, executor = self._worker(resque)
        executor.begin()
        await worker.working_on(job)
        outcome = await worker.perform_job(job)
        self.failed = executor.error or _failed_before(job, outcome)
        retried = self.failed is not None and is_retried(self.failed)
        self.error = None if retried else self.failed
        return outcome

    async def call(self, target: Target, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Perform a job with these arguments, which travel as a payload's do; nothing is enqueued, and no enqueue hook runs.

        ``failed`` is its error, also if it is retried.
        """
        await self.perform(await _payload(self.home.resques[0], target, args, kwargs))

    def _worker(self, resque: Application) -> tuple[Worker, _Executor]:
        if id(resque) not in self._workers:
            core = resque.core
            queues = QueueList.parse(["*"])
            executor = _Executor(core.registry)
            worker_id = WorkerId(hostname(), os.getpid(), queues.patterns)
            worker = Worker(core, worker_id, queues, executor, _Host(), in_crew=True)
            self._workers[id(resque)] = worker, executor
        return self._workers[id(resque)]


def _failed_before(job: Job, outcome: Outcome) -> BaseException | None:
    """Return the error of a job that a plugin has ended before the executor had it."""
    if outcome.report is None:
        return None
    return TestKitError(f"{job} failed before it began: {outcome.report.error}")


async def _payload(
    resque: Application, target: Target, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Job:
    """Return a job as it would be found in its queue."""
    core = resque.core
    entry = core.registry.describe(target)
    if entry.carrier is not None:
        carried = await entry.carrier.made(args, kwargs, None, hooks=False)
        if carried is None:
            raise TestKitError(f"{entry.name} was not performed: a hook refused it")
        return read_job(
            core.codec, carried.queue, write_payload(core.codec, carried.class_name, carried.args)
        )
    sent = wire_args(entry, args, kwargs)
    if entry.plugins:
        sent = await sent_args(core.registry.bound_to_job(entry, entry.queue, sent), sent)
    raw = write_payload(core.codec, entry.name, sent)
    return read_job(core.codec, entry.queue or NO_QUEUE, raw)
