"""One recurring job: its parsed configuration, the faults of a wrong one, and when it runs.

A configuration is a mapping in resque-scheduler's YAML file or, as JSON, in Redis. Ruby ignores the keys that pyresque adds:
``skip_if_queued``, ``skip_if_running``, ``catch_up``, ``remember``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from pyresque.clock import local
from pyresque.errors import CronError, DecodeError, DurationError, ScheduleError, SettingsError
from pyresque.ruby.time import parse_time
from pyresque.schedule.cron.durations import parse_every, parse_stretch
from pyresque.schedule.cron.next_run import Cron
from pyresque.setting_readers import CATCH_UPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from pyresque.clock import Clock

#: In Ruby's order: ``cron`` goes before ``every``.
TIMINGS: Final = ("cron", "every")

TEXTS: Final = ("class", "queue", "custom_job_class", "rails_env", "env", "description")
SWITCHES: Final = ("skip_if_queued", "skip_if_running", "remember")
KNOWN: Final = frozenset((*TIMINGS, *TEXTS, *SWITCHES, "args", "persist", "parameters", "catch_up"))

#: Options of a timing that pyresque reads, and those that only Ruby's threads read.
OPTIONS: Final = frozenset({"first", "first_in", "first_at", "last", "last_in", "last_at", "times"})
RUBY_OPTIONS: Final = frozenset({"overlap", "mutex", "timeout", "tags", "tag", "name", "job"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The options of a timing; points in time are seconds since 1970."""

    first: float | None = None
    last: float | None = None
    times: int | None = None

    @property
    def unset(self) -> bool:
        """Whether no option limits the runs."""
        return self.first is self.last is self.times is None


