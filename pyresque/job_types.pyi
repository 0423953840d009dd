# What ``@resque.job`` and ``@resque.active_job(...)`` give, and the bases of classes, for type checkers; ``job_types.py`` has what of it exists when a program runs.
#
# What is declared here is made by ``job/calls.py`` when a function or class is registered. A checker knows it of a function by what
# ``job`` returns. mypy passes over what the decorator of a class returns, so a class inherits it: ``class Archive(TypedJob)``.

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from pyresque.handles import AsyncHandle, Handle
from pyresque.ops import Op

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
B = TypeVar("B")
E_co = TypeVar("E_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)
H = TypeVar("H", bound=Callable[..., Any])
FailureHook = TypeVar("FailureHook", bound=Callable[Concatenate[Exception, ...], Any])
AroundHook = TypeVar("AroundHook", bound=Callable[..., Iterator[Any] | AsyncIterator[Any]])

Wait: TypeAlias = timedelta | float
When: TypeAlias = datetime | float | str

#: What a verb gives: True, or None if a hook or a plugin kept the job out. Of a tracked job a handle in place of True.
Enqueued: TypeAlias = bool | None
AwaitedEnqueued: TypeAlias = Coroutine[Any, Any, bool | None]
Tracks: TypeAlias = Handle[T] | None
AwaitedTracks: TypeAlias = Coroutine[Any, Any, AsyncHandle[T] | None]

# A face whose verbs block: Resque.
class Blocking(Protocol):
    def run(self, operation: Op[T]) -> T: ...

# A face whose verbs are awaited: AsyncResque.
class Awaiting(Protocol):
    def run(self, operation: Op[T]) -> Coroutine[Any, Any, T]: ...

# A class whose ``perform`` takes these parameters.
class Performs(Protocol[P, R_co]):
    @staticmethod
    def perform(*args: P.args, **kwargs: P.kwargs) -> R_co: ...

# A class whose ``perform`` takes the job itself and then these parameters (``bind``, ``resume``).
class PerformsBound(Protocol[P]):
    @staticmethod
    def perform(job: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...

# The calls of one job, with its parameters; ``enqueue`` gives E, the others L.
class Calls(Generic[P, E_co, L_co]):
    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> E_co: ...
    def enqueue_in(self, wait: Wait, /, *args: P.args, **kwargs: P.kwargs) -> L_co: ...
    def enqueue_at(self, when: When, /, *args: P.args, **kwargs: P.kwargs) -> L_co: ...
    def options(self, *, queue: str | None = None) -> Calls[P, E_co, L_co]: ...

# A decorator for each kind of hook. The function becomes a hook under its own name, with the prefix before it.
class Decorators:
    @classmethod
    def before_perform(cls, hook: H, /) -> H: ...
    @classmethod
    def around_perform(cls, hook: AroundHook, /) -> AroundHook: ...
    @classmethod
    def after_perform(cls, hook: H, /) -> H: ...
    @classmethod
    def on_failure(cls, hook: FailureHook, /) -> FailureHook: ...
    @classmethod
    def always(cls, hook: H, /) -> H: ...
    @classmethod
    def before_enqueue(cls, hook: H, /) -> H: ...
    @classmethod
    def after_enqueue(cls, hook: H, /) -> H: ...
    @classmethod
    def before_dequeue(cls, hook: H, /) -> H: ...
    @classmethod
    def after_dequeue(cls, hook: H, /) -> H: ...
    @classmethod
    def before_schedule(cls, hook: H, /) -> H: ...
    @classmethod
    def after_schedule(cls, hook: H, /) -> H: ...
    @classmethod
    def before_delayed_enqueue(cls, hook: H, /) -> H: ...

# A function that was registered: it is called as before.
class _Function(Decorators, Generic[P, R_co]):
    __name__: str
    __qualname__: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...

# The calls of a job that is not tracked.
class UntrackedCalls(Calls[P, E_co, L_co], Generic[P, E_co, L_co]):
    @overload
    def via(self, client: Blocking, /) -> Calls[P, Enqueued, Enqueued]: ...
    @overload
    def via(self, client: Awaiting, /) -> Calls[P, AwaitedEnqueued, AwaitedEnqueued]: ...

# Those of a tracked job; T is what a handle's ``result`` gives.
class TrackedCalls(Calls[P, E_co, L_co], Generic[P, T, E_co, L_co]):
    @overload
    def via(self, client: Blocking, /) -> Calls[P, Tracks[T], Enqueued]: ...
    @overload
    def via(self, client: Awaiting, /) -> Calls[P, AwaitedTracks[T], AwaitedEnqueued]: ...

# A function that ``@resque.job`` or ``@resque.active_job(...)`` registered.
class JobFunction(
    _Function[P, R_co], UntrackedCalls[P, E_co, L_co], Generic[P, R_co, E_co, L_co]
): ...

# A function that was registered with ``tracked=True``.
class TrackedFunction(
    _Function[P, R_co], TrackedCalls[P, T, E_co, L_co], Generic[P, R_co, T, E_co, L_co]
): ...

# A function of an active job that gets the job itself first, which whoever enqueues it does not give (``bind``, ``resume``).
class BoundFunction(
    _Function[Concatenate[B, P], R_co],
    UntrackedCalls[P, E_co, L_co],
    Generic[B, P, R_co, E_co, L_co],
): ...

# The same, tracked.
class TrackedBoundFunction(
    _Function[Concatenate[B, P], R_co],
    TrackedCalls[P, T, E_co, L_co],
    Generic[B, P, R_co, T, E_co, L_co],
): ...

# A function that says which arguments a class takes that only Ruby performs.
class DeclaredJob(UntrackedCalls[P, E_co, L_co], Generic[P, E_co, L_co]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any: ...

# What all bases of classes have.
class _Class(Decorators, Generic[L_co]):
    @classmethod
    def enqueue_in(
        cls: type[Performs[P, Any]], wait: Wait, /, *args: P.args, **kwargs: P.kwargs
    ) -> L_co: ...
    @classmethod
    def enqueue_at(
        cls: type[Performs[P, Any]], when: When, /, *args: P.args, **kwargs: P.kwargs
    ) -> L_co: ...

class _Untracked(_Class[L_co], Generic[L_co]):
    @classmethod
    def enqueue(cls: type[Performs[P, Any]], *args: P.args, **kwargs: P.kwargs) -> L_co: ...
    @classmethod
    def options(
        cls: type[Performs[P, Any]], *, queue: str | None = None
    ) -> Calls[P, L_co, L_co]: ...
    @overload
    @classmethod
    def via(cls: type[Performs[P, Any]], client: Blocking, /) -> Calls[P, Enqueued, Enqueued]: ...
    @overload
    @classmethod
    def via(
        cls: type[Performs[P, Any]], client: Awaiting, /
    ) -> Calls[P, AwaitedEnqueued, AwaitedEnqueued]: ...

class _Tracked(_Class[L_co], Generic[L_co]):
    @overload
    @classmethod
    def via(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], client: Blocking, /
    ) -> Calls[P, Tracks[T], Enqueued]: ...
    @overload
    @classmethod
    def via(cls: type[Performs[P, T]], client: Blocking, /) -> Calls[P, Tracks[T], Enqueued]: ...
    @overload
    @classmethod
    def via(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], client: Awaiting, /
    ) -> Calls[P, AwaitedTracks[T], AwaitedEnqueued]: ...
    @overload
    @classmethod
    def via(
        cls: type[Performs[P, T]], client: Awaiting, /
    ) -> Calls[P, AwaitedTracks[T], AwaitedEnqueued]: ...

# Base of a class that a Resque registers, for type checkers: ``enqueue`` takes the parameters of ``perform``.
class TypedJob(_Untracked[Enqueued]): ...

# The same for a class that an AsyncResque registers: its calls are awaited.
class AsyncTypedJob(_Untracked[AwaitedEnqueued]): ...

# Base of a class that a Resque registers with ``tracked=True``: ``enqueue`` gives a handle of what ``perform`` returns.
class TypedTrackedJob(_Tracked[Enqueued]):
    @overload
    @classmethod
    def enqueue(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], *args: P.args, **kwargs: P.kwargs
    ) -> Tracks[T]: ...
    @overload
    @classmethod
    def enqueue(cls: type[Performs[P, T]], *args: P.args, **kwargs: P.kwargs) -> Tracks[T]: ...
    @overload
    @classmethod
    def options(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], *, queue: str | None = None
    ) -> Calls[P, Tracks[T], Enqueued]: ...
    @overload
    @classmethod
    def options(
        cls: type[Performs[P, T]], *, queue: str | None = None
    ) -> Calls[P, Tracks[T], Enqueued]: ...

