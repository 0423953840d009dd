"""Ruby's Resque for Python: the same Redis keys, the same bytes."""

from pyresque.client import AsyncResque, Resque
from pyresque.errors import DontPerform, JobTimeout, PyresqueError, TermException
from pyresque.job.limits import TimeLimit
from pyresque.version import VERSION as __version__  # noqa: N811 - the name Python's tools ask a package for

__all__ = [
    "AsyncResque",
    "DontPerform",
    "JobTimeout",
    "PyresqueError",
    "Resque",
    "TermException",
    "TimeLimit",
    "__version__",
]
