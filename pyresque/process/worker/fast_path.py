"""The fast path: plain jobs (``job/plain.py``) one after another in the fewest steps. If jobs are short, steps are all they cost.

``InlineFastPath`` performs them in the worker's own process, ``ForkFastPath`` has the fork server perform them. Whoever builds a
worker gives it one of them, or none.

Rule: whatever is not usual goes back to the worker's loop, which does all that is done here and the rest: a job that failed, a
payload that is not plain JSON, a class with hooks, a log that wants a line for each job, a stop or a pause.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque import signal_handlers
from pyresque.errors import PyresqueError
from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.fast_path import CurrentRecord, FastPathSetup
from pyresque.job.job import read_job
from pyresque.job.perform import called
from pyresque.job.plain import fast_entry, plain_call, worker_allows
from pyresque.lightweight import is_coroutine_function
from pyresque.ops import Call, as_it_is
from pyresque.ruby import time as ruby_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.executor.base import Outcome
    from pyresque.executor.fast_path import FastPathExecutor, FastPathResult
    from pyresque.executor.inline import InlineExecutor
    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")


class InlineFastPath:
    """Performs jobs in the worker's process: by ``inline``, or by ``start_task`` as tasks of the event loop that runs the worker."""

    def __init__(
        self,
        worker: Worker,
        inline: InlineExecutor | None = None,
        start_task: Callable[..., Awaitable[Outcome]] | None = None,
    ) -> None:
        self.worker = worker
        self.core = worker.core
        self.current_job = worker.current_job
        self.inline = inline
        self.start_task = start_task

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:  # noqa: C901, PLR0912 - one loop, for what calls would cost
        """As ``FastPath.run``."""
        current, worker, inline, start = self.current_job, self.worker, self.inline, self.start_task
        read, registry = self.core.codec.decode_at_once, self.core.registry
        allowed = worker_allows(registry, logs_each_job=log.isEnabledFor(logging.INFO))
        if not allowed or fast_entry(registry, job.payload.class_name) is None:
            return job, None
        now, accepted = self.core.clock.monotonic, True
        queue, raw = job.queue, job.raw
        shown: JobClass | None = None
        second, shown_queue = 0, ""
        work: Callable[..., Any] = as_it_is
        request: Call[Any] = Call(partial(as_it_is, None))  # one request object for all jobs
        worker.health.job(True)
        try:
            while True:
                call = plain_call(registry, read(raw))
                if call is None or worker.stopping or worker.paused_by_signal:
                    return await _hand_over(worker, queue, raw, accepted=accepted)
                entry, args = call
                if entry is not shown or current.second != second or queue is not shown_queue:
                    shown, second, shown_queue, work = entry, current.second, queue, entry.perform
                    if inline is None and not is_coroutine_function(work):
                        return await _hand_over(worker, queue, raw, accepted=accepted)
                    worker.show_job(queue, second, entry.name)
                    if inline is not None:
                        signal_handlers.take_again()
                    worker.health.turned()
                started = now()
                if inline is not None:
                    outcome, result = inline.call(work, args)
                    if result is not None:  # it may have to be awaited
                        outcome = await inline.attempt(called, as_it_is, (result,))
                elif start is not None:
                    request.function = partial(start, work, args)
                    outcome = await request
                if outcome is not DONE or worker.stopping or worker.paused_by_signal:  # type: ignore[redundant-expr] # a signal may have come
                    current.log.started, current.log.waited = started, None
                    return read_job(self.core.codec, queue, raw), outcome
                accepted = False
                reply: Any
                try:
                    reply = await current.command()
                except PyresqueError as error:
                    reply = error
                if reply.__class__ is bytes:
                    queue, raw = current.take_payload(reply), reply
                    continue
                following = await current.read_reply(reply)
                if following is None:
                    return None, None
                queue, raw = following
        finally:
            worker.health.job(False)


class ForkFastPath:
    """Has the fork server perform jobs: it reserves each one itself and forks a child for it, while the worker waits."""

    def __init__(self, worker: Worker, executor: FastPathExecutor) -> None:
        self.worker = worker
        self.core = worker.core
        self.current_job = worker.current_job
        self.executor = executor

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """As ``FastPath.run``."""
        registry = self.core.registry
        allowed = worker_allows(registry, logs_each_job=log.isEnabledFor(logging.INFO))
        if not allowed or fast_entry(registry, job.payload.class_name) is None:
            return job, None
        if not self.executor.fast_path_due():
            return job, None
        self.worker.health.job(True)
        try:
            return await self._run(job)
        finally:
            self.worker.health.job(False)

    async def _run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        current, worker = self.current_job, self.worker
        setup = self._setup()
        stopped = worker.stopping or worker.paused_by_signal
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
            return found, NOT_STARTED if not_begun else result.outcome
        current.resume(result.turns, result.current.record, result.second)
        if result.error is not None:
            raise result.error
        return await self._go_on(setup, result)

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
            *(prefix.command_head, tuple(heads), prefix.record_tail),
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
                return read_job(self.core.codec, queue, raw), result.outcome
            return await _hand_over(worker, queue, raw, accepted=result.turns == 0)
        if reply.__class__ is bytes:
            return await _hand_over(worker, current.take_payload(reply), reply, accepted=False)
        following = await current.read_reply(reply)
        return (None, None) if following is None else await _hand_over(worker, *following)


async def _hand_over(
    worker: Worker, queue: str, raw: bytes, *, accepted: bool = False
) -> tuple[Job | None, Outcome | None]:
    """A job that has not begun, for the worker's loop; ``accepted``: the loop itself had reserved it."""
    job = read_job(worker.core.codec, queue, raw)
    return (job if accepted else await worker.accept(job)), None
