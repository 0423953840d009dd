"""Whether something can be awaited: as ``inspect.isawaitable``, whose module is a heavy one, and which takes its time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
