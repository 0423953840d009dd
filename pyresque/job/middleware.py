"""Middleware: an application's own code around every job, for all that is no job's business: metrics, tracing, clean-up."""

from __future__ import annotations

from pyresque.errors import MiddlewareError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, TypeAlias

    from pyresque.job.job import Job
    from pyresque.ops import Op

    #: What a middleware calls, or awaits, to have the job performed: it tells whether its work was done, or raises its error.
    CallNext: TypeAlias = Callable[[Job], bool]
    AsyncCallNext: TypeAlias = Callable[[Job], Awaitable[bool]]

    #: ``def middleware(call_next, job)`` or ``async def middleware(call_next, job)``; what it returns is not looked at.
    Middleware: TypeAlias = (
        Callable[[CallNext, Job], Any] | Callable[[AsyncCallNext, Job], Awaitable[Any]]
    )


class Layer:
    """One middleware, and whether it awaits."""

    def __init__(self, middleware: Callable[[Any, Job], Any], awaits: bool) -> None:
        self.middleware = middleware
        self.awaits = awaits

    @classmethod
    def of(cls, middleware: Middleware) -> Layer:
        """An ``async def`` awaits, and an object whose call is one."""
        import inspect  # noqa: PLC0415 - for those who have middleware: each forked child pays for what is loaded

        call = getattr(middleware, "__call__", None)  # noqa: B004 - the method itself is asked what it is
        awaits = inspect.iscoroutinefunction(middleware) or inspect.iscoroutinefunction(call)
        return cls(middleware, awaits)


def add(layers: list[Layer], middleware: Middleware) -> None:
    """Put it among the others, outermost first: those that block, then those that await, each as they were added.

    What awaits needs a loop, which nothing that blocks may stand inside.
    """
    layers.append(Layer.of(middleware))
    layers.sort(key=lambda layer: layer.awaits)


async def through(
    layers: Sequence[Layer], job: Job, innermost: Callable[[Job], Op[bool]], depth: int = 0
) -> bool:
    """Run the layers from that depth on around the innermost; whether the job's work was done."""
    if depth == len(layers):
        return await innermost(job)
    outer = layers[depth]
    called = performed = False

    async def rest(given: Job) -> bool:
        nonlocal called, performed
        if called:
            raise MiddlewareError(f"a middleware called call_next twice for job {given}")
        called = True
        performed = await through(layers, given, innermost, depth + 1)
        return performed

    from pyresque.ops import Around  # noqa: PLC0415 - as above

    await Around(lambda call_next: outer.middleware(call_next, job), rest, outer.awaits)
    return performed
