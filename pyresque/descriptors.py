"""The descriptors that pyresque itself holds open in a process that performs jobs; a job may close every one of them.

Rule: a closed number is forgotten before this process opens another descriptor, which may get the same number. Light.
"""

from __future__ import annotations

import os
from _thread import RLock
from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TypeAlias

    class Holder(Protocol):
        """An object that holds open descriptors."""

        def let_go_of_closed(self) -> None:
            """Forget each descriptor that a job has closed."""

        def open_again(self) -> None:
            """Open another one if it is needed."""

    #: Device, inode and mode of a descriptor.
    Mark: TypeAlias = tuple[int, int, int]


#: Those that are there, and some that are no more. (A WeakSet is not light: it runs much code for a set that is mostly empty.)
_holders: list[ref[Holder]] = []

# RLock: a signal handler may run in this thread between acquire() and the assignment, and would deadlock on a plain Lock.
_lock = RLock()


def held_by(holder: Holder) -> None:
    """Have ``look_over`` look after its descriptors, as long as it is there."""
    with _lock:
        _holders.append(ref(holder))


def look_over() -> None:
    """Look after all of them: before a connection is opened, and if a descriptor has turned out to be closed."""
    if not _holders:
        return
    with _lock:
        holders = [holder for each in _holders if (holder := each()) is not None]
        _holders[:] = map(ref, holders)
        for holder in holders:
            holder.let_go_of_closed()
        for holder in holders:
            holder.open_again()


def _forked() -> None:
    """In a new process: another thread of the former one may have held the lock."""
    global _lock  # noqa: PLW0603 - a process has one
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def mark(number: int) -> Mark | None:
    """Device, inode and mode of a descriptor: they differ for another one that gets the same number. None if it is closed."""
    try:
        stat = os.fstat(number)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mode
