"""The dates in Ruby's records: every form that is written. Reading them back, whatever their form, is for ``dates.py``.

Pure functions of aware datetimes; none reads a clock or guesses a zone. A form in local time is written in the zone its
datetime is in: convert with ``at.astimezone(zone)`` first.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_ZERO = timedelta(0)


def to_s(at: datetime) -> str:
    """``Time#to_s`` of a local time, as a worker's ``started``: ``2026-03-01 12:00:00 +0000``."""
    return f"{_date(at)} {_clock(at)} {_offset(at, '')}"


def to_s_utc(at: datetime) -> str:
    """``Time#to_s`` of a time in UTC: ``2026-03-01 12:00:00 UTC``."""
    at = at.astimezone(timezone.utc)
    return f"{_date(at)} {_clock(at)} UTC"


def iso8601_z(at: datetime) -> str:
    """``Time#utc#iso8601``, as ``run_at``: ``2026-03-01T12:00:00Z``."""
    return iso8601(at.astimezone(timezone.utc))


def heartbeat(at: datetime) -> str:
    """``Time#iso8601`` of a local time, as a worker's heartbeat: ``2026-03-01T12:00:00+00:00``, never with ``Z``."""
    return f"{_date(at)}T{_clock(at)}{_offset(at, ':')}"


def iso8601(at: datetime, digits: int = 0) -> str:
    """``Time#iso8601(digits)``: ``Z`` for times in UTC, else the offset; further digits are cut, not rounded."""
    fraction = f".{at.microsecond:06d}000"[: digits + 1] if digits else ""
    zone = "Z" if is_utc(at) else _offset(at, ":")
    return f"{_date(at)}T{_clock(at)}{fraction}{zone}"


def failed_at(at: datetime) -> str:
    """A failed record's ``failed_at``, and ``retried_at`` in the Redis backend: ``2026/03/01 12:00:00 UTC``.

    Local time with the zone's letters; a zone without letters gives its offset (``-03``).
    """
    return f"{retried_at(at)} {_letters(at)}"


def retried_at(at: datetime) -> str:
    """``retried_at`` as the RedisMultiQueue backend writes it, without a zone: ``2026/03/01 12:00:00``."""
    return f"{at.year:04d}/{at.month:02d}/{at.day:02d} {_clock(at)}"


def is_utc(at: datetime) -> bool:
    """Whether Ruby would hold such a time as UTC (``Time#utc?``), rather than as a zone that happens to be at zero."""
    return at.utcoffset() == _ZERO and at.tzname() == "UTC"


def _date(at: datetime) -> str:
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}"


def _clock(at: datetime) -> str:
    return f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"


def _offset(at: datetime, colon: str) -> str:
    """The distance from UTC, hours and minutes; odd seconds are dropped, as in Ruby."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError(f"{at!r} has no zone")
    sign = "-" if offset < _ZERO else "+"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{sign}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def _letters(at: datetime) -> str:
    """The zone's letters; Python names a bare offset ``UTC-03:00``, the zone database ``-03``."""
    name = at.tzname()
    if name is None:
        raise ValueError(f"{at!r} has no zone")
    if name.startswith("UTC") and name != "UTC":
        offset = _offset(at, "")
        return offset.removesuffix("00")
    return name