# The same for a class that an AsyncResque registers with ``tracked=True``: its calls are awaited.
class AsyncTypedTrackedJob(_Tracked[AwaitedEnqueued]):
    @overload
    @classmethod
    def enqueue(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], *args: P.args, **kwargs: P.kwargs
    ) -> AwaitedTracks[T]: ...
    @overload
    @classmethod
    def enqueue(
        cls: type[Performs[P, T]], *args: P.args, **kwargs: P.kwargs
    ) -> AwaitedTracks[T]: ...
    @overload
    @classmethod
    def options(
        cls: type[Performs[P, Coroutine[Any, Any, T]]], *, queue: str | None = None
    ) -> Calls[P, AwaitedTracks[T], AwaitedEnqueued]: ...
    @overload
    @classmethod
    def options(
        cls: type[Performs[P, T]], *, queue: str | None = None
    ) -> Calls[P, AwaitedTracks[T], AwaitedEnqueued]: ...

# What the bases of classes have whose ``perform`` gets the job itself first: whoever enqueues it leaves that out.
class _Bound(Decorators, Generic[E_co, L_co]):
    @classmethod
    def enqueue(cls: type[PerformsBound[P]], *args: P.args, **kwargs: P.kwargs) -> E_co: ...
    @classmethod
    def enqueue_in(
        cls: type[PerformsBound[P]], wait: Wait, /, *args: P.args, **kwargs: P.kwargs
    ) -> L_co: ...
    @classmethod
    def enqueue_at(
        cls: type[PerformsBound[P]], when: When, /, *args: P.args, **kwargs: P.kwargs
    ) -> L_co: ...
    @classmethod
    def options(
        cls: type[PerformsBound[P]], *, queue: str | None = None
    ) -> Calls[P, E_co, L_co]: ...

