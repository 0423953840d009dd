"""Values that are no JSON: dates, decimals, UUIDs and others are written as the Ruby class that corresponds is written.

The table for users is ``docs/types.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import ParseResult, SplitResult
from uuid import UUID

from pyresque.ruby import time
from pyresque.ruby.inspect import to_s

if TYPE_CHECKING:
    from pyresque.ruby.dialect import Dialect

#: A replacement is something that the writer can write.
Replacement = str | int | dict[str, object]


class Unwritable(Exception):
    """The value has no counterpart in Ruby; the message says how to convert it."""


def is_named_tuple(value: object) -> bool:
    """Whether the value is like a Ruby Struct: a tuple whose items have names."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def replacement(value: object, dialect: Dialect) -> Replacement:  # noqa: C901, PLR0911 - a table, one line a type
    """Return what the dialect writes in place of a value that is no JSON. Raises Unwritable if Ruby has nothing like it."""
    match value:
        case datetime():
            return _time_text(value, dialect)
        case date():
            return value.isoformat()
        case timedelta():
            return _seconds(value, dialect)
        case Decimal():
            return _decimal_text(value, dialect)
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case UUID() | PurePath():
            return str(value)
        case SplitResult() | ParseResult():
            return value.geturl()
        case BaseException():
            return str(value)
        case re.Pattern():
            return _pattern_text(value)
        case tuple() if dialect.is_rails:
            names: tuple[str, ...] = getattr(value, "_fields", ())
            return dict(zip(names, value, strict=True))
        case _:
            raise Unwritable(_advice(value))


def key_text(key: object, dialect: Dialect) -> str:
    """Return Ruby's ``to_s`` of a hash key that is no text. Raises Unwritable for a key whose text cannot be read back."""
    match key:
        case datetime():
            _refuse_naive(key)
            return time.to_s_utc(key) if time.is_utc(key) else time.to_s(key)
        case date() | UUID() | Decimal():
            return str(replacement(key, dialect))
        case _ if _is_plain(key):
            return to_s(key)
        case _:
            raise Unwritable(f"{_kind(key)} as a key; convert the key to str first")


def _is_plain(key: object) -> bool:
    """Whether Ruby's ``to_s`` of the key loses nothing."""
    if isinstance(key, tuple):
        return all(map(_is_plain, key))
    return key is None or isinstance(key, str | int | float)


def _refuse_naive(value: datetime) -> None:
    if value.utcoffset() is None:
        raise Unwritable(
            "a datetime without a zone; give it one first, as in datetime.now(timezone.utc) or value.astimezone()"
        )


def _time_text(value: datetime, dialect: Dialect) -> str:
    _refuse_naive(value)
    if dialect.is_rails:
        return time.iso8601(value, 3)
    return time.to_s_utc(value) if time.is_utc(value) else time.to_s(value)


def _seconds(value: timedelta, dialect: Dialect) -> int:
    """Return whole seconds, as ActiveSupport writes durations. Raises Unwritable without ActiveSupport, or for a fraction."""
    if not dialect.is_rails:
        raise Unwritable("a timedelta; convert it first: value.total_seconds()")
    seconds, rest = divmod(value, timedelta(seconds=1))
    if rest:
        raise Unwritable(
            "a timedelta that is not a whole number of seconds; convert it first: value.total_seconds()"
        )
    return seconds


def _decimal_text(value: Decimal, dialect: Dialect) -> str:
    """``BigDecimal#to_s``: ``0.11e1``; with ActiveSupport ``1.1``."""
    sign, digits, exponent = value.as_tuple()
    if isinstance(exponent, str):
        raise Unwritable(
            f"the decimal {value}; JSON has only finite numbers, send None or a str instead"
        )
    minus = "-" if sign else ""
    written = "".join(map(str, digits))
    significant = written.strip("0")
    if not significant:
        return f"{minus}0.0"
    point = len(written.lstrip("0")) + exponent
    if not dialect.is_rails:
        return f"{minus}0.{significant}e{point}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{significant}"
    whole = significant[:point].ljust(point, "0")
    return f"{minus}{whole}.{significant[point:] or '0'}"


def _pattern_text(pattern: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """``Regexp#to_s``: ``(?i-mx:a<b)``; Ruby's ``m`` is Python's DOTALL."""
    if isinstance(pattern.pattern, bytes):
        raise Unwritable("a pattern of bytes; convert it to str first: pattern.pattern.decode()")
    flags = (("m", re.DOTALL), ("i", re.IGNORECASE), ("x", re.VERBOSE))
    on = "".join(letter for letter, flag in flags if pattern.flags & flag)
    off = "".join(letter for letter, flag in flags if not pattern.flags & flag)
    source = re.sub(r"(\\.)|/", lambda m: m[1] or r"\/", pattern.pattern, flags=re.DOTALL)
    return f"(?{on}{'-' if off else ''}{off}:{source})"


def _kind(value: object) -> str:
    return f"a value of type {type(value).__qualname__}"


def _advice(value: object) -> str:  # noqa: PLR0911 - a table, one line a type
    """Name the kind of value, and how to convert it."""
    match value:
        case set() | frozenset():
            return "a set; convert it to a list first: sorted(value)"
        case Enum():
            return "an Enum member; send its .value or its .name"
        case type():
            return "a class; send its name as Ruby knows it, as a str"
        case _ if is_dataclass(value):
            return "a dataclass; convert it to a dict first: dataclasses.asdict(value)"
        case tuple():
            return "a named tuple; convert it first: value._asdict() or list(value)"
        case bytearray() | memoryview():
            return f"{_kind(value)}; convert it first: bytes(value), or base64 for what is no text"
        case Mapping():
            return f"{_kind(value)}; convert it to a dict first: dict(value)"
        case Iterable():
            return f"{_kind(value)}; convert it to a list first: list(value)"
        case _:
            return f"{_kind(value)}; convert it to str, or to what the job needs of it, first"
