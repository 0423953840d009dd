"""The fast path: jobs one after another in the fewest steps. If jobs are short, steps are all they cost.

``InlineFastPath`` performs them in the worker's own process, ``ForkFastPath`` has the fork server perform them. Whoever builds a
worker gives it one of them, or none. A plain job (``job/plain.py``) is called; another one is performed as the executor does, if
all that belongs to it happens there.

Rule: whatever is not usual goes back to the worker's loop, which does all that is done here and the rest: a job that failed, a
payload that is not plain JSON, a plugin that acts in the worker, a log that wants a line for each job, a stop or a pause.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from pyresque import signal_handlers
from pyresque.errors import PyresqueError
from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.fast_path import CurrentRecord, FastPathSetup
from pyresque.job.direct import direct_job
from pyresque.job.job import Job, Payload, read_job
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import called
from pyresque.job.plain import acts_when_taken, forkable, plain_call, self_contained
from pyresque.lightweight import is_coroutine_function
from pyresque.ops import as_it_is
from pyresque.process.worker.ended import with_end
from pyresque.process.worker.taken import note_taken
from pyresque.ruby import time as ruby_time
from pyresque.store.reserve import NO_FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.executor.base import Outcome
    from pyresque.executor.fast_path import FastPathExecutor, FastPathResult
    from pyresque.executor.inline import InlineExecutor
    from pyresque.job.direct import DirectJob
    from pyresque.job.job_class import JobClass
    from pyresque.ops import Op
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")


class Tasks(Protocol):
    """Performs jobs as tasks of the running event loop: the part of TaskExecutor that is needed here."""

    def call(self, work: Callable[..., Any], args: Iterable[Any], /) -> Op[Outcome]:
        """Perform a plain job that is a coroutine function."""

    def perform(self, job: Job, /) -> Op[Outcome]:
        """Perform any job."""

    def directly(self, direct: DirectJob, /) -> Op[Outcome]:
        """Perform a job of a coroutine function by a call alone."""


class InlineFastPath:
    """Performs jobs in the worker's process: by ``inline``, or by ``tasks`` in the event loop that runs the worker."""

    def __init__(
        self, worker: Worker, inline: InlineExecutor | None = None, tasks: Tasks | None = None
    ) -> None:
        self.worker = worker
        self.core = worker.core
        self.current_job = worker.current_job
        self.inline = inline
        self.tasks = tasks

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """As ``FastPath.run``."""
        if (
            log.isEnabledFor(logging.INFO)
            or not job.sound
            or self.current_job.performed is not None
        ):
            return job, None
        self.worker.health.job(True)
        try:
            return await self._run(job.queue, job.raw)
        finally:
            self.worker.health.job(False)

    async def _run(self, queue: str, raw: bytes) -> tuple[Job | None, Outcome | None]:  # noqa: C901, PLR0912 - one loop, for what calls would cost
        """Perform this job and those that follow it, as far as they are self-contained."""
        current, worker = self.current_job, self.worker
        now, accepted = self.core.clock.monotonic, True
        shown: JobClass | None = None
        second, shown_queue = 0, ""
        while True:
            work = self._work(queue, raw)
            if work is None or worker.stopping or worker.health.paused_by_signal:
                return await _hand_over(worker, queue, raw, accepted=accepted)
            entry, args, job, direct = work
            if entry is not shown or current.second != second or queue is not shown_queue:
                shown, second, shown_queue = entry, current.second, queue
                worker.show_job(queue, second, entry.name)
                if self.inline is not None:
                    signal_handlers.take_again()
                worker.health.turned()
            started = now()
            if job is not None:
                outcome = await self._perform(entry, job, direct)
            elif self.inline is not None:
                outcome, result = self.inline.call(entry.perform, args)
                if result is not None:  # it may have to be awaited
                    outcome = await self.inline.attempt(called, as_it_is, (result,))
            elif self.tasks is not None:
                outcome = await self.tasks.call(entry.perform, args)
            end = outcome.end
            done = outcome is DONE or (end is not None and outcome == DONE)
            if not done or worker.stopping or worker.health.paused_by_signal:  # type: ignore[redundant-expr] # a signal may have come
                current.log.started, current.log.waited = started, None
                return read_job(self.core.codec, queue, raw), outcome
            accepted = False
            written = NO_FAILURE
            if job is not None and end is not None:
                written = with_end(current, job, end, NO_FAILURE)
            reply: Any
            try:
                reply = await current.command(written)
            except PyresqueError as error:
                reply = error
            if reply.__class__ is bytes:
                queue, raw = current.take_payload(reply), reply
                continue
            following = await current.read_reply(reply, written)
            if following is None:
                return None, None
            queue, raw = following

    async def _perform(self, entry: JobClass, job: Job, direct: DirectJob | None) -> Outcome:
        """Perform a job that is more than a call, after the moment ``taken`` of its plugins."""
        performer = self.inline or self.tasks
        assert performer is not None  # noqa: S101 - it has one of them
        bound = self.core.registry.with_plugins_of(job) if acts_when_taken(entry) else None
        refused = None if bound is None else await note_taken(bound, job, self.current_job)
        if refused is not None:
            return refused
        return await (performer.perform(job) if direct is None else performer.directly(direct))

    def _work(
        self, queue: str, raw: bytes
    ) -> tuple[JobClass, list[Any], Job | None, DirectJob | None] | None:
        """The class of a job with the arguments of a plain call, or else with the Job; None if the worker must act.

        In an event loop a plain call is a coroutine function's; any other function runs in a thread.
        """
        decoded, registry = self.core.codec.decode_at_once(raw), self.core.registry
        if not registry.middleware:
            call = plain_call(registry, decoded)
            if call is not None and (
                self.inline is not None or is_coroutine_function(call[0].perform)
            ):
                return (*call, None, None)
        if decoded.__class__ is not dict:
            return None
        job = Job(queue, Payload.of(decoded), raw, sound=True)
        entry = self_contained(registry, job)
        return None if entry is None else (entry, [], job, self._direct(job))

    def _direct(self, job: Job) -> DirectJob | None:
        """How to perform a job by calls; None if that is not possible here."""
        direct = direct_job(self.core.registry, job)
        if direct is None or self.inline is not None:
            return direct
        hooks = direct.before or direct.after
        return direct if not hooks and is_coroutine_function(direct.entry.perform) else None


