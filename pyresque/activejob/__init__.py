"""ActiveJob without Rails: read, write and retry the jobs of a Rails application, byte for byte. Light.

The first use of a name loads its module, so a worker without such jobs loads none of them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.activejob.arguments import Locators, deserialize, serialize
    from pyresque.activejob.calls import NewJob
    from pyresque.activejob.continuation import Continuable, Resume, Step
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.globalid import GlobalID, Identified
    from pyresque.activejob.retries import (
        EXPONENTIALLY_LONGER,
        POLYNOMIALLY_LONGER,
        DiscardOn,
        RetryOn,
    )
    from pyresque.activejob.serializers import Serializer
    from pyresque.activejob.values import (
        DateTime,
        Duration,
        Indifferent,
        Instant,
        Keywords,
        Module,
        Range,
        Symbol,
    )
    from pyresque.activejob.versions import LATEST, Rails

_MODULES = {
    "arguments": ("Locators", "deserialize", "serialize"),
    "calls": ("NewJob",),
    "continuation": ("Continuable", "Resume", "Step"),
    "envelope": ("Envelope",),
    "globalid": ("GlobalID", "Identified"),
    "retries": (
        "DiscardOn",
        "EXPONENTIALLY_LONGER",
        "POLYNOMIALLY_LONGER",
        "RetryOn",
    ),
    "serializers": ("Serializer",),
    "values": (
        "DateTime",
        "Duration",
        "Indifferent",
        "Instant",
        "Keywords",
        "Module",
        "Range",
        "Symbol",
    ),
    "versions": ("LATEST", "Rails"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Return a name of ``__all__`` from its module."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(__import__(f"{__name__}.{_MODULE_OF[name]}", fromlist=[name]), name)


__all__ = [
    "EXPONENTIALLY_LONGER",
    "LATEST",
    "POLYNOMIALLY_LONGER",
    "Continuable",
    "DateTime",
    "DiscardOn",
    "Duration",
    "Envelope",
    "GlobalID",
    "Identified",
    "Indifferent",
    "Instant",
    "Keywords",
    "Locators",
    "Module",
    "NewJob",
    "Rails",
    "Range",
    "Resume",
    "RetryOn",
    "Serializer",
    "Step",
    "Symbol",
    "deserialize",
    "serialize",
]
