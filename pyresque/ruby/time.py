"""Every form of date that Ruby writes into Redis; ``parse_time`` reads all of them.

The functions take aware datetimes; none reads a clock. Forms in local time are written in the datetime's own zone: convert
with ``at.astimezone(zone)`` first.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

from pyresque.errors import DecodeError
from pyresque.ruby import stamp

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
    return stamp.iso8601_z(at.timestamp())


def heartbeat(at: datetime) -> str:
    """``Time#iso8601`` of a local time, as a worker's heartbeat: ``2026-03-01T12:00:00+00:00``, never with ``Z``."""
    return f"{date_and_clock(at)}{_offset(at, ':')}"


def iso8601(at: datetime, digits: int = 0) -> str:
    """``Time#iso8601(digits)``: ``Z`` for times in UTC, else the offset; further digits are cut, not rounded."""
    fraction = f".{at.microsecond:06d}000"[: digits + 1] if digits else ""
    zone = "Z" if is_utc(at) else _offset(at, ":")
    return f"{date_and_clock(at)}{fraction}{zone}"


def date_and_clock(at: datetime) -> str:
    """Return ``2026-03-01T12:00:00``: ISO 8601 without a fraction and without a zone."""
    return f"{_date(at)}T{_clock(at)}"


def failed_at(at: datetime) -> str:
    """A failed record's ``failed_at``, and ``retried_at`` in the Redis backend: ``2026/03/01 12:00:00 UTC``.

    Local time with the zone's letters; a zone without letters gives its offset (``-03``).
    """
    return f"{retried_at(at)} {_letters(at)}"


def retried_at(at: datetime) -> str:
    """``retried_at`` as the RedisMultiQueue backend writes it, without a zone: ``2026/03/01 12:00:00``."""
    return f"{at.year:04d}/{at.month:02d}/{at.day:02d} {_clock(at)}"


def is_utc(at: datetime) -> bool:
    """Whether ``Time#utc?`` is true: the zone is UTC itself, not another zone whose offset is zero now."""
    return at.utcoffset() == _ZERO and at.tzname() == "UTC"


def _date(at: datetime) -> str:
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}"


def _clock(at: datetime) -> str:
    return f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"


def _offset(at: datetime, colon: str) -> str:
    """Return the offset from UTC in hours and minutes; its seconds are dropped, as in Ruby."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError(f"{at!r} has no zone")
    sign = "-" if offset < _ZERO else "+"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{sign}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def _letters(at: datetime) -> str:
    """Return the zone's letters. Python names a bare offset ``UTC-03:00``; the zone database names it ``-03``, as Ruby does."""
    name = at.tzname()
    if name is None:
        raise ValueError(f"{at!r} has no zone")
    if name.startswith("UTC") and name != "UTC":
        offset = _offset(at, "")
        return offset.removesuffix("00")
    return name


#: ``2026-03-01T12:00:00.123Z``, ``2026/03/01 12:00:00 UTC``, ``2026-03-01 12:00:00 -0500``: Ruby's, PHP's and Java's forms;
#: ``2026-03-01 08:00:00.5 EDT -04:00``: ActiveSupport's.
_NUMERIC = re.compile(
    r"""(?P<year>\d{4})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)
        (?:[T ]\s*(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?
        \s*(?P<zone>Z|[A-Za-z]{3,5}(?=$|\ [+-])|[+-]\d\d(?::?\d\d)?)?
        (?:\ (?P<offset>[+-]\d\d:\d\d))?""",
    re.VERBOSE | re.ASCII,
)


#: ``Sun Mar 01 2026 12:00:00 GMT+0100 (Central European Standard Time)``: JavaScript's ``Date#toString``.
_JAVASCRIPT = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})")


#: A text of fewer digits may mean anything; a number of fewer digits is seconds.
_EPOCH = re.compile(r"-?\d{9,13}(\.\d+)?", re.ASCII)


#: Zone letters that Ruby's ``Time.parse`` reads in addition to UTC and the process's own zone.
_LETTERS = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}


_MILLISECONDS = 1e11


def parse_time(text: str | float, local: tzinfo | None = None) -> datetime:
    """Read a date in any form that Resque clients write, or seconds (or milliseconds) since 1970.

    A text without a zone, or with unknown zone letters, is in ``local``, by default the process's zone, as in Ruby. Raises
    DecodeError.
    """
    written = str(text).strip()
    try:
        if _EPOCH.fullmatch(written) or type(text) in (int, float):
            seconds = float(written)
            return datetime.fromtimestamp(
                seconds / 1000 if abs(seconds) > _MILLISECONDS else seconds, timezone.utc
            )
        numeric = _NUMERIC.fullmatch(written)
        if numeric is not None:
            return _numeric(numeric, local)
        javascript = _JAVASCRIPT.match(written)
        if javascript is not None:
            return datetime.strptime(" ".join(javascript.groups()), "%b %d %Y %H:%M:%S %z")
        # Heavy, and only for dates that no Resque writes.
        from email.utils import parsedate_to_datetime  # noqa: PLC0415

        return _in_zone(parsedate_to_datetime(written), local)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        msg = f"no time information in {written[:100]!r}"
        raise DecodeError(msg) from error


def _numeric(match: re.Match[str], local: tzinfo | None) -> datetime:
    part = match.groupdict()
    plain = datetime(  # noqa: DTZ001 - the zone follows
        int(part["year"]),
        int(part["month"]),
        int(part["day"]),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        min(int(part["second"] or 0), 59),
        int((part["fraction"] or "0")[:6].ljust(6, "0")),
    )
    zone = part["offset"] or part["zone"]
    if zone is None or (zone[0] not in "+-" and zone.upper() not in _LETTERS):
        return _in_zone(plain, local)
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        return plain.replace(
            tzinfo=timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
        )
    return plain.replace(tzinfo=timezone(timedelta(hours=_LETTERS[zone.upper()])))


def _in_zone(read: datetime, local: tzinfo | None) -> datetime:
    """Put a date without a zone into ``local``, or into the process's zone."""
    if read.tzinfo is not None:
        return read
    return read.replace(tzinfo=local) if local is not None else read.astimezone()
