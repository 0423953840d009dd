"""Ruby's Resque for Python: the same Redis keys, the same bytes."""

#: The package's version, as it stands in process titles.
__version__ = "1.0.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.client import AsyncResque, Resque
    from pyresque.errors import DontPerform, JobTimeout, PyresqueError, TermException
    from pyresque.job.limits import TimeLimit

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

#: Where each stands; it is loaded when it is asked for, since each forked child pays for what is loaded.
_PLACES = {
    "AsyncResque": "pyresque.client",
    "DontPerform": "pyresque.errors",
    "JobTimeout": "pyresque.errors",
    "PyresqueError": "pyresque.errors",
    "Resque": "pyresque.client",
    "TermException": "pyresque.errors",
    "TimeLimit": "pyresque.job.limits",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(__import__(_PLACES[name], fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
