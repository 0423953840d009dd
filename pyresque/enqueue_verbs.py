"""``enqueue`` and ``enqueue_to`` of the two faces, which answer True or None and, for a tracked job, a handle; ``handle``, ``status``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from pyresque.handles import AsyncHandle, AsyncOwnStatus, Handle, OwnStatus
from pyresque.job.queues import Queues
from pyresque.job.tracked import current_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.registry import Target
    from pyresque.job_verb import Tracked, TrackedTask
    from pyresque.ops import Op

P = ParamSpec("P")
R = TypeVar("R")


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
            self, job: TrackedTask[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> Handle[R] | None: ...

        @overload
        def enqueue(
            self, job: Tracked[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> Handle[R] | None: ...

        @overload
        def enqueue(
            self, job: Target, /, *args: Any, **kwargs: Any
        ) -> bool | Handle[Any] | None: ...

        def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Any:
            """``Queues.enqueue``."""

        @overload
        def enqueue_to(
            self, queue: str | None, job: TrackedTask[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> Handle[R] | None: ...

        @overload
        def enqueue_to(
            self, queue: str | None, job: Tracked[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> Handle[R] | None: ...

        @overload
        def enqueue_to(
            self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
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
            self, job: TrackedTask[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> AsyncHandle[R] | None: ...

        @overload
        async def enqueue(
            self, job: Tracked[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> AsyncHandle[R] | None: ...

        @overload
        async def enqueue(
            self, job: Target, /, *args: Any, **kwargs: Any
        ) -> bool | AsyncHandle[Any] | None: ...

        async def enqueue(self, job: Any, /, *args: Any, **kwargs: Any) -> Any:
            """``Queues.enqueue``."""

        @overload
        async def enqueue_to(
            self, queue: str | None, job: TrackedTask[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> AsyncHandle[R] | None: ...

        @overload
        async def enqueue_to(
            self, queue: str | None, job: Tracked[P, R], /, *args: P.args, **kwargs: P.kwargs
        ) -> AsyncHandle[R] | None: ...

        @overload
        async def enqueue_to(
            self, queue: str | None, job: Target, /, *args: Any, **kwargs: Any
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
