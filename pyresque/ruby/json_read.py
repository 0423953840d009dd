"""Read JSON as Ruby's json gem reads it: accept what it accepts, refuse what it refuses, and never raise anything else.

The standard library's scanner does the work. Where the two readers disagree, the text is first rewritten into the JSON
that both understand alike; that happens only for texts the scanner stumbles over, and for lone surrogates.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Final, NoReturn, TypeAlias, cast

from pyresque.errors import DecodeError

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"

#: The json gem's limit of arrays and objects inside one another.
MAX_NESTING: Final = 100

_SHOWN = 100


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which the standard library would take."""
    raise ValueError(f"{name} is not allowed")


_scan = JSONDecoder(parse_constant=_refuse_constant).decode

# A surrogate escape without its other half. An escaped backslash before it gives a false alarm, which only costs time.
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)
_STRING_OR_COMMENT = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"|/\*.*?\*/|//[^\n]*\n', re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = {ord("{"): "[", ord("}"): "]"}
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")


def decode(raw: bytes) -> JSONValue:
    """Return the value that Ruby's json gem reads from the bytes; DecodeError for what it refuses.

    Bytes that are not UTF-8 are kept inside strings as Python's ``surrogateescape`` keeps them, so that no byte is lost.
    """
    text = raw.decode("utf-8", "surrogateescape")
    try:
        if ("\\ud" in text or "\\uD" in text) and _LONE_SURROGATE.search(text):
            text = _strict(text)
        try:
            value = _scan(text)
        except ValueError:
            text = _strict(text)
            value = _scan(text)
    except ValueError as error:
        raise DecodeError(f"{_complaint(error)}: {_start(raw)}") from None
    except RecursionError:
        if _too_deep(text):
            raise DecodeError(_nesting(raw)) from None
        raise
    if len(text) > 2 * MAX_NESTING and _too_deep(text):
        raise DecodeError(_nesting(raw))
    return cast("JSONValue", value)


def _complaint(error: ValueError) -> str:
    """What is wrong, in words that fit before the bytes."""
    return f"not JSON that Ruby reads ({error})"


def _nesting(raw: bytes) -> str:
    return f"not JSON that Ruby reads (nested more than {MAX_NESTING} levels deep): {_start(raw)}"


def _start(raw: bytes) -> str:
    """The first bytes, printable on any terminal."""
    return repr(raw) if len(raw) <= _SHOWN else f"{raw[:_SHOWN]!r}..."


def _too_deep(text: str) -> bool:
    """Whether arrays and objects stand more than MAX_NESTING deep in one another."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    brackets = _NOT_BRACKETS.sub("", _STRING.sub("", text)).translate(_BRACKETS)
    for _ in range(MAX_NESTING):
        shorter = brackets.replace("[]", "")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return bool(brackets)


def _strict(text: str) -> str:
    """Rewrite what only the json gem understands into what both readers understand alike."""
    return _STRING_OR_COMMENT.sub(_strict_token, text)


def _strict_token(match: re.Match[str]) -> str:
    token = match.group()
    if token[0] != '"':
        return " "
    return token
