"""From an operation to a verb: one typed line a verb and face."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from pyresque.failure.base import FailureBackend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    from pyresque.core import Core
    from pyresque.failure.base import Order
    from pyresque.failure.passes import Pass
    from pyresque.failure.record import FailedRecord
    from pyresque.job.registry import Target
    from pyresque.ops import Op
    from pyresque.schedule.delayed import Delayed
    from pyresque.schedule.recurring import Recurring

P = ParamSpec("P")
T = TypeVar("T")


class Blocking(Protocol):
    """A face whose verbs block."""

    @property
    def core(self) -> Core:
        """Its operations."""

    def run(self, operation: Op[T]) -> T:
        """Carry an operation."""


class Awaiting(Protocol):
    """A face whose verbs are awaited."""

    @property
    def core(self) -> Core:
        """Its operations."""

    def run(self, operation: Op[T]) -> Awaitable[T]:
        """Carry an operation."""


def blocking(verb: Callable[Concatenate[Core, P], Op[T]]) -> Callable[Concatenate[Blocking, P], T]:
    """An operation of Core as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core, *args, **kwargs))

    return call


def awaited(
    verb: Callable[Concatenate[Core, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """An operation of Core as a verb that is awaited; it begins when it is awaited, so that one cancelled before has not begun."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core, *args, **kwargs))

    return call


def failures_blocking(
    verb: Callable[Concatenate[Any, P], Op[T]],
) -> Callable[Concatenate[Failures, P], T]:
    """An operation of a failure backend as a verb that blocks; the backend in use answers it."""

    @functools.wraps(verb)
    def call(self: Failures, /, *args: P.args, **kwargs: P.kwargs) -> T:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return self.resque.run(operation)

    return call


def failures_awaited(
    verb: Callable[Concatenate[Any, P], Op[T]],
) -> Callable[Concatenate[AsyncFailures, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    async def call(self: AsyncFailures, /, *args: P.args, **kwargs: P.kwargs) -> T:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return await self.resque.run(operation)

    return call


def delayed_blocking(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[Blocking, P], T]:
    """An operation on delayed jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def delayed_awaited(
    verb: Callable[Concatenate[Delayed, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core.delayed, *args, **kwargs))

    return call


def recurring_blocking(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[Blocking, P], T]:
    """An operation on recurring jobs as a verb that blocks."""

    @functools.wraps(verb)
    def call(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.core.recurring, *args, **kwargs))

    return call


def recurring_awaited(
    verb: Callable[Concatenate[Recurring, P], Op[T]],
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """The same, awaited."""

    @functools.wraps(verb)
    async def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.core.recurring, *args, **kwargs))

    return call


def _given(resque: Blocking, found: Pass) -> Iterator[FailedRecord]:
    """The records of a pass, each page read when it is needed."""
    while (page := resque.run(found.more())) is not None:
        yield from page.records


class AwaitedRecords:
    """The records of a pass, for ``async for``."""

    def __init__(self, resque: Awaiting, found: Pass) -> None:
        self._resque = resque
        self._pass = found

    def __await__(self) -> Generator[Any, Any, list[FailedRecord]]:
        """All of them at once."""
        return self._resque.run(self._pass.everything()).__await__()

    async def __aiter__(self) -> AsyncIterator[FailedRecord]:
        while (page := await self._resque.run(self._pass.more())) is not None:
            for record in page.records:
                yield record


class Failures:
    """``resque.failures``: the failed jobs (Ruby: ``Resque::Failure``)."""

    def __init__(self, resque: Blocking) -> None:
        self.resque = resque

    def count(self, queue: str | None = None, class_name: Target | None = None) -> int:
        """How many records, of a failure queue and of a job class where they are named."""
        core = self.resque.core
        return self.resque.run(core.failures.count(queue, core.class_name(class_name)))

    queues = failures_blocking(FailureBackend.queues)
    all = failures_blocking(FailureBackend.all)

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> Iterator[FailedRecord]:
        """Records of a page, latest first by default, with their places; read as they are asked for, some hundreds at a time."""
        core = self.resque.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return _given(self.resque, found)

    def requeue_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Put back the jobs of the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return self.resque.run(self.resque.core.failures.requeueing(wanted, queue).whole())

    def remove_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """Delete the records that ``wanted`` says yes to, in one pass over the list; how many."""
        return self.resque.run(self.resque.core.failures.removing(wanted, queue).whole())

    clear = failures_blocking(FailureBackend.clear)
    clear_retried = failures_blocking(FailureBackend.clear_retried)
    requeue = failures_blocking(FailureBackend.requeue)
    remove = failures_blocking(FailureBackend.remove)
    requeue_queue = failures_blocking(FailureBackend.requeue_queue)
    requeue_all = failures_blocking(FailureBackend.requeue_all)
    remove_queue = failures_blocking(FailureBackend.remove_queue)


class AsyncFailures:
    """``resque.failures`` of an AsyncResque."""

    def __init__(self, resque: Awaiting) -> None:
        self.resque = resque

    async def count(self, queue: str | None = None, class_name: Target | None = None) -> int:
        """The same, awaited."""
        core = self.resque.core
        return await self.resque.run(core.failures.count(queue, core.class_name(class_name)))

    queues = failures_awaited(FailureBackend.queues)
    all = failures_awaited(FailureBackend.all)

    def each(
        self,
        offset: int = 0,
        limit: int | None = None,
        queue: str | None = None,
        class_name: Target | None = None,
        order: Order = "desc",
    ) -> AwaitedRecords:
        """The same, for ``async for``; awaited, it gives all of them at once, as a list."""
        core = self.resque.core
        found = core.failures.each(offset, limit, queue, core.class_name(class_name), order)
        return AwaitedRecords(self.resque, found)

    async def requeue_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """The same, awaited."""
        return await self.resque.run(self.resque.core.failures.requeueing(wanted, queue).whole())

    async def remove_selection(
        self, wanted: Callable[[FailedRecord], bool], queue: str | None = None
    ) -> int:
        """The same, awaited."""
        return await self.resque.run(self.resque.core.failures.removing(wanted, queue).whole())

    clear = failures_awaited(FailureBackend.clear)
    clear_retried = failures_awaited(FailureBackend.clear_retried)
    requeue = failures_awaited(FailureBackend.requeue)
    remove = failures_awaited(FailureBackend.remove)
    requeue_queue = failures_awaited(FailureBackend.requeue_queue)
    requeue_all = failures_awaited(FailureBackend.requeue_all)
    remove_queue = failures_awaited(FailureBackend.remove_queue)
