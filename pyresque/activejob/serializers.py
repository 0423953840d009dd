"""Serializers of values that are written as ``{"_aj_serialized": ...}``: Rails' own, and the interface of users' own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pyresque.activejob import ruby_messages, times
from pyresque.activejob.values import (
    DateTime,
    Duration,
    Instant,
    Module,
    Range,
    Symbol,
    comparable,
    plain_parts,
    whole_seconds,
)
from pyresque.activejob.versions import Rails
from pyresque.errors import EnvelopeTypeError, SerializationError

Payload = Mapping[str, object]

_NUMBER = re.compile(r"\s*[+-]?\d+(_\d+)*(\.\d+(_\d+)*)?([eEdD][+-]?\d+)?\s*\Z", re.ASCII)
_NOT_FINITE = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "+Infinity": "Infinity",
    "-Infinity": "-Infinity",
}


class Serializer(Protocol):
    """A user's own serializer, the other half of a Ruby class below ``ActiveJob::Serializers::ObjectSerializer``."""

    @property
    def ruby_name(self) -> str:
        """The Ruby class's name in payloads: ``"MoneySerializer"``."""

    def accepts(self, value: object) -> bool:
        """Whether this serializer writes that value."""

    def serialize(self, value: object) -> Payload:
        """Return the value's fields as plain JSON: ``{"cents": 5}``."""

    def deserialize(self, payload: Payload) -> object:
        """Return the value. Any error means that the job's arguments cannot be read."""


@dataclass(frozen=True, slots=True)
class SerializerContext:
    """What a built-in serializer needs in addition to the value."""

    version: Rails
    #: Rails' Time.zone, for times without a zone's name; None if the application has none.
    zone: tzinfo | None
    #: The zone of a text without an offset.
    local: tzinfo
    #: Writes or reads an argument inside this one.
    inner: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Builtin:
    """One of Rails' own serializers; ``since`` is the first version that has it."""

    name: str
    since: Rails
    #: Takes a value for which ``kind_of`` names this serializer.
    write: Callable[[Any, SerializerContext], Payload]
    read: Callable[[Payload, SerializerContext], object]


def kind_of(value: object) -> str | None:  # noqa: PLR0911 - a table of kinds, most special first
    """Return the name of the built-in serializer of a value, or None."""
    if isinstance(value, Symbol):
        return "Symbol"
    if isinstance(value, timedelta):
        return "Duration"
    if isinstance(value, datetime):
        return _kind_of_time(value)
    if isinstance(value, date):
        return "Date"
    if isinstance(value, Module):
        return "Module"
    if isinstance(value, Range | range):
        return "Range"
    return "BigDecimal" if isinstance(value, Decimal) else None


def _kind_of_time(value: datetime) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        raise SerializationError(
            "Unsupported argument type: datetime without a time zone; give it a tzinfo"
        )
    if isinstance(value, DateTime):
        return "DateTime"
    return "TimeWithZone" if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key else "Time"


def _write_time(value: datetime, context: SerializerContext) -> Payload:
    return {"value": times.text(value, 9 if context.version >= Rails.V6_1 else 0)}


def _read_time(payload: Payload, context: SerializerContext) -> object:
    return times.read(payload.get("value"), context.local)


def _read_date_time(payload: Payload, _context: SerializerContext) -> object:
    value = payload.get("value")
    if isinstance(value, str) and "T" not in value.upper():
        return DateTime.of(datetime.combine(times.read_date(value), time(tzinfo=times.PLUS_ZERO)))
    moment = times.read(value, times.PLUS_ZERO)
    return DateTime.of(moment, moment.nanosecond if isinstance(moment, Instant) else 0)


def _write_time_with_zone(value: datetime, context: SerializerContext) -> Payload:
    written = _write_time(value, context)
    if context.version < Rails.V7_0:
        return written
    zone: Any = value.tzinfo  # a ZoneInfo with a key, else kind_of calls it a Time
    return {**written, "time_zone": times.iana(zone.key)}


def _read_time_with_zone(payload: Payload, context: SerializerContext) -> object:
    moment = times.read(payload.get("value"), context.local)
    name = payload.get("time_zone") if context.version >= Rails.V7_0 else None
    zone = context.zone if name is None or name is False else times.find_zone(name)
    if zone is None:
        return moment
    rest = moment.nanosecond if isinstance(moment, Instant) else 0
    there = moment.astimezone(zone)
    return Instant.of(there, rest) if rest else there


def _write_date(value: date, _context: SerializerContext) -> Payload:
    return {"value": value.isoformat()}


def _read_date(payload: Payload, _context: SerializerContext) -> object:
    return times.read_date(payload.get("value"))


def _write_duration(value: timedelta, context: SerializerContext) -> Payload:
    length, parts = whole_seconds(value), plain_parts(value)
    if isinstance(value, Duration):
        length, parts = value.value, value.parts
    return {"value": length, "parts": [context.inner(list(part)) for part in parts]}


