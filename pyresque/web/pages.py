"""The table of pages, actions and answers for programs. A page is one module of ``tabs``, one template, one shape, and one line here.

The first path that fits is taken; the last ``{name}`` of a page takes slashes, too. Each page is JSON as well:
by its path with ``.json`` at the end, or by Accept. ``openapi`` describes all that stands here; ``parameters`` describes the names.
"""

from __future__ import annotations

from pyresque.web.shapes.answers import KeyPage, KeysPage, SearchPage, StatsPage
from pyresque.web.shapes.failed import FailedKinds, FailedPage, RecordPage
from pyresque.web.shapes.later import (
    DelayedAtPage,
    DelayedPage,
    RetriesPage,
    ScheduleEntryPage,
    SchedulePage,
    StatusesPage,
    StatusPage,
)
from pyresque.web.shapes.migrate import CoveragePage, LedgerClassPage, LedgerPage, MigratePage
from pyresque.web.shapes.overview import DoctorPage, OverviewPage
from pyresque.web.shapes.workers import QueuePage, QueuesPage, WorkerPage, WorkersPage, WorkingPage
from pyresque.web.tabs import (
    delayed,
    delayed_actions,
    doctor,
    failed,
    failed_actions,
    failed_undo,
    migrate,
    migrate_actions,
    overview,
    queue,
    queue_moves,
    queues,
    retries,
    schedule,
    schedule_actions,
    search,
    stats,
    statuses,
    worker_actions,
    workers,
)
from pyresque.web.view import Action, Answer, Page

#: Names in the query of pages that come in parts, and the fields of the filter of failed jobs.
PAGED = ("start", "per")
FILTER = ("queue", "class", "exception", "retried", "q", "pattern", "older")

#: Fields of the form of an action on one failed record, and on those that the filter takes.
RECORD = ("list", "id", "index", *FILTER)
FILTERED = (*FILTER, "until")
FAILED = ("before", *PAGED, *FILTERED)

#: Fields of the form of a rule.
ROUTE = ("match", "side", "percent", "brake", "least")

#: The page of a worker; a host in place of an id shows the workers of that host.
ONE_WORKER = (WorkerPage, WorkersPage)

PAGES = (
    Page("/overview", overview.show, OverviewPage, tab="Overview"),
    Page("/working", workers.working, WorkingPage, ("start",), "Working"),
    Page("/working/{worker}", workers.one, ONE_WORKER, ("start",)),
    Page("/failed", failed.show, FailedPage, FAILED, "Failed"),
    Page("/failed/groups", failed.groups, FailedKinds, ("list", "whole", *FILTERED)),
    Page("/failed/record", failed.record, RecordPage, ("list", "id", "index")),
    Page("/failed/{list}", failed.show, FailedPage, FAILED),
    Page("/queues", queues.show, QueuesPage, ("q", "start"), "Queues"),
    Page("/queues/{queue}", queue.show, QueuePage, ("q", *PAGED)),
    Page("/workers", workers.show, WorkersPage, ("q", "start"), "Workers"),
    Page("/workers/all", workers.show, WorkersPage, ("q", "start")),
    Page("/workers/{worker}", workers.one, ONE_WORKER, ("start",)),
    Page("/stats", stats.show, StatsPage, tab="Stats"),
    Page("/stats/resque", stats.show, StatsPage),
    Page("/stats/redis", stats.redis, StatsPage),
    Page("/stats/keys", stats.keys, KeysPage, ("q", "cursor")),
    Page("/stats/keys/{key}", stats.key, KeyPage, ("start",)),
    Page("/schedule", schedule.show, SchedulePage, ("start",), "Schedule"),
    Page("/schedule/{name}", schedule.entry, ScheduleEntryPage),
    Page("/delayed", delayed.show, DelayedPage, ("q", "after", "looked", *PAGED), "Delayed"),
    Page("/delayed/{timestamp}", delayed.at, DelayedAtPage, PAGED),
    Page("/retries", retries.show, RetriesPage, ("id", "class", "whole"), "Retries"),
    Page("/statuses", statuses.show, StatusesPage, ("start",), "Statuses"),
    Page("/statuses/{id}", statuses.one, StatusPage),
    Page("/migrate", migrate.show, MigratePage, ("match",), "Migration"),
    Page("/migrate/ledger", migrate.ledger, LedgerPage, ("q", "start", "whole")),
    Page("/migrate/ledger/{class}", migrate.one_class, LedgerClassPage, ("whole",)),
    Page("/migrate/coverage", migrate.coverage, CoveragePage, ("start", "whole")),
    Page("/doctor", doctor.show, DoctorPage, ("look", "whole"), "Doctor"),
    Page("/search", search.show, SearchPage, ("q",)),
)

