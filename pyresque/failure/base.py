"""What a failure backend does, and the backend that is several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.failure.record import FailedRecord, Failure
    from pyresque.store.turns import FailureEntry

Order: TypeAlias = Literal["asc", "desc"]


class FailureBackend(Protocol):
    """Where failed jobs are recorded. Write one of your own to send them elsewhere, and join it by ``Multiple``."""

    async def save(self, failure: Failure) -> None:
        """Record a failure."""

    def entry(self, failure: Failure) -> FailureEntry | None:
        """The same as one append to a list, for the worker's script to carry out; None: ``save`` must be called."""

    async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
        """How many records, of a failure queue and of a job class."""

    async def queues(self) -> list[str]:
        """The failure queues."""

    async def all(
        self, offset: int = 0, limit: int = 1, queue: str | None = None
    ) -> list[FailedRecord]:
        """Records from ``offset`` on, oldest first."""

    async def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: str | None = None,
        order: Order = "desc",
    ) -> list[FailedRecord]:
        """Records of a page, latest first by default, with their places."""

    async def clear(self, queue: str | None = None) -> int:
        """Delete all records; how many lists there were."""

    async def requeue(self, which: int | FailedRecord, queue: str | None = None) -> list[int]:
        """Put one job back into its queue and mark its record: whether the queue was new, its new length."""

    async def remove(self, which: int | FailedRecord, queue: str | None = None) -> int:
        """Delete one record; how many were deleted."""

    async def requeue_queue(self, queue: str) -> int:
        """Put back every job that came from a queue; how many."""

    async def requeue_all(self) -> int:
        """Put back every job; how many."""

    async def remove_queue(self, queue: str) -> int:
        """Delete every record of jobs that came from a queue; how many."""

    async def clear_retried(self) -> int:
        """Delete every record whose job was put back; how many."""


class Multiple:
    """Several backends: a failure goes to all of them, everything else is asked of the first (``Failure::Multiple``)."""

    def __init__(self, backends: Sequence[FailureBackend]) -> None:
        self.backends = tuple(backends)
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
