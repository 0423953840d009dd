"""From a schedule's configuration to a queued job (Ruby: ``Scheduler.enqueue_from_config``); whether an earlier run is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import UnknownJobClass
from pyresque.job import hooks
from pyresque.job.enqueue_middleware import OutgoingJob
from pyresque.job.job import read_job, same_value
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import Plugin, mark_of, moment, replaces_args
from pyresque.job.registry import validate
from pyresque.job.sending import wire_args
from pyresque.ops import Call
from pyresque.schedule.promote import ORDINARY, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.job.job import Job
    from pyresque.job.queues import Queues
    from pyresque.job.sending import Carried, Carrier
    from pyresque.job.worker_registry import WorkerRegistry
    from pyresque.store.queues import Pushed

#: The class that Ruby enqueues if a configuration names none.
NO_CLASS = "Object"

#: Jobs in one page of a queue.
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class EnqueuePlan:
    """What a configuration leads to: a job to push (queue and payload) and its hooks, or the answer if all is done."""

    job: tuple[str, bytes] | None = None
    answer: Any = None
    vetoed: bool = False
    entry: JobClass | None = None
    args: Sequence[Any] = ()
    carried: Carried | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two jobs equal: queue, class and arguments; ``carrier`` for a job inside another one."""

    queue: str
    class_name: str
    args: list[Any]
    carrier: Carrier | None = None

    def matches(self, job: Job) -> bool:
        """Whether a job equals this one; the spelling of its JSON does not matter."""
        if self.carrier is not None:
            return same_value(self.carrier.args_of(job), self.args)
        return (
            job.fault is None
            and job.class_name == self.class_name
            and same_value(list(job.args), self.args)
        )


