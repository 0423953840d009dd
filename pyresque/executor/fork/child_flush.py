"""Sends what a child holds back before it ends: in bounded time, and seldom while nobody takes it.

A child has two seconds for all that it does at its end (``@resque.child_exit``); then it is killed. Where a collector hangs, each job
would cost that, since the fast path waits for a child's end. So children tell each other, in a page of memory that they share: a child
that finds a flush which began more than PATIENCE seconds ago and did not end, or took longer than SLOW, sends nothing until PAUSE
seconds have passed since.
"""

from __future__ import annotations

import mmap
import struct
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after which a flush that did not end is taken for one that hangs, and from which one that ended is; seconds until the next try.
PATIENCE: Final = 0.5
SLOW: Final = 1.0
PAUSE: Final = 10.0

#: When the flush began that did not end yet, by the system's monotonic clock; 0: none.
BEGAN: Final = struct.Struct("=d")


class ChildFlush:
    """Calls ``flush`` unless one hangs. Made before the fork, so that the children of a process share its page."""

    def __init__(self, flush: Callable[[], object]) -> None:
        self._flush = flush
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def __call__(self) -> bool:
        """Send; whether that was tried. Raises what ``flush`` does."""
        now, (began,) = monotonic(), BEGAN.unpack_from(self._page)
        if began and PATIENCE < now - began < PAUSE:
            return False
        BEGAN.pack_into(self._page, 0, now)
        try:
            self._flush()
        except Exception:
            self._ended(now)
            raise
        self._ended(now)
        return True

    def _ended(self, began: float) -> None:
        if monotonic() - began < SLOW:
            BEGAN.pack_into(self._page, 0, 0.0)
