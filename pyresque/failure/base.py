"""The interface of failure backends, and ``Multiple``, which writes to several."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast

from pyresque.clock import local
from pyresque.errors import NoSuchFailure
from pyresque.failure.passes import Pass
from pyresque.failure.record import Failure, no_failure_id
from pyresque.failure.report import report
from pyresque.ops import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.clock import Clock
    from pyresque.failure.record import FailedRecord
    from pyresque.failure.trimming import Limits
    from pyresque.job.job import Job
    from pyresque.store.queues import Pushed
    from pyresque.store.reserve import FailureEntry

    #: Whether a record is wanted.
    Wanted: TypeAlias = Callable[[FailedRecord], bool]

Order: TypeAlias = Literal["asc", "desc"]


class FailureBackend(Protocol):
    """Where failed jobs are recorded.

    A subclass defines ``save`` as an operation, and any of the other methods. Those that it leaves out answer like an empty list,
    as Ruby's ``Failure::Base`` does. An object of another class needs ``save`` alone; see ``complete``.
    """

    async def save(self, failure: Failure) -> None:
        """Record a failure; the one method that every backend must define."""
        raise NotImplementedError

    def entry(self, failure: Failure) -> FailureEntry | None:
        """Return the record as one append to a list, which ``turn.lua`` carries out; None: ``save`` must be called."""
        return None

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """Return how many records there are, of a failure queue and of a job class if given."""
        return 0

    async def queues(self) -> list[str]:
        """Return the names of the failure queues."""
        return []

    async def all(
        self,
        offset: int = 0,
        limit: int = 1,
        queue: str | None = None,
    ) -> list[FailedRecord]:
        """Return ``limit`` records from index ``offset`` on, the oldest first."""
        return []

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> Pass:
        """Return a pass that reads records, the latest first by default, each with its index."""
        return Pass()

    async def clear(self, queue: str | None = None) -> int:
        """Delete all records; return how many lists there were."""
        return 0

    async def requeue(self, which: int | FailedRecord, queue: str | None = None) -> Pushed:
        """Push one job back to its queue and mark its record. Raises NoSuchFailure."""
        raise NoSuchFailure("the failure backend in use keeps no records, so none can be put back")

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record; return how many were deleted."""
        return 0

    async def requeue_queue(self, queue: str) -> int:
        """Requeue every job that came from a queue; return how many."""
        return 0

    async def requeue_all(self) -> int:
        """Requeue every job; return how many."""
        return 0

    async def remove_queue(self, queue: str) -> int:
        """Delete every record of jobs that came from a queue; return how many."""
        return 0

    async def clear_retried(self) -> int:
        """Delete every record whose job was requeued; return how many."""
        return 0

    async def trim(self, limits: Limits) -> int:
        """Remove the oldest records, down to the limits; return how many."""
        return 0

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Pass:
        """Return a pass that requeues the jobs of the wanted records, page by page."""
        return Pass()

    def removing(self, wanted: Wanted, queue: str | None = None) -> Pass:
        """Return a pass that deletes the wanted records, page by page."""
        return Pass()


class Saves(Protocol):
    """The one method that a failure backend must have (Ruby: ``Failure::Base#save``)."""

    def save(self, failure: Failure) -> object:
        """Record a failure: a plain function, or a coroutine function of asyncio."""


class OnlySaves(FailureBackend):
    """Makes a backend of an object that has ``save``, and perhaps some of the other methods."""

    def __init__(self, backend: Saves) -> None:
        self.backend = backend
        for name in VERBS:
            if hasattr(backend, name):
                setattr(self, name, getattr(backend, name))

    async def save(self, failure: Failure) -> None:
        """Record a failure. The ``save`` of an object that also has ``entry`` is an operation."""
        if hasattr(self.backend, "entry"):
            await cast("FailureBackend", self.backend).save(failure)
        else:
            await Call(partial(self.backend.save, failure), offload=True)


#: The methods of a backend that are optional.
VERBS: Final = tuple(
    name for name in vars(FailureBackend) if not name.startswith("_") and name != "save"
)


def complete(backend: FailureBackend | Saves) -> FailureBackend:
    """Return the backend itself if it has all methods, else one that adds the missing ones to its ``save``."""
    if FailureBackend in type(backend).__mro__ or all(hasattr(backend, name) for name in VERBS):
        return cast("FailureBackend", backend)
    return OnlySaves(backend)


class Multiple:
    """Several backends: a failure is recorded in all of them; the first one answers everything else (``Failure::Multiple``)."""

    def __init__(self, backends: Sequence[FailureBackend | Saves]) -> None:
        self.backends = tuple(map(complete, backends))
        self.first = self.backends[0]
        self.count = self.first.count
        self.queues = self.first.queues
        self.all = self.first.all
        self.each = self.first.each
        self.clear = self.first.clear
        self.requeue = self.first.requeue
        self.requeue_queue = self.first.requeue_queue
        self.requeue_all = self.first.requeue_all
        self.remove_queue = self.first.remove_queue
        self.clear_retried = self.first.clear_retried
        self.requeueing = self.first.requeueing
        self.removing = self.first.removing

    async def save(self, failure: Failure) -> None:
        """Record a failure in each backend. An error of one does not stop the others, and is raised at the end."""
        errors: list[Exception] = []
        for backend in self.backends:
            try:
                await backend.save(failure)
            except Exception as error:  # noqa: BLE001 - a user's backend; raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def entry(self, failure: Failure) -> FailureEntry | None:
        """Return None: several backends are never one append."""
        return None

    async def trim(self, limits: Limits) -> int:
        """Trim the records of each backend."""
        return sum([await backend.trim(limits) for backend in self.backends])

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete a record in each backend, as Ruby does."""
        return max([await backend.remove(which, queue) for backend in self.backends])


class RefusedJobs:
    """Records the failures of jobs that never reached a worker, such as delayed jobs without a queue."""

    def __init__(
        self,
        backend: FailureBackend,
        clock: Clock,
        worker_id: str = "scheduler",
        new_id: Callable[[], str | None] = no_failure_id,
    ) -> None:
        self.backend = backend
        self.clock = clock
        self.worker_id = worker_id
        self.new_id = new_id

    def entry(self, job: Job, error: BaseException) -> FailureEntry | None:
        """Return the record as one append to a list; None: ``save`` must be called."""
        return self.backend.entry(self._failure(job, error))

    async def save(self, job: Job, error: BaseException) -> None:
        """Record the failure by the backend's ``save``."""
        await self.backend.save(self._failure(job, error))

    def _failure(self, job: Job, error: BaseException) -> Failure:
        return Failure(job, report(error), self.worker_id, local(self.clock), self.new_id())
