"""Coverage: which of the classes that an inventory has seen the application performs, and which it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.registry import is_wrapper
from pyresque.errors import UnknownJobClass
from pyresque.migrate.fits import Handler
from pyresque.migrate.habits import ACTIVE_JOB, is_dotted
from pyresque.migrate.marks import quoted, registration
from pyresque.migrate.seen import NO_CLASS
from pyresque.plugins.undeclared import registered_with

if TYPE_CHECKING:
    from pyresque.activejob.registry import ActiveJobs
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry
    from pyresque.migrate.figures import Figure
    from pyresque.migrate.found import Found
    from pyresque.migrate.seen import ClassSeen

HANDLED: Final = "handled"
MISFIT: Final = "does not fit"
MISSING: Final = "missing"

#: The gem whose plugin is an option of ``active_job``.
_UNIQUENESS: Final = "activejob-uniqueness"


@dataclass(slots=True)
class Covered:
    """One class: whether the application performs it, and what is wrong.

    ``share``: the part of its jobs that the handler takes, from 0 to 1. ``misfits``: forms of calls that it refuses. ``doubts``: types that
    its annotations do not allow. ``undeclared``: plugins that the class seems to have in Ruby and not here.
    """

    name: str
    figure: Figure
    state: str
    share: float
    handler: str | None = None
    misfits: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)
    advice: str | None = None

    @property
    def jobs(self) -> int:
        """How many jobs there are of it."""
        return round(self.figure.estimate)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "class": self.name,
            "jobs": self.figure.to_dict(),
            "state": self.state,
            "share": round(self.share, 4),
            "handler": self.handler,
            "misfits": list(self.misfits),
            "doubts": list(self.doubts),
            "undeclared_plugins": list(self.undeclared),
            "advice": self.advice,
        }


@dataclass(slots=True)
class Coverage:
    """What the application covers of an inventory. ``never_seen``: names of handlers of which no job was seen."""

    classes: list[Covered]
    never_seen: list[str]
    others: int
    sampled: bool

    @property
    def percent(self) -> float:
        """The share of the jobs seen that a handler takes; 100 if there are none."""
        total = sum(one.jobs for one in self.classes) + self.others
        return 100.0 * sum(one.jobs * one.share for one in self.classes) / total if total else 100.0

    @property
    def lacking(self) -> list[Covered]:
        """The classes with jobs that nothing here performs, or whose handler refuses some."""
        return [one for one in self.classes if one.jobs and one.state != HANDLED]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "percent": round(self.percent, 2),
            "sampled": self.sampled,
            "jobs_of_other_classes": self.others,
            "classes": [one.to_dict() for one in self.classes],
            "handlers_never_seen": list(self.never_seen),
        }


def cover(found: Found, registry: Registry, active_jobs: ActiveJobs) -> Coverage:
    """Compare an inventory with what is registered."""
    seen = [one for one in found.classes if one.name != NO_CLASS and not is_wrapper(one.name)]
    classes = [_covered(one, registry, active_jobs) for one in seen]
    with_jobs = {one.name.strip(":") for one in seen if one.read}
    never = [
        entry.name
        for entry in registry
        if entry.performs and with_jobs.isdisjoint((entry.name, *entry.aliases))
    ]
    never += [name for name in active_jobs if name not in with_jobs]
    return Coverage(classes, never, round(found.classes.others.estimate), found.sampled)


def _covered(seen: ClassSeen, registry: Registry, active_jobs: ActiveJobs) -> Covered:
    """Look at one class; its ActiveJobs and its plain jobs are performed by different handlers."""
    made = Covered(seen.name, seen.jobs, HANDLED, 1.0)
    of_rails = seen.writers.get(ACTIVE_JOB, 0)
    entry, active = _entry(seen.name, registry), active_jobs.find(seen.name)
    handlers = []
    missing = 0
    if of_rails:
        missing += of_rails if active is None else 0
        handlers += [] if active is None else [Handler.of_active_job(active)]
    if of_rails < seen.read or not seen.read:
        missing += seen.read - of_rails if entry is None else 0
        handlers += [] if entry is None else [Handler.of(entry)]
    if not handlers:
        made.state, made.share = MISSING, 0.0
        made.advice = _advice(seen, registry)
        return made
    made.handler = _named(handlers[0])
    _fit(made, seen, handlers, missing)
    gems = [
        gem
        for gem in seen.marks
        if not (
            (entry is not None and registered_with(entry, gem))
            or (gem == _UNIQUENESS and seen.name in active_jobs.unique)
            or (active is not None and registered_with(active.entry, gem))
        )
    ]
    made.undeclared = gems
    if gems:
        made.advice = registration(seen)
    return made


def _fit(made: Covered, seen: ClassSeen, handlers: list[Handler], missing: int) -> None:
    """Note what the handlers refuse. ``missing``: jobs read that none of them is for."""
    refused = missing
    if missing:
        made.misfits.append(
            f"{missing} of {seen.read} jobs are {'no ' * (made.handler is not None and handlers[0].rails)}ActiveJobs, and no handler is registered for these"
        )
    if len(handlers) == 1:  # which form came from which kind of job is not kept
        handler = handlers[0]
        for form, count, reason in handler.misfits(seen.arguments):
            made.misfits.append(f"{form}, seen in {count} of {seen.read} jobs: {reason}")
            refused += count
        made.doubts += handler.wrong_types(seen.arguments)
    if refused and seen.read:
        made.state = MISFIT
        made.share = max(0.0, 1 - refused / seen.read)


def _entry(name: str, registry: Registry) -> JobClass | None:
    """Return the entry that performs a plain job of that name."""
    try:
        entry = registry.find(name)
    except UnknownJobClass:
        return None
    return entry if entry.performs else None


def _advice(seen: ClassSeen, registry: Registry) -> str | None:
    """Return the line that registers a class."""
    line = registration(seen)
    if line is not None:
        return line
    if is_dotted(seen.name):
        last = seen.name.rpartition(".")[2]
        known = next((one.name for one in registry if one.performs and _own(one) == last), last)
        return f"@resque.job({quoted(known)}, ..., aliases=[{quoted(seen.name)}])"
    verb = "active_job" if seen.active_job else "job"
    return f"@resque.{verb}({quoted(seen.name)}, ...)"


def _own(entry: JobClass) -> str:
    return str(getattr(entry.target, "__name__", ""))


def _named(handler: Handler) -> str:
    function = handler.function
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', function)}"
