"""What an inventory has seen of each class; a bounded number of classes, so that names by the million fill no memory.

When the table is full, the classes of which fewest jobs were read give way, and their jobs count as those of others. A class whose
jobs are a larger share than one in MOST_CLASSES therefore stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.migrate.figures import Figure
from pyresque.migrate.habits import (
    ACTIVE_JOB,
    enqueued_at,
    extra_keys,
    trace_keys,
    writer_of,
)
from pyresque.migrate.shapes import OTHERS, Arguments, Budget, count, cut_name
from pyresque.routing.share import routed_class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.job.job import Job, Payload
    from pyresque.migrate.marks import Mark

#: Classes in one table, and queues, extra keys and marks of one class.
MOST_CLASSES: Final = 1000
MOST_QUEUES: Final = 50
MOST_EXTRA: Final = 30

#: The share of the classes that gives way if the table is full.
GIVES_WAY: Final = 4

#: Where jobs are, in the order of tables.
PLACES: Final = ("queued", "moved", "delayed", "scheduled", "working", "failed")

#: What ``Rate.shown`` tells, after a watch.
RATES: Final = ("performed/s", "enqueued/s")

#: What stands for the class of a payload that names none, and of an element that is no job.
NO_CLASS: Final = "(no class)"


class ClassSeen:
    """What was seen of one class."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[str, Figure] = {}
        self.queues: dict[str, Figure] = {}
        self.arguments = Arguments()
        self.writers: dict[str, int] = {}
        self.trace: dict[str, int] = {}
        self.extra: dict[str, int] = {}
        #: Marks of plugins by the gem's name.
        self.marks: dict[str, Mark] = {}
        #: When a job of the class was seen last, and the latest time that a delayed one waits for, in seconds since 1970.
        self.last_seen: float | None = None
        self.last_due: float | None = None
        #: Jobs that started or were enqueued while the inventory watched.
        self.rate: Rate | None = None
        self.read = 0
        #: Jobs read of the list that is being read.
        self.current = 0

    @property
    def active_job(self) -> bool:
        """Whether its jobs are ActiveJobs."""
        return ACTIVE_JOB in self.writers

    @property
    def jobs(self) -> Figure:
        """The jobs in all places."""
        found = Figure()
        for figure in self.places.values():
            found.include(figure)
        return found

    def add(self, payload: Payload, budget: Budget, *, delayed: bool = False) -> None:
        """Look at one more job."""
        self.read += 1
        self.current += 1
        self.arguments.add(payload, budget)
        count(self.writers, writer_of(payload, delayed=delayed), MOST_EXTRA)
        if payload.extra or self.active_job:
            for key in extra_keys(payload, delayed=delayed):
                count(self.extra, cut_name(key), MOST_EXTRA)
        for key in trace_keys(payload):
            count(self.trace, key, MOST_EXTRA)

    def fold(self, place: str, queue: str | None, read: int, size: int) -> None:
        """Count what was found in a list that has been read."""
        found, self.current = self.current, 0
        self.places.setdefault(place, Figure()).add(found, read, size)
        if queue is not None:
            if queue not in self.queues and len(self.queues) >= MOST_QUEUES:
                queue = OTHERS
            self.queues.setdefault(queue, Figure()).add(found, read, size)

    def goes_to(self, queue: object) -> None:
        """Note the queue of a job that is not in it."""
        if isinstance(queue, str) and queue and len(self.queues) < MOST_QUEUES:
            self.queues.setdefault(cut_name(queue), Figure())

    def saw_at(self, seconds: float | None) -> None:
        """Note a time at which there was a job of the class."""
        if seconds is not None and (self.last_seen is None or seconds > self.last_seen):
            self.last_seen = seconds

    def due_at(self, seconds: float | None) -> None:
        """Note a time that a delayed job waits for."""
        if seconds is not None and (self.last_due is None or seconds > self.last_due):
            self.last_due = seconds


class Rate:
    """Jobs of one class while the inventory watched: those seen to be taken, started and enqueued, and what that means per second.

    ``per_second`` is an estimate of the jobs performed, with its bounds; ``enqueued_per_second`` is a lower bound.
    """

    __slots__ = ("enqueued", "enqueued_per_second", "high", "low", "per_second", "started", "taken")

    def __init__(self) -> None:
        self.taken = self.started = self.enqueued = 0
        self.per_second = self.low = self.high = self.enqueued_per_second = 0.0

    @property
    def shown(self) -> tuple[str, str]:
        """Return the figures of RATES as tables have them."""
        return f"{self.per_second:.2f}", f"{self.enqueued_per_second:.2f}"

    @property
    def performed(self) -> int:
        """How many jobs were seen to be taken from their queue, or to run."""
        return max(self.taken, self.started)

    def to_dict(self) -> dict[str, Any]:
        """Return the rate as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class ClassTable:
    """The classes seen; ``pinned`` names never give way: those that the application has registered."""

    def __init__(self, budget: Budget | None = None, pinned: Iterable[str] = ()) -> None:
        self.budget = budget or Budget()
        self.classes: dict[str, ClassSeen] = {}
        self.others = Figure()
        #: How often a class gave way, or found no place.
        self.gave_way = 0
        self.unreadable: dict[str, int] = {}
        self._pinned = frozenset(pinned)
        self._others_now = 0
        self._touched: set[str] = set()

    def add(self, job: Job, place: str, at: float | None = None) -> ClassSeen | None:
        """Count one job of the list that is being read. None: it is no job, or its class has no place.

        ``at``: when the job was seen at that place, or the time that a delayed one waits for.
        """
        if job.fault is not None:
            self.unreadable[place] = self.unreadable.get(place, 0) + 1
            return None
        seen = self.of(routed_class(job.payload) or NO_CLASS)
        if seen is None:
            self._others_now += 1
            return None
        self._touched.add(seen.name)
        seen.add(job.payload, self.budget, delayed=place in {"delayed", "scheduled"})
        if place not in {"queued", "moved"}:
            seen.goes_to(job.queue or job.payload.extra.get("queue"))
        if place == "delayed":
            seen.due_at(at)
            at = enqueued_at(job.payload)
        seen.saw_at(at)
        return seen

    def of(self, name: str) -> ClassSeen | None:
        """Return what was seen of a class; None if the name has no place: it is too long."""
        found = self.classes.get(name)
        if found is not None:
            return found
        if cut_name(name) != name:
            self.gave_way += 1
            return None
        if len(self.classes) >= MOST_CLASSES:
            self._make_room()
        self.classes[name] = found = ClassSeen(name)
        return found

    def fold(self, place: str, queue: str | None, read: int, size: int) -> None:
        """The list is read: ``read`` elements of its ``size``."""
        for name in self._touched:
            self.classes[name].fold(place, queue, read, size)
        self._touched.clear()
        self.others.add(self._others_now, read, size)
        self._others_now = 0

    def _make_room(self) -> None:
        """Let the classes of which fewest jobs were read give way."""
        can = [one for one in self.classes.values() if one.name not in self._pinned]
        can.sort(key=lambda one: one.read)
        for one in can[: max(1, len(can) // GIVES_WAY)]:
            del self.classes[one.name]
            self._touched.discard(one.name)
            self._others_now += one.current
            self.others.include(one.jobs)
            self.gave_way += 1

    def __iter__(self) -> Any:
        """Iterate over the classes, those with most jobs first."""
        return iter(sorted(self.classes.values(), key=lambda one: (-one.jobs.estimate, one.name)))
