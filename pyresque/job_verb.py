"""The types of ``@resque.job(...)`` for checkers: what it takes, and what it returns; ``job_types`` has what that can do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from datetime import timedelta
    from typing import (
        Any,
        Concatenate,
        Literal,
        ParamSpec,
        Protocol,
        TypeAlias,
        TypedDict,
        TypeVar,
        overload,
    )

    from typing_extensions import Unpack

    from pyresque.job.limits import TimeLimit
    from pyresque.job.plugin import Plugin
    from pyresque.job_types import (
        AwaitedEnqueued,
        AwaitedTracks,
        BoundFunction,
        DeclaredJob,
        Enqueued,
        JobFunction,
        TrackedBoundFunction,
        TrackedFunction,
        Tracks,
    )
    from pyresque.plugins.retry import Backoff

    F = TypeVar("F", bound=Callable[..., Any])
    J = TypeVar("J")
    P = ParamSpec("P")
    R = TypeVar("R")
    B = TypeVar("B")
    E_co = TypeVar("E_co", covariant=True)
    L_co = TypeVar("L_co", covariant=True)
    Registers_co = TypeVar("Registers_co", covariant=True)

    Hook: TypeAlias = Callable[..., Any]
    HooksOfKind: TypeAlias = Hook | Iterable[Hook]

    class JobOptions(TypedDict, total=False):
        """What ``job`` takes by name, but for ``tracked``."""

        queue: str | None
        kwargs: bool
        aliases: Iterable[str]
        timeout: TimeLimit | timedelta | float | None
        on_dirty_exit: Literal["fail", "requeue"]
        max_redeliveries: int | None
        hooks: Iterable[Hook]
        plugins: Iterable[Plugin]
        retries: int | None
        backoff: Backoff | None
        before_perform: HooksOfKind
        around_perform: HooksOfKind
        after_perform: HooksOfKind
        on_failure: HooksOfKind
        always: HooksOfKind
        before_enqueue: HooksOfKind
        after_enqueue: HooksOfKind
        before_dequeue: HooksOfKind
        after_dequeue: HooksOfKind
        before_schedule: HooksOfKind
        after_schedule: HooksOfKind
        before_delayed_enqueue: HooksOfKind

    class Registers(Protocol[E_co]):
        """What ``job(...)`` returns: it registers a class or a function, whose calls give E."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # a class is a callable, too

        @overload
        def __call__(self, target: Callable[P, R], /) -> JobFunction[P, R, E_co, E_co]: ...

    class RegistersTracked(Protocol):
        """What ``job(..., tracked=True)`` of a Resque returns."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # as above

        @overload
        def __call__(
            self, target: Callable[P, Coroutine[Any, Any, R]], /
        ) -> TrackedFunction[P, Coroutine[Any, Any, R], R, Tracks[R], Enqueued]: ...

        @overload
        def __call__(
            self, target: Callable[P, R], /
        ) -> TrackedFunction[P, R, R, Tracks[R], Enqueued]: ...

    class RegistersAsyncTracked(Protocol):
        """What ``job(..., tracked=True)`` of an AsyncResque returns."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # as above

        @overload
        def __call__(
            self, target: Callable[P, Coroutine[Any, Any, R]], /
        ) -> TrackedFunction[P, Coroutine[Any, Any, R], R, AwaitedTracks[R], AwaitedEnqueued]: ...

        @overload
        def __call__(
            self, target: Callable[P, R], /
        ) -> TrackedFunction[P, R, R, AwaitedTracks[R], AwaitedEnqueued]: ...

    class RegistersBound(Protocol[E_co]):
        """What ``active_job(..., bind=True)`` returns: the function gets the job first."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # as above

        @overload
        def __call__(
            self, target: Callable[Concatenate[B, P], R], /
        ) -> BoundFunction[B, P, R, E_co, E_co]: ...

    class RegistersBoundTracked(Protocol[E_co, L_co]):
        """What ``active_job(..., bind=True, tracked=True)`` returns; of the result a checker knows nothing."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # as above

        @overload
        def __call__(
            self, target: Callable[Concatenate[B, P], R], /
        ) -> TrackedBoundFunction[B, P, R, Any, E_co, L_co]: ...

    class Declares(Protocol[E_co]):
        """What ``declare(...)`` returns: the function says which arguments a class takes that only Ruby performs."""

        def __call__(self, function: Callable[P, Any], /) -> DeclaredJob[P, E_co, E_co]:
            """Give the function the calls of that class."""

    class JobVerb(Protocol[E_co, Registers_co]):
        """``job`` of a face whose ``enqueue`` gives E; ``Registers_co`` registers tracked jobs."""

        @overload
        def __call__(self, target: type[J], /) -> type[J]: ...  # type: ignore[overload-overlap]  # as above

        @overload
        def __call__(self, target: Callable[P, R], /) -> JobFunction[P, R, E_co, E_co]: ...

        @overload
        def __call__(
            self,
            name: str | None = None,
            /,
            *,
            tracked: Literal[True],
            **options: Unpack[JobOptions],
        ) -> Registers_co: ...

        @overload
        def __call__(
            self,
            name: str | None = None,
            /,
            *,
            tracked: Literal[False] = False,
            **options: Unpack[JobOptions],
        ) -> Registers[E_co]: ...

    class DeclareVerb(Protocol[E_co]):
        """``declare`` of a face whose ``enqueue`` gives E."""

        def __call__(
            self, name: str, /, *, queue: str | None = None, plugins: Iterable[Plugin] = ()
        ) -> Declares[E_co]:
            """Declare a class that only Ruby performs (``Resque.declare``)."""

    BlockingJobVerb: TypeAlias = JobVerb[Enqueued, RegistersTracked]
    AwaitedJobVerb: TypeAlias = JobVerb[AwaitedEnqueued, RegistersAsyncTracked]

    class WarmUpVerb(Protocol):
        """``Resque.warm_up`` as checkers see it."""

        @overload
        def __call__(self, function: F, /) -> F: ...

        @overload
        def __call__(self, *, in_child: bool = False) -> Callable[[F], F]: ...
