"""Render an ActiveJob as a readable call: ``SyncAccountJob(gid://shop/Account/7, force: true)``. Never raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from unicodedata import category

from pyresque.activejob import ruby_messages
from pyresque.activejob.arguments import (
    GLOBALID,
    INDIFFERENT,
    RUBY2_KEYWORDS,
    SERIALIZED,
    SYMBOL_KEYS,
)
from pyresque.activejob.serializers import PREFIX

#: The most characters of a call, and of a single value in it.
LONGEST_CALL = 200
LONGEST_VALUE = 60

_CUT = "…"
_DEEPEST = 5
_MOST_ITEMS = 20
_MARKERS = (SYMBOL_KEYS, RUBY2_KEYWORDS, INDIFFERENT)


def call(job: object, *, longest: int = LONGEST_CALL) -> str:
    """Render a job hash as a call on one line, without control characters, of at most ``longest`` characters.

    Values are written as in Ruby; any value that is no job hash is rendered alone.
    """
    if not isinstance(job, Mapping):
        return _cut(_harmless(_value(job, 0)), longest)
    name = class_of(job, longest=longest)
    return _cut(_harmless(f"{name}({', '.join(_arguments(job.get('arguments')))})"), longest)


def class_of(job: Mapping[str, object], *, longest: int = LONGEST_CALL) -> str:
    """Return the class of that call."""
    name = job.get("job_class")
    return _cut(_harmless(name if isinstance(name, str) else _value(name, 0)), longest // 2)


def arguments_of(job: Mapping[str, object], *, longest: int = LONGEST_CALL) -> str:
    """Return the arguments of that call, without the brackets."""
    return _cut(_harmless(", ".join(_arguments(job.get("arguments")))), longest)


def _arguments(found: object) -> Iterator[str]:
    if found is None:
        return
    if not isinstance(found, list):
        yield _value(found, 0)
        return
    for value in found[:_MOST_ITEMS]:
        keywords = (
            isinstance(value, Mapping) and RUBY2_KEYWORDS in value and SERIALIZED not in value
        )
        yield from _pairs(value, 0) if keywords else (_value(value, 0),)
    if len(found) > _MOST_ITEMS:
        yield _CUT


def _value(value: object, depth: int) -> str:
    return _cut(_whole(value, depth), LONGEST_VALUE if depth else 2 * LONGEST_VALUE)


def _whole(value: object, depth: int) -> str:
    if depth > _DEEPEST:
        return _CUT
    if isinstance(value, str):
        return ruby_messages.quoted(_head(value))
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and value.bit_length() > LONGEST_VALUE * 8
    ):
        return f"{_CUT} (an integer of {value.bit_length()} bits)"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_items(value, depth))}]"
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    return (
        ruby_messages.inspect(value)
        if value is None or isinstance(value, int | float)
        else _foreign(value)
    )


def _foreign(value: object) -> str:
    """Render a value that is no JSON by its type alone, because its own repr may raise."""
    return f"#<{type(value).__name__}>"


def _items(values: list[object] | tuple[object, ...], depth: int) -> Iterator[str]:
    for value in values[:_MOST_ITEMS]:
        yield _value(value, depth + 1)
    if len(values) > _MOST_ITEMS:
        yield _CUT


def _pairs(value: Mapping[object, object], depth: int) -> Iterator[str]:
    names = value.get(RUBY2_KEYWORDS) or value.get(SYMBOL_KEYS)
    symbols = names if isinstance(names, list | str) else []
    items = (item for item in value.items() if item[0] not in _MARKERS)
    for key, item in islice(items, _MOST_ITEMS):
        named = isinstance(key, str) and key in symbols and key.isidentifier()
        opening = (
            f"{_head(key)}: " if named and isinstance(key, str) else f"{_value(key, depth + 1)} => "
        )
        yield f"{opening}{_value(item, depth + 1)}"
    if len(value) > _MOST_ITEMS + len(_MARKERS):
        yield _CUT


def _mapping(value: Mapping[object, object], depth: int) -> str:
    if len(value) == 1 and isinstance(address := value.get(GLOBALID), str):
        return _head(address)
    name = value.get(SERIALIZED)
    if not isinstance(name, str):
        return "{" + ", ".join(_pairs(value, depth)) + "}"
    kind = name.removeprefix(PREFIX).removesuffix("Serializer")
    if name.startswith(PREFIX) and kind in _RENDERERS:
        return _RENDERERS[kind](value, depth)
    own = {key: item for key, item in islice(value.items(), _MOST_ITEMS) if key != SERIALIZED}
    fields = ", ".join(f"{_head(str(key))}: {_value(item, depth + 1)}" for key, item in own.items())
    return f"{_head(name)}({fields})"


def _as_text(value: Mapping[object, object], depth: int) -> str:
    text = value.get("value")
    return _head(text) if isinstance(text, str) else _value(text, depth + 1)


def _as_symbol(value: Mapping[object, object], depth: int) -> str:
    text = value.get("value")
    return ruby_messages.symbol(_head(text)) if isinstance(text, str) else _value(text, depth + 1)


def _as_zoned_time(value: Mapping[object, object], depth: int) -> str:
    zone = value.get("time_zone")
    return _as_text(value, depth) + (f" {_head(zone)}" if isinstance(zone, str) else "")


def _as_range(value: Mapping[object, object], depth: int) -> str:
    ends = (value.get("begin"), value.get("end"))
    begin, end = ("" if each is None else _value(each, depth + 1) for each in ends)
    return f"{begin}{'...' if value.get('exclude_end') else '..'}{end}"


def _as_duration(value: Mapping[object, object], depth: int) -> str:
    parts = value.get("parts")
    if (
        isinstance(parts, list)
        and parts
        and all(isinstance(part, list) and len(part) == len("ab") for part in parts)
    ):
        amounts = (
            f"{_value(amount, depth + 1)} {_value(name, depth + 1).strip(':')}"
            for name, amount in parts[:_MOST_ITEMS]
        )
        return " + ".join(amounts)
    return f"{_value(value.get('value'), depth + 1)} seconds"


_RENDERERS: Mapping[str, Callable[[Mapping[object, object], int], str]] = {
    "Symbol": _as_symbol,
    "Duration": _as_duration,
    "DateTime": _as_text,
    "Date": _as_text,
    "TimeWithZone": _as_zoned_time,
    "Time": _as_text,
    "Module": _as_text,
    "Range": _as_range,
    "BigDecimal": _as_text,
}


def _head(text: str) -> str:
    """Return the start of a text, so that a long one costs little; ``_cut`` shortens it later and marks that."""
    return text[: 2 * LONGEST_VALUE + 1]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: max(longest - 1, 0)] + _CUT


def _harmless(text: str) -> str:
    """Write control characters, and letters that hide or reorder others, as code points."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or category(char) == "Zs" else _code_point(char) for char in text
    )


def _code_point(char: str) -> str:
    return f"\\u{ord(char):04X}" if char <= "\uffff" else f"\\u{{{ord(char):X}}}"
