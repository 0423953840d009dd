"""Plugins: what Ruby's most installed Resque plugins do, on the same keys. Given at registration: ``plugins=[Loner()]``.

Public and stable: the names of ``__all__``. docs/plugins.md has a table of the Ruby gems, their keys, and what to declare.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.job.plugin import Plugin, PluginJob
    from pyresque.plugins.history import History
    from pyresque.plugins.job_stats import JobStats
    from pyresque.plugins.lock import Lock
    from pyresque.plugins.lock_timeout import LockTimeout
    from pyresque.plugins.lonely_job import LonelyJob
    from pyresque.plugins.loner import Loner
    from pyresque.plugins.meta import Meta
    from pyresque.plugins.queue_lock import QueueLock
    from pyresque.plugins.restriction import Restriction
    from pyresque.plugins.retry import Retry
    from pyresque.plugins.solo import Solo
    from pyresque.plugins.status import Status
    from pyresque.plugins.throttle import Throttle
    from pyresque.plugins.uniqueness import Uniqueness
    from pyresque.plugins.workers_lock import WorkersLock

__all__ = [
    "History",
    "JobStats",
    "Lock",
    "LockTimeout",
    "LonelyJob",
    "Loner",
    "Meta",
    "Plugin",
    "PluginJob",
    "QueueLock",
    "Restriction",
    "Retry",
    "Solo",
    "Status",
    "Throttle",
    "Uniqueness",
    "WorkersLock",
]

#: The module of each public name, loaded at the name's first use.
_MODULES = {
    "History": "pyresque.plugins.history",
    "JobStats": "pyresque.plugins.job_stats",
    "Lock": "pyresque.plugins.lock",
    "LockTimeout": "pyresque.plugins.lock_timeout",
    "LonelyJob": "pyresque.plugins.lonely_job",
    "Loner": "pyresque.plugins.loner",
    "Meta": "pyresque.plugins.meta",
    "Plugin": "pyresque.job.plugin",
    "PluginJob": "pyresque.job.plugin",
    "QueueLock": "pyresque.plugins.queue_lock",
    "Restriction": "pyresque.plugins.restriction",
    "Retry": "pyresque.plugins.retry",
    "Solo": "pyresque.plugins.solo",
    "Status": "pyresque.plugins.status",
    "Throttle": "pyresque.plugins.throttle",
    "Uniqueness": "pyresque.plugins.uniqueness",
    "WorkersLock": "pyresque.plugins.workers_lock",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(_MODULES[name], fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
