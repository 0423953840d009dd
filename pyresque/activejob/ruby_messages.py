"""Ruby's error messages: ``inspect`` of values, class names, and the texts of common errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from pyresque.activejob.values import Module, Range, Symbol
from pyresque.ruby.inspect import inspect as inspect_text

#: Symbols that need no quotes: names of variables and methods, and operators.
_PLAIN_SYMBOL = re.compile(
    r"(?:@{0,2}[^\W\d]\w*[?!=]?|\[\]=?|[+-]@?|\*\*?|[/%&|^`~]|<<|>>|<=>|[<>]=?|===?|=~|![=~]?)\Z"
)


def quoted(text: str) -> str:
    """Return ``String#inspect`` of a text."""
    return inspect_text(text)


def symbol(text: str) -> str:
    """Return ``Symbol#inspect`` of a symbol's name."""
    return f":{text}" if _PLAIN_SYMBOL.match(text) else f":{quoted(text)}"


def decimal(number: Decimal) -> str:
    """Return ``BigDecimal#inspect`` of a number: ``0.12345e3``."""
    if number.is_nan():
        return "NaN"
    sign = "-" if number.is_signed() else ""
    if number.is_infinite():
        return f"{sign}Infinity"
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0")
    if not digits:
        return f"{sign}0.0"
    return f"{sign}0.{digits.rstrip('0')}e{number.adjusted() + 1}"


def inspect(value: object) -> str:  # noqa: C901, PLR0911 - a table of kinds
    """``Object#inspect`` of the values that arguments can have; Python's repr of others."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Symbol):
        return symbol(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return inspect_text(value)
    if isinstance(value, Decimal):
        return decimal(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inspect, value))}]"
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{inspect(key)}=>{inspect(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, Module):
        return value.name
    if isinstance(value, Range):
        return _range(value)
    return repr(value)


def _range(value: Range) -> str:
    dots = "..." if value.exclude_end else ".."
    both_open = value.begin is None and value.end is None
    begin = "" if value.begin is None and not both_open else inspect(value.begin)
    end = "" if value.end is None and not both_open else inspect(value.end)
    return f"{begin}{dots}{end}"


_CLASSES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "NilClass"),
    (Symbol, "Symbol"),
    (str, "String"),
    (int, "Integer"),
    (float, "Float"),
    (Decimal, "BigDecimal"),
    ((list, tuple), "Array"),
    (dict, "Hash"),
    (Range, "Range"),
    (Module, "Class"),
)


def class_name(value: object) -> str:
    """Return the name of a value's Ruby class; a class that Ruby does not have keeps its Python name."""
    if isinstance(value, bool):
        return "TrueClass" if value else "FalseClass"
    for kinds, name in _CLASSES:
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def no_method(name: str, value: object) -> str:
    """Return the text of Ruby's NoMethodError."""
    return f"undefined method `{name}' for {inspect(value)}:{class_name(value)}"


def no_conversion(value: object, into: str) -> str:
    """Return the text of Ruby's TypeError for a value of the wrong class."""
    plain = value is None or isinstance(value, bool)
    return f"no implicit conversion of {inspect(value) if plain else class_name(value)} into {into}"
