"""Ruby's Resque for Python: the same Redis keys, the same bytes.

Public and stable: the names of this package's ``__all__``, of ``pyresque.errors``, of ``pyresque.activejob``, of
``pyresque.plugins`` and of the modules of ``pyresque.contrib``, and the commands of ``pyresque``. Every other module is private: it may change with any version. ``docs/api.md`` lists every verb.

>>> from pyresque import Resque
>>> resque = Resque("redis://localhost:6379/0")
"""

#: The package's version, as it stands in process titles.
__version__ = "1.0.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.client import AsyncResque, Resque
    from pyresque.errors import DontPerform, JobKilled, JobTimeout, PyresqueError, TermException
    from pyresque.failure.base import FailureBackend, Multiple
    from pyresque.failure.record import FailedRecord, Failure
    from pyresque.handles import AsyncHandle, AsyncOwnStatus, Handle, OwnStatus
    from pyresque.job.job import Job, Payload
    from pyresque.job.job_status import JobStatus
    from pyresque.job.limits import TimeLimit
    from pyresque.job.queue_overview import Info
    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.job_types import (
        AsyncTypedBoundJob,
        AsyncTypedBoundTrackedJob,
        AsyncTypedJob,
        AsyncTypedTrackedJob,
        TypedBoundJob,
        TypedBoundTrackedJob,
        TypedJob,
        TypedTrackedJob,
    )
    from pyresque.settings import Settings
    from pyresque.user_errors import is_retried

__all__ = [
    "AsyncHandle",
    "AsyncOwnStatus",
    "AsyncResque",
    "AsyncTypedBoundJob",
    "AsyncTypedBoundTrackedJob",
    "AsyncTypedJob",
    "AsyncTypedTrackedJob",
    "DontPerform",
    "FailedRecord",
    "Failure",
    "FailureBackend",
    "Handle",
    "Info",
    "Job",
    "JobKilled",
    "JobStatus",
    "JobTimeout",
    "Multiple",
    "OwnStatus",
    "Payload",
    "PyresqueError",
    "Resque",
    "Settings",
    "TermException",
    "TimeLimit",
    "TypedBoundJob",
    "TypedBoundTrackedJob",
    "TypedJob",
    "TypedTrackedJob",
    "WorkerInfo",
    "__version__",
    "is_retried",
]

#: The module of each public name. It is loaded at the name's first use, since a forked child copies whatever is loaded.
_MODULES = {
    "AsyncHandle": "pyresque.handles",
    "AsyncOwnStatus": "pyresque.handles",
    "AsyncResque": "pyresque.client",
    "AsyncTypedBoundJob": "pyresque.job_types",
    "AsyncTypedBoundTrackedJob": "pyresque.job_types",
    "AsyncTypedJob": "pyresque.job_types",
    "AsyncTypedTrackedJob": "pyresque.job_types",
    "DontPerform": "pyresque.errors",
    "FailedRecord": "pyresque.failure.record",
    "Failure": "pyresque.failure.record",
    "FailureBackend": "pyresque.failure.base",
    "Handle": "pyresque.handles",
    "Info": "pyresque.job.queue_overview",
    "Job": "pyresque.job.job",
    "JobKilled": "pyresque.errors",
    "JobStatus": "pyresque.job.job_status",
    "JobTimeout": "pyresque.errors",
    "Multiple": "pyresque.failure.base",
    "OwnStatus": "pyresque.handles",
    "Payload": "pyresque.job.job",
    "PyresqueError": "pyresque.errors",
    "Resque": "pyresque.client",
    "Settings": "pyresque.settings",
    "TermException": "pyresque.errors",
    "TimeLimit": "pyresque.job.limits",
    "TypedBoundJob": "pyresque.job_types",
    "TypedBoundTrackedJob": "pyresque.job_types",
    "TypedJob": "pyresque.job_types",
    "TypedTrackedJob": "pyresque.job_types",
    "WorkerInfo": "pyresque.job.worker_registry",
    "is_retried": "pyresque.user_errors",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(_MODULES[name], fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
