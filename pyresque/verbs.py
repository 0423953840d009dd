"""From an operation to a verb: one typed line a verb and face."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

from pyresque.failure.base import FailureBackend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.core import Core
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
    """An operation of Core as a verb that is awaited."""

    @functools.wraps(verb)
    def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core, *args, **kwargs))

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
    def call(self: AsyncFailures, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        operation: Op[T] = getattr(self.resque.core.failures, verb.__name__)(*args, **kwargs)
        return self.resque.run(operation)

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
    def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core.delayed, *args, **kwargs))

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
    def call(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(verb(self.core.recurring, *args, **kwargs))

    return call


class Failures:
    """``resque.failures``: the failed jobs (Ruby: ``Resque::Failure``)."""

    def __init__(self, resque: Blocking) -> None:
        self.resque = resque

    count = failures_blocking(FailureBackend.count)
    queues = failures_blocking(FailureBackend.queues)
    all = failures_blocking(FailureBackend.all)
    each = failures_blocking(FailureBackend.each)
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

    count = failures_awaited(FailureBackend.count)
    queues = failures_awaited(FailureBackend.queues)
    all = failures_awaited(FailureBackend.all)
    each = failures_awaited(FailureBackend.each)
    clear = failures_awaited(FailureBackend.clear)
    clear_retried = failures_awaited(FailureBackend.clear_retried)
    requeue = failures_awaited(FailureBackend.requeue)
    remove = failures_awaited(FailureBackend.remove)
    requeue_queue = failures_awaited(FailureBackend.requeue_queue)
    requeue_all = failures_awaited(FailureBackend.requeue_all)
    remove_queue = failures_awaited(FailureBackend.remove_queue)
