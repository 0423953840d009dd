"""Compare one recurring job as Ruby's scheduler runs it with what Python's would do: the next runs, and the findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from pyresque.migrate.schedule_checks import check
from pyresque.migrate.schedule_findings import Finding, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from pyresque.migrate.schedule_findings import Situation
    from pyresque.migrate.schedule_sides import Pair, Side

#: Runs of a cron line that are compared: more than a year of days, so that every change of clocks is among them.
COMPARED_RUNS: Final = 400


@dataclass(frozen=True, slots=True)
class Compared:
    """One entry: its next runs on both sides, and the findings."""

    pair: Pair
    ruby: list[datetime]
    python: list[datetime]
    findings: list[Finding]

    @property
    def differs(self) -> bool:
        """Whether a finding says that it would run otherwise."""
        return any(one.differs for one in self.findings)


def compare(situation: Situation, pair: Pair, count: int, last: float | None) -> Compared:
    """Compare one entry; ``last`` is its last run, in seconds since 1970."""
    core = situation.core
    zones = (situation.ruby_zone or situation.python_zone, situation.python_zone)
    environments = (situation.ruby_environment, core.settings.rails_env)
    ruby, python = (
        _runs(situation.now, side, zone, environment, last)
        for side, zone, environment in zip(
            (pair.ruby, pair.python), zones, environments, strict=True
        )
    )
    found = [*_presence(pair), *_environments(situation, pair), *_timing(pair, ruby, python)]
    if pair.python is not None:
        found += check(situation, pair.python, last)
    if pair.ruby is not None and pair.python is not None and pair.ruby is not pair.python:
        found += _unequal(pair.ruby, pair.python)
    allowed = situation.allowed
    found = [Finding(f.kind, f.text, f.differs and f.kind not in allowed) for f in found]
    return Compared(pair, ruby[:count], python[:count], found)


def _runs(
    now: float, side: Side | None, zone: tzinfo, environment: str | None, last: float | None
) -> list[datetime]:
    """The next runs on one side; without an ``environment`` as if it were the right one.

    Those of an ``every`` are counted from the last run in Redis, if there is one.
    """
    if side is None or side.entry is None:
        return []
    if environment is not None and not side.entry.runs_in(environment):
        return []
    entry = side.entry
    found: list[datetime] = []
    at = entry.first_run(now, zone)
    if last is not None and isinstance(entry.timing, float) and entry.limits.first is None:
        at = entry.run_after(last, now, zone)
    most = min(COMPARED_RUNS, entry.limits.times or COMPARED_RUNS)
    while at is not None and len(found) < most:
        try:
            found.append(datetime.fromtimestamp(at, timezone.utc).astimezone(zone))
        except (ValueError, OverflowError, OSError):
            break  # beyond the year 9999
        at = entry.run_after(at, at, zone)
    return found


def _presence(pair: Pair) -> Iterator[Finding]:
    if pair.python is None:
        yield Finding("missing", "Python's file has no such entry: it would not run", differs=True)
    if pair.ruby is None:
        yield Finding("added", "Ruby's file has no such entry: Python runs it", differs=True)
    if pair.kept and pair.hidden is not None:
        same = pair.ruby is not None and pair.hidden == pair.ruby.config
        how = "it is the same" if same else "it is another one"
        yield Finding(
            "both", f"it stands in Redis and in a file ({how}): Redis's runs, on both sides"
        )
    if pair.written is not None:
        yield from (
            Finding("twice", f"line {pair.written.line}: {note}") for note in pair.written.notes
        )


def _environments(situation: Situation, pair: Pair) -> Iterator[Finding]:
    here = situation.core.settings.rails_env
    entry = None if pair.python is None else pair.python.entry
    if entry is None or entry.runs_in(here):
        return
    there = situation.ruby_environment or ""
    named = entry.config.get("rails_env") or entry.config.get("env")
    if not here:
        text = (
            f"it runs in {named} alone, and Python's scheduler has no RAILS_ENV: give --rails-env"
        )
        yield Finding("environment", text, differs=True)
    elif pair.ruby is not None and pair.ruby.entry and pair.ruby.entry.runs_in(there):
        text = f"it runs in {named}: in Ruby's {there}, not in Python's {here}"
        yield Finding("environment", text, differs=True)
    else:
        yield Finding("environment", f"it runs in {named}, not in {here}, on both sides")


def _timing(pair: Pair, ruby: list[datetime], python: list[datetime]) -> Iterator[Finding]:
    """Compare the times; those of an ``every`` by its stretch, because each start begins a new count."""
    entries = [None if side is None else side.entry for side in (pair.ruby, pair.python)]
    one, other = entries
    if one is None or other is None or not (ruby or python):
        return
    if isinstance(one.timing, float) and isinstance(other.timing, float):
        if one.timing != other.timing:
            text = f"Ruby runs it every {one.timing:g} s, Python every {other.timing:g} s"
            yield Finding("timing", text, differs=True)
        elif one.limits.times != other.limits.times:
            yield Finding("timing", "the option times is another one", differs=True)
        return
    for at_ruby, at_python in zip_longest(ruby, python):
        if at_ruby != at_python:
            text = f"Ruby runs it at {shown(at_ruby)}, Python at {shown(at_python)}"
            yield Finding("timing", text, differs=True)
            return


def _unequal(ruby: Side, python: Side) -> Iterator[Finding]:
    """Compare what the two files say of the job itself."""
    if not isinstance(ruby.config, dict) or not isinstance(python.config, dict):
        return
    for key in ("class", "queue", "args", "custom_job_class"):
        one, other = ruby.config.get(key), python.config.get(key)
        if one != other or repr(one) != repr(other):
            yield Finding(
                "job", f"{key}: {one!r} in Ruby's file, {other!r} in Python's", differs=True
            )
