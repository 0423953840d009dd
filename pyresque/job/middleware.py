"""Middleware: an application's own code around every job, for all that is no job's business: metrics, tracing, clean-up."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from pyresque.errors import MiddlewareError
from pyresque.job.job import Job
from pyresque.ops import Around

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Op

#: What a middleware calls, or awaits, to have the job performed: it tells whether its work was done, or raises its error.
CallNext: TypeAlias = Callable[[Job], bool]
AsyncCallNext: TypeAlias = Callable[[Job], Awaitable[bool]]

#: ``def middleware(call_next, job)`` or ``async def middleware(call_next, job)``; what it returns is not looked at.
Middleware: TypeAlias = (
    "Callable[[CallNext, Job], Any] | Callable[[AsyncCallNext, Job], Awaitable[Any]]"
)


def awaits(middleware: Middleware) -> bool:
    """Whether it is an ``async def``, or an object whose call is one."""
    call = getattr(middleware, "__call__", None)  # noqa: B004 - the method itself is asked what it is
    return inspect.iscoroutinefunction(middleware) or inspect.iscoroutinefunction(call)


def arranged(middleware: Sequence[Middleware]) -> list[Middleware]:
    """Outermost first: those that block, then those that await, each in the order they were added.

    What awaits needs a loop, which nothing that blocks may stand inside.
    """
    return sorted(middleware, key=awaits)


async def through(
    middleware: Sequence[Middleware], job: Job, innermost: Callable[[Job], Op[bool]]
) -> bool:
    """Run what is arranged around the innermost; whether the job's work was done."""
    if not middleware:
        return await innermost(job)
    outer, *others = middleware
    called = performed = False

    async def rest(given: Job) -> bool:
        nonlocal called, performed
        if called:
            raise MiddlewareError(f"a middleware called call_next twice for job {given}")
        called = True
        performed = await through(others, given, innermost)
        return performed

    await Around(partial(_called, outer, job), rest, awaits(outer))
    return performed


def _called(middleware: Callable[..., Any], job: Job, call_next: Callable[..., Any]) -> Any:
    return middleware(call_next, job)