class _BoundUntracked(_Bound[L_co, L_co], Generic[L_co]):
    @overload
    @classmethod
    def via(cls: type[PerformsBound[P]], client: Blocking, /) -> Calls[P, Enqueued, Enqueued]: ...
    @overload
    @classmethod
    def via(
        cls: type[PerformsBound[P]], client: Awaiting, /
    ) -> Calls[P, AwaitedEnqueued, AwaitedEnqueued]: ...

class _BoundTracked(_Bound[E_co, L_co], Generic[E_co, L_co]):
    @overload
    @classmethod
    def via(
        cls: type[PerformsBound[P]], client: Blocking, /
    ) -> Calls[P, Tracks[Any], Enqueued]: ...
    @overload
    @classmethod
    def via(
        cls: type[PerformsBound[P]], client: Awaiting, /
    ) -> Calls[P, AwaitedTracks[Any], AwaitedEnqueued]: ...

# Base of an active job's class that a Resque registers with ``bind=True`` or ``resume``: ``enqueue`` takes the parameters of ``perform`` after the first.
class TypedBoundJob(_BoundUntracked[Enqueued]): ...

# The same for a class that an AsyncResque registers: its calls are awaited.
class AsyncTypedBoundJob(_BoundUntracked[AwaitedEnqueued]): ...

# The same for a class that a Resque registers with ``tracked=True``; of the result a checker knows nothing.
class TypedBoundTrackedJob(_BoundTracked[Tracks[Any], Enqueued]): ...

# The same for one that an AsyncResque registers.
class AsyncTypedBoundTrackedJob(_BoundTracked[AwaitedTracks[Any], AwaitedEnqueued]): ...
