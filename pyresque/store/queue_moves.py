"""Move jobs that wait in one queue to another queue, or to the head of their own: the commands of ``move_jobs.lua``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyresque.store.marks import FOREVER
from pyresque.store.queues import to_bytes
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg
    from pyresque.store.keys import Keys
    from pyresque.store.marks import Mark

#: Answers for each job.
GONE, MOVED, EQUAL_QUEUED = 0, 1, 2

#: Where jobs are put: before those that wait, or behind them.
HEAD: Final = "head"
TAIL: Final = "tail"


class Chosen(NamedTuple):
    """A job that is to be moved: its place in the slice, its bytes, and its marks in its own queue and in the other one."""

    place: int
    raw: bytes
    mark: Mark | None = None
    other_mark: Mark | None = None


async def move_seen(
    keys: Keys,
    source: str,
    to: str,
    first: int,
    count: int,
    chosen: Sequence[Chosen],
    end: str = TAIL,
) -> list[int]:
    """Move jobs of the slice of ``count`` jobs from index ``first`` on; return GONE, MOVED or EQUAL_QUEUED for each.

    A mark of a job goes with it. Raises WrongKey where a key is no list, and nothing is moved then.
    """
    marks: list[bytes] = []
    args: list[Arg] = [REMOVED, first, count, to_bytes(to), end]

    def number(mark: Mark | None) -> int:
        if mark is None:
            return 0
        marks.append(mark.key)
        return 3 + len(marks)

    for one in chosen:
        mark, other = one.mark, one.other_mark
        if mark is not None and other is not None and mark.key == other.key:
            mark = other = None
        ttl = FOREVER if other is None or other.ttl is None else other.ttl
        args += (one.place, one.raw, number(mark), number(other), ttl)
    lists = (to_bytes(keys.queue(source)), to_bytes(keys.queue(to)))
    return await script("move_jobs").call((*lists, keys.queues, *marks), args, list)
