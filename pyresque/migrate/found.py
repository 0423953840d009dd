"""What an inventory has found: the classes, how much of each list was read, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pyresque.migrate.figures import may_be_missed
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.migrate.marks import Marks
    from pyresque.migrate.seen import ClassTable

#: Notes that are kept.
MOST_NOTES: Final = 50


@dataclass(slots=True)
class ListSeen:
    """How much of one list was read; ``size`` is its length when it was looked at."""

    place: str
    name: str
    size: int
    read: int = 0

    @property
    def may_be_missed(self) -> int:
        """How many of its jobs may be of a class of which none was read, with 95 % confidence."""
        return may_be_missed(self.read, self.size)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "place": self.place,
            "name": self.name,
            "jobs": self.size,
            "read": self.read,
            "may_be_missed": self.may_be_missed,
        }


@dataclass(slots=True)
class Found:
    """What was found so far. ``at``: when the inventory began, in seconds since 1970."""

    classes: ClassTable
    marks: Marks
    at: float
    lists: list[ListSeen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Jobs that were read.
    read: int = 0
    #: Seconds that were watched, and jobs that were performed meanwhile; None if nothing was watched.
    watched: dict[str, Any] | None = None
    #: Called with each job that is read, and the name of its class.
    each: Callable[[Job, str], None] | None = None
    #: Called with each element that is read, its place and its time: also with those that are no jobs.
    elements: Callable[[Job, str, float | None], None] | None = None

    def note(self, text: str) -> None:
        """Keep a note; of many only the first."""
        text = printable(text)
        if len(self.notes) < MOST_NOTES and text not in self.notes:
            self.notes.append(text)

    def add(self, job: Job, place: str, at: float | None) -> None:
        """Count a job of the list that is being read. ``at``: when it was seen there, or the time that a delayed one waits for."""
        self.read += 1
        if self.elements is not None:
            self.elements(job, place, at)
        seen = self.classes.add(job, place, at)
        if seen is not None:
            self.marks.look_at(job, seen)
            if self.each is not None:
                self.each(job, seen.name)

    def end(self, seen: ListSeen, queue: str | None = None) -> None:
        """A list was read."""
        self.classes.fold(seen.place, queue, seen.read, seen.size)
        if seen.size:
            self.lists.append(seen)

    @property
    def sampled(self) -> bool:
        """Whether a list was not read whole."""
        return any(one.read < one.size for one in self.lists)
