"""Move due delayed jobs to their queues: run their hooks, then move a batch by one script.

A due job ends in its queue, in the class method ``scheduled``, or in the failed list with its payload unchanged. Only a hook's
veto drops it, as in Ruby (``Scheduler.enqueue_from_config``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from pyresque.errors import NoQueueError, NotAJob, RedisCommandError, UnknownJobClass
from pyresque.job import hooks
from pyresque.job.job import Codec, Job, Payload, read_job, write_payload
from pyresque.job.plugin import (
    answer_of,
    mark_of,
    moment,
    or_refused,
    received_args,
    replaces_args,
    sent_args,
)
from pyresque.ops import Call
from pyresque.ruby.json import without
from pyresque.store.delayed import (
    DROPPED,
    GONE,
    MOVED,
    NO_LIST,
    DelayedTable,
    Destination,
    Move,
)
from pyresque.store.look_again import Attempts
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.job.job_class import JobClass
    from pyresque.job.queues import Queues
    from pyresque.ops import Op
    from pyresque.store.delayed import ListRange
    from pyresque.store.marks import Mark
    from pyresque.store.reserve import FailureEntry

log = logging.getLogger("pyresque")

#: The classes looked up in a batch so far: the entry, or None for a class that only Ruby knows.
Known: TypeAlias = "dict[str, JobClass | None]"

#: The queue that a failed record names when the delayed job named none.
NO_QUEUE: Final = "delayed"

#: This ``custom_job_class`` means an ordinary job.
ORDINARY: Final = "Resque::Job"


class Refusals(Protocol):
    """Records jobs that cannot be queued."""

    def entry(self, job: Job, error: BaseException) -> FailureEntry | None:
        """Return the failed record as one append to a list; None: ``save`` must be called."""

    async def save(self, job: Job, error: BaseException) -> None:
        """Record the failure of a job without a worker."""


@dataclass(frozen=True, slots=True)
class MovePlan:
    """How one delayed job is moved, and the hooks to run then."""

    move: Move
    job: Job
    entry: JobClass | None = None
    args: Sequence[Any] = ()
    after: Sequence[str] = ()


def parameters(args: object) -> list[Any]:
    """Return the arguments as Ruby's ``enqueue_from_config`` does: a hash is one argument, null and false are none."""
    if isinstance(args, list):
        return args
    return [] if args is None or args is False else [args]


def queued_bytes(codec: Codec, job: Job) -> bytes:
    """Return the payload to push: the delayed one without its member ``queue``.

    The other members keep their bytes. Ruby decodes and encodes the payload and loses members that it does not know; its own
    payloads become the same bytes here.
    """
    extra = dict(job.payload.extra)
    queue = extra.pop("queue", None)
    if codec.name == "json" and isinstance(job.payload.args, list) and job.class_name:
        if isinstance(queue, str):
            tail = b',"queue":' + codec.encode(queue) + b"}"
            if job.raw.endswith(tail):
                return job.raw[: -len(tail)] + b"}"
        kept = without(job.raw, "queue")
        if kept is not None:
            return kept
    return write_payload(codec, job.class_name or "Object", parameters(job.payload.args), extra)


