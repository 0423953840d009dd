"""Times as Rails writes them into payloads (ISO 8601) and as Ruby's ``Time.iso8601`` reads them; Rails' names of zones."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyresque.activejob import ruby_messages
from pyresque.activejob.values import DateTime, Instant
from pyresque.errors import EnvelopeError
from pyresque.ruby.time import date_and_clock

_NANO = 1_000_000_000
_TIME = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?\s*\Z",
    re.IGNORECASE | re.ASCII,
)
#: Times as Rails itself writes them: ``read`` reads all of these.
_USUAL = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z",
    re.ASCII,
)
_DATE = re.compile(r"\s*(\d{4})-?(\d\d)-?(\d\d)(?:\s*\Z|T)", re.IGNORECASE | re.ASCII)
#: The zone of a Ruby Time at offset zero that is not UTC ("+00:00"); its name distinguishes it from ``timezone.utc`` ("Z").
PLUS_ZERO = timezone(timedelta(0), "+00:00")
#: The instant from which seconds are counted.
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The most that Ruby accepts for each part of a time: the 30th of February is the 1st or 2nd of March.
_MOST = {"mon": 12, "mday": 31, "hour": 24, "min": 59, "sec": 60}
_FIRST = {"mon": 1, "mday": 1}


def text(moment: datetime, digits: int = 9) -> str:
    """``iso8601(digits)`` of an aware datetime in its own zone; UTC is written as Z (of a DateTime: +00:00)."""
    whole = date_and_clock(moment)
    fraction = f".{nanoseconds(moment):09d}"[: digits + 1] if digits else ""
    return f"{whole}{fraction}{_offset(moment)}"


def utc_text(moment: datetime, digits: int = 9) -> str:
    """``utc.iso8601(digits)`` of an aware datetime."""
    return text(
        Instant.of(moment.astimezone(timezone.utc), getattr(moment, "nanosecond", 0)), digits
    )


def nanoseconds(moment: datetime) -> int:
    """Return the fraction of the second, in nanoseconds."""
    rest = moment.nanosecond if isinstance(moment, Instant) else 0
    return moment.microsecond * 1000 + rest


def _offset(moment: datetime) -> str:
    offset = moment.utcoffset() or timedelta(0)
    if not offset and not isinstance(moment, DateTime) and moment.tzname() in ("UTC", "UCT"):
        return "Z"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def later(moment: datetime, seconds: float) -> Instant:
    """Return the instant so many seconds later, exact to the nanosecond as in Ruby (a float counts with all its digits)."""
    total = nanoseconds(moment) + Fraction(seconds) * _NANO // 1
    whole, rest = divmod(int(total), _NANO)
    plain = datetime.combine(moment.date(), moment.time().replace(microsecond=0)).replace(
        tzinfo=timezone.utc
    )
    offset = moment.utcoffset() or timedelta(0)
    there = plain - offset + timedelta(seconds=whole, microseconds=rest // 1000)
    zoned = there.astimezone(moment.tzinfo)
    return Instant.of(zoned, rest % 1000)


def read(value: object, local: tzinfo) -> datetime:
    """Read a time as ``Time.iso8601`` does; ``local`` is the zone of a text without one.

    Returns a plain datetime if that loses nothing, else an Instant. Raises TypeError or ValueError with Ruby's message.
    """
    if not isinstance(value, str | None):
        raise TypeError(ruby_messages.no_conversion(value, "String"))
    match = _TIME.match(value or "")
    if match is None:
        raise ValueError(f"invalid xmlschema format: {ruby_messages.inspect(value)}")
    year = int(match[1])
    parts = dict(zip(_MOST, map(int, match.groups()[1:6]), strict=True))
    for name, number in parts.items():
        if not _FIRST.get(name, 0) <= number <= _MOST[name]:
            raise ValueError(f"{name} out of range")
    if parts["hour"] == _MOST["hour"] and (parts["min"] or parts["sec"]):
        raise ValueError("sec out of range" if parts["sec"] else "min out of range")
    rest = int((match[7] or "")[:9].ljust(9, "0"))
    zone = _zone(match[8], local)
    try:
        moment = datetime(year, parts["mon"], 1, tzinfo=zone) + timedelta(
            days=parts["mday"] - 1,
            hours=parts["hour"],
            minutes=parts["min"],
            seconds=parts["sec"],
            microseconds=rest // 1000,
        )
    except (ValueError, OverflowError) as error:
        raise ValueError("argument out of range") from error
    return Instant.of(moment, rest % 1000) if rest % 1000 else moment


def check(value: str) -> None:
    """Raise what ``read`` would raise for a text; quick for a time that Rails wrote."""
    if _USUAL.fullmatch(value) is None:
        read(value, timezone.utc)


def _zone(written: str | None, local: tzinfo) -> tzinfo:
    if written is None:
        return local
    if written in "Zz" or written in ("-00:00", "-0000", "-00"):
        return timezone.utc
    digits = written[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if not offset:
        return PLUS_ZERO
    if offset >= timedelta(days=1):
        raise ValueError("utc_offset out of range")
    return timezone(-offset if written[0] == "-" else offset)


def read_date(value: object) -> date:
    """Read a date as ``Date.iso8601`` does; a time of day after it is ignored. Raises as ``read`` does."""
    if not isinstance(value, str | None):
        raise TypeError(ruby_messages.no_conversion(value, "String"))
    match = _DATE.match(value or "")
    if match is None:
        raise ValueError("invalid date")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise ValueError("invalid date") from error


#: Zones that Rails names by their city, by continent: "Berlin" is Europe/Berlin.
_CITIES = {
    "Africa": "Cairo Casablanca Harare Monrovia Nairobi",
    "America": (
        "Bogota Caracas Chihuahua La_Paz Lima Mazatlan Mexico_City Monterrey Montevideo Puerto_Rico Santiago "
        "Tijuana"
    ),
    "America/Argentina": "Buenos_Aires",
    "Asia": (
        "Almaty Baghdad Baku Bangkok Chongqing Dhaka Hong_Kong Irkutsk Jakarta Jerusalem Kabul Kamchatka "
        "Karachi Kathmandu Kolkata Krasnoyarsk Kuala_Lumpur Kuwait Magadan Muscat Novosibirsk Rangoon Riyadh "
        "Seoul Singapore Srednekolymsk Taipei Tashkent Tbilisi Tehran Tokyo Ulaanbaatar Urumqi Vladivostok "
        "Yakutsk Yerevan"
    ),
    "Atlantic": "Azores",
    "Australia": "Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    "Etc": "UTC",
    "Europe": (
        "Amsterdam Athens Belgrade Berlin Bratislava Brussels Bucharest Budapest Copenhagen Dublin Helsinki "
        "Istanbul Kaliningrad Lisbon Ljubljana London Madrid Minsk Moscow Paris Prague Riga Rome Samara "
        "Sarajevo Skopje Sofia Stockholm Tallinn Vienna Vilnius Volgograd Warsaw Zagreb Zurich"
    ),
    "Pacific": "Auckland Fiji Guam Port_Moresby",
}
#: Zones that have a name of Rails' own.
_NAMES = {
    "International Date Line West": "Etc/GMT+12",
    "Midway Island": "Pacific/Midway",
    "American Samoa": "Pacific/Pago_Pago",
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Juneau",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Central Time (US & Canada)": "America/Chicago",
    "Saskatchewan": "America/Regina",
    "Guadalajara": "America/Mexico_City",
    "Central America": "America/Guatemala",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Quito": "America/Lima",
    "Atlantic Time (Canada)": "America/Halifax",
    "Newfoundland": "America/St_Johns",
    "Brasilia": "America/Sao_Paulo",
    "Georgetown": "America/Guyana",
    "Greenland": "America/Godthab",
    "Mid-Atlantic": "Atlantic/South_Georgia",
    "Cape Verde Is.": "Atlantic/Cape_Verde",
    "Edinburgh": "Europe/London",
    "Bern": "Europe/Zurich",
    "West Central Africa": "Africa/Algiers",
    "Kyiv": "Europe/Kiev",
    "Pretoria": "Africa/Johannesburg",
    "St. Petersburg": "Europe/Moscow",
    "Abu Dhabi": "Asia/Muscat",
    "Ekaterinburg": "Asia/Yekaterinburg",
    "Islamabad": "Asia/Karachi",
    "Chennai": "Asia/Kolkata",
    "Mumbai": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata",
    "Astana": "Asia/Dhaka",
    "Sri Jayawardenepura": "Asia/Colombo",
    "Hanoi": "Asia/Bangkok",
    "Beijing": "Asia/Shanghai",
    "Osaka": "Asia/Tokyo",
    "Sapporo": "Asia/Tokyo",
    "Canberra": "Australia/Melbourne",
    "Solomon Is.": "Pacific/Guadalcanal",
    "New Caledonia": "Pacific/Noumea",
    "Marshall Is.": "Pacific/Majuro",
    "Wellington": "Pacific/Auckland",
    "Nuku'alofa": "Pacific/Tongatapu",
    "Tokelau Is.": "Pacific/Fakaofo",
    "Chatham Is.": "Pacific/Chatham",
    "Samoa": "Pacific/Apia",
}
_IANA = _NAMES | {
    city.replace("_", " "): f"{continent}/{city}"
    for continent, cities in _CITIES.items()
    for city in cities.split()
}


def iana(name: str) -> str:
    """Return the IANA name of a zone, given by its Rails or IANA name."""
    return _IANA.get(name, name)


def find_zone(name: object) -> ZoneInfo:
    """Return the zone of a Rails or IANA name. Raises EnvelopeError, in Ruby's words."""
    try:
        return ZoneInfo(iana(str(name)))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EnvelopeError(f"Invalid Timezone: {name}") from error
