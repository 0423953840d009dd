"""All verbs of the two faces, a typed line each; ``client`` takes them in when the first is asked for."""

from __future__ import annotations

from pyresque.core import Core
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.recurring import Recurring
from pyresque.verbs import (
    awaited,
    blocking,
    delayed_awaited,
    delayed_blocking,
    recurring_awaited,
    recurring_blocking,
)


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
