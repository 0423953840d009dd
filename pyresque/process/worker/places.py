"""Where the next look at a queue's list begins, and the jobs of ours that the last look found.

Rule: everything in front of that place is known to be none of ours, so that jobs of one class are taken in the queue's order. Others
pop at the head meanwhile, so an index alone would leave jobs out. The place is therefore remembered by an element, its anchor: the last
one that was read whose bytes no other element nearby has. The next look finds it again, wherever it is by then (``look.lua``). Where it is
not near its index, somebody may have taken it: then one before it is looked for, so that little is read again.

Where all elements nearby are alike, no anchor tells the place. Then the next look begins MARGIN elements in front of it.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from pyresque.store.selection import MOST_CHOSEN, MOST_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from pyresque.job.job import Job
    from pyresque.store.selection import Look

    Choose: TypeAlias = Callable[[str, Sequence[bytes]], list[tuple[int, bytes, Job]]]

#: Where all elements nearby are alike, the next look begins so many elements in front of the place. An older anchor is kept while it is no
#: further away.
MARGIN = 1000

#: Elements in front of the anchor that are remembered, to tell whether another one is like them.
REMEMBERED = 1000

#: Anchors before the present one that are remembered.
OLDER = 4

#: Jobs that are read at once as long as nothing tells how large they are.
FIRST_PART = 16

#: Jobs of ours that are sent to be taken, at most: the first one that is still there is. Only one is, while no other worker takes any.
CHOSEN = 8

#: Jobs that are read at the head, too, while the place is at the end: a job that was put back stands there.
HEAD = 4

#: After a look that found none of ours, the next one reads WIDER times as many jobs, and WIDEST times the window at most.
WIDER, WIDEST = 4, 10

#: A list whose end was reached is read from its head again after AGAIN seconds, or after AGAIN_OVER times the seconds that it took to read
#: it, whichever is longer: a job of ours may stand in front of the place without a sign of it.
AGAIN, AGAIN_OVER = 60.0, 50.0


class Place:
    """The place in one list. ``queue``: the queue's name; ``key``: that of the list. ``window``: jobs of one look."""

    def __init__(self, queue: str, key: bytes, window: int) -> None:
        self.queue = queue
        self.key = key
        self.window = window
        #: When the list was read the last time; -1: not yet, or it must be read again.
        self.read_at = -1.0
        #: How long the list was then.
        self.length = 0
        #: Of a queue's own list: that of its jobs that lie aside, which come first.
        self.aside: Place | None = None
        #: Whether the last look reached the end and found none of ours.
        self.at_end = False
        #: Whether the list was empty then: only then nothing but a push can bring a job of ours.
        self.empty = False
        #: How many jobs of ours are sent to be taken.
        self._most_chosen = 1
        #: Whether no job was taken since a look began at the head.
        self.clean = True
        #: Jobs of ours, each with its place in the last look.
        self._found: deque[tuple[int, bytes, Job]] = deque()
        self.begin_again(0.0)

    def begin_again(self, now: float) -> None:
        """Begin at the head."""
        self.clean = True
        self._set_anchor(b"", 0, 0)
        #: Anchors before the present one, and their indexes, the nearest one last.
        self._older: list[tuple[bytes, int]] = []
        self._jobs: Sequence[bytes] = ()  # the last look's
        self._ours: set[int] = set()  # places in it of jobs that are ours
        self._offset = 0  # what makes a place in it an index of the list
        self._passed = 0  # places in it up to the anchor
        self._moved = False  # whether jobs were taken since the anchor was chosen
        self._counts: Counter[bytes] = Counter()
        # Hashes of elements in front of the anchor: elements may be large.
        self._former: set[int] = set()
        self._latter: set[int] = set()
        self._wide = 1
        self._part = FIRST_PART
        self._began = now
        self._again_at = now + AGAIN
        self.forget()

    def forget(self) -> None:
        """Forget the jobs that were found: they must be read again."""
        self._move_behind_taken()
        self._found.clear()
        self.at_end = False

    def due_again(self, now: float) -> bool:
        """Whether it is time to read from the head, although the place is at the end."""
        return self.at_end and now >= self._again_at

    # -- looking

    @property
    def wanted(self) -> tuple[bytes, int, int, int, int]:
        """The anchor, its index, how many jobs to read behind it, how many at the head, and how many at once."""
        self._move_behind_taken()
        most, head = self._back + self.window * self._wide, HEAD if self.at_end else 0
        if self._anchor or not self._index:
            return self._anchor, self._index, most, head, self._part
        start = max(0, self._index - MARGIN)
        return b"", start, most + self._index - start, head, self._part

    @property
    def near_head(self) -> tuple[bytes, int, int] | None:
        """The anchor, its index, and how many jobs to read behind it, if the list can be read from its head at once; else None."""
        anchor, index, most, head, part = self.wanted
        near = index <= self.window and part >= index + most and not head
        return (anchor, index, most) if near and (anchor or not index) else None

    def search_on(self, index: int) -> None:
        """The anchor was not found yet: the next look searches from this index on towards the head, or for the older anchor."""
        if not self._older:
            self._index = index
            return
        self._set_anchor(*self._older.pop(), 0)
        # What is read again is not to be taken for elements like it.
        self._former, self._latter = set(), set()

    def read(self, look: Look, choose: Choose, now: float) -> None:
        """Keep what a look has found. ``choose`` returns the jobs that are ours, by their places among payloads."""
        self.read_at, self.length = now, look.length
        queue, jobs = self.queue, look.jobs
        self.empty = look.start == look.length == 0
        if look.start < 0 or (look.head and choose(queue, look.head)):
            self.begin_again(now)
            self.at_end = look.start < 0
            return
        if self._anchor and not look.start:
            self.begin_again(now)  # the anchor is gone
        elif self._anchor:
            self._index = look.start - 1  # where it was found
        self._jobs, self._counts = jobs, Counter(jobs)
        if jobs:
            self._part = max(1, MOST_READ * len(jobs) // (1 + sum(map(len, jobs))))
        self._offset, self._passed = look.start, 0
        self._found = deque(choose(queue, jobs))
        self._ours = {at for at, _, _ in self._found}
        behind = self._found[0][0] if self._found else len(jobs)
        self._move_to(behind, look.start + behind)
        if self._found:
            self._wide, self.at_end = 1, False
            return
        self._wide = min(WIDER * self._wide, WIDEST)
        reached = look.start + len(jobs) >= look.length
        if reached and not self.at_end:
            self._again_at = now + max(AGAIN, AGAIN_OVER * (now - self._began))
        self.at_end = reached

    # -- taking

    @property
    def found_any(self) -> bool:
        """Whether there is a job to take, as far as is known."""
        return bool(self._found)

    def chosen(self) -> list[tuple[int, bytes]]:
        """The next jobs of ours with their indexes, the first one that is still there to be taken."""
        found: list[tuple[int, bytes]] = []
        size, most = 0, self._most_chosen
        if self._found and self._counts[self._found[0][1]] > 1:
            most = CHOSEN  # equal jobs, between which others may stand
        for at, raw, _ in self._found:
            size += len(raw)
            if len(found) == most or (found and size > MOST_CHOSEN):
                break
            found.append((at + self._offset, raw))
        return found

    def missed(self) -> None:
        """None of the chosen jobs was found: others have taken them."""
        if self._most_chosen == CHOSEN or len(self._found) == 1:
            self.forget()
        self._most_chosen = CHOSEN

    def taken(self, number: int, index: int) -> Job:
        """The chosen job of that number, from 1, was taken from that index; those in front of it are gone. Returns it."""
        self._most_chosen = 1 if number == 1 else CHOSEN
        for _ in range(number - 1):
            self._found.popleft()
        at, _, job = self._found.popleft()
        self.clean = False
        self._offset = index - at - 1
        self._moved = True
        return job

    # -- the anchor

    def _move_behind_taken(self) -> None:
        """Move the place up to the next job of ours. This is done when the place is asked for, not after each take."""
        if self._moved:
            behind = self._found[0][0] if self._found else len(self._jobs)
            self._move_to(behind, behind + self._offset)

    def _set_anchor(self, anchor: bytes, index: int, back: int) -> None:
        """``back``: elements between the anchor and the place. Without an anchor ``index`` is that of the place."""
        self._anchor, self._index, self._back = anchor, index, back

    def _keep_older(self) -> None:
        """Keep the present anchor as an older one; but for the last one they are MARGIN elements or more apart: who takes new jobs takes many."""
        older = self._older
        if len(older) > 1 and older[-1][1] - older[-2][1] < MARGIN:
            older.pop()
        if self._anchor:
            older.append((self._anchor, self._index))
            del older[:-OLDER]

    def _move_to(self, at: int, index: int) -> None:
        """Everything in front of the element there, which stands at that index, is known to be none of ours, or gone."""
        back, self._moved = 0, False
        for place in range(at - 1, self._passed - 1, -1):
            if place in self._ours:
                continue
            back += 1
            raw = self._jobs[place]
            mark = hash(raw)
            alike = mark in self._latter or mark in self._former
            if not alike and self._counts[raw] == 1:
                self._keep_older()
                self._set_anchor(raw, index - back, back - 1)
                self._remember(place + 1)
                return
        if self._anchor and back <= MARGIN:
            self._set_anchor(self._anchor, index - back - 1, back)
        else:
            self._set_anchor(b"", index, 0)

    def _remember(self, end: int) -> None:
        self._latter.update(map(hash, self._jobs[self._passed : end]))
        self._passed = end
        if len(self._latter) > REMEMBERED:
            self._former, self._latter = self._latter, set()
