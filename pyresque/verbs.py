"""Every verb of Resque and AsyncResque: an operation of one of Core's parts, run by the face's driver.

The parts' classes document the verbs. ``client`` adds them to the two faces when the first one is asked for.
"""

from __future__ import annotations

from pyresque.as_verb import awaited, blocking
from pyresque.core import Core
from pyresque.enqueue_verbs import AwaitedEnqueue, BlockingEnqueue
from pyresque.job.queue_overview import QueueOverview
from pyresque.job.queues import Queues
from pyresque.job.worker_registry import WorkerRegistry
from pyresque.schedule.delayed import Delayed
from pyresque.schedule.recurring import Recurring
from pyresque.store.pauses import QueuePauses
from pyresque.store.queues import QueueTable, StatTable
from pyresque.store.schedules import MasterLock
from pyresque.store.workers import WorkerTable


class BlockingVerbs(BlockingEnqueue):
    """The verbs of Resque, each of which blocks."""

    perform_all_later = blocking(Core.perform_all_later)
    unlock_active_jobs = blocking(Core.unlock_active_jobs)
    enqueue = BlockingEnqueue.enqueue
    enqueue_to = BlockingEnqueue.enqueue_to
    handle = BlockingEnqueue.handle
    status = BlockingEnqueue.status
    enqueue_many = blocking(Queues.enqueue_many, of="jobs")
    dequeue = blocking(Queues.dequeue, of="jobs")
    destroy = blocking(Queues.destroy, of="jobs")
    create = blocking(Queues.create, of="jobs")
    push = blocking(Queues.push, of="jobs")
    pop = blocking(Queues.pop, of="jobs")
    reserve = blocking(Queues.reserve, of="jobs")
    peek = blocking(Queues.peek, of="jobs")
    size = blocking(QueueTable.size, of="table")
    queues = blocking(QueueTable.queues, of="table")
    queue_sizes = blocking(QueueOverview.queue_sizes, of="queue_overview")
    queue_lengths = blocking(QueueOverview.queue_lengths, of="queue_overview")
    queue_latency = blocking(QueueOverview.queue_latency, of="queue_overview")
    sample_queues = blocking(QueueOverview.sample_queues, of="queue_overview")
    list_range = blocking(Queues.list_range, of="jobs")
    watch_queue = blocking(QueueTable.watch_queue, of="table")
    remove_queue = blocking(Queues.remove_queue, of="jobs")
    validate = blocking(Queues.validate, of="jobs")
    info = blocking(Core.info)
    stat = blocking(StatTable.get, of="stats")
    all_keys = blocking(QueueTable.all_keys, of="table")
    workers = blocking(WorkerRegistry.all, of="worker_registry")
    working = blocking(WorkerRegistry.working, of="worker_registry")
    find_worker = blocking(WorkerRegistry.find, of="worker_registry")
    remove_worker = blocking(Core.remove_worker)
    pause_all = blocking(WorkerTable.pause_all, of="worker_registry.table")
    all_paused = blocking(WorkerTable.paused, of="worker_registry.table")
    unpause_all = blocking(WorkerTable.unpause_all, of="worker_registry.table")
    pause_queue = blocking(QueuePauses.pause_queue, of="jobs.pauses")
    resume_queue = blocking(QueuePauses.resume_queue, of="jobs.pauses")
    queue_paused = blocking(QueuePauses.queue_paused, of="jobs.pauses")
    paused_queues = blocking(QueuePauses.paused_queues, of="jobs.pauses")
    pause_all_queues = blocking(QueuePauses.pause_all_queues, of="jobs.pauses")
    resume_all_queues = blocking(QueuePauses.resume_all_queues, of="jobs.pauses")
    all_queues_paused = blocking(QueuePauses.all_queues_paused, of="jobs.pauses")

    # -- delayed jobs

    enqueue_at = blocking(Delayed.enqueue_at, of="delayed")
    enqueue_at_with_queue = blocking(Delayed.enqueue_at_with_queue, of="delayed")
    enqueue_in = blocking(Delayed.enqueue_in, of="delayed")
    enqueue_in_with_queue = blocking(Delayed.enqueue_in_with_queue, of="delayed")
    enqueue_many_at = blocking(Delayed.enqueue_many_at, of="delayed")
    delayed_push = blocking(Delayed.delayed_push, of="delayed")
    delay_or_enqueue_at = blocking(Delayed.delay_or_enqueue_at, of="delayed")
    delay_or_enqueue_in = blocking(Delayed.delay_or_enqueue_in, of="delayed")
    delayed_queue_peek = blocking(Delayed.delayed_queue_peek, of="delayed")
    delayed_queue_schedule_size = blocking(Delayed.delayed_queue_schedule_size, of="delayed")
    delayed_timestamp_size = blocking(Delayed.delayed_timestamp_size, of="delayed")
    delayed_timestamp_peek = blocking(Delayed.delayed_timestamp_peek, of="delayed")
    next_delayed_timestamp = blocking(Delayed.next_delayed_timestamp, of="delayed")
    next_item_for_timestamp = blocking(Delayed.next_item_for_timestamp, of="delayed")
    count_all_scheduled_jobs = blocking(Delayed.count_all_scheduled_jobs, of="delayed")
    find_delayed_selection = blocking(Delayed.find_delayed_selection, of="delayed")
    scheduled_at = blocking(Delayed.scheduled_at, of="delayed")
    is_delayed = blocking(Delayed.is_delayed, of="delayed")
    remove_delayed = blocking(Delayed.remove_delayed, of="delayed")
    remove_delayed_in_queue = blocking(Delayed.remove_delayed_in_queue, of="delayed")
    remove_delayed_selection = blocking(Delayed.remove_delayed_selection, of="delayed")
    remove_delayed_job_from_timestamp = blocking(
        Delayed.remove_delayed_job_from_timestamp, of="delayed"
    )
    enqueue_delayed = blocking(Delayed.enqueue_delayed, of="delayed")
    enqueue_delayed_with_queue = blocking(Delayed.enqueue_delayed_with_queue, of="delayed")
    enqueue_delayed_selection = blocking(Delayed.enqueue_delayed_selection, of="delayed")
    enqueue_next_item = blocking(Delayed.enqueue_next_item, of="delayed")
    move_due = blocking(Delayed.move_due, of="delayed")
    clean_up_timestamp = blocking(Delayed.clean_up_timestamp, of="delayed")
    reset_delayed_queue = blocking(Delayed.reset_delayed_queue, of="delayed")

    # -- recurring jobs

    set_schedule = blocking(Recurring.set_schedule, of="recurring")
    assign_schedule = blocking(Recurring.assign_schedule, of="recurring")
    remove_schedule = blocking(Recurring.remove_schedule, of="recurring")
    schedule = blocking(Recurring.schedule, of="recurring")
    fetch_schedule = blocking(Recurring.fetch_schedule, of="recurring")
    enqueue_from_config = blocking(Recurring.enqueue_from_config, of="recurring")
    next_runs = blocking(Recurring.next_runs, of="recurring")
    last_enqueued_at = blocking(Recurring.last_enqueued_at, of="recurring")
    get_last_enqueued_at = blocking(Recurring.get_last_enqueued_at, of="recurring")
    master_lock = blocking(MasterLock.info, of="lock")
    release_master_lock = blocking(MasterLock.force_release, of="lock")


