"""What would run otherwise if a scheduler of pyresque led in place of Ruby's: findings, and those of the whole.

Ruby's side is resque-scheduler 5.0 with rufus-scheduler and fugit, as the recordings in compat_tests show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyresque.printable import many
from pyresque.schedule.cron.next_run import Cron

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from pyresque.core import Core
    from pyresque.job.job_class import JobClass
    from pyresque.migrate.schedule_compare import Compared
    from pyresque.migrate.schedule_sides import Kept

#: An entry that ran so many seconds ago, and that nobody shows here, runs somewhere.
RECENT: Final = 7 * 24 * 3600


#: The kinds of findings that may make a difference (docs/migrate.md).
KINDS: Final = (
    *("fault", "timing", "environment", "missing", "added", "job", "queue", "custom_job_class"),
    *("active-job", "args", "yaml", "fugit", "options", "python-only", "elsewhere", "lock"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``differs``: the entry would run otherwise; else it is something to look at."""

    kind: str
    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of both sides: Ruby's zone and environment, its fugit, the queues that workers serve; None for what is not told."""

    core: Core
    has_app: bool
    #: Seconds since 1970: one moment for all entries and both sides.
    now: float
    ruby_zone: tzinfo | None = None
    ruby_env: str | None = None
    fugit: tuple[int, ...] | None = None
    served: Callable[[str], bool] = field(default=lambda _queue: True)
    allowed: frozenset[str] = frozenset()

    @property
    def python_zone(self) -> tzinfo:
        """The zone of Python's scheduler."""
        return self.core.recurring.zone

    @property
    def ruby_environment(self) -> str | None:
        """Ruby's environment: the one that is told, else Python's; None if neither is known."""
        return self.ruby_env or self.core.settings.rails_env or None

    def find(self, name: str) -> JobClass | None:
        """Return the entry of a class or an active job; None for a class that is not registered."""
        registry = self.core.registry
        return registry.find(name) if registry.knows(name) else registry.fallback(name)


def elsewhere(
    kept: Kept, names: Sequence[str], seconds: Mapping[str, float], now: float
) -> Iterator[Finding]:
    """Find entries that ran or changed, and that neither the files nor Redis show: they live in a process of Ruby's."""
    known = set(names)
    for name, date in sorted(kept.last_runs.items()):
        if name not in known:
            recent = now - seconds.get(name, 0.0) < RECENT
            text = f"{name!r} ran last at {date}, and no file here and no key in Redis has it"
            hint = ": a process of Ruby's set it without persist?" if recent else ""
            yield Finding("elsewhere", text + hint, differs=recent)
    for name in sorted(kept.changed - known - set(kept.last_runs)):
        yield Finding(
            "elsewhere", f"{name!r} was set or removed, and no file here and no key in Redis has it"
        )


def general(situation: Situation, found: Sequence[Compared], kept: Kept) -> Iterator[Finding]:
    """Find what concerns no single entry."""
    settings = situation.core.settings
    unzoned = [
        one.pair.name
        for one in found
        if one.pair.python is not None
        and one.pair.python.entry is not None
        and isinstance(one.pair.python.entry.timing, Cron)
        and one.pair.python.entry.timing.zone is None
    ]
    if unzoned and situation.ruby_zone is None:
        text = f"{many(len(unzoned), 'cron line')} without a zone: Ruby's scheduler reads them in its TZ, else in Rails' time zone"
        yield Finding("zone", f"{text}; --ruby-zone ZONE says which that is")
    if not situation.has_app:
        yield Finding("class", "without -A nothing is said of the classes")
    if not settings.dynamic_schedule and kept.configs:
        text = "DYNAMIC_SCHEDULE is off here: what changes in Redis later runs only after Python's scheduler has started anew"
        yield Finding("dynamic", text)
    if settings.catch_up:
        yield Finding(
            "python-only",
            "the setting catch_up: Ruby makes up for no missed run",
            differs="python-only" not in situation.allowed,
        )
    if settings.remember_every:
        yield Finding(
            "python-only",
            "the setting remember_every: Ruby counts anew at each start",
            differs="python-only" not in situation.allowed,
        )
    if kept.node_lock:
        text = "a scheduler of node-resque holds a lock of its own, and leads at the same time as any other"
        yield Finding("lock", text, differs=True)


def shown(at: datetime | None) -> str:
    """The time of a run as people read it."""
    return "no time" if at is None else at.isoformat(sep=" ", timespec="seconds")
