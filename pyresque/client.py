"""The two faces: ``Resque``, whose verbs block, and ``AsyncResque``, whose verbs are awaited. Both have all verbs. Light.

A function imports what not every process needs: the fork server loads this module, and its children copy what it has loaded.
"""

from __future__ import annotations

from pyresque.application import Application
from pyresque.job.targets import check_options, limit_of, most_redeliveries
from pyresque.lightweight import cached_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta
    from typing import Any, Literal, TypeVar

    from typing_extensions import Self

    from pyresque.active_job_verb import AwaitedActiveJobVerb, BlockingActiveJobVerb
    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.async_redis_face import AsyncRedis
    from pyresque.driver.aio import AsyncDriver
    from pyresque.driver.sync import SyncDriver
    from pyresque.failures import AsyncFailures, Failures
    from pyresque.job.limits import TimeLimit
    from pyresque.job_types import AwaitedEnqueued, Enqueued
    from pyresque.job_verb import AwaitedJobVerb, BlockingJobVerb, DeclareVerb, WarmUpVerb
    from pyresque.ops import Op
    from pyresque.plugins.uniqueness import StrategyName, Uniqueness
    from pyresque.redis_face import Redis
    from pyresque.retries import AsyncRetries, Retries
    from pyresque.routes import AsyncRoutesVerbs, RoutesVerbs
    from pyresque.statuses import AsyncStatuses, Statuses
    from pyresque.verbs import AwaitedVerbs, BlockingVerbs

    T = TypeVar("T")
