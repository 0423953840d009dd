"""What a failure backend does, and the backend that is several."""

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

    from pyresque.failure.record import FailedRecord
    from pyresque.store.queues import Pushed
    from pyresque.store.reserve import FailureEntry

    #: Says which records are meant.
    Wanted: TypeAlias = Callable[[FailedRecord], bool]
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.ops import Clock

Order: TypeAlias = Literal["asc", "desc"]


class FailureBackend(Protocol):
    """Where failed jobs are recorded.

    A class that inherits from this one writes ``save`` as an operation, and whatever else it can do; what it leaves out
    answers as Ruby's ``Failure::Base`` does, like a list that is always empty. Any other object needs ``save`` alone:
    see ``complete``.
    """

    async def save(self, failure: Failure) -> None:
        """Record a failure."""
        raise NotImplementedError

    def entry(self, failure: Failure) -> FailureEntry | None:  # noqa: ARG002 - for those who have one
        """The same as one append to a list, for the worker's script to carry out; None: ``save`` must be called."""
        return None

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:  # noqa: ARG002 - as above
        """How many records, of a failure queue and of a job class."""
        return 0

    async def queues(self) -> list[str]:
        """The failure queues."""
        return []

    async def all(
        self,
        offset: int = 0,  # noqa: ARG002 - as above
        limit: int = 1,  # noqa: ARG002 - as above
        queue: str | None = None,  # noqa: ARG002 - as above
    ) -> list[FailedRecord]:
        """Records from ``offset`` on, oldest first."""
        return []

    def each(
        self,
        offset: int = 0,  # noqa: ARG002 - as above
        limit: int | None = None,  # noqa: ARG002 - as above
        queue: str | None = None,  # noqa: ARG002 - as above
        class_name: str | None = None,  # noqa: ARG002 - as above
        order: Order = "desc",  # noqa: ARG002 - as above
    ) -> Pass:
        """Records of a page, latest first by default, with their places."""
        return Pass()

    async def clear(self, queue: str | None = None) -> int:  # noqa: ARG002 - as above
        """Delete all records; how many lists there were."""
        return 0

    async def requeue(self, which: int | FailedRecord, queue: str | None = None) -> Pushed:  # noqa: ARG002 - as above
        """Put one job back into its queue and mark its record. Raises NoSuchFailure."""
        raise NoSuchFailure("the failure backend in use keeps no records, so none can be put back")

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:  # noqa: ARG002 - as above
        """Delete one record; how many were deleted."""
        return 0

    async def requeue_queue(self, queue: str) -> int:  # noqa: ARG002 - as above
        """Put back every job that came from a queue; how many."""
        return 0

    async def requeue_all(self) -> int:
        """Put back every job; how many."""
        return 0

    async def remove_queue(self, queue: str) -> int:  # noqa: ARG002 - as above
        """Delete every record of jobs that came from a queue; how many."""
        return 0

    async def clear_retried(self) -> int:
        """Delete every record whose job was put back; how many."""
        return 0

    def requeueing(self, wanted: Wanted, queue: str | None = None) -> Pass:  # noqa: ARG002 - as above
        """A pass that puts back the jobs of the records that are wanted, page by page."""
        return Pass()

    def removing(self, wanted: Wanted, queue: str | None = None) -> Pass:  # noqa: ARG002 - as above
        """A pass that deletes the records that are wanted, page by page."""
        return Pass()


class Saves(Protocol):
    """All that a failure backend must be able to do (Ruby: ``Failure::Base#save``)."""

    def save(self, failure: Failure) -> object:
        """Record a failure; a function, or a coroutine function of asyncio."""


class OnlySaves(FailureBackend):
    """A backend around an object that has no more than ``save``, or not all that a backend may have."""

    def __init__(self, backend: Saves) -> None:
        self.backend = backend
        for name in VERBS:
            if hasattr(backend, name):
                setattr(self, name, getattr(backend, name))

    async def save(self, failure: Failure) -> None:
        """Record a failure. A ``save`` that stands beside an ``entry`` is an operation, as here."""
        if hasattr(self.backend, "entry"):
            await cast("FailureBackend", self.backend).save(failure)
        else:
            await Call(partial(self.backend.save, failure), offload=True)


#: What a backend may have beside ``save``.
VERBS: Final = tuple(
    name for name in vars(FailureBackend) if not name.startswith("_") and name != "save"
)


def complete(backend: FailureBackend | Saves) -> FailureBackend:
    """A backend as it is where it has everything, or inherits it; any other one with the rest added to its ``save``."""
    if FailureBackend in type(backend).__mro__ or all(hasattr(backend, name) for name in VERBS):
        return cast("FailureBackend", backend)
    return OnlySaves(backend)


class Multiple:
    """Several backends: a failure goes to all of them, everything else is asked of the first (``Failure::Multiple``)."""

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
        """Record a failure everywhere; one backend's error does not keep it from the others, and is raised at the end."""
        errors: list[Exception] = []
        for backend in self.backends:
            try:
                await backend.save(failure)
            except Exception as error:  # noqa: BLE001 - a user's backend; raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def entry(self, failure: Failure) -> FailureEntry | None:  # noqa: ARG002 - the Protocol's signature
        """Never one append."""
        return None

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete a record in each backend, as Ruby does."""
        return max([await backend.remove(which, queue) for backend in self.backends])


class RefusedJobs:
    """Tells a failure backend of jobs that no worker has seen."""

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
        """The record as one append to a list; None: ``save`` must be called."""
        return self.backend.entry(self._failure(job, error))

    async def save(self, job: Job, error: BaseException) -> None:
        """Record it."""
        await self.backend.save(self._failure(job, error))

    def _failure(self, job: Job, error: BaseException) -> Failure:
        return Failure(job, report(error), self.worker_id, local(self.clock), self.new_id())
