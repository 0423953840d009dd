"""``to_s`` and ``inspect`` of JSON values as Ruby up to 3.3 writes them: in messages, hash keys and locks."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

from pyresque.ruby.dialect import float_to_s
from pyresque.ruby.long_integers import spelled

_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
}
#: Unicode categories that Ruby prints and Python escapes: blanks, format characters, private use.
_ALSO_PRINTABLE: Final = frozenset({"Zs", "Cf", "Co"})
#: Ruby escapes a ``#`` that would begin an interpolation.
_INTERPOLATION = re.compile(r"#(?=[{$@])")


def to_s(value: object) -> str:
    """``to_s``: text unchanged, nil as an empty text, containers as ``inspect`` writes them."""
    if value is None:
        return ""
    return str.__str__(value) if isinstance(value, str) else inspect(value)


def inspect(value: object) -> str:  # noqa: PLR0911 - a table, one line a type
    """``inspect``: ``nil``, ``1.0e+20``, ``"text"``, ``[1, "a"]``, ``{"a"=>1}``."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return spelled(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(inspect, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{inspect(key)}=>{inspect(item)}' for key, item in value.items())}}}"
    return str(value)


def _float(value: float) -> str:
    """``Float#inspect``, with Ruby's names for NaN and the infinities."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float_to_s(value)


def _quoted(text: str) -> str:
    return f'"{_INTERPOLATION.sub(chr(92) + "#", "".join(map(_escaped, text)))}"'


def _escaped(letter: str) -> str:
    """Return one character as it stands inside quotes; bytes that are no UTF-8 (surrogates in Python) as hexadecimal."""
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable() or letter == "\x85" or category(letter) in _ALSO_PRINTABLE:
        return letter
    code = ord(letter)
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{code & 0xFF:02X}"
    return f"\\u{code:04X}" if letter <= "\uffff" else f"\\u{{{code:X}}}"