ACTIONS = (
    Action("/queues/pause", queues.pause_all),
    Action("/queues/resume", queues.resume_all),
    Action("/queues/{queue}/pause", queue.pause),
    Action("/queues/{queue}/resume", queue.resume),
    Action("/queues/{queue}/remove", queue.remove, queue.asks_remove),
    Action("/queues/{queue}/job/remove", queue.remove_job, queue.asks_remove_job, ("id", "index")),
    Action("/queues/{queue}/job/first", queue_moves.to_head, fields=("id", "index")),
    Action(
        "/queues/{queue}/job/move",
        queue_moves.move_job,
        queue_moves.asks_move_job,
        ("id", "index", "to"),
    ),
    Action("/queues/{queue}/move", queue_moves.move, queue_moves.asks_move, ("q", "to")),
    Action("/queues/{queue}/found/remove", queue.remove_found, queue.asks_remove_found, ("q",)),
    Action("/failed/trim", failed_actions.trim, failed_actions.asks_trim),
    Action("/failed/undo", failed_undo.undo, fields=("token",)),
    Action("/failed/record/requeue", failed_actions.requeue_record, fields=RECORD),
    Action(
        "/failed/record/remove",
        failed_actions.remove_record,
        failed_actions.asks_remove_record,
        RECORD,
    ),
    Action("/failed/requeue/all", failed_actions.requeue, failed_actions.asks_requeue, FILTERED),
    Action("/failed/remove/all", failed_actions.remove, failed_actions.asks_remove, FILTERED),
    Action("/failed/clear", failed_actions.clear, failed_actions.asks_clear, FILTERED),
    Action(
        "/failed/clear_retried",
        failed_actions.clear_retried,
        failed_actions.asks_clear_retried,
        FILTERED,
    ),
    Action(
        "/failed/{list}/requeue/all", failed_actions.requeue, failed_actions.asks_requeue, FILTERED
    ),
    Action(
        "/failed/{list}/remove/all", failed_actions.remove, failed_actions.asks_remove, FILTERED
    ),
    Action("/failed/{list}/clear", failed_actions.clear, failed_actions.asks_clear, FILTERED),
    Action("/workers/pause", worker_actions.pause_all),
    Action("/workers/resume", worker_actions.resume_all),
    Action("/workers/prune", worker_actions.prune, worker_actions.asks_prune),
    Action(
        "/workers/{worker}/remove", worker_actions.remove, worker_actions.asks_remove, ("started",)
    ),
    Action(
        "/workers/{worker}/quit", worker_actions.let_quit, worker_actions.asks_quit, ("started",)
    ),
    Action("/schedule/requeue", schedule_actions.run, fields=("job_name", "args")),
    Action(
        "/schedule/requeue_with_params",
        schedule_actions.run_with_parameters,
        fields=("job_name", "param:NAME"),
    ),
    Action("/schedule/save", schedule_actions.save, fields=("job_name", "config")),
    Action(
        "/schedule/remove", schedule_actions.remove, schedule_actions.asks_remove, ("job_name",)
    ),
    Action(
        "/schedule/release", schedule_actions.release, schedule_actions.asks_release, ("holder",)
    ),
    Action("/delayed/enqueue", delayed_actions.enqueue, delayed_actions.asks_enqueue, ("id", "q")),
    Action("/delayed/remove", delayed_actions.remove, delayed_actions.asks_remove, ("id", "q")),
    Action(
        "/delayed/reschedule",
        delayed_actions.reschedule,
        delayed_actions.asks_reschedule,
        ("id", "q", "at"),
    ),
    Action("/delayed/clear", delayed_actions.clear, delayed_actions.asks_clear),
    Action(
        "/delayed/{timestamp}/enqueue",
        delayed_actions.enqueue,
        delayed_actions.asks_enqueue,
        ("id", "q"),
    ),
    Action(
        "/delayed/{timestamp}/remove",
        delayed_actions.remove,
        delayed_actions.asks_remove,
        ("id", "q"),
    ),
    Action(
        "/delayed/{timestamp}/reschedule",
        delayed_actions.reschedule,
        delayed_actions.asks_reschedule,
        ("id", "q", "at"),
    ),
    Action("/retries/run", retries.run, retries.asks_run, ("id", "class")),
    Action("/retries/cancel", retries.cancel, retries.asks_cancel, ("id", "class")),
    Action("/migrate/set", migrate_actions.set_rule, migrate_actions.asks_set, ROUTE),
    Action("/migrate/unset", migrate_actions.unset, migrate_actions.asks_unset, ("match",)),
    Action("/migrate/rollback", migrate_actions.rollback, migrate_actions.asks_rollback),
    Action("/statuses/clear", statuses.clear, statuses.asks_clear, ("only",)),
    Action("/statuses/{id}/kill", statuses.kill, statuses.asks_kill),
)

ANSWERS = (
    Answer("/live", "text/event-stream", "The numbers as events of the server, each as JSON."),
    Answer("/live.json", "application/json", "The numbers once; those of queues as queue:NAME."),
    Answer("/stats.txt", "text/plain", "The lines of Ruby's dashboard, for munin and collectd."),
    Answer("/metrics", "text/plain", "Metrics for Prometheus."),
    Answer("/healthz", "application/json", "Whether Redis answers. It needs no log-in."),
    Answer("/openapi.json", "application/json", "This description."),
)
