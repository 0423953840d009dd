"""The two faces: ``Resque``, whose verbs block, and ``AsyncResque``, whose verbs are awaited; the same verbs side by side."""

from __future__ import annotations

import functools
from contextlib import closing
from typing import TYPE_CHECKING, Literal, TypeVar

from pyresque.application import Application
from pyresque.core import Core
from pyresque.driver.sync import SyncDriver
from pyresque.job.limits import TimeLimit, time_limit
from pyresque.job.redelivery import most_redeliveries
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.recurring import Recurring
from pyresque.verbs import (
    AsyncFailures,
    Failures,
    awaited,
    blocking,
    delayed_awaited,
    delayed_blocking,
    recurring_awaited,
    recurring_blocking,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import timedelta

    from pyresque.activejob.calls import AwaitedCall, BlockingCall, NewJob
    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.driver.aio import AsyncDriver
    from pyresque.ops import Op

T = TypeVar("T")


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
        resume: Resume | None = None,
        timeout: TimeLimit | timedelta | float | None = None,
        on_dirty_exit: Literal["fail", "requeue"] = "fail",
        max_redeliveries: int | None = None,
    ) -> BlockingCall:
        """A Rails job by its class name: decorate what performs it here, or enqueue it, whoever performs it.

        ``bind=True`` gives the job's Envelope as first argument, to its hooks too; ``resume=Resume()`` makes it a job in
        steps, and that argument a Continuable. The last three are those of ``job``.
        """
        from pyresque.activejob.calls import ActiveJobCall, Options  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        return ActiveJobCall(
            name,
            self.core.active_job_classes,
            self._enqueue_active,
            Options(queue=queue),
            retry_on,
            discard_on,
            bind,
            time_limit(timeout),
            most_redeliveries(on_dirty_exit, max_redeliveries),
            resume,
        )

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


class AsyncResque(Application):
    """Resque with verbs that are awaited, in one event loop."""

    @functools.cached_property
    def driver(self) -> AsyncDriver:
        """What carries the verbs; made at the first one."""
        # asyncio is heavy: a worker that forks would pay for it with every job.
        from pyresque.driver.aio import AsyncDriver  # noqa: PLC0415

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
        resume: Resume | None = None,
        timeout: TimeLimit | timedelta | float | None = None,
        on_dirty_exit: Literal["fail", "requeue"] = "fail",
        max_redeliveries: int | None = None,
    ) -> AwaitedCall:
        """The same as of Resque; its ``enqueue`` is awaited."""
        from pyresque.activejob.calls import ActiveJobCall, Options  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

        return ActiveJobCall(
            name,
            self.core.active_job_classes,
            self._enqueue_active,
            Options(queue=queue),
            retry_on,
            discard_on,
            bind,
            time_limit(timeout),
            most_redeliveries(on_dirty_exit, max_redeliveries),
            resume,
        )

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
