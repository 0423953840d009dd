"""Where a member of a JSON object stands in its bytes, so that it can be handed on as it was found."""

from __future__ import annotations

import json
import re

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


def _span(text: str, key: str) -> tuple[int, int] | None:
    at = _after_space(text, 0)
    if text[at] != "{":
        return None
    found = None
    at = _after_space(text, at + 1)
    while text[at] == '"':
        name, at = _DECODER.raw_decode(text, at)
        start = _after_space(text, _after_space(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        if name == key:
            found = (start, end)
        at = _after_space(text, end)
        if text[at] != ",":
            break
        at = _after_space(text, at + 1)
    return found


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
