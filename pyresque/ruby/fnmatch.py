"""``File.fnmatch`` without flags: a Ruby worker matches the names of queues with a pattern such as ``high_*`` by it.

Ruby's differs from Python's own ``fnmatch``: a backslash takes the next character literally, ``[^x]`` means ``[!x]``, a name
that starts with a dot needs a pattern that does, and a bracket that is not closed matches nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: A worker has a handful of patterns, a routing table up to a thousand; the bound protects a process that receives patterns from outside.
_KEPT: Final = 2048
_NOTHING: Final = "(?!)"
_ANYTHING: Final = "."


def fnmatch(pattern: str, name: str) -> bool:
    r"""Whether the name matches the pattern: ``*``, ``?``, ``[a-z]``, ``[!a]``, ``[^a]``, ``\`` before any of them."""
    if name.startswith(".") and not pattern.startswith((".", "\\.")):
        return False
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=_KEPT)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile the pattern to a regular expression that never backtracks, however many stars it has."""
    first, *others = _segments(pattern)
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    # A lookahead is not tried twice: each piece between two stars stays where it first matched.
    # A name stands for each, because from 100 on a number would be read as that of a character.
    fixed = "".join(f"(?=(?P<g{n}>.*?{piece}))(?P=g{n})" for n, piece in enumerate(middle))
    return re.compile(f"{first}{fixed}.*{last}", re.DOTALL)


def _segments(pattern: str) -> list[str]:
    """Split the pattern at its stars; each piece is a regular expression of fixed length."""
    segments = [""]
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "*":
            at = len(pattern) - len(pattern[at:].lstrip("*"))
            segments.append("")
            continue
        if sign == "[":
            piece, at = _bracket(pattern, at + 1)
        elif sign == "?":
            piece, at = _ANYTHING, at + 1
        else:
            letter, at = _letter(pattern, at)
            piece = re.escape(letter)
        segments[-1] += piece
    return segments


def _letter(pattern: str, at: int) -> tuple[str, int]:
    """Return the literal character at an index, and the index after it; a backslash at the very end means nothing."""
    at += pattern[at] == "\\"
    return pattern[at : at + 1], at + 1


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Return the set whose ``[`` stands before an index, and the index after its ``]``."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    members = ""
    while pattern[at : at + 1] != "]":
        if at >= len(pattern) - 1:
            return _NOTHING, len(pattern)
        low, at = _letter(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and at + 1 < len(pattern) and pattern[at + 1] != "]":
            high, at = _letter(pattern, at + 1)
        # A range that runs backwards has only its two ends.
        members += f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low + high)
    if not members:
        return (_ANYTHING if negated else _NOTHING), at + 1
    return f"[{'^' if negated else ''}{members}]", at + 1
