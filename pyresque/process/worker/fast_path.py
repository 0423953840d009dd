"""Plain jobs one after another in the fewest steps: where jobs are short, steps are all they cost.

In the worker's own place or its event loop here, or by its fork server (``ForkFastPath``).

Law: whatever is out of the ordinary is left to the worker's usual way, which does all that is done here and the rest: a job
that failed, a payload that is not plain JSON, a job with hooks, a log that wants its lines, an order.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pyresque import signal_handlers
from pyresque.errors import PyresqueError
from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.fork.fast_path_handle import CurrentRecord, FastPathSetup
from pyresque.executor.inline import InlineExecutor
from pyresque.job.job import read_job
from pyresque.job.perform import called
from pyresque.lightweight import is_coroutine_function
from pyresque.ops import Call, as_it_is
from pyresque.ruby import time as ruby_time

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable

    from pyresque.executor.base import Executor, Outcome
    from pyresque.executor.fork.executor import ForkExecutor
    from pyresque.executor.fork.fast_path_handle import FastPathResult
    from pyresque.executor.task import TaskExecutor
    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")


class FastPath:
    """One worker's."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.core = worker.core
        self.desk = worker.desk

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """Perform the job, which is in the books, and those that follow it.

        Returns the one that is left in the books and how it ended, None where it has not begun; or None where none is left.
        """
        registry = self.core.registry
        if registry.middleware or log.isEnabledFor(logging.INFO):
            return job, None
        if registry.ready(job.payload.class_name) is None or not self._due():
            return job, None
        self.worker.vitals.job(True)
        try:
            return await self._run(job)
        finally:
            self.worker.vitals.job(False)

    def _due(self) -> bool:
        """Whether it is time for one."""
        return True

    async def _run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        raise NotImplementedError

    def _seen(self, payload: Any) -> tuple[JobClass | None, Any]:
        """The entry of a class that is seen for the first time, and the arguments; None where that is not all there is to do."""
        if payload.__class__ is not dict:
            return None, None
        return self.core.registry.ready(payload.get("class")), payload.get("args")

    async def _left(
        self, queue: str, raw: bytes, *, taken: bool
    ) -> tuple[Job | None, Outcome | None]:
        """For the worker's usual way: a job that it took itself, or that is yet to be accepted."""
        job = read_job(self.core.codec, queue, raw)
        return (job if taken else await self.worker.accept(job)), None

    def _ended(
        self, queue: str, raw: bytes, started: float, outcome: Outcome
    ) -> tuple[Job, Outcome]:
        """The same for one that was performed, and with which the streak ends."""
        self.desk.log.began(started)
        return read_job(self.core.codec, queue, raw), outcome


class InlineFastPath(FastPath):
    """Calls in the worker's place, or tasks in the event loop that is the worker's, too."""

    def __init__(
        self,
        worker: Worker,
        inline: InlineExecutor | None,
        begin: Callable[..., Task[Outcome]] | None,
    ) -> None:
        super().__init__(worker)
        self.inline = inline
        self.begin = begin

    async def _run(  # noqa: C901, PLR0912 - one path, for what it costs to leave it
        self, job: Job
    ) -> tuple[Job | None, Outcome | None]:
        desk, worker, inline, begin = self.desk, self.worker, self.inline, self.begin
        read, known = self.core.codec.decode_at_once, self.core.registry.known_ready
        now, taken = self.core.clock.monotonic, True
        queue, raw = job.queue, job.raw
        shown: JobClass | None = None
        second, at = 0, ""
        entry: JobClass | None
        work: Callable[..., Any] = as_it_is
        begun: Call[Any] = Call(partial(as_it_is, None))  # one request for all jobs
        while True:
            payload: Any = read(raw)
            try:
                entry, args = known[payload["class"]], payload["args"]
            except (KeyError, TypeError):  # TypeError: no hash, or a class that is a list
                entry, args = self._seen(payload)
            else:
                if entry.lookup.attributes != entry.lookup.without_performing:
                    entry, args = self._seen(payload)  # it may have got a hook
            if entry is None or args.__class__ is not list or worker.stopping or worker.resting:
                return await self._left(queue, raw, taken=taken)
            if entry is not shown or desk.second != second or queue is not at:
                shown, second, at, work = entry, desk.second, queue, entry.perform
                if inline is None and not is_coroutine_function(work):
                    return await self._left(queue, raw, taken=taken)
                worker.show(queue, second, entry.name)
                if inline is not None:
                    signal_handlers.take_again()
                worker.vitals.turned()
            started = now()
            if inline is not None:
                outcome, result = inline.call(work, args)
                if result is not None:  # it may have to be awaited
                    outcome = await inline.attempt(called, as_it_is, (result,))
            elif begin is not None:
                begun.function = partial(begin, work, args)
                outcome = await begun
            if outcome is not DONE or worker.called_off():
                return self._ended(queue, raw, started, outcome)
            taken = False
            reply: Any
            try:
                reply = await desk.request()
            except PyresqueError as error:
                reply = error
            if reply.__class__ is bytes:
                queue, raw = desk.took(reply), reply
                continue
            follower = await desk.answered(reply)
            if follower is None:
                return None, None
            queue, raw = follower