@dataclass(frozen=True, slots=True)
class Entry:
    """A recurring job. ``timing`` is a Cron, seconds between two runs, or None for a job that never runs by itself."""

    name: str
    config: Mapping[str, Any]
    timing: Cron | float | None
    original: str
    limits: Limits
    catch_up: int | None

    @classmethod
    def read(cls, name: str, config: object, clock: Clock) -> Entry:
        """Parse a configuration. Raises ScheduleError, which names all faults."""
        if not isinstance(config, Mapping):
            raise ScheduleError(name, (f"it is {_kind(config)}, not keys such as cron and class",))
        faults: list[str] = []
        kind, line, options = _timing(config, faults)
        timing = _or_fault(faults, kind, lambda: _read_timing(kind, line)) if kind else None
        limits = _limits(options, clock, faults) if kind else Limits()
        catch_up = _or_fault(faults, "catch_up", lambda: read_catch_up(config.get("catch_up")))
        faults += [
            f"{key}: {config[key]!r} is {_kind(config[key])}, not a text"
            for key in TEXTS
            if config.get(key) is not None and not isinstance(config[key], str)
        ]
        faults += [
            f"{key}: {config[key]!r} is neither true nor false"
            for key in SWITCHES
            if not isinstance(config.get(key, False), bool)
        ]
        if faults:
            raise ScheduleError(name, tuple(faults))
        return cls(name, config, timing, line, limits, catch_up)

    @property
    def class_name(self) -> str:
        """The name of the job's class, or an empty text."""
        return str(self.config.get("class") or "")

    @property
    def remembers(self) -> bool | None:
        """Whether ``every`` counts from the last run; None: the setting decides."""
        return self.config.get("remember")

    def wants(self, key: str) -> bool:
        """Whether a switch such as ``skip_if_queued`` is on."""
        return self.config.get(key) is True

    def runs_in(self, environment: str) -> bool:
        """Whether ``rails_env`` (or ``env``) names this environment; an entry without runs in all, as in Ruby."""
        configured = self.config.get("rails_env")
        if configured is None:
            configured = self.config.get("env")
        return configured is None or (
            environment != "" and environment in re.split(r"[\s,]+", configured)
        )

    def first_run(self, now: float, zone: tzinfo, last: float | None = None) -> float | None:
        """Return the first run of a scheduler that starts now; ``last`` is the run from which ``every`` counts, if it does."""
        if self.timing is None:
            return None
        if last is not None and not isinstance(self.timing, Cron):
            return self._within(max(last + self.timing, now))
        if self.limits.first is not None and self.limits.first >= now:
            return self._within(self.limits.first)
        return self.run_after(now, now, zone)

    def run_after(self, run: float, now: float, zone: tzinfo) -> float | None:
        """Return the run after ``run``, without those that have passed by now, as Ruby's timer does."""
        if self.timing is None:
            return None
        if isinstance(self.timing, Cron):
            asked = datetime.fromtimestamp(max(run, now), timezone.utc)
            try:
                return self._within(self.timing.next_after(asked, zone).timestamp())
            except CronError:
                return None
        steps = max(1, int((now - run) // self.timing) + 1)
        return self._within(run + steps * self.timing)

    def missed(self, since: float, now: float, zone: tzinfo, most: int) -> int:
        """Return how many runs were due after ``since`` until now, counted up to ``most``."""
        if self.timing is None or most <= 0:
            return 0
        if not isinstance(self.timing, Cron):
            return min(most, max(0, int((now - since) // self.timing)))
        count, at = 0, self.run_after(since, since, zone)
        while at is not None and at <= now and count < most:
            count, at = count + 1, self.run_after(at, at, zone)
        return count

    def _within(self, run: float) -> float | None:
        return None if self.limits.last is not None and run > self.limits.last else run


def read_catch_up(value: object) -> int | None:
    """Read ``none``, ``one`` or a number; None stays None. Raises SettingsError."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and value in CATCH_UPS:
        return CATCH_UPS[value]
    raise SettingsError(f"{value!r} is none of {', '.join(CATCH_UPS)}, and no number of runs")


def is_section(config: object) -> bool:
    """Whether a configuration looks like several entries under the name of an environment."""
    if not isinstance(config, Mapping):
        return False
    inner = [value for key, value in config.items() if key != "class"]
    return bool(inner) and all(
        isinstance(value, Mapping) and key not in KNOWN
        for key, value in config.items()
        if key != "class"
    )


def unknown_keys(config: Mapping[str, Any]) -> list[str]:
    """Return the keys that neither pyresque nor Ruby reads."""
    return sorted(str(key) for key in config if key not in KNOWN)


def _timing(config: Mapping[str, Any], faults: list[str]) -> tuple[str, str, Mapping[str, Any]]:
    """Return the kind of timing that counts, its text and its options; an empty kind if there is none."""
    for kind in TIMINGS:
        value = config.get(kind)
        if value is None or value in ("", []):
            continue
        options: Mapping[str, Any] = {}
        if isinstance(value, list):
            if len(value) == 2 and isinstance(value[1], Mapping):  # noqa: PLR2004 - a text and its options
                options = value[1]
            value = value[0]
        if isinstance(value, str):
            return kind, value, options
        faults.append(
            f"{kind}: {value!r} is {_kind(value)}, at which Ruby's scheduler fails: write a text, such as '{value}s'"
            if isinstance(value, (int, float)) and kind == "every"
            else f"{kind}: {value!r} is {_kind(value)}, not a text"
        )
        return "", "", {}
    return "", "", {}


def _read_timing(kind: str, line: str) -> Cron | float:
    return Cron.parse(line) if kind == "cron" else parse_every(line)


def _limits(options: Mapping[str, Any], clock: Clock, faults: list[str]) -> Limits:
    faults += [
        f"option {option!r} is none of {', '.join(sorted(OPTIONS))}"
        for option in options
        if option not in OPTIONS | RUBY_OPTIONS
    ]
    first = _or_fault(faults, "first", lambda: _moment(options, "first", clock))
    last = _or_fault(faults, "last", lambda: _moment(options, "last", clock))
    times = options.get("times")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        faults.append(f"option times: {times!r} is no number from 1 on")
        times = None
    return Limits(first, last, times)


def _moment(options: Mapping[str, Any], which: str, clock: Clock) -> float | None:
    """Read ``first_in: 5s``, ``first_at: 2026-12-01 08:00``, or ``first``, which may be either."""
    for option in (f"{which}_in", f"{which}_at", which):
        value = options.get(option)
        if value is None:
            continue
        if not option.endswith("_at"):
            try:
                return clock.time() + parse_stretch(value)
            except DurationError:
                if option.endswith("_in"):
                    raise
        return parse_time(value, local(clock).tzinfo).timestamp()
    return None


def _or_fault(faults: list[str], key: str, read: Callable[[], Any]) -> Any:
    """Return the value of ``read``; on an error add a fault of that key and return None."""
    try:
        return read()
    except (CronError, DurationError, DecodeError, SettingsError) as error:
        faults.append(f"{key}: {error}")
        return None


def _kind(value: object) -> str:
    kinds = {dict: "a mapping", list: "a list", str: "a text", bool: "a truth value"}
    if value is None:
        return "empty"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "a number"
    return kinds.get(type(value), f"a {type(value).__name__}")
