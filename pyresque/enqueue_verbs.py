"""``enqueue`` and ``enqueue_to`` of the two faces, which answer True or None and, for a tracked job, a handle; ``handle``, ``status``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from pyresque.handles import AsyncHandle, AsyncOwnStatus, Handle, OwnStatus
from pyresque.job.queues import Queues
from pyresque.job.tracked import current_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial
    from types import CodeType
    from typing import TypeAlias

    from pyresque.activejob.continuation import Continuable
    from pyresque.activejob.envelope import Envelope
    from pyresque.job_types import Performs, TrackedCalls, UntrackedCalls
    from pyresque.ops import Op

    class Plain(Protocol):
        """A function that is registered in a way that types do not tell: what it takes may not be what its job takes."""

        @property
        def __code__(self) -> CodeType: ...

    class Bound(Protocol):
        """A class whose ``perform`` gets the envelope first: its job does not take that."""

        @staticmethod
        def perform(job: Envelope, /, *args: Any, **kwargs: Any) -> Any:
            """Do the work."""

    class BoundInSteps(Protocol):
        """A class whose ``perform`` gets a Continuable first."""

        @staticmethod
        def perform(job: Continuable, /, *args: Any, **kwargs: Any) -> Any:
            """Do the work."""

    class Scheduled(Protocol):
        """A class that is called in place of being queued."""

        @property
        def scheduled(self) -> Callable[..., Any]:
            """Called as ``scheduled(queue, name, *args)``."""

    #: Jobs that take any arguments, as far as their types tell.
    Unchecked: TypeAlias = type[Bound | BoundInSteps | Scheduled] | str | Plain | partial[Any]

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(operation: Callable[Concatenate[Any, P], Op[bool | str | None]]) -> Any:
    """A verb that blocks; an answer that is the id of a tracked job becomes a handle."""
    name = operation.__name__

    @functools.wraps(operation)
    def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        answer = self.run(getattr(self.core.jobs, name)(*args, **kwargs))
        return answer if answer is True or answer is None else self.handle(answer)

    return verb


def _awaited(operation: Callable[Concatenate[Any, P], Op[bool | str | None]]) -> Any:
    """A verb that is awaited. The operation begins when the verb is awaited."""
    name = operation.__name__

    @functools.wraps(operation)
    async def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        answer = await self.run(getattr(self.core.jobs, name)(*args, **kwargs))
        return answer if answer is True or answer is None else self.handle(answer)

    return verb


class BlockingEnqueue:
    """These verbs of Resque."""

    if TYPE_CHECKING:

        @overload
        def enqueue(
            self, job: TrackedCalls[P, T, Any, Any], /, *args: P.args, **kwargs: P.kwargs
        ) -> Handle[T] | None: ...

        @overload
        def enqueue(
            self, job: UntrackedCalls[P, Any, Any], /, *args: P.args, **kwargs: P.kwargs
        ) -> bool | None: ...

        @overload
        def enqueue(
            self, job: type[Performs[P, Any]], /, *args: P.args, **kwargs: P.kwargs
        ) -> bool | Handle[Any] | None: ...

        @overload
        def enqueue(
            self, job: Unchecked, /, *args: Any, **kwargs: Any
        ) -> bool | Handle[Any] | None: ...

        def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Any:
            """``Queues.enqueue``."""

        @overload
        def enqueue_to(
            self,
            queue: str | None,
            job: TrackedCalls[P, T, Any, Any],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> Handle[T] | None: ...

        @overload
        def enqueue_to(
            self,
            queue: str | None,
            job: UntrackedCalls[P, Any, Any],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> bool | None: ...

        @overload
        def enqueue_to(
            self,
            queue: str | None,
            job: type[Performs[P, Any]],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> bool | Handle[Any] | None: ...

        @overload
        def enqueue_to(
            self, queue: str | None, job: Unchecked, /, *args: Any, **kwargs: Any
        ) -> bool | Handle[Any] | None: ...

        def enqueue_to(self, queue: str | None, job: Any, /, *args: Any, **kwargs: Any) -> Any:
            """``Queues.enqueue_to``."""

    else:
        enqueue = _blocking(Queues.enqueue)
        enqueue_to = _blocking(Queues.enqueue_to)

    def handle(self: Any, job_id: str) -> Handle[Any]:
        """Return the handle of a tracked job by its id, as ``enqueue`` gave it. Redis is not asked."""
        return Handle(self, job_id)

    def status(self: Any) -> OwnStatus:
        """Return the status of the tracked job whose code calls this. Raises NoJobStatus."""
        return OwnStatus(self, current_job())


class AwaitedEnqueue:
    """These verbs of AsyncResque."""

    if TYPE_CHECKING:

        @overload
        async def enqueue(
            self, job: TrackedCalls[P, T, Any, Any], /, *args: P.args, **kwargs: P.kwargs
        ) -> AsyncHandle[T] | None: ...

        @overload
        async def enqueue(
            self, job: UntrackedCalls[P, Any, Any], /, *args: P.args, **kwargs: P.kwargs
        ) -> bool | None: ...

        @overload
        async def enqueue(
            self, job: type[Performs[P, Any]], /, *args: P.args, **kwargs: P.kwargs
        ) -> bool | AsyncHandle[Any] | None: ...

        @overload
        async def enqueue(
            self, job: Unchecked, /, *args: Any, **kwargs: Any
        ) -> bool | AsyncHandle[Any] | None: ...

        async def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Any:
            """``Queues.enqueue``."""

        @overload
        async def enqueue_to(
            self,
            queue: str | None,
            job: TrackedCalls[P, T, Any, Any],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> AsyncHandle[T] | None: ...

        @overload
        async def enqueue_to(
            self,
            queue: str | None,
            job: UntrackedCalls[P, Any, Any],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> bool | None: ...

        @overload
        async def enqueue_to(
            self,
            queue: str | None,
            job: type[Performs[P, Any]],
            /,
            *args: P.args,
            **kwargs: P.kwargs,
        ) -> bool | AsyncHandle[Any] | None: ...

        @overload
        async def enqueue_to(
            self, queue: str | None, job: Unchecked, /, *args: Any, **kwargs: Any
        ) -> bool | AsyncHandle[Any] | None: ...

        async def enqueue_to(
            self, queue: str | None, job: Any, /, *args: Any, **kwargs: Any
        ) -> Any:
            """``Queues.enqueue_to``."""

    else:
        enqueue = _awaited(Queues.enqueue)
        enqueue_to = _awaited(Queues.enqueue_to)

    def handle(self: Any, job_id: str) -> AsyncHandle[Any]:
        """Return the handle of a tracked job by its id, as ``enqueue`` gave it. Redis is not asked."""
        return AsyncHandle(self, job_id)

    def status(self: Any) -> AsyncOwnStatus:
        """Return the status of the tracked job whose code calls this. Raises NoJobStatus."""
        return AsyncOwnStatus(self, current_job())
