"""Whether something can be awaited: as ``inspect.isawaitable``, whose module is a heavy one, and which takes its time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A generator that can be awaited: ``types.coroutine``.
ITERABLE_COROUTINE = 0x100


def is_awaitable(result: Any) -> bool:
    """Whether it is."""
    if hasattr(type(result), "__await__"):
        return True
    code = getattr(result, "gi_code", None)
    return code is not None and bool(getattr(code, "co_flags", 0) & ITERABLE_COROUTINE)