class AwaitedVerbs(AwaitedEnqueue):
    """The verbs of AsyncResque, each of which is awaited."""

    perform_all_later = awaited(Core.perform_all_later)
    unlock_active_jobs = awaited(Core.unlock_active_jobs)
    enqueue = AwaitedEnqueue.enqueue
    enqueue_to = AwaitedEnqueue.enqueue_to
    handle = AwaitedEnqueue.handle
    status = AwaitedEnqueue.status
    enqueue_many = awaited(Queues.enqueue_many, of="jobs")
    dequeue = awaited(Queues.dequeue, of="jobs")
    destroy = awaited(Queues.destroy, of="jobs")
    create = awaited(Queues.create, of="jobs")
    push = awaited(Queues.push, of="jobs")
    pop = awaited(Queues.pop, of="jobs")
    reserve = awaited(Queues.reserve, of="jobs")
    peek = awaited(Queues.peek, of="jobs")
    size = awaited(QueueTable.size, of="table")
    queues = awaited(QueueTable.queues, of="table")
    queue_sizes = awaited(QueueOverview.queue_sizes, of="queue_overview")
    queue_lengths = awaited(QueueOverview.queue_lengths, of="queue_overview")
    queue_latency = awaited(QueueOverview.queue_latency, of="queue_overview")
    sample_queues = awaited(QueueOverview.sample_queues, of="queue_overview")
    list_range = awaited(Queues.list_range, of="jobs")
    watch_queue = awaited(QueueTable.watch_queue, of="table")
    remove_queue = awaited(Queues.remove_queue, of="jobs")
    validate = awaited(Queues.validate, of="jobs")
    info = awaited(Core.info)
    stat = awaited(StatTable.get, of="stats")
    all_keys = awaited(QueueTable.all_keys, of="table")
    workers = awaited(WorkerRegistry.all, of="worker_registry")
    working = awaited(WorkerRegistry.working, of="worker_registry")
    find_worker = awaited(WorkerRegistry.find, of="worker_registry")
    remove_worker = awaited(Core.remove_worker)
    pause_all = awaited(WorkerTable.pause_all, of="worker_registry.table")
    all_paused = awaited(WorkerTable.paused, of="worker_registry.table")
    unpause_all = awaited(WorkerTable.unpause_all, of="worker_registry.table")
    pause_queue = awaited(QueuePauses.pause_queue, of="jobs.pauses")
    resume_queue = awaited(QueuePauses.resume_queue, of="jobs.pauses")
    queue_paused = awaited(QueuePauses.queue_paused, of="jobs.pauses")
    paused_queues = awaited(QueuePauses.paused_queues, of="jobs.pauses")
    pause_all_queues = awaited(QueuePauses.pause_all_queues, of="jobs.pauses")
    resume_all_queues = awaited(QueuePauses.resume_all_queues, of="jobs.pauses")
    all_queues_paused = awaited(QueuePauses.all_queues_paused, of="jobs.pauses")

    # -- delayed jobs

    enqueue_at = awaited(Delayed.enqueue_at, of="delayed")
    enqueue_at_with_queue = awaited(Delayed.enqueue_at_with_queue, of="delayed")
    enqueue_in = awaited(Delayed.enqueue_in, of="delayed")
    enqueue_in_with_queue = awaited(Delayed.enqueue_in_with_queue, of="delayed")
    enqueue_many_at = awaited(Delayed.enqueue_many_at, of="delayed")
    delayed_push = awaited(Delayed.delayed_push, of="delayed")
    delay_or_enqueue_at = awaited(Delayed.delay_or_enqueue_at, of="delayed")
    delay_or_enqueue_in = awaited(Delayed.delay_or_enqueue_in, of="delayed")
    delayed_queue_peek = awaited(Delayed.delayed_queue_peek, of="delayed")
    delayed_queue_schedule_size = awaited(Delayed.delayed_queue_schedule_size, of="delayed")
    delayed_timestamp_size = awaited(Delayed.delayed_timestamp_size, of="delayed")
    delayed_timestamp_peek = awaited(Delayed.delayed_timestamp_peek, of="delayed")
    next_delayed_timestamp = awaited(Delayed.next_delayed_timestamp, of="delayed")
    next_item_for_timestamp = awaited(Delayed.next_item_for_timestamp, of="delayed")
    count_all_scheduled_jobs = awaited(Delayed.count_all_scheduled_jobs, of="delayed")
    find_delayed_selection = awaited(Delayed.find_delayed_selection, of="delayed")
    scheduled_at = awaited(Delayed.scheduled_at, of="delayed")
    is_delayed = awaited(Delayed.is_delayed, of="delayed")
    remove_delayed = awaited(Delayed.remove_delayed, of="delayed")
    remove_delayed_in_queue = awaited(Delayed.remove_delayed_in_queue, of="delayed")
    remove_delayed_selection = awaited(Delayed.remove_delayed_selection, of="delayed")
    remove_delayed_job_from_timestamp = awaited(
        Delayed.remove_delayed_job_from_timestamp, of="delayed"
    )
    enqueue_delayed = awaited(Delayed.enqueue_delayed, of="delayed")
    enqueue_delayed_with_queue = awaited(Delayed.enqueue_delayed_with_queue, of="delayed")
    enqueue_delayed_selection = awaited(Delayed.enqueue_delayed_selection, of="delayed")
    enqueue_next_item = awaited(Delayed.enqueue_next_item, of="delayed")
    move_due = awaited(Delayed.move_due, of="delayed")
    clean_up_timestamp = awaited(Delayed.clean_up_timestamp, of="delayed")
    reset_delayed_queue = awaited(Delayed.reset_delayed_queue, of="delayed")

    # -- recurring jobs

    set_schedule = awaited(Recurring.set_schedule, of="recurring")
    assign_schedule = awaited(Recurring.assign_schedule, of="recurring")
    remove_schedule = awaited(Recurring.remove_schedule, of="recurring")
    schedule = awaited(Recurring.schedule, of="recurring")
    fetch_schedule = awaited(Recurring.fetch_schedule, of="recurring")
    enqueue_from_config = awaited(Recurring.enqueue_from_config, of="recurring")
    next_runs = awaited(Recurring.next_runs, of="recurring")
    last_enqueued_at = awaited(Recurring.last_enqueued_at, of="recurring")
    get_last_enqueued_at = awaited(Recurring.get_last_enqueued_at, of="recurring")
    master_lock = awaited(MasterLock.info, of="lock")
    release_master_lock = awaited(MasterLock.force_release, of="lock")