def _read_duration(payload: Payload, context: SerializerContext) -> object:
    length, parts = payload.get("value"), payload.get("parts")
    if isinstance(length, bool) or not isinstance(length, int | float):
        raise TypeError(ruby_messages.no_conversion(length, "Float"))
    if parts is None and context.version >= Rails.V8_1:
        parts = []
    if not isinstance(parts, list):
        raise EnvelopeTypeError(
            f"Error while trying to deserialize arguments: {ruby_messages.no_method('map', parts)}"
        )
    return Duration.of(length, map(_part, map(context.inner, parts)))


def _part(pair: object) -> tuple[str, object]:
    match pair:
        case [str(name), amount]:
            return (name, amount)
    raise TypeError(f"wrong element type {ruby_messages.class_name(pair)} (expected array)")


def _write_symbol(value: object, _context: SerializerContext) -> Payload:
    return {"value": str(value)}


def _read_symbol(payload: Payload, _context: SerializerContext) -> object:
    value = payload.get("value")
    if not isinstance(value, str):
        raise EnvelopeTypeError(ruby_messages.no_method("to_sym", value))
    return Symbol(value)


def _write_module(value: Module, context: SerializerContext) -> Payload:
    if not value.name and context.version >= Rails.V7_0:
        raise SerializationError("Serializing an anonymous class is not supported")
    return {"value": value.name or None}


def _read_module(payload: Payload, _context: SerializerContext) -> object:
    value = payload.get("value")
    if not isinstance(value, str):
        raise EnvelopeTypeError(ruby_messages.no_method("constantize", value))
    return Module(value)


def _write_range(value: Range | range, context: SerializerContext) -> Payload:
    if isinstance(value, range):
        if value.step != 1:
            raise SerializationError(
                "Unsupported argument type: range with a step; Ruby's Range has none"
            )
        value = Range(value.start, value.stop, exclude_end=True)
    return {
        "begin": context.inner(value.begin),
        "end": context.inner(value.end),
        "exclude_end": value.exclude_end,
    }


def _read_range(payload: Payload, context: SerializerContext) -> object:
    begin, end = context.inner(payload.get("begin")), context.inner(payload.get("end"))
    if not comparable(begin, end):
        raise ValueError("bad value for range")
    return Range(begin, end, exclude_end=payload.get("exclude_end") not in (None, False))


def decimal_text(value: Decimal) -> str:
    """``BigDecimal#to_s`` as Rails has it: plain digits with a point, ``"123.45"``."""
    if not value.is_finite():
        return "NaN" if value.is_nan() else f"{value:f}"
    whole, _, fraction = f"{value:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


def _write_decimal(value: Decimal, _context: SerializerContext) -> Payload:
    return {"value": decimal_text(value)}


def _read_decimal(payload: Payload, _context: SerializerContext) -> object:
    value = payload.get("value")
    if isinstance(value, bool) or value is None:
        raise TypeError(f"can't convert {ruby_messages.inspect(value)} into BigDecimal")
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        raise ValueError("can't omit precision for a Float.")  # noqa: TRY004 - Ruby's ArgumentError
    if not isinstance(value, str):
        raise TypeError(f"can't convert {ruby_messages.class_name(value)} into BigDecimal")
    if value.strip() in _NOT_FINITE:
        return Decimal(_NOT_FINITE[value.strip()])
    if not _NUMBER.match(value):
        raise ValueError(f"invalid value for BigDecimal(): {ruby_messages.inspect(value)}")
    return Decimal(re.sub("[dD]", "e", value))


BUILTINS: Mapping[str, Builtin] = {
    builtin.name: builtin
    for builtin in (
        Builtin("Symbol", Rails.V6_0, _write_symbol, _read_symbol),
        Builtin("Duration", Rails.V6_0, _write_duration, _read_duration),
        Builtin("DateTime", Rails.V6_0, _write_time, _read_date_time),
        Builtin("Date", Rails.V6_0, _write_date, _read_date),
        Builtin("TimeWithZone", Rails.V6_0, _write_time_with_zone, _read_time_with_zone),
        Builtin("Time", Rails.V6_0, _write_time, _read_time),
        Builtin("Module", Rails.V6_1, _write_module, _read_module),
        Builtin("Range", Rails.V7_0, _write_range, _read_range),
        Builtin("BigDecimal", Rails.V7_1, _write_decimal, _read_decimal),
    )
}

#: The Ruby module of Rails' own serializers.
PREFIX = "ActiveJob::Serializers::"


def builtin_named(ruby_name: str, version: Rails) -> Builtin | None:
    """Return the built-in serializer of a full Ruby name; None if that version has none."""
    if not (ruby_name.startswith(PREFIX) and ruby_name.endswith("Serializer")):
        return None
    found = BUILTINS.get(ruby_name[len(PREFIX) : -len("Serializer")])
    return found if found and found.since <= version else None


def default_zone() -> tzinfo:
    """Return Rails' default zone: UTC by its full name, or plain UTC on a machine without the zone database."""
    try:
        return ZoneInfo("Etc/UTC")
    except LookupError:
        return timezone.utc
