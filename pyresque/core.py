"""Core: the parts joined, and the operations that need several of them. Nothing here has a connection."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyresque.activejob.operation import ActiveJobOperation
from pyresque.activejob.registry import WRAPPER, ActiveJobs
from pyresque.activejob.versions import Rails
from pyresque.clock import SystemClock, utc
from pyresque.errors import DirtyExit, JobArgumentError, NoClassError, NoSuchWorker
from pyresque.failure.base import RefusedJobs, complete
from pyresque.failure.lost_jobs import LostJobs
from pyresque.failure.record import new_failure_id, no_failure_id
from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.failure.retention import Retention
from pyresque.job.job import Codec, codec_named, read_job
from pyresque.job.job_class import JobClass
from pyresque.job.overview import Overview, read_overview
from pyresque.job.plugin import mark_of
from pyresque.job.plugin_context import PluginContext
from pyresque.job.queues import Queues
from pyresque.job.worker_registry import WorkerRegistry
from pyresque.on_demand import PartsOnDemand
from pyresque.printable import without_password
from pyresque.store.failed import FailedTable
from pyresque.store.keys import Keys
from pyresque.store.queues import QueueTable, StatTable
from pyresque.store.replicas import Replicas
from pyresque.store.workers import WorkerTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from pyresque.activejob.calls import NewJob
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.clock import Clock
    from pyresque.failure.base import FailureBackend, Saves
    from pyresque.failure.record import FailedRecord
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.queue_overview import Info
    from pyresque.job.registry import Registry, Target
    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.ops import Op
    from pyresque.settings import Settings
    from pyresque.store.marks import Mark
    from pyresque.store.workers import RemovedWorker


def never() -> bool:
    """A process that is not stopping."""
    return False


class Core(PartsOnDemand):
    """One application's jobs on one Redis."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        hooks: WorkerHooks,
        clock: Clock | None = None,
        failures: FailureBackend | Saves | None = None,
        active_jobs: ActiveJobs | None = None,
        schedule_memory: dict[str, Any] | None = None,
        stopping: Callable[[], bool] = never,
    ) -> None:
        """Join the parts. Nothing connects.

        ``failures``: where failed jobs are recorded; None: as the settings say. ``active_jobs``: what the application
        registered of its active jobs. ``schedule_memory``: the recurring jobs that live in this process alone.
        ``stopping``: asked at every checkpoint of a job in steps.
        """
        self.settings = settings
        self.active_job_classes = active_jobs or ActiveJobs()
        self._stopping = stopping
        self._rails = Rails.named(settings.rails_version)
        self._registered = registry
        registry = registry.with_internal(
            JobClass(
                *(WRAPPER, None, WRAPPER),
                operation=ActiveJobOperation(self.active_job_classes, lambda: self.active_jobs),
            )
        )
        registry.fallback = self._active_entry
        self.registry = registry
        self.hooks = hooks
        self.clock: Clock = clock or SystemClock()
        self.keys = Keys(settings.namespace)
        self.codec: Codec = codec_named(settings.codec, settings.dialect)
        self._replicas = Replicas.of(settings)
        self.table = QueueTable(self.keys, self._replicas)
        self.stats = StatTable(self.keys)
        self.failed_table = FailedTable(self.keys)
        self.worker_registry = WorkerRegistry(WorkerTable(self.keys), self.codec)
        self.jobs = Queues(
            *(self.table, self.codec, registry),
            inline=settings.inline,
            stamp=self._now if settings.enqueued_at else None,
        )
        kind = (
            RedisMultiQueueBackend
            if settings.failure_backend == "redis_multi_queue"
            else RedisBackend
        )
        self.default_failures: FailureBackend = kind(self.failed_table, self.codec, self.clock)
        #: The backend that the application gave; None: the default one.
        self.given_failures = failures
        self._failures = complete(failures or self.default_failures)
        self.new_failure_id = new_failure_id if settings.failure_ids else no_failure_id
        self.lost_jobs = LostJobs(
            *(self.worker_registry, self._failures, registry, self.clock, self.default_failures),
            new_id=self.new_failure_id,
            worker_hooks=hooks,
        )
        self.retention = Retention(
            settings,
            lambda: self._failures,
            self.clock,
            self.worker_registry.table.server_time,
        )
        self.refusals = RefusedJobs(self._failures, self.clock, new_id=self.new_failure_id)
        registry.context = PluginContext(
            *(self.keys, self.codec, self.clock, self.jobs), lambda: self.delayed
        )
        self.failed_table.mark_of = self._mark_of
        self._schedule_memory = {} if schedule_memory is None else schedule_memory

    @property
    def failures(self) -> FailureBackend:
        """Where failed jobs are recorded; any object with a ``save`` may be put there."""
        return self._failures

    @failures.setter
    def failures(self, backend: FailureBackend | Saves) -> None:
        self.given_failures = backend
        self._failures = complete(backend)
        self.lost_jobs.backend = self.refusals.backend = self._failures

    def _now(self) -> str:
        """The time that a payload bears as ``enqueued_at``, as ActiveJob writes it."""
        from pyresque.ruby import time as ruby_time  # noqa: PLC0415 - by those who have the setting: each forked child pays for what is loaded

        return ruby_time.iso8601(utc(self.clock), 6)

    def _mark_of(self, queue: str, payload: bytes) -> Mark | None:
        """The mark that a failed job is requeued with."""
        if not self.registry.with_plugins:
            return None
        entry = self.registry.with_plugins_of(read_job(self.codec, queue, payload))
        return None if entry is None else mark_of(entry)

    # -- active jobs

    @cached_property
    def active_jobs(self) -> JobWrapper:
        """What performs and enqueues the jobs of a Rails application, as the settings describe it."""
        from pyresque.activejob import times  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded
        from pyresque.activejob.versions import RailsApp  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded
        from pyresque.activejob.wrapper import JobWrapper  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        def now() -> datetime:
            return times.later(times.EPOCH, self.clock.time())

        app = RailsApp(self._rails, self.settings.rails_locale, self.settings.rails_timezone)
        return JobWrapper(
            self.active_job_classes,
            self._registered,
            app,
            self._put,
            now,
            stopping=self._stopping,
            view=self.registry,
        )

    def class_name(self, job: Target | None) -> str | None:
        """The Ruby name of a job by its class, function or name, as failed records bear it; None if none is given.

        Raises JobArgumentError for an active job: its records bear the wrapper's name.
        """
        if job is None:
            return None
        entry = self.registry.describe(job)
        if entry.carrier is not None:
            raise JobArgumentError(
                f"failed records of the active job {entry.name} bear its wrapper's class: "
                "choose among all records, by payload.args[0]['job_class'], or give the wrapper's name"
            )
        return entry.name

    def _active_entry(self, target: Any) -> JobClass | None:
        """The entry of a registered or declared active job by its name, function or class, for Resque's own verbs."""
        known = self.active_job_classes.of(target)
        entry = self.active_job_classes.declared(target) if known is None else known.entry
        if entry is None and isinstance(target, type):
            for base in filter(self.active_job_classes.has, target.__mro__[1:]):
                raise NoClassError(
                    f"class {target.__qualname__} is no active job, though its base {base.__qualname__} is: "
                    "decorate it with active_job, too"
                )
        return None if entry is None else self.active_jobs.entry(entry)

    async def _put(self, envelope: Envelope) -> bool:
        """Bring an active job where it belongs: into its queue or, while it waits, among the delayed jobs.

        False if an enqueue middleware refused it.
        """
        tracked = self.active_job_classes.tracked.get(envelope.job_class)
        put = self._put_untracked(envelope)
        if tracked is None:
            return await put
        return bool(await tracked.put(self.registry.plugin_context(), envelope, put))

    async def _put_untracked(self, envelope: Envelope) -> bool:
        job, at = envelope.to_json(), envelope.run_at
        if at is None:
            done = await self.jobs.enqueue_to(envelope.queue_name, WRAPPER, job)
        else:
            done = await self.delayed.enqueue_at_with_queue(envelope.queue_name, at, WRAPPER, job)
        return done is not None

    async def enqueue_active_job(self, new: NewJob) -> Envelope | None:
        """Enqueue a job that Rails, or ``active_job`` here, performs; its Envelope, or None if a hook said no."""
        return await self.active_jobs.enqueue(new)

    async def perform_all_later(self, new: Iterable[NewJob]) -> int:
        """Enqueue many active jobs (Rails: ``ActiveJob.perform_all_later``); how many no hook kept out."""
        return sum(made is not None for made in await self.active_jobs.enqueue_all(new))

    async def unlock_active_jobs(
        self, active_job: Target | None = None, /, *args: Any, **kwargs: Any
    ) -> None:
        """Delete the locks of unique active jobs: of one with these arguments, of a class, or of all (Ruby: ``unlock!``)."""
        from pyresque.plugins.unique_jobs import unlock  # noqa: PLC0415 - for those who have unique jobs

        known = self.active_job_classes.of(active_job) if active_job is not None else None
        name = active_job if known is None else known.entry.name
        await unlock(self.active_jobs, None if name is None else str(name), args, kwargs)

    # -- the whole

    async def info(self) -> Info:
        """The overview that ``resque-web`` opens with: numbers of jobs, queues and workers.

        >>> resque.info().pending
        3
        """
        return self.summary(await self.overview())

    def overview(self, *, pauses: bool = False) -> Op[Overview]:
        """Return what ``info`` sums up: queues with their sizes, workers, counters; and pauses, if asked for."""
        read = self.jobs.pauses if pauses else None
        return read_overview(self.stats, self.failed_table, read)

    def summary(self, overview: Overview) -> Info:
        """Sum up an overview."""
        from pyresque.job.queue_overview import Info  # noqa: PLC0415 - for those who ask

        return Info(
            pending=sum(size or 0 for size in overview.sizes.values()),
            processed=overview.processed,
            queues=len(overview.sizes),
            workers=len(overview.workers),
            working=len(overview.busy),
            failed=overview.failed,
            servers=[without_password(self.settings.server_url)],
            environment=self.settings.environment,
        )

    # -- workers

    async def remove_worker(self, worker: str | WorkerInfo) -> RemovedWorker | None:
        """Unregister a worker, given by its id or as ``workers`` gave it; a job it has becomes a failure. Raises NoSuchWorker."""
        worker_id = worker if isinstance(worker, str) else worker.id
        if not await self.worker_registry.table.exists(worker_id):
            msg = f"no worker {worker_id!r} is registered"
            raise NoSuchWorker(msg)
        return await self.lost_jobs.unregister(worker_id, DirtyExit("Job still being processed"))

    # -- failed jobs

    async def count_failures(
        self, queue: str | None = None, class_name: Target | None = None
    ) -> int:
        """How many failed records there are, of a failure queue and of a job class where they are given."""
        return await self.failures.count(queue, self.class_name(class_name))

    async def requeue_failures(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Put back the jobs of the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return await self.failures.requeueing(wanted, queue).whole()

    async def remove_failures(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Delete the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return await self.failures.removing(wanted, queue).whole()
