"""Where a member of a JSON object stands in its bytes, so that it can be handed on as it was found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(strict=False)


def member(raw: bytes, key: str) -> bytes | None:
    """The bytes of the value of ``key`` in an object; None where there is no object or no such key.

    Of repeated keys the last counts, as in Ruby. The bytes must be JSON that ``decode`` takes.
    """
    text = raw.decode("utf-8", "surrogateescape")
    try:
        span = _span(text, key)
    except (ValueError, IndexError, RecursionError):
        return None
    return None if span is None else text[span[0] : span[1]].encode("utf-8", "surrogateescape")


def without(raw: bytes, key: str) -> bytes | None:
    """The object without a member, every other member as it was found; None where there is no object."""
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
    """Each member's name, where it begins, where its value begins and ends. Raises ValueError where there is no object."""
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
