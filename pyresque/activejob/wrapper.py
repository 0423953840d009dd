"""The job wrapper: enqueues new envelopes, and performs the job inside one. ``again`` has what follows an error."""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.activejob import ruby_messages, times
from pyresque.activejob.again import in_steps, rescued
from pyresque.activejob.arguments import deserialize, primitive, serialize
from pyresque.activejob.carrier import EnvelopeCarrier
from pyresque.activejob.continuation import Continuable
from pyresque.activejob.envelope import Envelope, job_class_of, unwrap
from pyresque.activejob.registry import AGAIN
from pyresque.activejob.versions import Rails, RailsApp
from pyresque.errors import (
    EnvelopeMethodError,
    UnknownActiveJobError,
    UnknownJobClass,
)
from pyresque.job import hooks
from pyresque.job.job_class import JobClass
from pyresque.job.limits import bounded
from pyresque.job.perform import (
    after_success,
    perform_with,
    run_always_hooks,
    run_failure_hooks_with,
)
from pyresque.lightweight import random_fraction
from pyresque.ops import Call
from pyresque.ruby.names import missing_constant
from pyresque.user_errors import as_raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from pyresque.activejob.calls import NewJob
    from pyresque.activejob.registry import ActiveJobClass, ActiveJobs
    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op

#: The queue of a job that names none, as in Rails.
DEFAULT_QUEUE = "default"


