"""The job wrapper: performs the job inside an envelope, tries it again as Rails would, and puts new envelopes into queues."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.activejob import ruby_messages, times
from pyresque.activejob.arguments import deserialize, serialize
from pyresque.activejob.calls import NewJob, Options
from pyresque.activejob.continuation import Continuable
from pyresque.activejob.envelope import Envelope, job_class_of, unwrap
from pyresque.activejob.registry import WRAPPER, job_hash
from pyresque.activejob.retries import Discard, Exhausted, Retry, decide, ruby_name
from pyresque.activejob.versions import LATEST, Rails
from pyresque.errors import EnvelopeMethodError, UnknownActiveJobError, UnknownJobClass
from pyresque.job import hooks
from pyresque.job.limits import bounded
from pyresque.job.perform import (
    after_success,
    perform_with,
    run_always_hooks,
    run_failure_hooks_with,
)
from pyresque.job.registry import JobClass
from pyresque.job.sending import Carried
from pyresque.lightweight import random_fraction
from pyresque.ops import Call
from pyresque.ruby.names import missing_constant
from pyresque.user_errors import as_raised, text_of, thrown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from pyresque.activejob.continuation import Resume
    from pyresque.activejob.registry import ActiveJobClass, ActiveJobs
    from pyresque.job.job import Job
    from pyresque.job.registry import Registry
    from pyresque.ops import Op

#: Where Rails puts a job that names no queue.
DEFAULT_QUEUE = "default"

log = logging.getLogger("pyresque")


@dataclass(frozen=True, slots=True)
class RailsApp:
    """The Rails application whose envelopes are read and written: its version, and what new jobs bear of it."""

    version: Rails = LATEST
    locale: str = "en"
    timezone: str | None = "UTC"


class JobWrapper:
    """What Ruby's ``JobWrapper`` does, for the jobs registered here.

    ``put`` brings an envelope where it belongs: into its queue or, while it waits, among the delayed jobs. ``now`` is an
    aware datetime; ``dice`` (0 to 1) makes the jitter of waits.
    """

    def __init__(
        self,
        jobs: ActiveJobs,
        registry: Registry,
        app: RailsApp,
        put: Callable[[Envelope], Op[None]],
        now: Callable[[], datetime],
        *,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        dice: Callable[[], float] = random_fraction,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.jobs = jobs
        self.registry = registry
        self.app = app
        self.put = put
        self.now = now
        self.new_id = new_id
        self.dice = dice
        #: Asked at every checkpoint of a job in steps; a worker puts its own here.
        self.stopping = stopping

    # -- in

    async def enqueue(self, new: NewJob) -> Envelope | None:
        """Enqueue a job; what was written, or None where a before_enqueue hook said no.

        Raises SerializationError, in Rails' words, for arguments that Rails cannot carry, and TimestampError.
        """
        return await self._enqueue(new, self.envelope(new))

    async def enqueue_all(self, new: Iterable[NewJob]) -> list[Envelope | None]:
        """Enqueue many (Rails: ``perform_all_later``); nothing is written if the arguments of one cannot be carried."""
        made = [(each, self.envelope(each)) for each in new]
        return [await self._enqueue(each, envelope) for each, envelope in made]

    def envelope(self, new: NewJob) -> Envelope:
        """What would be written."""
        known, options, now = self.jobs.find(new.job_class), new.options, self.now()
        own_queue = known.entry.queue if known is not None else None
        return Envelope.create(
            new.job_class,
            self.serialized(new.args, new.kwargs),
            job_id=self.new_id(),
            queue_name=options.queue or own_queue or DEFAULT_QUEUE,
            priority=options.priority,
            now=now,
            at=options.at(now),
            locale=self.app.locale,
            timezone=self.app.timezone,
            continuable=known is not None and known.resume is not None,
            version=self.app.version,
        )

    def serialized(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Arguments as Rails writes them. Raises SerializationError."""
        serializers, version = self.jobs.serializers, self.app.version
        return serialize(args, kwargs, version=version, serializers=serializers)

    async def _enqueue(self, new: NewJob, envelope: Envelope) -> Envelope | None:
        if not await self.allowed(new, envelope):
            return None
        await self.put(envelope)
        await self.after_enqueue(new, envelope)
        return envelope

    async def allowed(self, new: NewJob, envelope: Envelope) -> bool:
        """Run the hooks that come before an enqueue; whether none said no."""
        return not any(
            answer is False for answer in await self._run("before_enqueue", new, envelope)
        )

    async def after_enqueue(self, new: NewJob, envelope: Envelope) -> None:
        """Run the hooks that come after it."""
        await self._run("after_enqueue", new, envelope)

    async def _run(self, kind: str, new: NewJob, envelope: Envelope) -> list[Any]:
        known = self.jobs.find(new.job_class)
        if known is None:
            return []
        args = (envelope, *new.args) if known.bind else new.args
        names: tuple[str, ...] = getattr(known.entry.hooks, kind)
        return await _run(known, names, args, new.kwargs)

    def entry(self, known: ActiveJobClass) -> JobClass:
        """A registered job as Resque's own verbs take it: they put it into its envelope."""
        entry = known.entry
        queue = entry.queue or DEFAULT_QUEUE
        return JobClass(entry.name, queue, entry.target, carrier=EnvelopeCarrier(self, entry.name))

    # -- out

    async def perform(self, job: Job) -> bool:
        """Perform the job inside an envelope; whether its work was done.

        What its rules try again or drop is no failure, and is put back before this returns. Whatever else goes wrong is
        raised, under the names Rails has for it.
        """
        found = unwrap(job.payload.args)
        active = self._known(job_class_of(found, self.app.version))
        envelope = Envelope.from_payload(
            found,
            locale=self.app.locale,
            timezone=self.app.timezone,
            version=self.app.version,
        ).started()
        steps = None if active.resume is None else Continuable(envelope, self.stopping)
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        try:
            try:
                given = partial(self._arguments, active, envelope, steps or envelope)
                args, kwargs = await Call(given, offload=True)
                work = bounded(perform_with(active.entry, args, kwargs), active.entry.timeout)
                if active.resume is not None and steps is not None:
                    work = self._in_steps(work, steps, active.resume, job.queue)
                performed = await work
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = as_raised(caught)
                if steps is not None:
                    envelope = steps.noted()
                if not await self._rescued(active, envelope, error, job.queue):
                    await run_failure_hooks_with(active.entry, job, error, args, kwargs)
                    raise
                performed = False
        except GeneratorExit:
            raise
        except BaseException as error:
            await run_always_hooks(active.entry, job, args, kwargs, error)
            raise
        await after_success(active.entry, job, args, kwargs)
        return performed

    async def _in_steps(
        self, work: Op[bool], steps: Continuable, resume: Resume, found_in: str
    ) -> bool:
        """Perform a job in steps; put back to go on later it is not done, nor is it a failure."""
        try:
            return await work
        except GeneratorExit:
            raise
        except BaseException as caught:
            error = as_raised(caught)
            again = steps.resumed(resume, error)
            if again is None:
                raise
            queue = resume.queue or again.queue_name or found_in
            await self.put(
                again.retried(
                    now=self.now(), wait=resume.wait, queue=queue, priority=resume.priority
                )
            )
            log.info("%s (%s) goes on later: %s", again.job_class, again.job_id, text_of(error))
            return False

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

    def _arguments(
        self, active: ActiveJobClass, envelope: Envelope, bound: Envelope | Continuable
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the function, records and all; errors as in Rails."""
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

    async def _rescued(
        self, active: ActiveJobClass, envelope: Envelope, error: BaseException, found_in: str
    ) -> bool:
        """Whether the job's rules took its error; the last try of a rule raises that rule's error."""
        name = envelope.job_class
        match decide(active.rules, error, envelope, random=self.dice):
            case Retry(job=counted, wait=wait, rule=rule):
                # A job that names no queue goes back to the one it was found in: Rails would lose it.
                queue = rule.queue or counted.queue_name or found_in
                again = counted.retried(
                    now=self.now(), wait=wait, queue=queue, priority=rule.priority
                )
                await self.put(again)
                log.info(
                    "retrying %s (%s) in %s s, due to %s",
                    *(name, envelope.job_id, wait, ruby_name(type(error))),
                )
                return True
            case Discard(error=cause, rule=dropped):
                if dropped.on_discarded is not None:
                    await Call(partial(dropped.on_discarded, envelope, cause), offload=True)
                log.info(
                    "discarded %s (%s), due to %s", name, envelope.job_id, ruby_name(type(error))
                )
                return True
            case Exhausted(job=counted, error=cause, rule=rule):
                if rule.on_exhausted is not None:
                    await Call(partial(rule.on_exhausted, counted, cause), offload=True)
                    return True
                log.info("stopped retrying %s (%s)", name, envelope.job_id)
                if cause is not error:
                    raise thrown(cause)
        return False


async def _run(
    known: ActiveJobClass, names: Iterable[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[Any]:
    target = known.entry.target
    return [
        await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
        for name in names
    ]


class EnvelopeCarrier:
    """Puts calls of one registered job into envelopes."""

    def __init__(self, wrapper: JobWrapper, job_class: str) -> None:
        self.wrapper = wrapper
        self.job_class = job_class

    async def made(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        queue: str | None,
        at: float | None = None,
        *,
        hooks: bool = True,
    ) -> Carried | None:
        """The wrapper's job, or None where a before_enqueue hook said no; without ``hooks`` none is asked."""
        new = NewJob(self.job_class, tuple(args), kwargs, Options(queue=queue, wait_until=at))
        envelope = self.wrapper.envelope(new)
        if hooks and not await self.wrapper.allowed(new, envelope):
            return None
        after = partial(self.wrapper.after_enqueue, new, envelope)
        return Carried(str(envelope.queue_name), WRAPPER, [envelope.to_json()], after)

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The arguments as they stand in an envelope."""
        return self.wrapper.serialized(args, kwargs)

    def args_of(self, job: Job) -> object:
        """The arguments in the envelope of a job found in Redis; None where it is another's."""
        found = job_hash(job.payload)
        mine = found is not None and str(found["job_class"]).removeprefix("::") == self.job_class
        return found.get("arguments") if found is not None and mine else None