else:

    class _FillsVerbs(type):
        """Metaclass of the two faces: loads the verbs when code first asks for an attribute that a face does not have."""

        def __getattr__(cls, name: str) -> Any:
            if _add_verbs(cls, name):
                return getattr(cls, name)
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

        def __dir__(cls) -> list[str]:
            _add_verbs(cls, "dir")
            return sorted(super().__dir__())

    class _Verbs(metaclass=_FillsVerbs):
        """Base of the two faces; its attributes are their verbs."""

        def __getattr__(self, name: str) -> Any:
            for cls in type(self).__mro__:
                if name in vars(cls):  # a property that raised AttributeError raises it again
                    return vars(cls)[name].__get__(self, type(self))
            if _add_verbs(type(self), name):
                return getattr(self, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def __dir__(self) -> list[str]:
            _add_verbs(type(self), "dir")
            return sorted(super().__dir__())

    class BlockingVerbs(_Verbs):
        """Base of Resque; filled from ``verbs.BlockingVerbs``."""

    class AwaitedVerbs(_Verbs):
        """Base of AsyncResque; filled from ``verbs.AwaitedVerbs``."""


class _Declaring(Application):
    """Declares Rails jobs, for Resque and AsyncResque."""

    if TYPE_CHECKING:
        run: Callable[[Any], Any]
        warm_up: WarmUpVerb  # type: ignore[assignment]  # the same parameters, and what each of them makes it return

    def active_job(
        self,
        name: str,
        *,
        queue: str | None = None,
        retry_on: Sequence[RetryOn] = (),
        discard_on: Sequence[DiscardOn] = (),
        bind: bool = False,
        resume: Resume | None = None,
        timeout: TimeLimit | timedelta | float | None = None,
        on_dirty_exit: Literal["fail", "requeue"] = "fail",
        max_redeliveries: int | None = None,
        hooks: Iterable[Callable[..., Any]] = (),
        unique: Uniqueness | StrategyName | None = None,
        tracked: bool = False,
    ) -> Any:
        """Return a Rails job by its class name: it decorates what performs the job here, and enqueues the job for any worker.

        What it decorates can be called as before, and has the calls and the decorators of hooks that ``job`` gives. Its ``declare``
        decorates a function that says which arguments a job takes that only Ruby performs: that has the calls, too.
        ``bind=True`` gives the job's Envelope as first argument, to its hooks too; ``resume=Resume()`` makes it a job in
        steps, and that argument a Continuable. ``timeout``, ``on_dirty_exit``,
        ``max_redeliveries`` and ``hooks`` are those of ``job``. ``unique="until_executed"``, or a Uniqueness, keeps equal jobs out, as
        activejob-uniqueness does. ``tracked=True`` keeps a status of each job under its job_id: ``resque.handle(envelope.job_id)``. An AsyncResque's ``enqueue`` is awaited.
        """
        if unique is not None:
            from pyresque.plugins.unique_jobs import make_unique

            make_unique(self.active_job_classes, self.registry, name, unique)
        if tracked:
            from pyresque.plugins.active_status import make_tracked

            make_tracked(self.active_job_classes, self.registry, name, tracked)
        check_options(queue, retry_on=retry_on, discard_on=discard_on, hooks=hooks)
        from pyresque.activejob.calls import ActiveJobCall, Options

        return ActiveJobCall(
            name,
            self,
            Options(queue=queue),
            retry_on,
            discard_on,
            bind,
            limit_of(timeout),
            most_redeliveries(on_dirty_exit, max_redeliveries),
            resume,
            tuple(hooks),
        )


class Resque(_Declaring, BlockingVerbs):
    """Resque with verbs that block. Connects at the first verb; may be shared between threads, and across a fork."""

    if TYPE_CHECKING:
        job: BlockingJobVerb  # type: ignore[assignment]  # as above
        active_job: BlockingActiveJobVerb  # type: ignore[assignment]  # as above
        declare: DeclareVerb[Enqueued]

    @cached_property
    def driver(self) -> SyncDriver:
        """Sends the verbs' commands; made when the first verb runs."""
        from pyresque.driver.choose import blocking_driver

        return blocking_driver(self.access())

    @cached_property
    def failures(self) -> Failures:
        """The failed jobs (Ruby: ``Resque::Failure``)."""
        from pyresque.failures import Failures

        return Failures(self)

    @cached_property
    def statuses(self) -> Statuses:
        """The statuses of tracked jobs (Ruby: ``Resque::Plugins::Status::Hash``)."""
        from pyresque.statuses import Statuses

        return Statuses(self)

    @cached_property
    def routes(self) -> RoutesVerbs:
        """Which classes Ruby's workers perform on shared queues, and which Python's do (docs/migrate.md)."""
        from pyresque.routes import RoutesVerbs

        return RoutesVerbs(self)

    @cached_property
    def retries(self) -> Retries:
        """The jobs that wait for their next attempt."""
        from pyresque.retries import Retries

        return Retries(self)

    @cached_property
    def redis(self) -> Redis:
        """Redis' commands under redis-py's names, their keys below the namespace (Ruby: ``Resque.redis``)."""
        from pyresque.redis_face import Redis

        return Redis(self)

    def run(self, operation: Op[T]) -> T:
        """Run an operation of one of Core's parts."""
        try:
            return self.driver.run(operation)
        finally:
            operation.close()  # begun or not: a bad URL makes no driver

    def close(self) -> None:
        """Close the connections; the next verb connects anew."""
        if "driver" in vars(self):
            self.driver.close()
            del self.driver

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncResque(_Declaring, AwaitedVerbs):
    """Resque with verbs that are awaited, in one event loop."""

    if TYPE_CHECKING:
        job: AwaitedJobVerb  # type: ignore[assignment]  # as above
        active_job: AwaitedActiveJobVerb  # type: ignore[assignment]  # as above
        declare: DeclareVerb[AwaitedEnqueued]

    _awaits = True

    @cached_property
    def driver(self) -> AsyncDriver:
        """Sends the verbs' commands; made when the first verb runs."""
        # asyncio is heavy: a worker that forks would pay for it with every job.
        from pyresque.driver.choose import awaiting_driver

        return awaiting_driver(self.access())

    @cached_property
    def failures(self) -> AsyncFailures:
        """The failed jobs (Ruby: ``Resque::Failure``)."""
        from pyresque.failures import AsyncFailures

        return AsyncFailures(self)

    @cached_property
    def statuses(self) -> AsyncStatuses:
        """The statuses of tracked jobs (Ruby: ``Resque::Plugins::Status::Hash``)."""
        from pyresque.statuses import AsyncStatuses

        return AsyncStatuses(self)

    @cached_property
    def routes(self) -> AsyncRoutesVerbs:
        """Which classes Ruby's workers perform on shared queues, and which Python's do (docs/migrate.md)."""
        from pyresque.routes import AsyncRoutesVerbs

        return AsyncRoutesVerbs(self)

    @cached_property
    def retries(self) -> AsyncRetries:
        """The jobs that wait for their next attempt."""
        from pyresque.retries import AsyncRetries

        return AsyncRetries(self)

    @cached_property
    def redis(self) -> AsyncRedis:
        """Redis' commands under redis-py's names, awaited, their keys below the namespace."""
        from pyresque.async_redis_face import AsyncRedis

        return AsyncRedis(self)

    async def run(self, operation: Op[T]) -> T:
        """Run an operation of one of Core's parts."""
        try:
            return await self.driver.run(operation)
        finally:
            operation.close()  # begun or not: a bad URL makes no driver

    async def close(self) -> None:
        """Close the connections; the next verb connects anew."""
        if "driver" in vars(self):
            await self.driver.close()
            del self.driver

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _add_verbs(face: type, name: str) -> bool:
    """Add the verbs to a face that has none yet. Returns whether it has that one now. No verb's name begins with an underscore.

    Several threads may be here at once: each adds the same, and a face counts as filled when it has all.
    """
    if name.startswith("_"):
        return False
    without = [each for each in face.__mro__ if each in _WITHOUT_VERBS]
    if not without:
        return any(name in vars(each) for each in face.__mro__)
    from pyresque import as_verb, verbs

    for base in without:
        found = getattr(verbs, base.__name__)
        as_verb.name_verbs(found, _FACES[base])
        for verb, value in vars(found).items():
            if not verb.startswith("_"):
                setattr(base, verb, value)
        _WITHOUT_VERBS.discard(base)
    return any(name in vars(each) for each in face.__mro__)


_FACES: dict[type, type] = {BlockingVerbs: Resque, AwaitedVerbs: AsyncResque}
_WITHOUT_VERBS = set(_FACES)
