"""From an operation to a verb: one typed line a verb and face."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from pyresque.core import Core
from pyresque.failure.base import FailureBackend
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.recurring import Recurring

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    from pyresque.failure.base import Order
    from pyresque.failure.passes import Pass
    from pyresque.failure.record import FailedRecord
    from pyresque.job.registry import Target
    from pyresque.ops import Op

P = ParamSpec("P")


T = TypeVar("T")


class Blocking(Protocol):
    """A face whose verbs block."""

    @property
    def core(self) -> Core:
        """Its operations."""

    def run(self, operation: Op[T]) -> T:
        """Carry an operation."""


class Awaiting(Protocol):
    """A face whose verbs are awaited."""

    @property
    def core(self) -> Core:
        """Its operations."""

    def run(self, operation: Op[T]) -> Awaitable[T]:
        """Carry an operation."""


def blocking(verb: Callable[Concatenate[Core, P], Op[T]]) -> Callable[Concatenate[Blocking, P], T]:
    """An operation of Core as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core, *args, **kwargs))

    return call


def awaited(
    verb: Callable[Concatenate[Core, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """An operation of Core as a verb that is awaited; it begins when it is awaited, so that one cancelled before has not begun."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core, *args, **kwargs))

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
    async def call(self: AsyncFailures, /, *args: P.args, **kwargs: P.kwargs) -> T:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return await self.resque.run(operation)

    return call


def delayed_blocking(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[Blocking, P], T]:
    """An operation on delayed jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def delayed_awaited(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def recurring_blocking(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[Blocking, P], T]:
    """An operation on recurring jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.recurring, *args, **kwargs))

    return call


def recurring_awaited(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core.recurring, *args, **kwargs))

    return call


def _given(resque: Blocking, found: Pass) -> Iterator[FailedRecord]:
    """The records of a pass, each page read when it is needed."""
    while (page := resque.run(found.more())) is not None:
        yield from page.records


class AwaitedRecords:
    """The records of a pass, for ``async for``."""

    def __init__(self, resque: Awaiting, found: Pass) -> None:
        self._resque = resque
        self._pass = found

    def __await__(self) -> Generator[Any, Any, list[FailedRecord]]:
        """All of them at once."""
        return self._resque.run(self._pass.everything()).__await__()

    async def __aiter__(self) -> AsyncIterator[FailedRecord]:
        while (page := await self._resque.run(self._pass.more())) is not None:
            for record in page.records:
                yield record


class Failures:
    """``resque.failures``: the failed jobs (Ruby: ``Resque::Failure``)."""

    def __init__(self, resque: Blocking) -> None:
        self.resque = resque

    def count(self, queue: str | None = None, class_name: Target | None = None) -> int:
        """How many records, of a failure queue and of a job class where they are named."""
        core = self.resque.core
        return self.resque.run(core.failures.count(queue, core.class_name(class_name)))

    queues = failures_blocking(FailureBackend.queues)
    all = failures_blocking(FailureBackend.all)

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> Iterator[FailedRecord]:
        """Records of a page, latest first by default, with their places; read as they are asked for, some hundreds at a time."""
        core = self.resque.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return _given(self.resque, found)

    def requeue_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Put back the jobs of the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return self.resque.run(self.resque.core.failures.requeueing(wanted, queue).whole())

    def remove_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Delete the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return self.resque.run(self.resque.core.failures.removing(wanted, queue).whole())

    clear = failures_blocking(FailureBackend.clear)
    clear_retried = failures_blocking(FailureBackend.clear_retried)
    requeue = failures_blocking(FailureBackend.requeue)
    remove = failures_blocking(FailureBackend.remove)
    requeue_queue = failures_blocking(FailureBackend.requeue_queue)
    requeue_all = failures_blocking(FailureBackend.requeue_all)
    remove_queue = failures_blocking(FailureBackend.remove_queue)


class AsyncFailures:
    """``resque.failures`` of an AsyncResque."""

    def __init__(self, resque: Awaiting) -> None:
        self.resque = resque

    async def count(self, queue: str | None = None, class_name: Target | None = None) -> int:
        """The same, awaited."""
        core = self.resque.core
        return await self.resque.run(core.failures.count(queue, core.class_name(class_name)))

    queues = failures_awaited(FailureBackend.queues)
    all = failures_awaited(FailureBackend.all)

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> AwaitedRecords:
        """The same, for ``async for``; awaited, it gives all of them at once, as a list."""
        core = self.resque.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return AwaitedRecords(self.resque, found)

    async def requeue_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """The same, awaited."""
        return await self.resque.run(self.resque.core.failures.requeueing(wanted, queue).whole())

    async def remove_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """The same, awaited."""
        return await self.resque.run(self.resque.core.failures.removing(wanted, queue).whole())

    clear = failures_awaited(FailureBackend.clear)
    clear_retried = failures_awaited(FailureBackend.clear_retried)
    requeue = failures_awaited(FailureBackend.requeue)
    remove = failures_awaited(FailureBackend.remove)
    requeue_queue = failures_awaited(FailureBackend.requeue_queue)
    requeue_all = failures_awaited(FailureBackend.requeue_all)
    remove_queue = failures_awaited(FailureBackend.remove_queue)


class BlockingVerbs:
    """Those of Resque."""

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
    all_paused = blocking(Core.all_paused)
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

    # -- recurring jobs

    set_schedule = recurring_blocking(Recurring.set_schedule)
    assign_schedule = recurring_blocking(Recurring.assign_schedule)
    remove_schedule = recurring_blocking(Recurring.remove_schedule)
    schedule = recurring_blocking(Recurring.schedule)
    fetch_schedule = recurring_blocking(Recurring.fetch_schedule)
    enqueue_from_config = recurring_blocking(Recurring.enqueue_from_config)
    next_runs = recurring_blocking(Recurring.next_runs)
    last_enqueued_at = recurring_blocking(Recurring.last_enqueued_at)
    get_last_enqueued_at = recurring_blocking(Recurring.get_last_enqueued_at)
    master_lock = blocking(Core.master_lock)
    release_master_lock = blocking(Core.release_master_lock)


class AwaitedVerbs:
    """Those of AsyncResque."""

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
    all_paused = awaited(Core.all_paused)
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

    # -- recurring jobs

    set_schedule = recurring_awaited(Recurring.set_schedule)
    assign_schedule = recurring_awaited(Recurring.assign_schedule)
    remove_schedule = recurring_awaited(Recurring.remove_schedule)
    schedule = recurring_awaited(Recurring.schedule)
    fetch_schedule = recurring_awaited(Recurring.fetch_schedule)
    enqueue_from_config = recurring_awaited(Recurring.enqueue_from_config)
    next_runs = recurring_awaited(Recurring.next_runs)
    last_enqueued_at = recurring_awaited(Recurring.last_enqueued_at)
    get_last_enqueued_at = recurring_awaited(Recurring.get_last_enqueued_at)
    master_lock = awaited(Core.master_lock)
    release_master_lock = awaited(Core.release_master_lock)
