"""Middleware: the application's own code around every job, for metrics, tracing or clean-up. Light: the fork server loads it."""

from __future__ import annotations

from pyresque.errors import MiddlewareError
from pyresque.job.hooks import check_callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, TypeAlias, TypeVar

    from pyresque.job.job import Job
    from pyresque.ops import Op

    #: What a middleware calls, or awaits, to have the job performed. Returns whether the work was done; raises the job's error.
    CallNext: TypeAlias = Callable[[Job], bool]
    AsyncCallNext: TypeAlias = Callable[[Job], Awaitable[bool]]

    #: ``def middleware(call_next, job)`` or ``async def middleware(call_next, job)``; its return value is ignored.
    Middleware: TypeAlias = (
        Callable[[CallNext, Job], Any] | Callable[[AsyncCallNext, Job], Awaitable[Any]]
    )

    #: What the layers pass on: a Job that is performed, or a job that is enqueued.
    J = TypeVar("J")
    M = TypeVar("M")


class Layer:
    """One middleware; ``awaits`` if it is a coroutine function. ``awaited``: its method of that name, for event loops."""

    def __init__(
        self,
        middleware: Callable[[Any, Any], Any],
        awaits: bool,
        awaited: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.middleware = middleware
        self.awaits = awaits
        self.awaited = awaited

    @classmethod
    def of(cls, middleware: Callable[[Any, Any], Any]) -> Layer:
        """Look whether the function, or the object's ``__call__``, is a coroutine function. Raises JobOptionError."""
        import inspect  # noqa: PLC0415 - heavy, and few applications have middleware

        check_callable("middleware", middleware)

        call = getattr(middleware, "__call__", None)  # noqa: B004 - the method itself is inspected
        awaits = inspect.iscoroutinefunction(middleware) or inspect.iscoroutinefunction(call)
        awaited = getattr(middleware, "awaited", None)
        return cls(middleware, awaits, awaited if inspect.iscoroutinefunction(awaited) else None)


def add(layers: list[Layer], middleware: Callable[[Any, Any], Any]) -> None:
    """Add a middleware. The blocking ones stand outside, the awaiting ones inside, each kind in the order of its adding.

    A blocking middleware inside an awaiting one would block the event loop.
    """
    layers.append(Layer.of(middleware))
    layers.sort(key=lambda layer: layer.awaits)


def of_kind(layers: Sequence[Layer], kind: type[M]) -> M | None:
    """Return the middleware of that type that was added; None if there is none."""
    found = (layer.middleware for layer in layers if isinstance(layer.middleware, kind))
    return next(found, None)


async def through(
    layers: Sequence[Layer], job: J, innermost: Callable[[J], Op[bool]], depth: int = 0
) -> bool:
    """Run the layers from ``depth`` on around ``innermost``; return whether the job's work was done."""
    if depth == len(layers):
        return await innermost(job)
    outer = layers[depth]
    called = performed = False

    async def call_next(given: J) -> bool:
        nonlocal called, performed
        if called:
            raise MiddlewareError(f"a middleware called call_next twice for job {given}")
        called = True
        performed = await through(layers, given, innermost, depth + 1)
        return performed

    from pyresque.ops import Around  # noqa: PLC0415 - the fork server performs no job

    awaited = outer.awaited
    await Around(
        lambda given: outer.middleware(given, job),
        call_next,
        outer.awaits,
        None if awaited is None else lambda given: awaited(given, job),
    )
    return performed
