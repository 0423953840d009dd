"""ActiveJob without Rails: the jobs of a Rails application read, written and tried again, byte for byte."""

from pyresque.activejob.arguments import Locators, deserialize, serialize
from pyresque.activejob.calls import NewJob
from pyresque.activejob.continuation import Continuable, Resume, Step
from pyresque.activejob.envelope import WRAPPER, Envelope, is_wrapper, unwrap
from pyresque.activejob.globalid import GlobalID, Identified
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
