"""Memory that worker, fork server and children share: which jobs have started, which TERM is the worker's, if the fast path is.

A byte in a pipe would wake its reader; a look here costs nothing, and what a killed child wrote last stays.
"""

from __future__ import annotations

import mmap
from struct import Struct

STOPPING = 0

#: Slots: bytes in each of the first two pages. The first slot is the worker's own.
SLOTS = mmap.PAGESIZE

#: What a slot says of its job.
WAITING, STARTED, FINISHED, WROTE = 0, 1, 2, 3

#: The fast path, on the third page: whether the worker calls it back, whether a turn is under way, whether a child has not returned
#: the connection, how many turns there were, and the pid of the present child (0: none).
CALLED_BACK, IN_TURN, BORROWED = 2 * SLOTS, 2 * SLOTS + 1, 2 * SLOTS + 2
_TURNS, _CHILD = Struct("Q"), Struct("i")
_TURNS_AT, _CHILD_AT = CALLED_BACK + 8, CALLED_BACK + 16


class SharedPage:
    """Three pages of shared memory. A slot belongs to one child at a time; there are thousands, and few children live at once."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 3 * SLOTS)
        self._last_slot = STOPPING

    def new_slot(self) -> int:
        """A slot for a new child."""
        self._last_slot = self._last_slot % (SLOTS - 1) + 1
        self._page[SLOTS + self._last_slot] = 0
        return self._last_slot

    def set_waiting(self, slot: int) -> None:
        """The worker sends that child a job."""
        self._page[slot] = WAITING

    def set_started(self, slot: int) -> None:
        """The child begins its job."""
        self._page[slot] = STARTED

    def set_finished(self, slot: int) -> None:
        """The child's job is done, and the child has nothing to report."""
        self._page[slot] = FINISHED

    def set_wrote(self, slot: int) -> None:
        """The child's job is done, and what its plugins write at its end stands in its result frame alone."""
        self._page[slot] = WROTE

    def wrote(self, slot: int) -> bool:
        """Whether that child has called ``set_wrote`` for its last job."""
        return self._page[slot] == WROTE

    def started(self, slot: int) -> bool:
        """Whether that child has begun the job that it was sent last."""
        return self._page[slot] != WAITING

    def finished(self, slot: int) -> bool:
        """Whether that child has called ``set_finished`` for its last job."""
        return self._page[slot] == FINISHED

    def told(self, slot: int) -> bool:
        """Whether that child has called ``set_finished`` or ``set_wrote`` for its last job."""
        state = self._page[slot]
        return state == FINISHED or state == WROTE  # noqa: PLR1714 - no set is made

    def announce_term(self, slot: int) -> None:
        """The worker is about to send TERM to that child, which then trusts the signal."""
        self._page[SLOTS + slot] = 1

    def term_announced(self, slot: int) -> bool:
        """Whether a TERM that comes to that child is the worker's."""
        return self._page[SLOTS + slot] == 1

    @property
    def stopping(self) -> bool:
        """Whether the worker stops after the current job: a long one may put down where it is."""
        return self._page[STOPPING] == 1

    def stop(self) -> None:
        """The worker stops after the current job. Called from a signal handler."""
        self._page[STOPPING] = 1

    # -- the fast path

    @property
    def called_back(self) -> bool:
        """Whether the worker wants to reserve jobs by itself again."""
        return self._page[CALLED_BACK] == 1

    def call_back(self) -> None:
        """The worker wants to reserve jobs by itself again."""
        self._page[CALLED_BACK] = True

    def start_fast_path(self, slot: int) -> None:
        """Clear what the last run of the fast path left; all children of the next one use that slot."""
        self._page[CALLED_BACK] = False
        self._page[BORROWED] = False
        self.set_waiting(slot)
        self.set_turns(0)

    @property
    def borrowed(self) -> bool:
        """Whether a child has borrowed the connection to Redis (``lent_connection.py``) and not returned it."""
        return self._page[BORROWED] == 1

    def set_borrowed(self, borrowed: bool) -> None:
        """The child borrows the connection, or returns it."""
        self._page[BORROWED] = borrowed

    def set_in_turn(self) -> None:
        """The fork server sends ``turn.lua``: from now on ``worker:<id>`` holds its last job, or the next one."""
        self._page[IN_TURN] = True

    @property
    def in_turn(self) -> bool:
        """Whether the fork server awaits the reply to ``turn.lua``."""
        return self._page[IN_TURN] == 1

    def set_turns(self, turns: int) -> None:
        """The fork server has run ``turn.lua`` so often, and the job that it has now has no child.

        Written in this order, because the server may be killed in between.
        """
        _CHILD.pack_into(self._page, _CHILD_AT, 0)
        _TURNS.pack_into(self._page, _TURNS_AT, turns)
        self._page[IN_TURN] = False

    def set_child(self, pid: int) -> None:
        """A child of the fast path says that it performs the present job, before anything else."""
        _CHILD.pack_into(self._page, _CHILD_AT, pid)

    def fast_path_state(self) -> tuple[int, int, bool]:
        """The turns; the pid of the child that performs the present job, or has (0: none); whether a turn is under way."""
        turns: int = _TURNS.unpack_from(self._page, _TURNS_AT)[0]
        child: int = _CHILD.unpack_from(self._page, _CHILD_AT)[0]
        return turns, child, self.in_turn
