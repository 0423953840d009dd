"""Dates as a mixed fleet leaves them in Redis, read back whatever their form."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

from pyresque.errors import DecodeError

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
#: As text, fewer digits may mean anything; as a number, they are seconds.
_EPOCH = re.compile(r"-?\d{9,13}(\.\d+)?", re.ASCII)
#: Zone letters that Ruby's ``Time.parse`` knows beside UTC and the process's own zone.
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
    """An aware datetime from text in any form that was seen, or seconds (or milliseconds) since 1970.

    Text without a zone, or with letters nobody knows, is taken as ``local``, the process's zone by default, as Ruby
    takes it. Raises DecodeError.
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
        # Heavy, and for dates alone that no Resque writes.
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
    """The date in the process's zone where it names none of its own."""
    if read.tzinfo is not None:
        return read
    return read.replace(tzinfo=local) if local is not None else read.astimezone()
