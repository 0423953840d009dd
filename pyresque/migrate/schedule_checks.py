"""What in one entry of a schedule a Python scheduler would do otherwise than Ruby's: its faults, its timing, its job."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import NotEncodable
from pyresque.migrate.schedule_findings import Finding, shown
from pyresque.schedule.cron.next_run import Cron
from pyresque.schedule.entries import RUBY_OPTIONS, SWITCHES, TIMINGS, is_section, unknown_keys
from pyresque.schedule.promote import ORDINARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyresque.job.job_class import JobClass
    from pyresque.migrate.schedule_findings import Situation
    from pyresque.migrate.schedule_sides import Side
    from pyresque.schedule.entries import Entry

#: From this version on fugit reads cron lines as pyresque does.
FUGIT: Final = (1, 12)

#: What older versions of fugit refuse, at which Ruby's scheduler stops, or read otherwise.
_OLD_FUGIT: Final = (
    (re.compile(r"%"), "counts weeks (%) from another one"),
    (re.compile(r"#.*#"), "leaves out some of several weekdays with #"),
    (re.compile(r"^@\w+ +\S"), "refuses a nickname with a zone"),
    (re.compile(r"^ | $| {2}"), "refuses doubled and outer blanks"),
    (re.compile(r",,"), "refuses doubled commas"),
    (re.compile(r"&"), "refuses &"),
)


def check(situation: Situation, side: Side, last: float | None) -> Iterator[Finding]:
    """Check an entry as Python's scheduler reads it; ``last`` is its last run, in seconds since 1970."""
    if is_section(side.config):
        text = "it holds entries: is it a section? Name it with --schedule-section"
        yield Finding("section", text)
        return
    yield from _faults(situation, side)
    if side.entry is not None:
        yield from _of_timing(situation, side.entry, last)
        yield from _of_job(situation, side.entry)


def _faults(situation: Situation, side: Side) -> Iterator[Finding]:
    if side.fault is not None:
        text = (
            f"{'; '.join(side.fault.faults)}: Python leaves it out, Ruby's scheduler may stop at it"
        )
        yield Finding("fault", text, differs=True)
    elif isinstance(side.config, dict):
        if keys := unknown_keys(side.config):
            yield Finding("keys", f"{', '.join(map(repr, keys))}: neither side reads that")
        try:
            situation.core.codec.encode(side.config.get("args"))
        except NotEncodable as error:
            text = f"{error}: Python does not send it; Ruby sends its to_s: write it as a text"
            yield Finding("args", text, differs=True)


def _of_timing(situation: Situation, entry: Entry, last: float | None) -> Iterator[Finding]:
    for key in SWITCHES:
        if entry.wants(key):
            yield Finding("python-only", f"{key}: Ruby does not read it", differs=True)
    if entry.catch_up:
        text = f"catch_up: {entry.config['catch_up']}: Ruby makes up for no missed run"
        yield Finding("python-only", text, differs=True)
    if entry.timing is None:
        yield Finding("timing", f"it has none of {', '.join(TIMINGS)}: it runs on neither side")
        return
    if isinstance(entry.timing, Cron):
        yield from _of_fugit(situation, entry)
    else:
        yield from _of_every(entry, last)
    yield from _of_options(situation, entry)


def _of_options(situation: Situation, entry: Entry) -> Iterator[Finding]:
    options = _options(entry)
    if ignored := sorted(set(options) & RUBY_OPTIONS):
        text = f"{', '.join(ignored)}: read by Ruby's threads alone, which only enqueue: no job runs otherwise"
        yield Finding("options", text)
    for name, moment in (("first", entry.limits.first), ("last", entry.limits.last)):
        if moment is not None and moment < situation.now:
            text = f"the option {name} is past: Ruby's scheduler stops at that when it starts, Python's does not"
            yield Finding("options", text, differs=True)
    if entry.limits.times is not None:
        text = f"times: {entry.limits.times}: each scheduler counts its own runs, and begins anew when it takes over"
        yield Finding("options", text)


def _options(entry: Entry) -> Mapping[str, Any]:
    for kind in TIMINGS:
        value = entry.config.get(kind)
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):  # noqa: PLR2004 - a text and its options
            return value[1]
    return {}


def _of_fugit(situation: Situation, entry: Entry) -> Iterator[Finding]:
    if situation.fugit is not None and situation.fugit >= FUGIT:
        return
    told = situation.fugit is not None
    version = f"fugit before {'.'.join(map(str, FUGIT))}"
    for pattern, what in _OLD_FUGIT:
        if pattern.search(entry.original):
            advice = "" if told else "; --fugit VERSION tells which one Ruby has"
            yield Finding("fugit", f"{entry.original!r}: {version} {what}{advice}", differs=told)


def _of_every(entry: Entry, last: float | None) -> Iterator[Finding]:
    if entry.limits.first is not None:
        yield Finding(
            "phase",
            "it runs after its first_in each time that a scheduler takes over, on both sides",
        )
    elif not entry.remembers:
        since = (
            "" if last is None else f", last at {shown(datetime.fromtimestamp(last, timezone.utc))}"
        )
        text = f"its {entry.original} begin anew when Python takes over{since}; remember: true goes on from the last run"
        yield Finding("phase", text)


def _of_job(situation: Situation, entry: Entry) -> Iterator[Finding]:
    config = entry.config
    custom = config.get("custom_job_class")
    if custom and custom != ORDINARY and situation.has_app:
        found = situation.find(custom)
        if not callable(getattr(found and found.target, "scheduled", None)):
            text = f"{custom}: Ruby calls its method scheduled; Python has none, and enqueues {custom} in the job's place"
            yield Finding("custom_job_class", text, differs=True)
    if not situation.has_app:
        if not config.get("queue"):
            yield Finding("queue", "no queue: without -A nobody knows which one Python's class has")
        return
    yield from _of_class(situation, entry, situation.find(entry.class_name))


def _of_class(situation: Situation, entry: Entry, known: JobClass | None) -> Iterator[Finding]:
    queue, name = entry.config.get("queue"), entry.class_name
    if known is None or known.target is None:
        if known is None:
            text = f"{name} is not registered: Ruby performs it, and Python enqueues it without the hooks and plugins of its Ruby class"
            yield Finding("class", f"{text}; resque.declare({name!r}, plugins=...) gives plugins")
        if not queue and (known is None or known.queue is None):
            text = "no queue, and no class here that has one: Python cannot enqueue it, Ruby takes that of its class"
            yield Finding("queue", text, differs=True)
    elif known.carrier is not None:
        text = f"{name} is an ActiveJob: Python enqueues it as Rails does, Ruby's scheduler as a plain class, which fails"
        yield Finding("active-job", text, differs=True)
    elif not queue and known.queue is None:
        yield Finding("queue", "no queue: Python cannot enqueue it", differs=True)
    elif not queue:
        yield Finding("queue", f"no queue: Python takes {known.queue}, Ruby that of its own class")
    where = queue or (None if known is None else known.queue)
    if where and not situation.served(str(where)):
        yield Finding("queue", f"no registered worker takes from queue {where}")
