"""Memory that a parent and its children share: who has begun its job, who is told to end, whether the worker is stopping.

A pipe would wake the reader for each of these bytes; here a look costs nothing, and what a killed child wrote last stays.
"""

from __future__ import annotations

import mmap

STOPPING = 0

#: Places in a page: the first is the worker's own.
PLACES = mmap.PAGESIZE


class Board:
    """Two pages. A place belongs to one child at a time; there are thousands, and few children live at once."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 2 * PLACES)
        self._next = STOPPING

    def place(self) -> int:
        """A place for a new child."""
        self._next = self._next % (PLACES - 1) + 1
        self._page[PLACES + self._next] = 0
        return self._next

    def begun(self, place: int) -> bool:
        """Whether that child has begun the job it was given last."""
        return self._page[place] == 1

    def begin(self, place: int, *, begun: bool = True) -> None:
        """Say that the job has begun (the child), or that a new one is given (the parent)."""
        self._page[place] = begun

    def ordered(self, place: int) -> bool:
        """Whether a TERM that comes to that child is its parent's."""
        return self._page[PLACES + place] == 1

    def order(self, place: int) -> None:
        """Say that it will be."""
        self._page[PLACES + place] = 1

    @property
    def stopping(self) -> bool:
        """Whether the worker stops after the present job: a long one may put down where it is."""
        return self._page[STOPPING] == 1

    def stop(self) -> None:
        """Say that it does. Called from a signal handler."""
        self._page[STOPPING] = 1
