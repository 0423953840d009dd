r"""The inside of a JSON string as Ruby's json gem unescapes it, its lenience included.

It works on bytes, as the json gem does: half a character (``\ude00`` alone) becomes bytes that are no UTF-8.
"""

from __future__ import annotations

import re
from typing import Final

_SIMPLE: Final = {
    ord('"'): b'"',
    ord("\\"): b"\\",
    ord("b"): b"\b",
    ord("f"): b"\f",
    ord("n"): b"\n",
    ord("r"): b"\r",
    ord("t"): b"\t",
}
_BACKSLASH: Final = ord("\\")
_DIGITS: Final = 4
#: Backslash, ``u`` and four digits.
_ESCAPE: Final = 6
_REPLACEMENT: Final = 0xFFFD
_HALF: Final = 0xFC00
_FIRST_HALF: Final = 0xD800
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{4}")


def unescape(body: bytes) -> bytes:
    """Return the bytes a string stands for; ValueError where Ruby refuses half a character at its end.

    A backslash before any other letter is dropped. The first half of a pair takes its other half from whatever escape
    follows; where none follows it becomes ``?`` and the next byte is lost.
    """
    out = bytearray()
    at = 0
    while True:
        backslash = body.find(b"\\", at)
        if backslash < 0:
            return bytes(out + body[at:])
        out += body[at:backslash]
        at = backslash + 1
        letter = (
            body[at : at + 1] or b'"'
        )  # a lost byte may leave a backslash last; Ruby then reads the closing quote
        if letter[0] in _SIMPLE:
            out += _SIMPLE[letter[0]]
            at += 1
        elif letter == b"u":
            piece, at = _unicode(body, at + 1)
            out += piece


def _unicode(body: bytes, at: int) -> tuple[bytes, int]:
    """The bytes for the digits at that place, and the place after them and what belongs to them."""
    code = _code(body, at)
    at += _DIGITS
    if code & _HALF != _FIRST_HALF:
        return chr(code).encode("utf-8", "surrogatepass"), at
    if len(body) - at < _ESCAPE:
        raise ValueError("incomplete surrogate pair")
    if body[at : at + 2] != b"\\u":
        return b"?", at + 1
    low = _code(body, at + 2)
    return chr(0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)).encode(), at + _ESCAPE


def _code(body: bytes, at: int) -> int:
    """The number the digits make; what is no number stands for an unknown character."""
    digits = body[at : at + _DIGITS]
    if len(digits) < _DIGITS - 1:  # Ruby's check is off by one
        raise ValueError("incomplete unicode escape")
    return int(digits, 16) if _HEXADECIMAL.fullmatch(digits) else _REPLACEMENT
