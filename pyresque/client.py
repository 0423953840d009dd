"""The two faces: ``Resque``, whose verbs block, and ``AsyncResque``, whose verbs are awaited; the same verbs side by side."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from pyresque.activejob.calls import ActiveJobCall, NewJob, Options
from pyresque.activejob.registered import ActiveJobs
from pyresque.core import Core
from pyresque.driver.aio import AsyncDriver
from pyresque.driver.sync import SyncDriver
from pyresque.errors import SettingsError
from pyresque.failure.base import FailureBackend
from pyresque.job.registry import JobClass, Registry
from pyresque.job.worker_hooks import WorkerHooks
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.recurring import Recurring
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.activejob.calls import AwaitedCall, BlockingCall
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.activejob.serializers import Serializer
    from pyresque.ops import Clock, Op

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
J = TypeVar("J")
Z = TypeVar("Z", bound="Serializer | type[Serializer]")


class Application:
    """What both faces share: the settings, the registered jobs and the worker hooks; connects to nothing."""

    core: Core

    def __init__(
        self,
        url: str | None = None,
        *,
        jobs: Application | None = None,
        settings: Settings | None = None,
        failures: FailureBackend | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        """A Redis URL, or none for REDIS_URL; ``options`` are any of Settings' names.

        ``jobs`` takes over the jobs, hooks and recurring jobs of another face. Raises SettingsError.
        """
        if settings is not None and (url is not None or options):
            msg = "give either settings or single options, not both"
            raise SettingsError(msg)
        self.settings = settings or Settings.load(url=url, **options)
        registry = jobs.core.registry if jobs is not None else Registry()
        hooks = jobs.core.hooks if jobs is not None else WorkerHooks()
        active = jobs.core.active_jobs.jobs if jobs is not None else ActiveJobs()
        self.core = Core(self.settings, registry, hooks, clock, failures, active)
        if jobs is not None:
            self.core.recurring.memory = jobs.core.recurring.memory

    def configure(self, **changes: Any) -> None:
        """Change settings (None: leave as it is) before the first verb, keeping what is registered.

        This is how the command line's flags reach an application: its jobs that enqueue follow them, too.
        """
        known = {name: value for name, value in changes.items() if value is not None}
        former = self.core
        self.settings = self.settings.but(**known)
        failures = None if former.failures is former.default_failures else former.failures
        self.core = Core(
            self.settings,
            former.registry,
            former.hooks,
            former.clock,
            failures,
            former.active_jobs.jobs,
        )
        self.core.recurring.memory = former.recurring.memory

    # -- registering

    @overload
    def job(self, target: type[J], /) -> type[J]: ...

    @overload
    def job(self, target: F, /) -> F: ...

    @overload
    def job(
        self,
        name: str | None = None,
        /,
        *,
        queue: str | None = None,
        kwargs: bool = False,
        aliases: Iterable[str] = (),
    ) -> Callable[[F], F]: ...

    def job(
        self,
        name: Any = None,
        /,
        *,
        queue: str | None = None,
        kwargs: bool = False,
        aliases: Iterable[str] = (),
    ) -> Any:
        """Register a class with a static method ``perform``, or a function, as a job.

        ``name`` is the Ruby class name; without it a class gives its own, a function the CamelCase of its own.
        ``kwargs=True`` gives a trailing hash back as keyword arguments. ``aliases`` are older names that still arrive.
        Raises DuplicateJobError.
        """
        if name is not None and not isinstance(name, str):
            self.core.registry.add(name)
            return name

        def register(target: F) -> F:
            self.core.registry.add(target, name=name, queue=queue, kwargs=kwargs, aliases=aliases)
            return target

        return register

    @property
    def registered(self) -> list[JobClass]:
        """Every registered job, by name."""
        return list(self.core.registry)

    def locator(self, model: str) -> Callable[[F], F]:
        """Register a function that finds a Rails model's records: it gets a GlobalID, None from it means the record is gone.

        Without one for its model an active job gets the GlobalID itself.
        """

        def register(locate: F) -> F:
            self.core.active_jobs.jobs.locators[model] = locate
            return locate

        return register

    def serializer(self, serializer: Z) -> Z:
        """Register the other half of a Ruby ObjectSerializer: an object, or a class that is made without arguments."""
        made: Serializer = serializer() if isinstance(serializer, type) else serializer
        self.core.active_jobs.jobs.serializers.append(made)
        return serializer

    def _hook(self, name: str, hook: F) -> F:
        self.core.hooks.add(name, hook)
        return hook

    def before_first_fork(self, hook: F) -> F:
        """Add a function that a worker calls once, before it registers."""
        return self._hook("before_first_fork", hook)

    def before_fork(self, hook: F) -> F:
        """Add a function of the job that a worker calls before it forks."""
        return self._hook("before_fork", hook)

    def after_fork(self, hook: F) -> F:
        """Add a function of the job that is called in the child, before the job."""
        return self._hook("after_fork", hook)

    def before_pause(self, hook: F) -> F:
        """Add a function of the worker that is called when USR2 pauses it."""
        return self._hook("before_pause", hook)

    def after_pause(self, hook: F) -> F:
        """Add a function of the worker that is called when CONT lets it go on."""
        return self._hook("after_pause", hook)

    def queue_empty(self, hook: F) -> F:
        """Add a function that is called when a worker that had work finds none."""
        return self._hook("queue_empty", hook)

    def worker_exit(self, hook: F) -> F:
        """Add a function that is called when a worker has left."""
        return self._hook("worker_exit", hook)

    def on_shutdown(self, hook: F) -> F:
        """Add a function that is called when a worker is told to stop (Ruby: ``Resque.shutdown``)."""
        return self._hook("shutdown", hook)


def blocking(verb: Callable[Concatenate[Core, P], Op[T]]) -> Callable[Concatenate[Resque, P], T]:
    """An operation of Core as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Resque, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core, *args, **kwargs))

    return call


