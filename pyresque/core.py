"""Core: the parts joined. Every verb of Resque is an operation here; nothing here has a connection."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyresque.activejob.registry import WRAPPER, ActiveJobs
from pyresque.activejob.versions import Rails
from pyresque.clock import SystemClock
from pyresque.errors import DirtyExit, JobArgumentError, NoSuchWorker, SettingsError
from pyresque.failure.base import RefusedJobs, complete
from pyresque.failure.lost_jobs import LostJobs
from pyresque.failure.record import new_failure_id, no_failure_id
from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.job.job import Codec, Job, codec_named
from pyresque.job.queues import Queues, Sample
from pyresque.job.registry import JobClass, Registry, validate
from pyresque.job.worker_registry import WorkerInfo, WorkerRegistry
from pyresque.schedule.cron.zones import zone_named
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.enqueue_from_config import Overlap, ScheduledEnqueue
from pyresque.schedule.promote import Promoter
from pyresque.schedule.recurring import Recurring
from pyresque.schedule.search import Search
from pyresque.settings import without_password
from pyresque.store.delayed import DelayedTable
from pyresque.store.failed import FailedTable
from pyresque.store.keys import Keys
from pyresque.store.queues import QueueTable, StatTable
from pyresque.store.schedules import LockInfo, MasterLock, ScheduleTable
from pyresque.store.workers import WorkerTable
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from pyresque.activejob.calls import NewJob
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.failure.base import FailureBackend, Saves
    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.registry import Target
    from pyresque.ops import Clock
    from pyresque.settings import Settings


@dataclass(frozen=True, slots=True)
class Info:
    """The overview that ``resque-web`` opens with."""

    pending: int
    processed: int
    queues: int
    workers: int
    working: int
    failed: int
    servers: list[str]
    environment: str


def _never() -> bool:
    """Nobody stops us."""
    return False


def _rails(settings: Settings) -> Rails:
    try:
        return Rails.named(settings.rails_version)
    except ValueError as error:
        raise SettingsError(f"rails_version: {error}") from error


class Core:
    """One application's jobs on one Redis."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        hooks: WorkerHooks,
        clock: Clock | None = None,
        failures: FailureBackend | Saves | None = None,
        active_jobs: ActiveJobs | None = None,
    ) -> None:
        self.settings = settings
        #: What the application registered of its active jobs.
        self.active_job_classes = active_jobs or ActiveJobs()
        #: Asked at every checkpoint of a job in steps; a worker puts its own here.
        self.stopping: Callable[[], bool] = _never
        self._rails = _rails(settings)
        self._registered = registry
        registry = registry.with_internal(
            JobClass(
                WRAPPER, None, WRAPPER, operation=self._perform_active_job, inside=self._inside
            )
        )
        registry.fallback = self._active_entry
        self.registry = registry
        self.hooks = hooks
        self.clock: Clock = clock or SystemClock()
        self.keys = Keys(settings.namespace)
        self.codec: Codec = codec_named(settings.codec, settings.dialect)
        self.table = QueueTable(self.keys)
        self.stats = StatTable(self.keys)
        self.failed_table = FailedTable(self.keys)
        self.worker_registry = WorkerRegistry(WorkerTable(self.keys), self.codec)
        self.jobs = Queues(self.table, self.codec, registry, inline=settings.inline)
        kind = (
            RedisMultiQueueBackend
            if settings.failure_backend == "redis_multi_queue"
            else RedisBackend
        )
        self.default_failures: FailureBackend = kind(self.failed_table, self.codec, self.clock)
        self._failures = complete(failures or self.default_failures)
        self.new_failure_id = new_failure_id if settings.failure_ids else no_failure_id
        self.lost_jobs = LostJobs(
            *(self.worker_registry, self._failures, registry, self.clock, self.default_failures),
            new_id=self.new_failure_id,
        )
        self.refusals = RefusedJobs(self._failures, self.clock, new_id=self.new_failure_id)
        self.delayed = self._delayed()
        self.recurring = self._recurring()
        self.lock = MasterLock(
            self.keys,
            settings.master_lock_prefix,
            settings.lock_timeout,
            settings.scheduler_interval,
        )

    @property
    def failures(self) -> FailureBackend:
        """Where failed jobs are recorded; any object with a ``save`` may be put there."""
        return self._failures

    @failures.setter
    def failures(self, backend: FailureBackend | Saves) -> None:
        self._failures = complete(backend)
        self.lost_jobs.backend = self.refusals.backend = self._failures

    def _delayed(self) -> Delayed:
        """The delayed jobs; what cannot be queued goes to the failure backend."""
        table = DelayedTable(self.keys)
        by_meaning = self.settings.delayed_search == "meaning"
        search = Search(table, self.codec, self.registry, by_meaning=by_meaning)
        promoter = Promoter(
            table, self.jobs, self.refusals, self.settings.delayed_requeue_batch_size
        )
        return Delayed(self.jobs, search, promoter, self.clock)

    def _recurring(self) -> Recurring:
        presence = Overlap(self.jobs, self.worker_registry)
        zone = zone_named(self.settings.time_zone)
        table = ScheduleTable(self.keys)
        return Recurring(table, ScheduledEnqueue(self.jobs), presence, self.clock, zone)

    # -- active jobs

    @functools.cached_property
    def active_jobs(self) -> JobWrapper:
        """What performs and enqueues the jobs of a Rails application, as the settings describe it."""
        from pyresque.activejob import times  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded
        from pyresque.activejob.wrapper import JobWrapper, RailsApp  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        def now() -> datetime:
            return times.later(times.EPOCH, self.clock.time())

        def stopping() -> bool:
            return self.stopping()  # what stands there then

        app = RailsApp(self._rails, self.settings.rails_locale, self.settings.rails_timezone)
        return JobWrapper(
            self.active_job_classes,
            self._registered,
            app,
            self._put,
            now,
            stopping=stopping,
        )

    async def _perform_active_job(self, job: Job) -> bool:
        return await self.active_jobs.perform(job)

    def _inside(self, job: Job) -> JobClass | None:
        return self.active_job_classes.inside(job)

    def class_name(self, job: Target | None) -> str | None:
        """The Ruby name of a job by its class, function or name, as failed records bear it; None where none is given.

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
        """The entry of a registered active job by its name, function or class, for Resque's own verbs."""
        known = self.active_job_classes.of(target)
        return None if known is None else self.active_jobs.entry(known)

    async def _put(self, envelope: Envelope) -> None:
        """Bring an active job where it belongs: into its queue or, while it waits, among the delayed jobs."""
        job, at = envelope.to_json(), envelope.run_at
        if at is None:
            await self.jobs.enqueue_to(envelope.queue_name, WRAPPER, (job,), {})
        else:
            await self.delayed.enqueue_at_with_queue(envelope.queue_name, at, WRAPPER, job)

    async def enqueue_active_job(self, new: NewJob) -> Envelope | None:
        """Enqueue a job that Rails, or ``active_job`` here, performs; its Envelope, or None where a hook said no."""
        return await self.active_jobs.enqueue(new)

    async def perform_all_later(self, new: Iterable[NewJob]) -> int:
        """Enqueue many active jobs (Rails: ``ActiveJob.perform_all_later``); how many no hook kept out."""
        return sum(made is not None for made in await self.active_jobs.enqueue_all(new))

    # -- queues

    async def enqueue(self, job: Target, /, *args: Any, **kwargs: Any) -> bool | None:
        """Enqueue to the job's own queue: True, or None where a before_enqueue hook said no.

        Keyword arguments go to the places that the job's function gives them; for a class that only Ruby knows they travel as
        a trailing hash. Raises NoQueueError, NoClassError, NotEncodable, JobArgumentError.
        """
        return await self.jobs.enqueue(job, args, kwargs)

    async def enqueue_to(
        self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
    ) -> bool | None:
        """Enqueue to a queue by name; the job may be a name that only Ruby knows."""
        return await self.jobs.enqueue_to(queue, job, args, kwargs)

    async def enqueue_many(self, calls: Iterable[Sequence[Any]]) -> int:
        """Enqueue many ``(job, *args)``, some hundreds in one round trip; how many were enqueued."""
        return await self.jobs.enqueue_many(calls)

    async def dequeue(self, job: Target, /, *args: Any, **kwargs: Any) -> int | None:
        """Remove a class's jobs from its own queue, those with these arguments or, without any, all; how many.

        None where a before_dequeue hook said no.
        """
        return await self.jobs.dequeue(job, args, kwargs)

    async def destroy(self, queue: str, job: Target, /, *args: Any, **kwargs: Any) -> int:
        """Remove a class's jobs from a queue, without hooks (Ruby: ``Job.destroy``); how many."""
        return await self.jobs.destroy(queue, job, args, kwargs)

    async def create(
        self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
    ) -> list[int]:
        """Push a job without its enqueue hooks (Ruby: ``Job.create``): whether the queue was new, its new length."""
        return await self.jobs.create(queue, self.registry.describe(job), args, kwargs)

    async def push(self, queue: str, item: object) -> list[int]:
        """Push any value: whether the queue was new, its new length."""
        return await self.jobs.push(queue, item)

    async def pop(self, queue: str) -> Any:
        """Take the value at the head, decoded, or None. One that cannot be read stays where it is: DecodeError."""
        return await self.jobs.pop(queue)

    async def reserve(self, queue: str) -> Job | None:
        """Take the job at the head, or None."""
        return await self.jobs.reserve(queue)

    async def peek(self, queue: str, start: int = 0, count: int = 1) -> list[Job]:
        """Jobs from ``start`` on, left where they are; always a list."""
        return await self.jobs.peek(queue, start, count)

    async def size(self, queue: str) -> int:
        """How many jobs wait."""
        return await self.table.size(queue)

    async def queues(self) -> list[str]:
        """The known queues, sorted."""
        return await self.table.queues()

    async def queue_sizes(self) -> dict[str, int]:
        """Every queue with its size."""
        return await self.jobs.queue_sizes()

    async def sample_queues(self, sample_size: int = 1000) -> dict[str, Sample]:
        """The size and the first jobs of every queue."""
        return await self.jobs.sample_queues(sample_size)

    async def list_range(self, key: str, start: int = 0, count: int = 1) -> list[Any]:
        """Decoded elements of any list by its name below the namespace."""
        return await self.jobs.list_range(key, start, count)

    async def watch_queue(self, queue: str) -> int:
        """Remember a queue's name; 1 when it is new."""
        return await self.table.watching(queue)

    async def remove_queue(self, queue: str) -> list[int]:
        """Delete a queue with all it holds; whether its name was known, whether it held anything."""
        return await self.table.remove(queue)

    async def validate(self, job: Target, queue: str | None = None) -> None:
        """Raise NoQueueError or NoClassError where a job could not be enqueued."""
        validate(self.registry.describe(job), queue)

    # -- the whole

    async def queue_lengths(self) -> dict[str, int | None]:
        """Every queue with its size; None for a key of another type than a list."""
        return await self.table.lengths(await WrongKeyLog().value_or(self.table.queues(), []))

    async def info(self) -> Info:
        """The overview."""
        return await self.overview(await self.queue_lengths(), await self.worker_registry.counts())

    async def overview(self, sizes: Mapping[str, int | None], workers: tuple[int, int]) -> Info:
        """The overview, with queues and workers as they were just read: how many are registered, and how many work."""
        registered, working = workers
        return Info(
            pending=sum(size or 0 for size in sizes.values()),
            processed=await self.stats.get("processed"),
            queues=len(sizes),
            workers=registered,
            working=working,
            failed=await WrongKeyLog().value_or(self.failed_table.size(), 0),
            servers=[without_password(self.settings.url)],
            environment=self.settings.environment,
        )

    async def stat(self, name: str) -> int:
        """A counter, such as ``processed`` or ``failed``."""
        return await self.stats.get(name)

    async def all_keys(self) -> list[str]:
        """Every key below the namespace, without it (Ruby: ``Resque.keys``)."""
        return await self.table.all_keys()

    # -- workers

    async def workers(self) -> list[WorkerInfo]:
        """Every registered worker."""
        return await self.worker_registry.all()

    async def working(self) -> list[WorkerInfo]:
        """The workers that perform a job."""
        return await self.worker_registry.working()

    async def find_worker(self, worker: str | WorkerInfo) -> WorkerInfo | None:
        """One worker by its id, or as ``workers`` gave it; None where it has gone."""
        return await self.worker_registry.find(worker if isinstance(worker, str) else worker.id)

    async def remove_worker(self, worker: str | WorkerInfo) -> list[int]:
        """Unregister a worker; a job it has becomes a failure. Raises NoSuchWorker."""
        worker_id = worker if isinstance(worker, str) else worker.id
        if not await self.worker_registry.table.exists(worker_id):
            msg = f"no worker {worker_id!r} is registered"
            raise NoSuchWorker(msg)
        removed = await self.lost_jobs.unregister(worker_id, DirtyExit("Job still being processed"))
        return removed or []

    async def pause_all(self) -> None:
        """Pause every worker, Ruby's too, until ``unpause_all``."""
        await self.worker_registry.table.set_pause(paused=True)

    async def all_paused(self) -> bool:
        """Whether ``pause_all``, here or in Ruby, keeps every worker from taking jobs."""
        return await self.worker_registry.table.paused()

    async def unpause_all(self) -> None:
        """Let paused workers go on."""
        await self.worker_registry.table.set_pause(paused=False)

    # -- the scheduler's master lock

    async def master_lock(self) -> LockInfo | None:
        """Which scheduler leads, Ruby's or ours, and how long its lock still lives; None where none does."""
        return await self.lock.info()

    async def release_master_lock(self) -> bool:
        """Take the lock from whoever holds it (Ruby: ``release_master_lock!``); whether anybody did.

        For a lock whose holder is gone for good: a scheduler that lives is not told.
        """
        return await self.lock.force_release()
