"""The types of ``@resque.job(...)`` for checkers: what it takes, and what a tracked job is when it is enqueued."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from datetime import timedelta
    from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

    from pyresque.job.limits import TimeLimit
    from pyresque.job.plugin import Plugin
    from pyresque.plugins.retry import Backoff

    F = TypeVar("F", bound=Callable[..., Any])
    J = TypeVar("J")
    P = ParamSpec("P")
    R = TypeVar("R")
    R_co = TypeVar("R_co", covariant=True)

    class Tracked(Protocol[P, R_co]):
        """A function that was registered with ``tracked=True``: ``enqueue`` gives a handle of its result."""

        tracked: Literal[True]

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
            """Call the function here and now."""

    class TrackedTask(Protocol[P, R_co]):
        """An ``async def`` function that was registered with ``tracked=True``."""

        tracked: Literal[True]

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
            """Call the function here and now."""

    class RegistersTracked(Protocol):
        """What ``job(..., tracked=True)`` returns: it registers a class or a function."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # a class is a callable, too

        @overload
        def __call__(self, target: Callable[P, R], /) -> Tracked[P, R]: ...

    class WarmUpVerb(Protocol):
        """``Resque.warm_up`` as checkers see it."""

        @overload
        def __call__(self, function: F, /) -> F: ...

        @overload
        def __call__(self, *, in_child: bool = False) -> Callable[[F], F]: ...

    class JobVerb(Protocol):
        """``Resque.job`` as checkers see it."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...

        @overload
        def __call__(self, target: F, /) -> F: ...

        @overload
        def __call__(
            self,
            name: str | None = None,
            /,
            *,
            tracked: Literal[True],
            queue: str | None = None,
            kwargs: bool = False,
            aliases: Iterable[str] = (),
            timeout: TimeLimit | timedelta | float | None = None,
            on_dirty_exit: Literal["fail", "requeue"] = "fail",
            max_redeliveries: int | None = None,
            hooks: Iterable[Callable[..., Any]] = (),
            plugins: Iterable[Plugin] = (),
            retries: int | None = None,
            backoff: Backoff | None = None,
        ) -> RegistersTracked: ...

        @overload
        def __call__(
            self,
            name: str | None = None,
            /,
            *,
            queue: str | None = None,
            kwargs: bool = False,
            aliases: Iterable[str] = (),
            timeout: TimeLimit | timedelta | float | None = None,
            on_dirty_exit: Literal["fail", "requeue"] = "fail",
            max_redeliveries: int | None = None,
            hooks: Iterable[Callable[..., Any]] = (),
            plugins: Iterable[Plugin] = (),
            retries: int | None = None,
            backoff: Backoff | None = None,
            tracked: Literal[False] = False,
        ) -> Callable[[F], F]: ...
