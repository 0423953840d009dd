"""JSON between Python and Ruby: ``encode`` writes the bytes of Ruby's encoders; the readers are handed on from their modules.

A value made of plain Python types goes through the standard library's C encoder, whose spelling is Ruby's for all but a
few floats. Everything else is written piece by piece (``json_pieces``), its place remembered for the error message.
"""

from __future__ import annotations

from json import JSONEncoder
from typing import TYPE_CHECKING

from pyresque.ruby.dialect import Dialect, escape_html, float_as_in_python
from pyresque.ruby.json_decode import JSONValue, decode, member, without
from pyresque.ruby.json_fast import MAX_NESTING, decode_at_once

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Dialect", "JSONValue", "decode", "decode_at_once", "encode", "member", "without"]

_plain_text = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


def encode(value: object, *, dialect: Dialect = Dialect.JSON_GEM, path: str = "args") -> bytes:
    """Return the bytes Ruby's encoder writes for the value; NotEncodable for what Ruby could not read back.

    ``path`` names the value in the error's message, as the start of a Python expression: ``args[1]["when"]``. With an
    empty one the keys of an outermost dict stand as names of their own, so that ``encode(payload, path="")`` too
    complains about ``args[1]["when"]``.
    """
    try:
        if _is_plain(value, 1):
            text = _plain_text(value)
            if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
                text = escape_html(text)
            return text.encode()
    except ValueError:
        # A lone surrogate, or an integer Python will not spell; the writer below tells which, and where.
        pass
    from pyresque.ruby.json_writer import Place, Writer  # noqa: PLC0415 - by those who need it: each forked child pays for what is loaded

    text = Writer(dialect, set()).text(value, Place(path))
    if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
        text = escape_html(text)
    return text.encode("utf-8", "surrogateescape")


def _is_plain(value: object, depth: int) -> bool:  # noqa: C901 - one quick pass; calls would cost more than they tell
    """Whether the C encoder writes the value as Ruby does: no odd types, keys or floats, and not nested too deep."""
    items: Iterable[object]
    if depth > MAX_NESTING:
        return False
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif type(value) is list:
        items = value
    else:
        items = (value,)
    for item in items:
        kind = type(item)
        if kind is str or kind is int or item is None or kind is bool:
            continue
        if kind is list or kind is dict:
            if not _is_plain(item, depth + 1):
                return False
        elif type(item) is not float or not float_as_in_python(item):
            return False
    return True