class ScheduledEnqueue:
    """Turns configurations into jobs, and runs their hooks."""

    def __init__(self, jobs: Queues) -> None:
        self.jobs = jobs
        self.codec = jobs.codec

    async def plan(self, config: Mapping[str, Any]) -> EnqueuePlan:
        """Run the hooks before the push; return what to push. Raises NoQueueError and the errors of hooks."""
        entry, custom, args = self._entry(config), self._custom(config), self._args(config)
        queue = self._queue(config, entry)
        if custom is not None:
            return await self._customised(custom, queue, entry, args)
        if entry is None:
            return await self._foreign(self._unknown(config), queue, args)
        if entry.carrier is not None:
            return await self._carried(entry.carrier, queue, args)
        names, target = entry.hooks, entry.target
        if entry.plugins:
            entry = self.jobs.registry.bound_to_job(entry, queue, args)
        if names.before_schedule and not await hooks.allowed(entry, names.before_schedule, *args):
            return EnqueuePlan(vetoed=True)
        await hooks.run(entry, names.before_delayed_enqueue, *args)
        scheduled = getattr(target, "scheduled", None)
        if callable(scheduled):
            await Call(partial(scheduled, queue, entry.name, *args), offload=True)
        elif self.jobs.inline and not replaces_args(entry):
            await self.jobs.enqueue_to(queue, target or entry.name, *args)
        elif replaces_args(entry) or mark_of(entry) is not None:
            await self.jobs.enqueue_bound(queue, entry, args)
        elif await hooks.allowed(entry, names.before_enqueue, *args):
            where = validate(entry, queue)
            return await self._push_of(where, entry.name, args, entry=entry)
        else:
            await moment(entry, "refused")
        return EnqueuePlan(answer=await hooks.allowed(entry, names.after_schedule, *args))

    async def _foreign(self, unknown: JobClass, queue: str | None, args: list[Any]) -> EnqueuePlan:
        """Plan a job of a class that only Ruby knows."""
        if self.jobs.inline:
            return EnqueuePlan(answer=await self.jobs.push_job(queue, unknown, args))
        return await self._push_of(validate(unknown, queue), unknown.name, args)

    async def _carried(self, carrier: Carrier, queue: str | None, args: list[Any]) -> EnqueuePlan:
        """Plan a job that travels inside another one."""
        carried = await carrier.made(args, {}, queue)
        if carried is None:
            return EnqueuePlan(vetoed=True)
        if self.jobs.inline:
            if not await self.jobs.push_carried(carried):
                return EnqueuePlan(vetoed=True)
            await carried.after()
            return EnqueuePlan(answer=True)
        push = self._push_of(carried.queue, carried.class_name, carried.args, carried=carried)
        plan = await carried.unless_refused(push)
        if plan.vetoed and carried.refused is not None:
            await carried.refused()
        return plan

    async def _push_of(
        self,
        queue: str,
        class_name: str,
        args: list[Any],
        *,
        entry: JobClass | None = None,
        carried: Carried | None = None,
    ) -> EnqueuePlan:
        """Plan a push, with the enqueue middleware around the writing of its payload."""
        payload = await self.jobs.outgoing.payload(OutgoingJob(class_name, args, queue))
        if payload is None:
            return EnqueuePlan(vetoed=True)
        return EnqueuePlan((queue, payload), entry=entry, args=args, carried=carried)

    async def after(self, planned: EnqueuePlan, pushed: Any) -> Any:
        """Run the hooks after the push; return True, or ``pushed`` for a class that only Ruby knows."""
        if planned.carried is not None:
            await planned.carried.after()
            return True
        entry = planned.entry
        if entry is None:
            return pushed
        await hooks.run(entry, entry.hooks.after_enqueue, *planned.args)
        return await hooks.allowed(entry, entry.hooks.after_schedule, *planned.args)

    async def push(self, job: tuple[str, bytes]) -> Pushed:
        """Push the planned job to its queue, without hooks."""
        return await self.jobs.table.push(job[0], (job[1],))

    def acts_at_once(self, config: Mapping[str, Any]) -> bool:
        """Whether ``plan`` itself enqueues or performs the job, so that no script can check the lock in the same step."""
        custom = self._custom(config)
        entry = self._find(custom) if custom is not None else self._entry(config)
        if entry is not None and any(type(one).mark is not Plugin.mark for one in entry.plugins):
            return True
        if replaces_args(entry):
            return True
        return self.jobs.inline or callable(getattr(entry and entry.target, "scheduled", None))

    def identity(self, config: Mapping[str, Any]) -> Identity:
        """Return the identity of the job that a configuration enqueues. Raises NoQueueError."""
        entry, custom = self._entry(config), self._custom(config)
        named = (
            JobClass(custom, None, None) if custom is not None else entry or self._unknown(config)
        )
        args = self._args(config)
        if named.carrier is not None:
            args = wire_args(named, args, {})
        args = self.codec.decode(self.codec.encode(args))
        where = validate(named, self._queue(config, entry))
        return Identity(where, named.name, args, named.carrier)

    async def _customised(
        self, custom: str, queue: str | None, entry: JobClass | None, args: list[Any]
    ) -> EnqueuePlan:
        """Plan a job with ``custom_job_class``: that class's ``scheduled`` takes the job, else it is queued in the class's place."""
        found = self._find(custom)
        scheduled = None if found is None else getattr(found.target, "scheduled", None)
        if callable(scheduled):
            name = "" if entry is None else entry.name
            answer = await Call(partial(scheduled, queue, name, *args), offload=True)
            return EnqueuePlan(answer=answer)
        if found is not None and replaces_args(found):
            bound = self.jobs.registry.bound_to_job(found, queue, args)
            return EnqueuePlan(answer=await self.jobs.enqueue_bound(queue, bound, args))
        named = JobClass(custom, None, None)
        if self.jobs.inline:
            return EnqueuePlan(answer=await self.jobs.push_job(queue, found or named, args))
        return await self._push_of(validate(named, queue), custom, args)

    def _entry(self, config: Mapping[str, Any]) -> JobClass | None:
        name = config.get("class")
        if name is None or name == "":
            return None
        if not isinstance(name, str):
            return self.jobs.registry.describe(name)
        return self._find(name) or self.jobs.registry.fallback(name)

    def _find(self, name: str) -> JobClass | None:
        try:
            return self.jobs.registry.find(name)
        except UnknownJobClass:
            return None

    def _unknown(self, config: Mapping[str, Any]) -> JobClass:
        return JobClass(str(config.get("class") or NO_CLASS), None, None)

    @staticmethod
    def _custom(config: Mapping[str, Any]) -> str | None:
        custom = config.get("custom_job_class")
        return None if not custom or custom == ORDINARY else str(custom)

    @staticmethod
    def _args(config: Mapping[str, Any]) -> list[Any]:
        return parameters(config.get("args"))

    @staticmethod
    def _queue(config: Mapping[str, Any], entry: JobClass | None) -> str | None:
        queue = config.get("queue")
        if queue is None or queue is False:
            return None if entry is None else entry.queue
        return str(queue)


class Overlap:
    """Looks whether an earlier run of a job is queued or running. The cost grows with the queue."""

    def __init__(self, jobs: Queues, worker_registry: WorkerRegistry) -> None:
        self.jobs = jobs
        self.worker_registry = worker_registry

    async def is_queued(self, wanted: Identity) -> bool:
        """Whether an equal job waits in the queue."""
        key, start = self.jobs.table.keys.queue(wanted.queue), 0
        while page := await self.jobs.table.slice(key, start, start + PAGE - 1):
            if any(wanted.matches(read_job(self.jobs.codec, wanted.queue, raw)) for raw in page):
                return True
            start += PAGE
        return False

    async def is_running(self, wanted: Identity) -> bool:
        """Whether a worker performs an equal job."""
        return any(
            info.working_on is not None
            and info.working_on.job.queue == wanted.queue
            and wanted.matches(info.working_on.job)
            for info in await self.worker_registry.working()
        )
