"""``enqueue`` and ``enqueue_to`` of the two faces: they answer True or None and, for a tracked job, a handle."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from pyresque.job.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.handles import AsyncHandle, Handle
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
    """The two verbs of Resque."""

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


class AwaitedEnqueue:
    """The two verbs of AsyncResque."""

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