def awaited(
    verb: Callable[Concatenate[Core, P], Op[T]],
) -> Callable[Concatenate[AsyncResque, P], Awaitable[T]]:
    """An operation of Core as a verb that is awaited."""

    @functools.wraps(verb)
    def call(self: AsyncResque, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core, *args, **kwargs))

    return call


def failures_blocking(
    verb: Callable[Concatenate[Any, P], Op[T]],
) -> Callable[Concatenate[Failures, P], T]:
    """An operation of a failure backend as a verb that blocks; the backend in use answers it."""

    @functools.wraps(verb)
    def call(self: Failures, /, *args: P.args, **kwargs: P.kwargs) -> T:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return self.resque.run(operation)

    return call


def failures_awaited(
    verb: Callable[Concatenate[Any, P], Op[T]],
) -> Callable[Concatenate[AsyncFailures, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    def call(self: AsyncFailures, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return self.resque.run(operation)

    return call


def delayed_blocking(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[Resque, P], T]:
    """An operation on delayed jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Resque, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def delayed_awaited(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[AsyncResque, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    def call(self: AsyncResque, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def recurring_blocking(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[Resque, P], T]:
    """An operation on recurring jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Resque, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.recurring, *args, **kwargs))

    return call


def recurring_awaited(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[AsyncResque, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    def call(self: AsyncResque, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core.recurring, *args, **kwargs))

    return call


class Failures:
    """``resque.failures``: the failed jobs (Ruby: ``Resque::Failure``)."""

    def __init__(self, resque: Resque) -> None:
        self.resque = resque

    count = failures_blocking(FailureBackend.count)
    queues = failures_blocking(FailureBackend.queues)
    all = failures_blocking(FailureBackend.all)
    each = failures_blocking(FailureBackend.each)
    clear = failures_blocking(FailureBackend.clear)
    clear_retried = failures_blocking(FailureBackend.clear_retried)
    requeue = failures_blocking(FailureBackend.requeue)
    remove = failures_blocking(FailureBackend.remove)
    requeue_queue = failures_blocking(FailureBackend.requeue_queue)
    requeue_all = failures_blocking(FailureBackend.requeue_all)
    remove_queue = failures_blocking(FailureBackend.remove_queue)


class AsyncFailures:
    """``resque.failures`` of an AsyncResque."""

    def __init__(self, resque: AsyncResque) -> None:
        self.resque = resque

    count = failures_awaited(FailureBackend.count)
    queues = failures_awaited(FailureBackend.queues)
    all = failures_awaited(FailureBackend.all)
    each = failures_awaited(FailureBackend.each)
    clear = failures_awaited(FailureBackend.clear)
    clear_retried = failures_awaited(FailureBackend.clear_retried)
    requeue = failures_awaited(FailureBackend.requeue)
    remove = failures_awaited(FailureBackend.remove)
    requeue_queue = failures_awaited(FailureBackend.requeue_queue)
    requeue_all = failures_awaited(FailureBackend.requeue_all)
    remove_queue = failures_awaited(FailureBackend.remove_queue)


class Resque(Application):
    """Resque with verbs that block. Connects at the first verb; may be shared between threads, and across a fork."""

    @functools.cached_property
    def driver(self) -> SyncDriver:
        """What carries the verbs; made at the first one."""
        return SyncDriver(self.settings.url)

    @functools.cached_property
    def failures(self) -> Failures:
        """The failed jobs."""
        return Failures(self)

    def run(self, operation: Op[T]) -> T:
        """Carry an operation of Core."""
        with closing(operation):  # begun or not: a bad URL makes no driver
            return self.driver.run(operation)

    def close(self) -> None:
        """Give back the connections; the next verb connects anew."""
        if "driver" in vars(self):
            self.driver.close()
            del self.driver

    def __enter__(self) -> Resque:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def active_job(
        self,
        name: str,
        *,
        queue: str | None = None,
        retry_on: Sequence[RetryOn] = (),
        discard_on: Sequence[DiscardOn] = (),
        bind: bool = False,
    ) -> BlockingCall:
        """A Rails job by its class name: decorate what performs it here, or enqueue it, whoever performs it.

        ``bind=True`` gives the job's Envelope as first argument, to its hooks too.
        """
        options = Options(queue=queue)
        jobs = self.core.active_jobs.jobs
        return ActiveJobCall(name, jobs, self._enqueue_active, options, retry_on, discard_on, bind)

    def _enqueue_active(self, new: NewJob) -> Envelope | None:
        return self.run(self.core.enqueue_active_job(new))

    perform_all_later = blocking(Core.perform_all_later)
    enqueue = blocking(Core.enqueue)
    enqueue_to = blocking(Core.enqueue_to)
    enqueue_many = blocking(Core.enqueue_many)
    dequeue = blocking(Core.dequeue)
    destroy = blocking(Core.destroy)
    create = blocking(Core.create)
    push = blocking(Core.push)
    pop = blocking(Core.pop)
    reserve = blocking(Core.reserve)
    peek = blocking(Core.peek)
    size = blocking(Core.size)
    queues = blocking(Core.queues)
    queue_sizes = blocking(Core.queue_sizes)
    queue_lengths = blocking(Core.queue_lengths)
    sample_queues = blocking(Core.sample_queues)
    list_range = blocking(Core.list_range)
    watch_queue = blocking(Core.watch_queue)
    remove_queue = blocking(Core.remove_queue)
    validate = blocking(Core.validate)
    info = blocking(Core.info)
    stat = blocking(Core.stat)
    all_keys = blocking(Core.all_keys)
    workers = blocking(Core.workers)
    working = blocking(Core.working)
    find_worker = blocking(Core.find_worker)
    remove_worker = blocking(Core.remove_worker)
    pause_all = blocking(Core.pause_all)
    unpause_all = blocking(Core.unpause_all)

    # -- delayed jobs

    enqueue_at = delayed_blocking(Delayed.enqueue_at)
    enqueue_at_with_queue = delayed_blocking(Delayed.enqueue_at_with_queue)
    enqueue_in = delayed_blocking(Delayed.enqueue_in)
    enqueue_in_with_queue = delayed_blocking(Delayed.enqueue_in_with_queue)
    enqueue_many_at = delayed_blocking(Delayed.enqueue_many_at)
    delayed_push = delayed_blocking(Delayed.delayed_push)
    delay_or_enqueue_at = delayed_blocking(Delayed.delay_or_enqueue_at)
    delay_or_enqueue_in = delayed_blocking(Delayed.delay_or_enqueue_in)
    delayed_queue_peek = delayed_blocking(Delayed.delayed_queue_peek)
    delayed_queue_schedule_size = delayed_blocking(Delayed.delayed_queue_schedule_size)
    delayed_timestamp_size = delayed_blocking(Delayed.delayed_timestamp_size)
    delayed_timestamp_peek = delayed_blocking(Delayed.delayed_timestamp_peek)
    next_delayed_timestamp = delayed_blocking(Delayed.next_delayed_timestamp)
    next_item_for_timestamp = delayed_blocking(Delayed.next_item_for_timestamp)
    count_all_scheduled_jobs = delayed_blocking(Delayed.count_all_scheduled_jobs)
    find_delayed_selection = delayed_blocking(Delayed.find_delayed_selection)
    scheduled_at = delayed_blocking(Delayed.scheduled_at)
    is_delayed = delayed_blocking(Delayed.is_delayed)
    remove_delayed = delayed_blocking(Delayed.remove_delayed)
    remove_delayed_in_queue = delayed_blocking(Delayed.remove_delayed_in_queue)
    remove_delayed_selection = delayed_blocking(Delayed.remove_delayed_selection)
    remove_delayed_job_from_timestamp = delayed_blocking(Delayed.remove_delayed_job_from_timestamp)
    enqueue_delayed = delayed_blocking(Delayed.enqueue_delayed)
    enqueue_delayed_with_queue = delayed_blocking(Delayed.enqueue_delayed_with_queue)
    enqueue_delayed_selection = delayed_blocking(Delayed.enqueue_delayed_selection)
    enqueue_next_item = delayed_blocking(Delayed.enqueue_next_item)
    move_due = delayed_blocking(Delayed.move_due)
    clean_up_timestamp = delayed_blocking(Delayed.clean_up_timestamp)
    reset_delayed_queue = delayed_blocking(Delayed.reset_delayed_queue)
    last_enqueued_at = delayed_blocking(Delayed.last_enqueued_at)
    get_last_enqueued_at = delayed_blocking(Delayed.get_last_enqueued_at)

    # -- recurring jobs

    set_schedule = recurring_blocking(Recurring.set_schedule)
    assign_schedule = recurring_blocking(Recurring.assign_schedule)
    remove_schedule = recurring_blocking(Recurring.remove_schedule)
    schedule = recurring_blocking(Recurring.schedule)
    fetch_schedule = recurring_blocking(Recurring.fetch_schedule)
    enqueue_from_config = recurring_blocking(Recurring.enqueue_from_config)
    next_runs = recurring_blocking(Recurring.next_runs)
    master_lock = blocking(Core.master_lock)
    release_master_lock = blocking(Core.release_master_lock)


class AsyncResque(Application):
    """Resque with verbs that are awaited, in one event loop."""

    @functools.cached_property
    def driver(self) -> AsyncDriver:
        """What carries the verbs; made at the first one."""
        return AsyncDriver(self.settings.url)

    @functools.cached_property
    def failures(self) -> AsyncFailures:
        """The failed jobs."""
        return AsyncFailures(self)

    async def run(self, operation: Op[T]) -> T:
        """Carry an operation of Core."""
        with closing(operation):  # begun or not: a bad URL makes no driver
            return await self.driver.run(operation)

    async def close(self) -> None:
        """Close the connections; the next verb connects anew."""
        if "driver" in vars(self):
            await self.driver.close()
            del self.driver

    async def __aenter__(self) -> AsyncResque:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def active_job(
        self,
        name: str,
        *,
        queue: str | None = None,
        retry_on: Sequence[RetryOn] = (),
        discard_on: Sequence[DiscardOn] = (),
        bind: bool = False,
    ) -> AwaitedCall:
        """The same as of Resque; its ``enqueue`` is awaited."""
        options = Options(queue=queue)
        jobs = self.core.active_jobs.jobs
        return ActiveJobCall(name, jobs, self._enqueue_active, options, retry_on, discard_on, bind)

    def _enqueue_active(self, new: NewJob) -> Awaitable[Envelope | None]:
        return self.run(self.core.enqueue_active_job(new))

    perform_all_later = awaited(Core.perform_all_later)
    enqueue = awaited(Core.enqueue)
    enqueue_to = awaited(Core.enqueue_to)
    enqueue_many = awaited(Core.enqueue_many)
    dequeue = awaited(Core.dequeue)
    destroy = awaited(Core.destroy)
    create = awaited(Core.create)
    push = awaited(Core.push)
    pop = awaited(Core.pop)
    reserve = awaited(Core.reserve)
    peek = awaited(Core.peek)
    size = awaited(Core.size)
    queues = awaited(Core.queues)
    queue_sizes = awaited(Core.queue_sizes)
    queue_lengths = awaited(Core.queue_lengths)
    sample_queues = awaited(Core.sample_queues)
    list_range = awaited(Core.list_range)
    watch_queue = awaited(Core.watch_queue)
    remove_queue = awaited(Core.remove_queue)
    validate = awaited(Core.validate)
    info = awaited(Core.info)
    stat = awaited(Core.stat)
    all_keys = awaited(Core.all_keys)
    workers = awaited(Core.workers)
    working = awaited(Core.working)
    find_worker = awaited(Core.find_worker)
    remove_worker = awaited(Core.remove_worker)
    pause_all = awaited(Core.pause_all)
    unpause_all = awaited(Core.unpause_all)

    # -- delayed jobs

    enqueue_at = delayed_awaited(Delayed.enqueue_at)
    enqueue_at_with_queue = delayed_awaited(Delayed.enqueue_at_with_queue)
    enqueue_in = delayed_awaited(Delayed.enqueue_in)
    enqueue_in_with_queue = delayed_awaited(Delayed.enqueue_in_with_queue)
    enqueue_many_at = delayed_awaited(Delayed.enqueue_many_at)
    delayed_push = delayed_awaited(Delayed.delayed_push)
    delay_or_enqueue_at = delayed_awaited(Delayed.delay_or_enqueue_at)
    delay_or_enqueue_in = delayed_awaited(Delayed.delay_or_enqueue_in)
    delayed_queue_peek = delayed_awaited(Delayed.delayed_queue_peek)
    delayed_queue_schedule_size = delayed_awaited(Delayed.delayed_queue_schedule_size)
    delayed_timestamp_size = delayed_awaited(Delayed.delayed_timestamp_size)
    delayed_timestamp_peek = delayed_awaited(Delayed.delayed_timestamp_peek)
    next_delayed_timestamp = delayed_awaited(Delayed.next_delayed_timestamp)
    next_item_for_timestamp = delayed_awaited(Delayed.next_item_for_timestamp)
    count_all_scheduled_jobs = delayed_awaited(Delayed.count_all_scheduled_jobs)
    find_delayed_selection = delayed_awaited(Delayed.find_delayed_selection)
    scheduled_at = delayed_awaited(Delayed.scheduled_at)
    is_delayed = delayed_awaited(Delayed.is_delayed)
    remove_delayed = delayed_awaited(Delayed.remove_delayed)
    remove_delayed_in_queue = delayed_awaited(Delayed.remove_delayed_in_queue)
    remove_delayed_selection = delayed_awaited(Delayed.remove_delayed_selection)
    remove_delayed_job_from_timestamp = delayed_awaited(Delayed.remove_delayed_job_from_timestamp)
    enqueue_delayed = delayed_awaited(Delayed.enqueue_delayed)
    enqueue_delayed_with_queue = delayed_awaited(Delayed.enqueue_delayed_with_queue)
    enqueue_delayed_selection = delayed_awaited(Delayed.enqueue_delayed_selection)
    enqueue_next_item = delayed_awaited(Delayed.enqueue_next_item)
    move_due = delayed_awaited(Delayed.move_due)
    clean_up_timestamp = delayed_awaited(Delayed.clean_up_timestamp)
    reset_delayed_queue = delayed_awaited(Delayed.reset_delayed_queue)
    last_enqueued_at = delayed_awaited(Delayed.last_enqueued_at)
    get_last_enqueued_at = delayed_awaited(Delayed.get_last_enqueued_at)

    # -- recurring jobs

    set_schedule = recurring_awaited(Recurring.set_schedule)
    assign_schedule = recurring_awaited(Recurring.assign_schedule)
    remove_schedule = recurring_awaited(Recurring.remove_schedule)
    schedule = recurring_awaited(Recurring.schedule)
    fetch_schedule = recurring_awaited(Recurring.fetch_schedule)
    enqueue_from_config = recurring_awaited(Recurring.enqueue_from_config)
    next_runs = recurring_awaited(Recurring.next_runs)
    master_lock = awaited(Core.master_lock)
    release_master_lock = awaited(Core.release_master_lock)
