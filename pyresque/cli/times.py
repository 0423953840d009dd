"""Times in the output of commands: ISO 8601 with a zone, however they are written in Redis."""

from __future__ import annotations

from datetime import datetime, timezone

from pyresque.errors import DecodeError
from pyresque.ruby.time import parse_time


def iso(written: str | float | None) -> str | None:
    """A time as ISO 8601 with its zone; None where there is none, or where it cannot be read as one."""
    if written is None:
        return None
    try:
        return parse_time(written).isoformat()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None


def iso_of_seconds(seconds: float) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; None for what is no date."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


def iso_and_written(name: str, written: str | None) -> dict[str, str | None]:
    """A time under its name, and as it is written in Redis under ``NAME_in_redis``."""
    return {name: iso(written), f"{name}_in_redis": written}
