"""Calls of ActiveJobs by their Ruby names, as in Rails: ``set(wait=300).enqueue(7)``; for both faces."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyresque.activejob import times
from pyresque.errors import JobOptionError, TimestampError
from pyresque.job.calls import equip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.retries import DiscardOn, RetryOn
    from pyresque.job.limits import TimeLimit

#: Options of a job that is performed here, by the fields that hold them: what is only declared has none of them.
PERFORMED_BY = {
    **{name: name for name in ("retry_on", "discard_on", "bind", "resume", "timeout", "hooks")},
    "redeliveries": "on_dirty_exit",
}

F = TypeVar("F", bound="Callable[..., Any]")
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

    ``face``: the Resque or AsyncResque that enqueues it. ``enqueue`` gives the Envelope that was written, or None if a
    before_enqueue hook vetoed it.
    """

    job_class: str
    face: Any
    options: Options = field(default_factory=Options)
    retry_on: Sequence[RetryOn] = ()
    discard_on: Sequence[DiscardOn] = ()
    bind: bool = False
    timeout: TimeLimit | None = None
    redeliveries: int = 0
    resume: Resume | None = None
    hooks: Sequence[Callable[..., Any]] = ()

    def _register(self, target: F) -> F:
        """Register a function, or a class with ``perform``, to perform this job here. It gets the calls of a job (``job/calls.py``)."""
        self._check_time()
        self.face.active_job_classes.add(
            self.job_class,
            target,
            queue=self.options.queue,
            priority=self.options.priority,
            retry_on=self.retry_on,
            discard_on=self.discard_on,
            bind=self.bind,
            timeout=self.timeout,
            redeliveries=self.redeliveries,
            resume=self.resume,
            hooks=self.hooks,
        )
        equip(target, self.face)
        return target

    def _declare(self, function: F) -> F:
        """Say by a function, which is not called, what this job takes that only Ruby performs. It gets the calls of a job."""
        self._check_time()
        given = [name for field, name in PERFORMED_BY.items() if getattr(self, field)]
        if given:
            raise JobOptionError(
                f"active job {self.job_class!r} is declared, so Ruby performs it: {', '.join(given)} would do nothing; "
                "leave it out, or decorate the function that performs the job here"
            )
        self.face.active_job_classes.declare(
            self.job_class, function, self.options.queue, self.options.priority
        )
        equip(function, self.face, performs=False)
        return function

    def _check_time(self) -> None:
        """Raise JobOptionError if this is to be the time of all jobs of a class, which only a job can have."""
        if self.options.wait is not None or self.options.wait_until is not None:
            raise JobOptionError(
                f"active job {self.job_class!r}: set(wait=...) and set(wait_until=...) are for jobs that are enqueued, "
                "and not for the class: call set(...) where you enqueue, or enqueue_in(...)"
            )

    if not TYPE_CHECKING:  # active_job_verb.py tells checkers what they return
        __call__ = _register
        declare = _declare

    def set(
        self,
        *,
        wait: timedelta | float | None = None,
        wait_until: datetime | float | None = None,
        queue: str | None = None,
        priority: int | None = None,
    ) -> Self:
        """Return this job with other options. What it decorates keeps the queue and the priority for all of its jobs."""
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
        enqueued: R = self.face.run(self.face.core.enqueue_active_job(self.new(*args, **kwargs)))
        return enqueued