class Promoter:
    """Moves delayed jobs to their queues."""

    def __init__(
        self, table: DelayedTable, jobs: Queues, refusals: Refusals, batch_size: int
    ) -> None:
        self.table = table
        self.jobs = jobs
        self.codec = jobs.codec
        self.refusals = refusals
        self.batch_size = batch_size

    async def move_due(self, now: float, still_master: Callable[[], Op[bool]] | None = None) -> int:
        """Move every job that is due at ``now``, batch by batch while ``still_master`` is true; return how many left their lists.

        A batch takes two round trips and at most ``batch_size`` jobs.
        """
        moved = 0
        logged: set[str] = set()
        attempts = Attempts("delayed jobs")
        while still_master is None or await still_master():
            due = await self.table.due(int(now), self.batch_size)
            for timestamp in set(due.stuck) - logged:
                log.warning("delayed:%s is no list: what is due then cannot be read", timestamp)
            logged.update(due.stuck)
            if not due.heads:
                break
            number = await self.move([(head.list_range, head.payloads) for head in due.heads])
            moved += number
            if not number:
                attempts.failed()
        return moved

    async def move(
        self, batch: Sequence[tuple[ListRange | str, Sequence[bytes]]], *, clean: bool = True
    ) -> int:
        """Move these jobs, those that are still there; return how many left their lists."""
        known: Known = {}
        plans = [await self._plans(payloads, known) for _, payloads in batch]
        moves = [(at, [p.move for p in some]) for (at, _), some in zip(batch, plans, strict=True)]
        answers = await self.table.move(moves, clean=clean)
        if NO_LIST in answers:
            return await self._move_refused(batch, plans, answers, clean=clean)
        flat = [plan for some in plans for plan in some]
        return await self._moved(flat, answers)

    async def _plans(self, payloads: Sequence[bytes], known: Known) -> list[MovePlan]:
        # A comprehension within a comprehension may not await before Python 3.11.
        return [await self._plan(raw, known) for raw in payloads]

    async def _moved(self, plans: Sequence[MovePlan], answers: Sequence[int]) -> int:
        for plan, answer in zip(plans, answers, strict=True):
            if answer == DROPPED:
                await self._dropped(plan)
            elif plan.after and answer == MOVED:
                await self._run_after(plan, plan.after)
            elif answer == GONE and plan.entry is not None and plan.entry.plugin_job is not None:
                await moment(plan.entry, "refused", unless="gone")
                await moment(plan.entry, "gone")
        return sum(answer in {MOVED, DROPPED} for answer in answers)

    async def _dropped(self, plan: MovePlan) -> None:
        """A job has left its list, and was not queued, because an equal one is. As in ``Queues.enqueue`` that may count as enqueued."""
        mark = None if plan.move.to is None else plan.move.to.mark
        if plan.entry is None or mark is None:
            return
        if mark.refused_as_enqueued and answer_of(plan.entry) is True:
            await self._run_after(plan, plan.after)
            return
        await moment(plan.entry, "refused")
        await self._run_after(plan, plan.entry.hooks.after_schedule)

    async def _move_refused(
        self,
        batch: Sequence[tuple[ListRange | str, Sequence[bytes]]],
        plans: Sequence[Sequence[MovePlan]],
        answers: Sequence[int],
        *,
        clean: bool,
    ) -> int:
        """Move jobs whose queue's key is no list to the failed list instead."""
        left = iter(answers)
        moved: list[tuple[MovePlan, int]] = []
        refused: list[tuple[ListRange | str, list[MovePlan]]] = []
        for (timestamp, _), some in zip(batch, plans, strict=True):
            stopped: list[MovePlan] = []
            for plan in some:
                answer = next(left)
                if answer != NO_LIST:
                    moved.append((plan, answer))
                else:
                    error = RedisCommandError(
                        f"WRONGTYPE the key of queue {plan.job.queue!r} holds no list"
                    )
                    if plan.entry is not None and plan.entry.plugin_job is not None:
                        await moment(plan.entry, "refused")
                    stopped.append(await self._refused(plan.job, error))
            if stopped:
                refused.append((timestamp, stopped))
        count = await self._moved([plan for plan, _ in moved], [answer for _, answer in moved])
        moves = [(timestamp, [plan.move for plan in some]) for timestamp, some in refused]
        again = await self.table.move(moves, clean=clean)
        if NO_LIST in again:
            raise RedisCommandError("WRONGTYPE the failed list is no list")
        return count + sum(answer == MOVED for answer in again)

    # -- one job

    async def _plan(self, raw: bytes, known: Known) -> MovePlan:
        job = read_job(self.codec, NO_QUEUE, raw)
        if job.fault is not None:
            return await self._refused(job, job.fault)
        try:
            entry = self._entry(job.payload.class_name, known)
            job = self._with_queue(job, entry)
            custom = job.payload.extra.get("custom_job_class")
            if custom and custom != ORDINARY:
                return await self._customised(job, str(custom), known)
            if entry is None:
                return MovePlan(self._to_queue(job, queued_bytes(self.codec, job)), job)
            return await self._registered(job, entry)
        except GeneratorExit:
            raise
        except Exception as error:  # noqa: BLE001 - a hook may raise anything; its job must not be lost
            return await self._refused(job, error)

    def _entry(self, class_name: object, known: Known) -> JobClass | None:
        """Return the entry of a class that is registered here, else None. Raises NotAJob for what is no name."""
        if class_name is None or class_name == "":
            return None
        if not isinstance(class_name, str):
            raise NotAJob(f"a delayed job's class must be a name, not {class_name!r}")
        if class_name not in known:
            try:
                known[class_name] = self.jobs.registry.find(class_name)
            except UnknownJobClass:
                known[class_name] = None
        return known[class_name]

    def _with_queue(self, job: Job, entry: JobClass | None) -> Job:
        """Return the job with the queue that it names, or its class's own. Raises NoQueueError."""
        queue = job.payload.extra.get("queue")
        if queue is None or queue is False:
            queue = entry.queue if entry is not None else None
        if isinstance(queue, (int, float)) and not isinstance(queue, bool):
            queue = str(queue)
        if not isinstance(queue, str):
            raise NoQueueError(
                "Jobs must be placed onto a queue. "
                f"No queue could be inferred for class {job.class_name}"
            )
        return Job(queue, job.payload, job.raw)

    async def _registered(self, job: Job, entry: JobClass) -> MovePlan:
        """Plan a job of a registered class: run its hooks in Ruby's order."""
        names, target, args = entry.hooks, entry.target, parameters(job.payload.args)
        dropped = Move(job.raw)
        if entry.plugins:
            entry = self.jobs.registry.bound_to_job(entry, job.queue, job=job)
        if names.before_schedule and not await hooks.allowed(entry, names.before_schedule, *args):
            return MovePlan(dropped, job)
        if names.before_delayed_enqueue:
            await hooks.run(entry, names.before_delayed_enqueue, *args)
        scheduled = getattr(target, "scheduled", None)
        if callable(scheduled):
            await Call(partial(scheduled, job.queue, job.class_name, *args), offload=True)
            return MovePlan(dropped, job, entry, args, names.after_schedule)
        if self.jobs.inline:
            if entry.plugin_job is None:
                await self.jobs.enqueue_to(job.queue, target or entry.name, *args)
            else:
                await self.jobs.enqueue_bound(job.queue, entry, args)
            return MovePlan(dropped, job, entry, args, names.after_schedule)
        return await self._to_be_pushed(job, entry, args)

    async def _to_be_pushed(self, job: Job, entry: JobClass, args: list[Any]) -> MovePlan:
        """Plan a job that no before_schedule hook has kept out: run its before_enqueue hooks."""
        names, payload = entry.hooks, queued_bytes(self.codec, job)
        if entry.plugin_job is None:
            allowed = not names.before_enqueue or await hooks.allowed(
                entry, names.before_enqueue, *args
            )
        else:

            async def allow() -> bool:
                nonlocal payload, args
                if replaces_args(entry):
                    payload, args = await self._with_own_args(job, entry, args)
                return await hooks.allowed(entry, names.before_enqueue, *args)

            allowed = await or_refused(entry, allow())
        if not allowed:
            return MovePlan(Move(job.raw), job, entry, args, names.after_schedule)
        move = self._to_queue(job, payload, mark_of(entry))
        return MovePlan(move, job, entry, args, (*names.after_enqueue, *names.after_schedule))

    async def _with_own_args(
        self, job: Job, entry: JobClass, args: list[Any]
    ) -> tuple[bytes, list[Any]]:
        """Return the payload of a job whose plugin replaces its arguments, and the arguments that its hooks get."""
        sent = await sent_args(entry, args)
        extra = {name: value for name, value in job.payload.extra.items() if name != "queue"}
        payload = write_payload(self.codec, entry.name, sent, extra)
        return payload, received_args(entry.plugins, sent)

    async def _customised(self, job: Job, custom: str, known: Known) -> MovePlan:
        """Plan a job with ``custom_job_class``: that class's ``scheduled`` takes it, else it is queued under that name."""
        entry = self._entry(custom, known)
        scheduled = None if entry is None else getattr(entry.target, "scheduled", None)
        args = parameters(job.payload.args)
        if callable(scheduled):
            await Call(partial(scheduled, job.queue, job.class_name, *args), offload=True)
            return MovePlan(Move(job.raw), job)
        if entry is not None and replaces_args(entry):
            extra = {**job.payload.extra, "custom_job_class": None}
            del extra["custom_job_class"]
            job = Job(job.queue, Payload(custom, args, extra), job.raw)
            entry = self.jobs.registry.bound_to_job(entry, job.queue, job=job)
            return await self._to_be_pushed(job, entry, args)
        return MovePlan(self._to_queue(job, write_payload(self.codec, custom, args)), job)

    def _to_queue(self, job: Job, pushed: bytes, mark: Mark | None = None) -> Move:
        key = to_bytes(self.jobs.table.keys.queue(job.queue))
        stamped = self.jobs.outgoing.stamped(job, pushed)
        return Move(job.raw, Destination(key, to_bytes(job.queue), mark=mark), stamped)

    async def _refused(self, job: Job, error: BaseException) -> MovePlan:
        log.error("a delayed job goes to the failed list: %s: %s", error, job.raw[:200])
        found = self.refusals.entry(job, error)
        if found is None:
            await self.refusals.save(job, error)
            return MovePlan(Move(job.raw), job)
        key = to_bytes(self.jobs.table.keys.failed(found.failure_queue))
        to = Destination(key, to_bytes(found.name), failed=True)
        return MovePlan(Move(job.raw, to, found.record), job)

    async def _run_after(self, plan: MovePlan, names: Sequence[str]) -> None:
        """Run the hooks after the move. The job is in its queue already, so an error is only logged."""
        if plan.entry is None:
            return
        try:
            await hooks.run(plan.entry, names, *plan.args)
        except GeneratorExit:
            raise
        except Exception:
            log.exception("a hook of %s failed after its job was moved", plan.entry.name)
