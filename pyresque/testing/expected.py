"""The job that a test expects: which enqueued jobs are it, and what differs in the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pyresque.activejob.calls import ActiveJobCall
from pyresque.errors import NotEncodable, SerializationError
from pyresque.job.registry import own_name
from pyresque.job.sending import wire_args
from pyresque.schedule.later import timestamp_of
from pyresque.testing.enqueued import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.application import Application
    from pyresque.clock import Clock
    from pyresque.core import Core
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Target
    from pyresque.schedule.later import When
    from pyresque.testing.enqueued import EnqueuedJob

#: Seconds by which a time may differ: Redis has whole ones, and a test takes a while.
WITHIN = 1.0


@dataclass(frozen=True)
class Call:
    """A job with arguments, as a test writes it; ``args`` None: any arguments."""

    target: Target
    args: Sequence[Any] | None
    kwargs: Mapping[str, Any]


class Expected:
    """A job that a test expects. ``at`` is a time, or a timedelta from now; None: any. ``queue`` None: any."""

    def __init__(
        self,
        call: Call,
        registered: tuple[Application, JobClass] | None,
        clock: Clock,
        queue: str | None = None,
        at: When | timedelta | None = None,
        within: float = WITHIN,
    ) -> None:
        self.call = call
        self.queue = queue
        self.within = within
        self.at = None if at is None else _instant(at, clock)
        self._resque = None if registered is None else registered[0]
        self._entry = None if registered is None else registered[1]
        self.name = name_of(call.target, self._entry)

    def __str__(self) -> str:
        """Return the call, with what else is asked of it."""
        given = [] if self.call.args is None else [*map(shown, self.call.args)]
        given += [f"{name}={shown(value)}" for name, value in self.call.kwargs.items()]
        call = self.name if self.call.args is None else f"{self.name}({', '.join(given)})"
        where = "" if self.queue is None else f" in queue {self.queue!r}"
        return call + where + ("" if self.at is None else f" at {self.at.isoformat()}")

    def differences(self, job: EnqueuedJob) -> list[str]:
        """Return what differs in a job of this class; an empty list: it is the expected one."""
        found = []
        if self.queue is not None and job.queue != self.queue:
            found.append(f"its queue is {job.queue!r}")
        if self.at is not None:
            off = None if job.at is None else abs((job.at - self.at).total_seconds())
            if off is None:
                found.append("it is in its queue, not for later")
            elif off > self.within:
                found.append(f"its time is off by {timedelta(seconds=round(off))}")
        if self.call.args is not None:
            found += different(job.args, self._args(job))
        return found

    def _args(self, job: EnqueuedJob) -> list[Any]:
        """Return the arguments as they stand in a payload of that job."""
        core = (self._resque or job.resque).core
        given, kwargs = list(self.call.args or ()), dict(self.call.kwargs)
        if self._entry is not None and self._entry.carrier is None:
            given = wire_args(self._entry, given, kwargs)
        elif is_active(job):
            return serialized(core, given, kwargs)
        elif kwargs:
            given = [*given, kwargs]
        return [as_found(core, value) for value in given]


def is_active(job: EnqueuedJob) -> bool:
    """Whether a job is one of Rails, inside a wrapper."""
    return job.class_name != job.job.class_name


def name_of(target: Target | ActiveJobCall[Any], entry: JobClass | None) -> str:
    """Return the Ruby name of a job."""
    if entry is not None:
        return entry.name
    if isinstance(target, ActiveJobCall):
        return target.job_class
    return target if isinstance(target, str) else own_name(target)


def as_found(core: Core, value: Any) -> Any:
    """Return a value as it is read from a payload; what cannot be written, such as ``unittest.mock.ANY``, as it is."""
    if isinstance(value, (list, tuple)):
        return [as_found(core, each) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_found(core, each) for key, each in value.items()}
    try:
        return core.codec.decode(core.codec.encode([value]))[0]
    except NotEncodable:
        return value


def serialized(core: Core, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return arguments as Rails serializes them; one that Rails does not take, such as ``ANY``, as it is."""
    found = [value if (made := _of_rails(core, value)) is None else made[0] for value in args]
    if kwargs:
        others = {name: value for name, value in kwargs.items() if _of_rails(core, value) is None}
        (last,) = core.active_jobs.serialized([], {**kwargs, **dict.fromkeys(others)})
        found.append({**last, **others})
    return found


def _of_rails(core: Core, value: Any) -> list[Any] | None:
    """Return a value as Rails serializes it, in a list; None if Rails does not take it."""
    try:
        return core.active_jobs.serialized([value], {})
    except SerializationError:
        return None


def different(found: Sequence[Any], wanted: Sequence[Any]) -> list[str]:
    """Return what differs between the arguments of a job and the expected ones."""
    if len(found) != len(wanted):
        return [f"it has {len(found)} argument{'s' * (len(found) != 1)}, not {len(wanted)}"]
    return [
        f"args[{place}] is {shown(one)}, not {shown(other)}"
        for place, (one, other) in enumerate(zip(found, wanted, strict=True))
        if not same(one, other)
    ]


def same(found: Any, wanted: Any) -> bool:
    """Whether a value of a payload is the expected one. 1 and true are two values; an expected object decides by its own ``==``."""
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
    if isinstance(found, bool) is not isinstance(wanted, bool) and isinstance(
        wanted, (bool, int, float)
    ):
        return False
    return bool(wanted == found)


def _instant(at: When | timedelta, clock: Clock) -> datetime:
    instant = (
        int(clock.time() + at.total_seconds()) if isinstance(at, timedelta) else timestamp_of(at)
    )
    return datetime.fromtimestamp(instant, timezone.utc)
