"""Read the arguments of commands: a job's arguments as JSON, points in time, durations. Write points in time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyresque.cli.errors import Misuse
from pyresque.cli.output import compact
from pyresque.errors import DecodeError, DurationError, NoQueueError
from pyresque.job.job import JsonCodec
from pyresque.ruby.time import parse_time
from pyresque.schedule.cron.durations import parse_stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.client import Resque


def job_args(args: Sequence[str], *, as_text: bool = False) -> list[object]:
    """Return each ARG decoded from JSON, or as text. Raises Misuse."""
    return list(args) if as_text else [one_arg(at, text) for at, text in enumerate(args, 1)]


def one_arg(at: int, text: str) -> object:
    """Decode one ARG from JSON; ``at`` is its number in messages, from 1 on. Raises Misuse."""
    try:
        value: object = JsonCodec().decode(text.encode("utf-8", "surrogateescape"))
    except DecodeError as error:
        quoted = compact(text)
        raise Misuse(
            f"argument {at}, {text!r}, is not JSON: write a text with its quotes, as '{quoted}', or give --str"
        ) from error
    return value


def own_queue(resque: Resque, class_name: str) -> str:
    """Return the queue of a job that the application of ``-A`` registers. Raises NoQueueError."""
    for job in resque.registered:
        if class_name in (job.name, *job.aliases) and job.queue:
            return job.queue
    entry = resque.core.registry.fallback(class_name)
    if entry is not None and entry.queue:
        return entry.queue
    raise NoQueueError(
        f"Jobs must be placed onto a queue. No queue could be inferred for class {class_name}: give one by -q QUEUE"
    )


def moment(text: str) -> datetime:
    """Parse a date, in this machine's zone if it names none, or seconds since 1970. Raises Misuse."""
    try:
        if text.strip().isdecimal():
            return datetime.fromtimestamp(int(text)).astimezone()
        return parse_time(text).astimezone()
    except (DecodeError, ValueError, OverflowError, OSError) as error:
        raise Misuse(
            f"{text!r} is no point in time: write 2026-12-01T08:00Z, or seconds since 1970"
        ) from error


def seconds_from_now(text: str) -> float:
    """Parse a duration such as ``5m`` or ``1h30m``; return seconds. Raises Misuse."""
    try:
        return parse_stretch(text)
    except DurationError as error:
        raise Misuse(str(error)) from error


def shown_time(seconds: float) -> str:
    """Return seconds since 1970 as a date in this machine's zone; ``no date`` if the calendar has none."""
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return "no date"


def shown_run(at: datetime) -> str:
    """Return the time of a recurring job's run as people read it, in its own zone."""
    return at.isoformat(sep=" ", timespec="seconds")
