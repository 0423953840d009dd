"""The gems that are tried beside our plugins, for ``test_ruby_plugins.py`` and its worker's application."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyresque.plugins import (
    History,
    JobStats,
    Lock,
    LockTimeout,
    LonelyJob,
    Loner,
    Meta,
    QueueLock,
    Restriction,
    Retry,
    Solo,
    WorkersLock,
)

if TYPE_CHECKING:
    from pyresque.plugins import Plugin

#: Jobs of each kind; the long form is PYRESQUE_MANY=1000.
MANY = int(os.environ.get("PYRESQUE_MANY", "60"))

#: Jobs whose processes are killed, and workers that are pruned.
KILLS, PRUNINGS = max(4, MANY * 3 // 100), max(2, MANY // 100)

#: Keys that any worker leaves.
USUAL = {"resque:queues", "resque:failed", "resque:stat:processed", "resque:stat:failed"}

#: What Ruby requires for each gem, what its class says, and our plugin.
CLASSES: dict[str, tuple[str, str, Plugin]] = {
    "resque-loner": ("resque-loner", "include Resque::Plugins::UniqueJob", Loner()),
    "resque_solo": ("resque_solo", "include Resque::Plugins::UniqueJob", Solo()),
    "resque-lock": ("resque/plugins/lock", "extend Resque::Plugins::Lock", Lock()),
    "resque-lock-timeout": (
        "resque-lock-timeout",
        "extend Resque::Plugins::LockTimeout; @loner = true",
        LockTimeout(loner=True),
    ),
    "resque-queue-lock": (
        "resque/plugins/queue/lock",
        "extend Resque::Plugins::Queue::Lock",
        QueueLock(),
    ),
    "resque-lonely_job": (
        "resque-lonely_job",
        "@requeue_interval = 0.1; extend Resque::Plugins::LonelyJob",
        LonelyJob(requeue_interval=0.1),
    ),
    "resque-workers-lock": (
        "resque-workers-lock",
        "extend Resque::Plugins::Workers::Lock",
        WorkersLock(),
    ),
    "resque-job-stats": (
        "resque-job-stats",
        f"@durations_recorded = {MANY}; @histories_recordable = {MANY}; extend Resque::Plugins::JobStats",
        JobStats(durations=MANY, histories=MANY),
    ),
    "resque-retry": (
        "resque-retry",
        "@retry_limit = 3; extend Resque::Plugins::Retry",
        Retry(limit=3),
    ),
    "resque-restriction": (
        "resque/restriction",
        f"extend Resque::Plugins::Restriction; restrict per_year: {MANY // 2}, concurrent: 3",
        Restriction(per_year=MANY // 2, concurrent=3),
    ),
    "resque-history": (
        "resque-history",
        f"@max_history = {4 * MANY - 1}; extend Resque::Plugins::History",
        History(most=4 * MANY - 1),
    ),
    "resque-meta": ("resque-meta", "extend Resque::Plugins::Meta", Meta()),
}
