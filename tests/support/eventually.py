"""Wait for what another process or thread changes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Seconds in which what a test waits for must come about, on a machine that is slow and busy, too.
TIMEOUT = 60.0


def eventually(
    look: Callable[[], T], wanted: Callable[[T], object] = bool, *, within: float = TIMEOUT
) -> T:
    """Call ``look`` until its answer is as ``wanted``, and return that; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not wanted(seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {within:g} s"
        pause.wait(0.01)
    return seen
