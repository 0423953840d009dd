"""Read JSON as Ruby's json gem reads it: accept what the gem accepts, raise DecodeError for what it refuses.

The standard library's scanner does the work. Text that only the json gem understands (comments, needless backslashes, lone
surrogates) is first rewritten into JSON that both read alike. ``member`` and ``without`` cut an object's bytes without
encoding them again.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from pyresque.errors import DecodeError
from pyresque.ruby import long_integers
from pyresque.ruby.json_fast import MAX_NESTING, refuse_constant

if TYPE_CHECKING:
    from collections.abc import Iterator

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
_SHOWN: Final = 100
_NESTED: Final = f"nested more than {MAX_NESTING} levels deep"
_scan = JSONDecoder(parse_constant=refuse_constant).decode
_scan_long = JSONDecoder(parse_constant=refuse_constant, parse_int=long_integers.read).decode
# A surrogate escape without its other half, or one behind an escaped backslash. A false match only costs time.
_LONE_SURROGATE = re.compile(
    r"\\u[dD](?:"
    r"[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|[c-fC-F](?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD].)"
    r"|(?<=\\\\u[dD]))"
)
# A quote that opens no string stands last.
_STRING_OR_COMMENT = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\(?:[^u\x00-\x1f]|u[0-9a-fA-F]{4}))*"|/\*.*?\*/|//[^\n]*\n|"', re.DOTALL
)
_STRING = re.compile(rb'"[^"]*"')
_LONG = re.compile(rf"\d{{{long_integers.AT_ONCE + 1}}}", re.ASCII)
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b'[]{}"'))


def decode(raw: bytes) -> JSONValue:
    """Return the value that Ruby's json gem reads from the bytes. Raises DecodeError for what the gem refuses.

    Bytes that are not UTF-8 are kept inside strings as Python's ``surrogateescape`` keeps them, so that no byte is lost.
    """
    text = raw.decode("utf-8", "surrogateescape")
    try:
        if _has_lone_surrogate(text):
            text = _strict(text)
        try:
            value = _scan(text)
        except ValueError as error:
            if _LONG.search(text):
                value = _with_long_integers(text)
            else:
                text = _strict_or(error, text)
                value = _scan(text)
    except ValueError as error:
        raise DecodeError(_complaint(raw, str(error))) from None
    except RecursionError:
        if _too_deep(text):
            raise DecodeError(_complaint(raw, _NESTED)) from None
        raise
    if _too_deep(text):
        raise DecodeError(_complaint(raw, _NESTED))
    return cast("JSONValue", value)


def _with_long_integers(text: str) -> object:
    """Return the value of a text that Python refuses because of a too long integer."""
    try:
        return _scan_long(text)
    except ValueError as error:
        return _scan_long(_strict_or(error, text))


def _has_lone_surrogate(text: str) -> bool:
    return ("\\ud" in text or "\\uD" in text) and _LONE_SURROGATE.search(text) is not None


def _strict_or(error: ValueError, text: str) -> str:
    """Rewrite the text for a second try. Raises the error if there is nothing to rewrite."""
    strict = _strict(text)
    if strict == text:
        raise error
    return strict


def _complaint(raw: bytes, what: str) -> str:
    """Return the error's message, printable on any terminal."""
    start = repr(raw) if len(raw) <= _SHOWN else f"{raw[:_SHOWN]!r}..."
    return f"not JSON that Ruby reads ({what}): {start}"


def _too_deep(text: str) -> bool:
    """Whether arrays and objects are nested more than MAX_NESTING deep.

    Drops everything but brackets, then removes the innermost pairs, level by level.
    """
    if len(text) <= 2 * MAX_NESTING or text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    brackets = text.encode("utf-8", "surrogateescape")
    brackets = brackets.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _NO_BRACKETS)
    brackets = _STRING.sub(b"", brackets.replace(b'""', b""))
    for _ in range(MAX_NESTING):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    return bool(brackets)


