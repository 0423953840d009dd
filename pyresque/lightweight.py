"""Chance, for waits that shall differ: without ``random``, which every worker would load and every forked child seed anew."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def random_fraction() -> float:
    """A number from 0 up to 1."""
    return int.from_bytes(os.urandom(7), "big") / 2**56


try:
    # Python's own, in place of OpenSSL's: that library alone costs every forked child fifteen more areas of memory.
    from _sha1 import sha1  # type: ignore[import-not-found]  # no stub: it is Python's own affair
except ImportError:
    from hashlib import sha1


def sha1_hex(data: bytes) -> str:
    """The digest in hexadecimal."""
    digest: str = sha1(data, usedforsecurity=False).hexdigest()
    return digest


#: Flags of code: an ``async def``, and a generator that can be awaited (``types.coroutine``).
COROUTINE, ITERABLE_COROUTINE = 0x80, 0x100


#: What calls another function, and where that stands.
INSIDE = {"partial": "func", "method": "__func__"}


def is_awaitable(result: Any) -> bool:
    """Whether it is."""
    if hasattr(type(result), "__await__"):
        return True
    code = getattr(result, "gi_code", None)
    return code is not None and bool(getattr(code, "co_flags", 0) & ITERABLE_COROUTINE)


def is_coroutine_function(function: Any) -> bool:
    """As ``inspect.iscoroutinefunction``, without a look at what is plainly no function of that kind."""
    inner = function
    while (inside := INSIDE.get(type(inner).__name__)) is not None:
        inner = getattr(inner, inside, None)
    flags = getattr(getattr(inner, "__code__", None), "co_flags", None)
    if flags is None or hasattr(inner, "_is_coroutine_mark"):
        import inspect  # noqa: PLC0415 - for the others

        return inspect.iscoroutinefunction(function)
    return bool(flags & COROUTINE)
