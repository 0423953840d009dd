"""Two payloads, byte for byte: where they differ first, and their members side by side."""

from __future__ import annotations

import difflib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError, PyresqueError

if TYPE_CHECKING:
    from pyresque.job.job import Codec

#: Bytes that are shown before and behind the first difference.
AROUND = 30


def difference(codec: Codec, found: bytes, wanted: bytes, ignored: tuple[str, ...]) -> str:
    """Return how two payloads differ, apart from ignored members; empty if they do not."""
    try:
        one, other = codec.decode(found), codec.decode(wanted)
    except DecodeError:
        one = other = None
    if isinstance(one, dict) and isinstance(other, dict) and ignored:
        with suppress(PyresqueError):  # else they are compared as they are
            found = codec.encode(_with(one, other, ignored, ""))
    if found == wanted:
        return ""
    place = next(
        (at for at, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b),
        min(len(found), len(wanted)),
    )
    begin = max(0, place - AROUND)
    lines = [
        f"They differ from byte {place} on:",
        f"  found    {_part(found, begin, place)}",
        f"  expected {_part(wanted, begin, place)}",
    ]
    if one is not None and other is not None:
        lines += _members(_with(one, other, ignored, ""), other)
    return "\n".join(lines)


def _part(payload: bytes, begin: int, place: int) -> str:
    shown = payload[begin : place + AROUND].decode("utf-8", "backslashreplace")
    return ("..." if begin else "") + shown + ("..." if place + AROUND < len(payload) else "")


def _members(one: Any, other: Any) -> list[str]:
    """Return a diff of the members, in their order; empty where they are equal, and only their spelling differs."""
    texts = [
        json.dumps(each, indent=1, ensure_ascii=False, default=repr).splitlines()
        for each in (one, other)
    ]
    lines = list(difflib.ndiff(texts[0], texts[1]))
    changed = [line for line in lines if line.startswith(("- ", "+ "))]
    if not changed:
        return ["Their members are equal: only the spelling of a value or the spaces differ."]
    return ["Their members (- found, + expected):", *(f"  {line.rstrip()}" for line in changed)]


def _with(found: Any, wanted: Any, ignored: tuple[str, ...], path: str) -> Any:
    """Return what was found, with the expected values of ignored members in place of its own, where these are of the same type."""
    if path and any(path == each or path.endswith(f".{each}") for each in ignored):
        return wanted if type(found) is type(wanted) else found
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {
            key: _with(value, wanted[key], ignored, f"{path}.{key}" if path else str(key))
            if key in wanted
            else value
            for key, value in found.items()
        }
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [
            _with(one, other, ignored, f"{path}[{place}]")
            for place, (one, other) in enumerate(zip(found, wanted, strict=True))
        ]
    return found