def _strict(text: str) -> str:
    """Rewrite text that only the json gem understands into JSON that Python's scanner reads alike."""
    return _STRING_OR_COMMENT.sub(_strict_token, text)


def _strict_token(match: re.Match[str]) -> str:
    token = match[0]
    if len(token) == 1:
        raise ValueError("a string does not end, or holds a control character")
    if token[0] != '"':
        return " "
    if "\\" not in token:
        return token
    text = unescape(token[1:-1].encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )
    return encode_basestring(text)


_SIMPLE: Final = {
    ord('"'): b'"',
    ord("\\"): b"\\",
    ord("b"): b"\b",
    ord("f"): b"\f",
    ord("n"): b"\n",
    ord("r"): b"\r",
    ord("t"): b"\t",
}
_DIGITS: Final = 4
#: Backslash, ``u`` and four digits.
_ESCAPE: Final = 6
_REPLACEMENT: Final = 0xFFFD
_HALF: Final = 0xFC00
_FIRST_HALF: Final = 0xD800
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{4}")


def unescape(body: bytes) -> bytes:
    """Return the bytes of a string with escapes. Raises ValueError if Ruby refuses a lone surrogate at its end.

    A backslash before any other letter is dropped. The first half of a pair takes its other half from whatever escape
    follows; if none follows it becomes ``?`` and the next byte is lost.
    """
    out = bytearray()
    at = 0
    while True:
        backslash = body.find(b"\\", at)
        if backslash < 0:
            return bytes(out + body[at:])
        out += body[at:backslash]
        at = backslash + 1
        # A lost byte may leave a backslash last: Ruby then reads the closing quote.
        letter = body[at : at + 1] or b'"'
        if letter[0] in _SIMPLE:
            out += _SIMPLE[letter[0]]
            at += 1
        elif letter == b"u":
            piece, at = _unicode(body, at + 1)
            out += piece


def _unicode(body: bytes, at: int) -> tuple[bytes, int]:
    """Return the bytes of a Unicode escape whose digits stand at an index, and the index after the escape or its pair."""
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
    """Return the code point of four digits; other letters give U+FFFD."""
    digits = body[at : at + _DIGITS]
    if len(digits) < _DIGITS - 1:  # Ruby's check is off by one
        raise ValueError("incomplete unicode escape")
    return int(digits, 16) if _HEXADECIMAL.fullmatch(digits) else _REPLACEMENT


# -- the bytes of one member

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = JSONDecoder(strict=False)


def member(raw: bytes, key: str) -> bytes | None:
    """Return the bytes of the value of ``key`` in an object; None if ``raw`` is no object or has no such key.

    The last of repeated keys counts, as in Ruby. ``raw`` must be JSON that ``decode`` accepts.
    """
    text = raw.decode("utf-8", "surrogateescape")
    try:
        span = _span(text, key)
    except (ValueError, IndexError, RecursionError):
        return None
    return None if span is None else text[span[0] : span[1]].encode("utf-8", "surrogateescape")


def without(raw: bytes, key: str) -> bytes | None:
    """Return an object's bytes without one member, the others unchanged; None if ``raw`` is no object."""
    text = raw.decode("utf-8", "surrogateescape")
    try:
        kept = [text[at:end] for name, at, _, end in _members(text) if name != key]
    except (ValueError, IndexError, RecursionError):
        return None
    return f"{{{','.join(kept)}}}".encode("utf-8", "surrogateescape")


def _span(text: str, key: str) -> tuple[int, int] | None:
    found = [(start, end) for name, _, start, end in _members(text) if name == key]
    return found[-1] if found else None


def _members(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield each member's name, its start, and start and end of its value. Raises ValueError if the text is no object."""
    at = _after_space(text, 0)
    if text[at] != "{":
        raise ValueError("no object")
    at = _after_space(text, at + 1)
    while text[at] == '"':
        name, colon = _DECODER.raw_decode(text, at)
        start = _after_space(text, _after_space(text, colon) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield name, at, start, end
        at = _after_space(text, end)
        if text[at] != ",":
            break
        at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
