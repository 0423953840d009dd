"""Memory that a parent and its children share: who has begun its job, who is told to end, whether the worker is stopping.

A pipe would wake the reader for each of these bytes; here a look costs nothing, and what a killed child wrote last stays.
"""

from __future__ import annotations

import mmap
from struct import Struct

STOPPING = 0

#: Places in a page: the first is the worker's own.
SLOTS = mmap.PAGESIZE

#: What a place says of its job.
WAITING, BEGUN, FINISHED = 0, 1, 2

#: Where a shift stands on the third page: whether it is called back, whether a turn is under way, how many turns it took, and its
#: child's pid, 0 for none.
CALLED_BACK, TURNING = 2 * SLOTS, 2 * SLOTS + 1
_TURNS, _CHILD = Struct("Q"), Struct("i")
_TURNS_AT, _CHILD_AT = CALLED_BACK + 8, CALLED_BACK + 16


class SharedPage:
    """Three pages. A place belongs to one child at a time; there are thousands, and few children live at once."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 3 * SLOTS)
        self._next = STOPPING

    def place(self) -> int:
        """A place for a new child."""
        self._next = self._next % (SLOTS - 1) + 1
        self._page[SLOTS + self._next] = 0
        return self._next

    def begun(self, place: int) -> bool:
        """Whether that child has begun the job it was given last."""
        return self._page[place] != WAITING

    def begin(self, place: int, *, begun: bool = True) -> None:
        """Say that the job has begun (the child), or that a new one is given (the parent)."""
        self._page[place] = begun

    def finish(self, place: int) -> None:
        """Say that the job is done, and that there is nothing else to tell."""
        self._page[place] = FINISHED

    def finished(self, place: int) -> bool:
        """Whether that was said."""
        return self._page[place] == FINISHED

    def ordered(self, place: int) -> bool:
        """Whether a TERM that comes to that child is its parent's."""
        return self._page[SLOTS + place] == 1

    def order(self, place: int) -> None:
        """Say that it will be."""
        self._page[SLOTS + place] = 1

    @property
    def stopping(self) -> bool:
        """Whether the worker stops after the present job: a long one may put down where it is."""
        return self._page[STOPPING] == 1

    def stop(self) -> None:
        """Say that it does. Called from a signal handler."""
        self._page[STOPPING] = 1

    # -- shifts

    @property
    def called_back(self) -> bool:
        """Whether the worker wants to go on by itself."""
        return self._page[CALLED_BACK] == 1

    def call_back(self) -> None:
        """Say so."""
        self._page[CALLED_BACK] = True

    def new_shift(self, place: int) -> None:
        """Make ready for a shift whose children have that place: nothing of an earlier one is to be read here."""
        self._page[CALLED_BACK] = False
        self.begin(place, begun=False)
        self.turned(0)

    def turning(self) -> None:
        """Say that a turn is under way: what is in the books from now on is this shift's last job, or the next one."""
        self._page[TURNING] = True

    def turned(self, turns: int) -> None:
        """Say how many turns the shift has taken, and that the job it has now has no child. In this order: we may die in between."""
        _CHILD.pack_into(self._page, _CHILD_AT, 0)
        _TURNS.pack_into(self._page, _TURNS_AT, turns)
        self._page[TURNING] = False

    def born(self, pid: int) -> None:
        """Say who performs the shift's present job; the child itself does, before anything else."""
        _CHILD.pack_into(self._page, _CHILD_AT, pid)

    def shift(self) -> tuple[int, int, bool]:
        """Turns; the pid of the child that performs the present job, or has, 0 for none; whether a turn is under way."""
        turns: int = _TURNS.unpack_from(self._page, _TURNS_AT)[0]
        child: int = _CHILD.unpack_from(self._page, _CHILD_AT)[0]
        return turns, child, self._page[TURNING] == 1
