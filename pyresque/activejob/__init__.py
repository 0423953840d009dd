"""ActiveJob without Rails: the jobs of a Rails application read, written and tried again, byte for byte.

A name's module is loaded at its first use: a worker that knows no such jobs has none of it, and its children need not copy it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.activejob.arguments import Locators, deserialize, serialize
    from pyresque.activejob.calls import NewJob
    from pyresque.activejob.continuation import Continuable, Resume, Step
    from pyresque.activejob.envelope import Envelope, unwrap
    from pyresque.activejob.globalid import GlobalID, Identified
    from pyresque.activejob.registry import WRAPPER, is_wrapper
    from pyresque.activejob.render import call
    from pyresque.activejob.retries import (
        EXPONENTIALLY_LONGER,
        POLYNOMIALLY_LONGER,
        Discard,
        DiscardOn,
        Exhausted,
        Retry,
        RetryOn,
        Rules,
        decide,
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

_ROOMS = {
    "arguments": ("Locators", "deserialize", "serialize"),
    "calls": ("NewJob",),
    "continuation": ("Continuable", "Resume", "Step"),
    "envelope": ("Envelope", "unwrap"),
    "registry": ("WRAPPER", "is_wrapper"),
    "globalid": ("GlobalID", "Identified"),
    "render": ("call",),
    "retries": (
        "Discard",
        "DiscardOn",
        "EXPONENTIALLY_LONGER",
        "Exhausted",
        "POLYNOMIALLY_LONGER",
        "Retry",
        "RetryOn",
        "Rules",
        "decide",
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
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """One of the names below, from its own module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(__import__(f"{__name__}.{_HOMES[name]}", fromlist=[name]), name)


__all__ = [
    "EXPONENTIALLY_LONGER",
    "LATEST",
    "POLYNOMIALLY_LONGER",
    "WRAPPER",
    "Continuable",
    "DateTime",
    "Discard",
    "DiscardOn",
    "Duration",
    "Envelope",
    "Exhausted",
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
    "Retry",
    "RetryOn",
    "Rules",
    "Serializer",
    "Step",
    "Symbol",
    "call",
    "decide",
    "deserialize",
    "is_wrapper",
    "serialize",
    "unwrap",
]
