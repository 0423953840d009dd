"""Calls of ActiveJobs by their Ruby names, as in Rails: ``set(wait=300).enqueue(7)``; for both faces."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from pyresque.activejob import times
from pyresque.activejob.envelope import Envelope
from pyresque.errors import TimestampError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.registry import ActiveJobs
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.job.limits import TimeLimit

F = TypeVar("F", bound="Callable[..., Any]")
C = TypeVar("C", bound="ActiveJobCall[Any]")
C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a job is enqueued; None: the job's own value, or Rails' default."""

    #: A timedelta or seconds, from now.
    wait: timedelta | float | None = None
    #: An aware datetime or seconds since 1970; it goes before ``wait``, as in Rails.
    wait_until: datetime | float | None = None
    queue: str | None = None
    priority: int | None = None

    def at(self, now: datetime) -> datetime | None:
        """Return when the job is to run; None: at once. Raises TimestampError."""
        until = self.wait_until
        if isinstance(until, datetime):
            if until.utcoffset() is None:
                raise TimestampError(f"{until!r} has no time zone, so it names no point in time")
            return until
        if isinstance(until, date):
            raise TimestampError(f"{until!r} is a date, no time: give an aware datetime")
        if until is not None:
            return times.later(times.EPOCH, until)
        if self.wait is None:
            return None
        wait = self.wait
        return times.later(now, wait.total_seconds() if isinstance(wait, timedelta) else wait)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job before it is enqueued (Rails: ``SyncAccountJob.new(7)``)."""

    job_class: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class ActiveJobCall(Generic[R]):
    """An ActiveJob by its Ruby name: a decorator of the function that performs it here, and the way to enqueue it.

    ``run`` enqueues; it returns the Envelope that was written, or None if a before_enqueue hook vetoed it.
    """

    job_class: str
    jobs: ActiveJobs
    run: Callable[[NewJob], R]
    options: Options = field(default_factory=Options)
    retry_on: Sequence[RetryOn] = ()
    discard_on: Sequence[DiscardOn] = ()
    bind: bool = False
    timeout: TimeLimit | None = None
    redeliveries: int = 0
    resume: Resume | None = None
    hooks: Sequence[Callable[..., Any]] = ()

    def __call__(self, target: F) -> F:
        """Register a function, or a class with ``perform``, to perform this job here."""
        self.jobs.add(
            self.job_class,
            target,
            queue=self.options.queue,
            retry_on=self.retry_on,
            discard_on=self.discard_on,
            bind=self.bind,
            timeout=self.timeout,
            redeliveries=self.redeliveries,
            resume=self.resume,
            hooks=self.hooks,
        )
        return target

    def set(  # noqa: PYI019 - typing.Self is of 3.11
        self: C,
        *,
        wait: timedelta | float | None = None,
        wait_until: datetime | float | None = None,
        queue: str | None = None,
        priority: int | None = None,
    ) -> C:
        """Return this job with other options."""
        given = {"wait": wait, "wait_until": wait_until, "queue": queue, "priority": priority}
        changed = {name: value for name, value in given.items() if value is not None}
        return replace(self, options=replace(self.options, **changed))  # type: ignore[arg-type]  # each by its name

    def new(self, *args: Any, **kwargs: Any) -> NewJob:
        """Return a job of this class, for ``perform_all_later``."""
        return NewJob(self.job_class, args, kwargs, self.options)

    def enqueue(self, *args: Any, **kwargs: Any) -> R:
        """Enqueue a job of this class; return its Envelope, with the job_id, or None if a before_enqueue hook vetoed it.

        Raises SerializationError, in Rails' words, for arguments that Rails cannot carry.
        """
        return self.run(self.new(*args, **kwargs))


class ActiveJobVerb(Protocol[C_co]):
    """The type of ``active_job``, for type checkers."""

    def __call__(
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
        unique: Any = None,
        tracked: bool = False,
    ) -> C_co:
        """Return a Rails job by its class name (``Resque.active_job``)."""


#: The results of ``active_job(name)`` of Resque and of AsyncResque.
BlockingCall = ActiveJobCall[Envelope | None]
AwaitedCall = ActiveJobCall[Awaitable[Envelope | None]]