def fast_path_for(worker: Worker, executor: Executor) -> FastPath | None:
    """The kind that goes with this executor, if any does."""
    if isinstance(executor, InlineExecutor):
        return InlineFastPath(worker, executor, None)
    if hasattr(executor, "may_shift"):
        return ForkFastPath(worker, cast("ForkExecutor", executor))
    if hasattr(executor, "begin"):
        return InlineFastPath(worker, None, cast("TaskExecutor", executor).begin)
    return None


class ForkFastPath(FastPath):
    """Shifts."""

    def __init__(self, worker: Worker, executor: ForkExecutor) -> None:
        super().__init__(worker)
        self.executor = executor

    def _due(self) -> bool:
        return self.executor.may_shift()

    async def _run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        desk, worker = self.desk, self.worker
        plan = self._plan()
        if plan is None or job.queue not in plan.queues or worker.called_off():
            return job, None
        standing = CurrentRecord(plan.queues.index(job.queue), job.raw, desk.record)
        handed = await self.executor.shift(plan, standing, worker.tend, worker.procline)
        if handed is None:
            return job, None
        desk.log.began(self.core.clock.monotonic())
        if handed.lost:
            found, another = await desk.find(handed.turns, turning=handed.turning)
            if handed.trouble is not None:
                raise handed.trouble
            return found, NOT_STARTED if another else handed.outcome
        desk.handed(handed.turns, handed.standing.record, handed.second)
        if handed.trouble is not None:
            raise handed.trouble
        return await self._after(plan, handed)

    def _plan(self) -> FastPathSetup | None:
        """What the shift has to know; None where it could not do as the worker does."""
        pieces = self.desk.pieces()
        if pieces is None:
            return None
        now = datetime.fromtimestamp(self.desk.second, timezone.utc)
        stamp = ruby_time.iso8601_z(now).encode()
        heads = []
        for head in pieces.heads:
            before, found, after = head.partition(stamp)
            if not found or stamp in after:
                return None  # a queue's name reads as this second
            heads.append((before, after))
        title = self.worker.titled("")
        return FastPathSetup(pieces.opening, tuple(heads), pieces.foot, pieces.queues, title)

    async def _after(
        self, plan: FastPathSetup, handed: FastPathResult
    ) -> tuple[Job | None, Outcome | None]:
        """Go on from where a shift ended."""
        desk, reply = self.desk, handed.reply
        queue, raw = plan.queues[handed.standing.at], handed.standing.raw
        if reply is None:
            if handed.outcome is not None:
                return self._ended(queue, raw, self.core.clock.monotonic(), handed.outcome)
            return await self._left(queue, raw, taken=handed.turns == 0)
        if reply.__class__ is bytes:
            return await self._left(desk.took(reply), reply, taken=False)
        follower = await desk.answered(reply)
        return (None, None) if follower is None else await self._left(*follower, taken=False)
