"""The parts of Core that most processes never use. Each is made, and its modules are loaded, when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyresque.clock import Clock
    from pyresque.failure.base import FailureBackend, RefusedJobs
    from pyresque.job.job import Codec
    from pyresque.job.queue_overview import QueueOverview
    from pyresque.job.queues import Queues
    from pyresque.job.registry import Registry
    from pyresque.job.status_board import StatusBoard
    from pyresque.job.worker_registry import WorkerRegistry
    from pyresque.plugins.waiting_retries import WaitingRetries
    from pyresque.routing.board import RoutesBoard
    from pyresque.routing.brake import Brakes
    from pyresque.routing.counting import PerformedCounter
    from pyresque.routing.performed import PerformedBoard
    from pyresque.schedule.delayed import Delayed
    from pyresque.schedule.recurring import Recurring
    from pyresque.settings import Settings
    from pyresque.store.keys import Keys
    from pyresque.store.queues import QueueTable
    from pyresque.store.replicas import Replicas
    from pyresque.store.schedules import MasterLock


class PartsOnDemand:
    """Base of Core, which sets the parts that these need."""

    if TYPE_CHECKING:
        settings: Settings
        keys: Keys
        codec: Codec
        clock: Clock
        registry: Registry
        table: QueueTable
        jobs: Queues
        refusals: RefusedJobs
        worker_registry: WorkerRegistry
        new_failure_id: Callable[[], str | None]
        _failures: FailureBackend
        _replicas: Replicas | None
        _schedule_memory: dict[str, Any]

    @cached_property
    def queue_overview(self) -> QueueOverview:
        """All queues: their sizes, and how old their jobs are."""
        from pyresque.job.queue_overview import QueueOverview

        return QueueOverview(self.table, self.codec, self.clock)

    @cached_property
    def delayed(self) -> Delayed:
        """The delayed jobs; what cannot be queued goes to the failure backend."""
        from pyresque.schedule.delayed import Delayed
        from pyresque.schedule.promote import Promoter
        from pyresque.schedule.search import Search
        from pyresque.store.delayed import DelayedTable

        table = DelayedTable(self.keys, self._replicas)
        how = self.settings.delayed_search
        search = Search(
            *(table, self.codec, self.registry, self.jobs.outgoing),
            by_meaning=how != "bytes",
            always=how == "always",
        )
        most = self.settings.delayed_requeue_batch_size
        return Delayed(
            self.jobs, search, Promoter(table, self.jobs, self.refusals, most), self.clock
        )

    @cached_property
    def recurring(self) -> Recurring:
        """The recurring jobs. Raises ScheduleError for a time zone that this system does not have."""
        from pyresque.schedule.cron.zones import zone_named
        from pyresque.schedule.enqueue_from_config import Overlap, ScheduledEnqueue
        from pyresque.schedule.recurring import Recurring
        from pyresque.store.schedules import ScheduleTable

        overlap = Overlap(self.jobs, self.worker_registry)
        zone = zone_named(self.settings.time_zone)
        table, memory = ScheduleTable(self.keys), self._schedule_memory
        return Recurring(table, ScheduledEnqueue(self.jobs), overlap, self.clock, zone, memory)

    @cached_property
    def statuses(self) -> StatusBoard:
        """The statuses of tracked jobs."""
        from pyresque.job.status_board import StatusBoard
        from pyresque.store.statuses import StatusTable

        return StatusBoard(StatusTable(self.keys), self.codec, self.clock)

    @cached_property
    def lock(self) -> MasterLock:
        """The lock that makes one scheduler the master."""
        from pyresque.store.schedules import MasterLock

        settings = self.settings
        prefix, timeout = settings.master_lock_prefix, settings.lock_timeout
        return MasterLock(self.keys, prefix, timeout, settings.scheduler_interval)

    @cached_property
    def routes(self) -> RoutesBoard:
        """The routing table: which classes Ruby performs, and which Python."""
        from pyresque.routing.board import RoutesBoard
        from pyresque.store.routes import RoutesTable

        return RoutesBoard(RoutesTable(self.keys), self.performed, self.clock)

    @cached_property
    def performed(self) -> PerformedBoard:
        """How many jobs of a class Ruby performed, and how many Python."""
        from pyresque.routing.performed import PerformedBoard
        from pyresque.store.performed import PerformedTable

        return PerformedBoard(PerformedTable(self.keys), self.clock)

    def performed_counter(self) -> PerformedCounter:
        """Return what counts the jobs of a selective worker: its ``current_job.performed``."""
        from pyresque.routing.counting import PerformedCounter

        return PerformedCounter(self.performed.table, self.clock, self.brakes)

    @cached_property
    def brakes(self) -> Brakes:
        """The brakes of the routing table: a class that Python fails more often than Ruby goes back to Ruby."""
        from pyresque.routing.brake import Brakes

        return Brakes(self.routes, self.performed, self.clock)

    @cached_property
    def retries(self) -> WaitingRetries:
        """The jobs that wait for their next attempt."""
        from pyresque.plugins.waiting_retries import WaitingRetries

        return WaitingRetries(
            *(self.delayed.promoter, self.delayed.search, self.registry),
            *(lambda: self._failures, self.clock, self.new_failure_id),
        )
