"""``resque.failures``: the verbs of failed jobs, blocking and awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pyresque.as_verb import Awaiting, Blocking, PartOfFace, awaited, blocking
from pyresque.core import Core
from pyresque.failure.base import FailureBackend
from pyresque.failure.retention import Retention

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator, Sequence

    from pyresque.failure.base import Order
    from pyresque.failure.record import FailedRecord
    from pyresque.job.registry import Target

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Page(Protocol[T_co]):
    """A page of a pass."""

    @property
    def records(self) -> Sequence[T_co]:
        """What was found on it."""


class Paged(Protocol[T]):
    """A pass that is made page by page."""

    async def more(self) -> Page[T] | None:
        """Read the next page; None at the end."""

    async def everything(self) -> list[T]:
        """Read all pages."""


def each_record(face: Blocking, found: Paged[T]) -> Iterator[T]:
    """The records of a pass over a list in Redis; reads each page when it is needed."""
    while (page := face.run(found.more())) is not None:
        yield from page.records


class AwaitedRecords(Generic[T]):
    """The records of a pass over a list in Redis, for ``async for``."""

    def __init__(self, face: Awaiting, found: Paged[T]) -> None:
        self._face = face
        self._pass = found

    def __await__(self) -> Generator[Any, Any, list[T]]:
        """All records of the pass, as a list."""
        return self._face.run(self._pass.everything()).__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        while (page := await self._face.run(self._pass.more())) is not None:
            for record in page.records:
                yield record


class Failures(PartOfFace):
    """``resque.failures``: the failed jobs (Ruby: ``Resque::Failure``). The backend in use answers."""

    count = blocking(Core.count_failures)
    queues = blocking(FailureBackend.queues, of="failures")
    all = blocking(FailureBackend.all, of="failures")

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> Iterator[FailedRecord]:
        """Failed records with their places, latest first by default; reads them in pages of some hundreds, as they are asked for."""
        core = self.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return each_record(self, found)

    requeue_selection = blocking(Core.requeue_failures)
    remove_selection = blocking(Core.remove_failures)
    clear = blocking(FailureBackend.clear, of="failures")
    clear_retried = blocking(FailureBackend.clear_retried, of="failures")
    requeue = blocking(FailureBackend.requeue, of="failures")
    remove = blocking(FailureBackend.remove, of="failures")
    requeue_queue = blocking(FailureBackend.requeue_queue, of="failures")
    requeue_all = blocking(FailureBackend.requeue_all, of="failures")
    remove_queue = blocking(FailureBackend.remove_queue, of="failures")
    trim = blocking(Retention.trim, of="retention")


class AsyncFailures(PartOfFace):
    """``resque.failures`` of an AsyncResque: the verbs of Failures, awaited."""

    count = awaited(Core.count_failures)
    queues = awaited(FailureBackend.queues, of="failures")
    all = awaited(FailureBackend.all, of="failures")

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> AwaitedRecords[FailedRecord]:
        """The records of ``Failures.each``, for ``async for``; awaited, it gives all of them at once, as a list."""
        core = self.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return AwaitedRecords(self, found)

    requeue_selection = awaited(Core.requeue_failures)
    remove_selection = awaited(Core.remove_failures)
    clear = awaited(FailureBackend.clear, of="failures")
    clear_retried = awaited(FailureBackend.clear_retried, of="failures")
    requeue = awaited(FailureBackend.requeue, of="failures")
    remove = awaited(FailureBackend.remove, of="failures")
    requeue_queue = awaited(FailureBackend.requeue_queue, of="failures")
    requeue_all = awaited(FailureBackend.requeue_all, of="failures")
    remove_queue = awaited(FailureBackend.remove_queue, of="failures")
    trim = awaited(Retention.trim, of="retention")