class JobWrapper:
    """Ruby's ``JobWrapper``, for the jobs registered here.

    ``put`` enqueues an envelope, or adds it to the delayed jobs while it waits. ``now`` returns an aware datetime; ``random``
    (0 to 1) makes the jitter of waits. ``view``: the same jobs in the Core's own registry, which has the context that plugins need.
    """

    def __init__(
        self,
        jobs: ActiveJobs,
        registry: Registry,
        app: RailsApp,
        put: Callable[[Envelope], Op[bool | None]],
        now: Callable[[], datetime],
        *,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        random: Callable[[], float] = random_fraction,
        stopping: Callable[[], bool] = lambda: False,
        view: Registry | None = None,
    ) -> None:
        self.jobs = jobs
        self.registry = registry
        self.view = registry if view is None else view
        self.app = app
        self.put = put
        self.now = now
        self.new_id = new_id
        self.random = random
        #: Whether the worker is stopping; called at every checkpoint of a job in steps.
        self.stopping = stopping

    # -- in

    async def enqueue(self, new: NewJob) -> Envelope | None:
        """Enqueue a job; return its envelope, or None if a before_enqueue hook vetoed it.

        Raises SerializationError, in Rails' words, for arguments that Rails cannot carry, and TimestampError.
        """
        return await self._enqueue(new, self.envelope(new))

    async def enqueue_all(self, new: Iterable[NewJob]) -> list[Envelope | None]:
        """Enqueue many jobs (Rails: ``perform_all_later``); none is written if the arguments of one cannot be serialized."""
        made = [(each, self.envelope(each)) for each in new]
        return [await self._enqueue(each, envelope) for each, envelope in made]

    def envelope(self, new: NewJob) -> Envelope:
        """Return the envelope of a new job."""
        known, options, now = self.jobs.find(new.job_class), new.options, self.now()
        return Envelope.create(
            new.job_class,
            self.serialized(new.args, new.kwargs),
            job_id=self.new_id(),
            queue_name=options.queue or self.jobs.queue_of(new.job_class) or DEFAULT_QUEUE,
            priority=self.jobs.priority_of(new.job_class)
            if options.priority is None
            else options.priority,
            now=now,
            at=options.at(now),
            locale=self.app.locale,
            timezone=self.app.timezone,
            continuable=known is not None and known.resume is not None,
            version=self.app.version,
        )

    def serialized(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the arguments as Rails writes them. Raises SerializationError."""
        serializers, version = self.jobs.serializers, self.app.version
        return serialize(args, kwargs, version=version, serializers=serializers)

    async def _enqueue(self, new: NewJob, envelope: Envelope) -> Envelope | None:
        unique = self.jobs.unique.get(envelope.job_class)
        put = partial(self._put_new, new, envelope)
        return await (put() if unique is None else unique.around_enqueue(self, envelope, put))

    async def _put_new(self, new: NewJob, envelope: Envelope) -> Envelope | None:
        if not await self.allowed(new, envelope):
            return None
        if await self.put(envelope) is False:
            return None
        await self.after_enqueue(new, envelope)
        return envelope

    async def allowed(self, new: NewJob, envelope: Envelope) -> bool:
        """Run the before_enqueue hooks; return whether none vetoed the job."""
        return not any(
            answer is False for answer in await self._run("before_enqueue", new, envelope)
        )

    async def after_enqueue(self, new: NewJob, envelope: Envelope) -> None:
        """Run the after_enqueue hooks of a job."""
        await self._run("after_enqueue", new, envelope)

    async def _run(self, kind: str, new: NewJob, envelope: Envelope) -> list[Any]:
        known = self.jobs.find(new.job_class)
        if known is None:
            return []
        args = (envelope, *new.args) if known.bind else new.args
        names: tuple[str, ...] = getattr(known.entry.hooks, kind)
        return await _run(known, names, args, new.kwargs)

    def entry(self, entry: JobClass) -> JobClass:
        """Return an entry with which Resque's own verbs enqueue a registered or declared job, inside its envelope."""
        queue = entry.queue or DEFAULT_QUEUE
        return JobClass(entry.name, queue, entry.target, carrier=EnvelopeCarrier(self, entry.name))

    # -- out

    async def perform(self, job: Job, instead: Callable[[], Op[bool]] | None = None) -> bool:
        """Perform the job inside an envelope; return whether its work was done. ``instead`` takes the place of the work.

        A job that its rules retry or drop does not fail; a retried one is enqueued before this returns. Any other error is
        raised, under Rails' name for it.
        """
        found = unwrap(job.payload.args)
        active = self._known(job_class_of(found, self.app.version))
        if active.entry.plugins:
            active = active.bound_to(self.view.bound_to_job(active.entry, job.queue, job=job))
        envelope = self.started(found)
        unique = self.jobs.unique.get(envelope.job_class)
        around = None if instead is None else lambda _: instead()
        if unique is None:
            return bool(await self.perform_once(job, active, envelope, around))
        attempt = unique.attempt(self, envelope)
        try:
            performed = await self.perform_once(job, active, envelope, around or attempt.around)
        except GeneratorExit:
            raise
        except BaseException:
            await attempt.end()
            raise
        if performed is not None:
            await attempt.end()
        return bool(performed)

    def started(self, found: object) -> Envelope:
        """Return the envelope of a job hash, counted as begun. Raises EnvelopeError in Ruby's words."""
        return Envelope.from_payload(
            found,
            locale=self.app.locale,
            timezone=self.app.timezone,
            version=self.app.version,
            started=True,
        )

    async def perform_once(
        self,
        job: Job,
        active: ActiveJobClass,
        envelope: Envelope,
        around: Callable[[Callable[[], Op[bool]]], Op[bool]] | None = None,
    ) -> bool | None:
        """Perform a job; return whether its work was done, or None if it is enqueued again."""
        steps = None if active.resume is None else Continuable(envelope, self.stopping)
        performed: bool | None
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        try:
            try:
                given = partial(self.arguments, active, envelope, steps or envelope)
                # What the application reads may take long.
                own = self.jobs.reads_arguments and not primitive(envelope.arguments)
                args, kwargs = await Call(given, offload=True) if own else given()
                make = partial(_work, active.entry, args, kwargs)
                work = make() if around is None else around(make)
                if active.resume is None or steps is None:
                    performed = await work
                else:
                    performed = await in_steps(self, work, steps, active.resume, job.queue)
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = as_raised(caught)
                if steps is not None:
                    envelope = steps.with_progress()
                again = await rescued(self, active, envelope, error, job.queue)
                if again is None:
                    await run_failure_hooks_with(active.entry, job, error, args, kwargs)
                    raise
                performed = None if again else False
                if again and active.entry.plugin_job is not None:
                    active.entry.plugin_job.state[AGAIN] = True
        except GeneratorExit:
            raise
        except BaseException as error:
            await run_always_hooks(active.entry, job, args, kwargs, error)
            raise
        await after_success(active.entry, job, args, kwargs)
        return performed

    def _known(self, name: str) -> ActiveJobClass:
        active = self.jobs.find(name)
        if active is not None:
            return active
        if self.registry.knows(name):
            raise EnvelopeMethodError(
                ruby_messages.no_method("deserialize", None).replace(
                    "nil:NilClass", f"{name}:Class"
                )
            )
        if self.app.version >= Rails.V8_1:
            raise UnknownActiveJobError(f"Failed to instantiate job, class `{name}` doesn't exist")
        raise UnknownJobClass(missing_constant(name, self.jobs))

    def arguments(
        self, active: ActiveJobClass, envelope: Envelope, bound: Envelope | Continuable
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the function's arguments, with records located; raises Rails' errors."""
        own_zone = times.find_zone(self.app.timezone) if self.app.timezone else None
        args, kwargs = deserialize(
            envelope.arguments,
            self.jobs.locators,
            self.jobs.serializers,
            version=self.app.version,
            zone=own_zone,
        )
        if envelope.timezone:
            times.find_zone(envelope.timezone)
        return active.call(bound, args, kwargs)


def _work(entry: JobClass, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Op[bool]:
    return bounded(perform_with(entry, args, kwargs), entry.timeout)


async def _run(
    known: ActiveJobClass, names: Iterable[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Any]:
    target = known.entry.target
    return [
        await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
        for name in names
    ]
