"""The types of ``resque.active_job(...)`` for checkers: what it takes, and what it returns; ``job_types`` has what that can do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import timedelta
    from typing import Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, overload

    from typing_extensions import Unpack

    from pyresque.activejob.calls import ActiveJobCall
    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.job.limits import TimeLimit
    from pyresque.job_types import AwaitedEnqueued, AwaitedTracks, Enqueued, Tracks
    from pyresque.job_verb import (
        Declares,
        Registers,
        RegistersAsyncTracked,
        RegistersBound,
        RegistersBoundTracked,
        RegistersTracked,
    )

    C_co = TypeVar("C_co", covariant=True)
    T_co = TypeVar("T_co", covariant=True)
    B_co = TypeVar("B_co", covariant=True)
    BT_co = TypeVar("BT_co", covariant=True)

    Blocking: TypeAlias = ActiveJobCall[Envelope | None]
    Awaited: TypeAlias = ActiveJobCall[Awaitable[Envelope | None]]

    class BlockingCall(Blocking, Registers[Enqueued]):
        """What ``active_job`` of a Resque gives."""

        declare: Declares[Enqueued]

    class BlockingTrackedCall(Blocking, RegistersTracked):
        """What ``active_job(..., tracked=True)`` of a Resque gives."""

        declare: Declares[Tracks[Any]]

    class BlockingBoundCall(Blocking, RegistersBound[Enqueued]):
        """What ``active_job(..., bind=True)`` of a Resque gives: the function gets the job first."""

    class BlockingBoundTrackedCall(Blocking, RegistersBoundTracked[Tracks[Any], Enqueued]):
        """What ``active_job(..., bind=True, tracked=True)`` of a Resque gives."""

    class AwaitedCall(Awaited, Registers[AwaitedEnqueued]):
        """What ``active_job`` of an AsyncResque gives."""

        declare: Declares[AwaitedEnqueued]

    class AwaitedTrackedCall(Awaited, RegistersAsyncTracked):
        """What ``active_job(..., tracked=True)`` of an AsyncResque gives."""

        declare: Declares[AwaitedTracks[Any]]

    class AwaitedBoundCall(Awaited, RegistersBound[AwaitedEnqueued]):
        """What ``active_job(..., bind=True)`` of an AsyncResque gives: the function gets the job first."""

    class AwaitedBoundTrackedCall(
        Awaited, RegistersBoundTracked[AwaitedTracks[Any], AwaitedEnqueued]
    ):
        """What ``active_job(..., bind=True, tracked=True)`` of an AsyncResque gives."""

    class ActiveJobOptions(TypedDict, total=False):
        """What ``active_job`` takes beside the name, ``bind``, ``resume`` and ``tracked``."""

        queue: str | None
        retry_on: Sequence[RetryOn]
        discard_on: Sequence[DiscardOn]
        timeout: TimeLimit | timedelta | float | None
        on_dirty_exit: Literal["fail", "requeue"]
        max_redeliveries: int | None
        hooks: Iterable[Callable[..., Any]]
        unique: Any

    class ActiveJobVerb(Protocol[C_co, T_co, B_co, BT_co]):
        """``active_job`` of a face: what it gives, tracked, for a function that gets the job first, and both."""

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: Literal[False] = False,
            resume: None = None,
            tracked: Literal[False] = False,
            **options: Unpack[ActiveJobOptions],
        ) -> C_co: ...

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: Literal[False] = False,
            resume: None = None,
            tracked: Literal[True],
            **options: Unpack[ActiveJobOptions],
        ) -> T_co: ...

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: Literal[True],
            resume: Resume | None = None,
            tracked: Literal[False] = False,
            **options: Unpack[ActiveJobOptions],
        ) -> B_co: ...

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: bool = False,
            resume: Resume,
            tracked: Literal[False] = False,
            **options: Unpack[ActiveJobOptions],
        ) -> B_co: ...

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: Literal[True],
            resume: Resume | None = None,
            tracked: Literal[True],
            **options: Unpack[ActiveJobOptions],
        ) -> BT_co: ...

        @overload
        def __call__(
            self,
            name: str,
            *,
            bind: bool = False,
            resume: Resume,
            tracked: Literal[True],
            **options: Unpack[ActiveJobOptions],
        ) -> BT_co: ...

    BlockingActiveJobVerb: TypeAlias = ActiveJobVerb[
        BlockingCall, BlockingTrackedCall, BlockingBoundCall, BlockingBoundTrackedCall
    ]
    AwaitedActiveJobVerb: TypeAlias = ActiveJobVerb[
        AwaitedCall, AwaitedTrackedCall, AwaitedBoundCall, AwaitedBoundTrackedCall
    ]
