"""The ledger of a move: for each class its rule, what each side performed day by day, and whether its code in Ruby can go.

What Python's selective workers perform is counted by them; what Ruby's workers perform is counted by the guard (``migrate ruby-guard``).
Without it nobody knows what Ruby did, and the ledger says so. Payloads are looked for by an inventory: only one that
has read everything can tell that there are none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from pyresque.clock import utc
from pyresque.errors import DecodeError, RedisCommandError, RoutingError
from pyresque.migrate.seen import NO_CLASS
from pyresque.printable import many
from pyresque.routing.performed import Performed, total
from pyresque.routing.rules import ALL, PYTHON, RUBY, Routes
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.core import Core
    from pyresque.migrate.found import Found
    from pyresque.migrate.seen import ClassSeen
    from pyresque.routing.changes import Change
    from pyresque.routing.performed import Tally
    from pyresque.routing.rules import Rule, Side

#: Places whose jobs a Ruby worker could still be given.
HELD: Final = ("queued", "moved", "delayed", "working", "failed")

#: Seconds for which Ruby must have performed none before its code can go: by then the table is known everywhere, and jobs in hand have ended.
QUIET: Final = 3600

#: Changes of the routing table that are looked at for the time since which a rule stands.
CHANGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One class. ``safe``: whether its code in Ruby can be deleted; None where that cannot be known. ``why`` tells the reason."""

    name: str
    rule: Rule | None
    days: Sequence[Performed]
    last: Mapping[Side, datetime]
    jobs: Mapping[str, int]
    safe: bool | None
    since: datetime | None
    why: str

    @property
    def all_days(self) -> Performed | None:
        """What was performed in all of the days; None if nothing was."""
        return total(self.days) if self.days else None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "class": self.name,
            "rule": None if self.rule is None else self.rule.to_dict(),
            "days": [
                {
                    "day": f"{one.at:%Y-%m-%d}",
                    "python_percent": round(one.python_percent, 2),
                    "python": _tally(one.python),
                    "ruby": _tally(one.ruby),
                }
                for one in self.days
            ],
            "last_by_ruby": iso(self.last.get(RUBY)),
            "last_by_python": iso(self.last.get(PYTHON)),
            "jobs": dict(self.jobs),
            "safe_to_delete_in_ruby": self.safe,
            "safe_since": iso(self.since),
            "why": self.why,
        }


@dataclass(slots=True)
class Ledger:
    """Reads the ledger of one namespace. ``guarded``: when a Ruby worker last counted a job, of any class; None: none ever did."""

    core: Core
    found: Found
    routes: Routes = field(default_factory=Routes)
    guarded: datetime | None = None
    notes: list[str] = field(default_factory=list)
    _last: dict[str, dict[Side, datetime]] = field(default_factory=dict)
    _changes: list[Change] = field(default_factory=list)

    async def begin(self) -> list[str]:
        """Read what belongs to no class; return the names of all classes."""
        try:
            self.routes = await self.core.routes.show()
            self._changes = await self.core.routes.changes(CHANGES)
        except (RoutingError, RedisCommandError) as error:
            self.notes.append(f"The routing table cannot be read: {error}")
        try:
            self._last = await self.core.performed.last()
        except RedisCommandError as error:
            self.notes.append(f"The counts cannot be read: {error}")
        counted = [sides[RUBY] for sides in self._last.values() if RUBY in sides]
        self.guarded = max(counted, default=None)
        named = [rule.match for rule in self.routes.rules if not set(rule.match) & set("*?[\\")]
        seen = [one.name for one in self.found.classes if one.read and one.name != NO_CLASS]
        return sorted({*self._last, *named, *seen})

    async def line(self, name: str, days: int) -> Line:
        """Read the line of one class."""
        rule = self.routes.rule_of(name)
        seen = self.found.classes.classes.get(name)
        jobs = {} if seen is None else _jobs(seen)
        last = self._last.get(name, {})
        performed = await self.core.performed.days(name, days)
        safe, since, why = self._verdict(name, rule, jobs, last)
        return Line(name, rule, performed, last, jobs, safe, since, why)

    def _verdict(
        self,
        name: str,
        rule: Rule | None,
        jobs: Mapping[str, int],
        last: Mapping[Side, datetime],
    ) -> tuple[bool | None, datetime | None, str]:
        """Return whether the class's code in Ruby can go, since when, and why or why not."""
        if rule is None:
            return False, None, "no rule leads it to Python"
        if rule.python_percent < ALL:
            return False, None, f"a rule leads {ALL - rule.python_percent:g} % of its jobs to Ruby"
        held = ", ".join(f"{count} {place}" for place, count in jobs.items() if place in HELD)
        if held:
            return False, None, f"there are jobs: {held}"
        unknown = self._unknown()
        if unknown:
            return None, None, unknown
        routed = self._routed_since(name)
        since = max((at for at in (last.get(RUBY), routed) if at is not None), default=None)
        now = utc(self.core.clock)
        if since is not None and now - since < timedelta(seconds=QUIET):
            what = "it was led to Python" if since == routed else "Ruby performed one"
            return False, None, f"{what} at {since:%H:%M} UTC, less than an hour ago"
        unreadable = sum(self.found.classes.unreadable.values())
        recurring = jobs.get("scheduled", 0)
        buts = [f"{many(unreadable, 'element')} could not be read"] if unreadable else []
        buts += [f"{many(recurring, 'recurring job')} name it: see its queue"] if recurring else []
        return True, since, f"but {', and '.join(buts)}" if buts else ""

    def _unknown(self) -> str:
        """Return why it cannot be known whether Ruby is given jobs of a class; empty if it can."""
        if self.guarded is None:
            return "no Ruby worker counts what it performs: pyresque migrate ruby-guard"
        if self.found.sampled or self.found.classes.gave_way:
            return "not every job was read: --whole"
        return ""

    def _routed_since(self, name: str) -> datetime | None:
        """Return since when all jobs of a class are led to Python; None if the log does not reach back to that."""
        since = None
        for change in self._changes:
            rule = change.routes.rule_of(name)
            if rule is None or rule.python_percent < ALL:
                break
            since = change.at
        if since is None:
            return None
        try:
            return parse_time(since).astimezone(timezone.utc)
        except (DecodeError, ValueError, OverflowError):
            return None


def _jobs(seen: ClassSeen) -> dict[str, int]:
    return {place: round(figure.estimate) for place, figure in seen.places.items() if figure}


def _tally(one: Tally) -> dict[str, Any]:
    return {"done": one.done, "failed": one.failed, "milliseconds": round(one.milliseconds, 1)}


def iso(at: datetime | None) -> str | None:
    """Return a time as ISO 8601."""
    return None if at is None else at.isoformat()