class ForkFastPath:
    """Has the fork server perform jobs: it reserves each one itself and forks a child for it, while the worker waits."""

    def __init__(self, worker: Worker, executor: FastPathExecutor) -> None:
        self.worker = worker
        self.core = worker.core
        self.current_job = worker.current_job
        self.executor = executor

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """As ``FastPath.run``."""
        if log.isEnabledFor(logging.INFO) or not self.executor.fast_path_due():
            return job, None
        if self.current_job.performed is not None:
            return job, None
        if not job.sound or forkable(self.core.registry, job) is None:
            return job, None
        self.worker.health.job(True)
        try:
            return await self._run(job)
        finally:
            self.worker.health.job(False)

    def barred(self) -> str:
        """What keeps every job from the fast path, in words; empty if nothing does."""
        if log.isEnabledFor(logging.INFO):
            return "its log has a line for each job"
        if why := self.executor.fast_path_barred():
            return why
        if self._setup() is None:
            return "its queues are patterns, or its payloads are MessagePack"
        return ""

    async def _run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        current, worker = self.current_job, self.worker
        setup = self._setup()
        stopped = worker.stopping or worker.health.paused_by_signal
        if setup is None or job.queue not in setup.queues or stopped:
            return job, None
        record = CurrentRecord(setup.queues.index(job.queue), job.raw, current.record)
        result = await self.executor.run_fast_path(
            setup, record, worker.run_upkeep, worker.procline
        )
        if result is None:
            return job, None
        current.log.started, current.log.waited = self.core.clock.monotonic(), None
        if result.lost:
            found, not_begun = await current.find(result.turns, in_turn=result.in_turn)
            if result.error is not None:
                raise result.error
            if found is None or not_begun or result.outcome is None:
                return found, NOT_STARTED if not_begun else result.outcome
            return found, self._with_known_end(found, result.outcome)
        current.resume(result.turns, result.current.record, result.second)
        if result.error is not None:
            raise result.error
        return await self._go_on(setup, result)

    def _with_known_end(self, job: Job, outcome: Outcome) -> Outcome:
        """Return the outcome with what the job's plugin writes: a child that performs a job directly does not tell it."""
        if outcome != DONE or outcome.end is not None:
            return outcome
        direct = direct_job(self.core.registry, job)
        if direct is None or not direct.writes:
            return outcome
        end = JobEnd()
        end.commands = direct.writes
        return outcome.with_end(end)

    def _setup(self) -> FastPathSetup | None:
        """What the fork server must know; None if it could not reserve as this worker does."""
        prefix = self.current_job.command_prefix()
        if prefix is None:
            return None
        now = datetime.fromtimestamp(self.current_job.second, timezone.utc)
        run_at = ruby_time.iso8601_z(now).encode()
        # ``run_at`` stands behind the queue's name, which may read alike.
        heads = [head.rpartition(run_at)[::2] for head in prefix.record_heads]
        return FastPathSetup(
            *(prefix.command_head, tuple(heads), prefix.record_tail, prefix.written),
            *(prefix.queues, self.worker.title("")),
        )

    async def _go_on(
        self, setup: FastPathSetup, result: FastPathResult
    ) -> tuple[Job | None, Outcome | None]:
        """Go on from the job that the fork server left, or from the reply that it could not read."""
        current, worker, reply = self.current_job, self.worker, result.reply
        queue, raw = setup.queues[result.current.queue_index], result.current.raw
        if reply is None:
            if result.outcome is not None:
                job = read_job(self.core.codec, queue, raw)
                return job, self._with_known_end(job, result.outcome)
            return await _hand_over(worker, queue, raw, accepted=result.turns == 0)
        if reply.__class__ is bytes:
            return await _hand_over(worker, current.take_payload(reply), reply, accepted=False)
        written = NO_FAILURE
        if result.unwritten:
            end = JobEnd.unpacked(result.unwritten)
            written = with_end(current, read_job(self.core.codec, queue, raw), end, NO_FAILURE)
        following = await current.read_reply(reply, written)
        return (None, None) if following is None else await _hand_over(worker, *following)


async def _hand_over(
    worker: Worker, queue: str, raw: bytes, *, accepted: bool = False
) -> tuple[Job | None, Outcome | None]:
    """A job that has not begun, for the worker's loop; ``accepted``: the loop itself had reserved it."""
    job = read_job(worker.core.codec, queue, raw)
    return (job if accepted else await worker.accept(job)), None
