"""JSON between Python and Ruby. ``encode`` writes the bytes of Ruby's encoders; the readers are imported from their modules.

A value made of plain Python types goes through the standard library's C encoder, whose spelling is Ruby's for all but a
few floats. Everything else goes through ``json_writer``, which remembers the path of a value for its error message.
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

    ``path`` names the value in the error's message, as the start of a Python expression: ``args[1]["when"]``. With an empty
    ``path`` the keys of the outermost dict are written as names, so that ``encode(payload, path="")`` also names
    ``args[1]["when"]``.
    """
    try:
        if _is_plain(value, 1):
            text = _plain_text(value)
            if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
                text = escape_html(text)
            return text.encode()
    except ValueError:
        # A lone surrogate, or an integer too long for Python: the writer below names it and its path.
        pass
    from pyresque.ruby.json_writer import Path, Writer  # noqa: PLC0415 - heavy, and rarely needed

    text = Writer(dialect, set()).text(value, Path(path))
    if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
        text = escape_html(text)
    return text.encode("utf-8", "surrogateescape")


def _is_plain(value: object, depth: int) -> bool:  # noqa: C901 - one quick pass without calls
    """Whether the C encoder writes the value as Ruby does: plain types, text as keys, common floats, not nested too deep."""
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
