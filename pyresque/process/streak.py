"""Plain jobs one after another in the worker's own process, in the fewest steps: where jobs are short, steps are all they cost.

That is calls in the worker's place, or coroutines in its event loop.

A worker that forks leaves it to its fork server (``shift.py``) as soon as it sees that short jobs follow one another.

Law: whatever is out of the ordinary is left to the worker's usual way, which does all that is done here and the rest: a job
that failed, a payload that is not plain JSON, a job with hooks, a log that wants its lines, an order.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.awaitable import is_coroutine_function
from pyresque.errors import PyresqueError, RedisUnavailable, ScriptMissing
from pyresque.executor.base import DONE, UNBEGUN
from pyresque.executor.inline import InlineExecutor
from pyresque.executor.shifts import Standing
from pyresque.job.job import read_job
from pyresque.job.perform import called
from pyresque.ops import Call, as_it_is
from pyresque.version import VERSION

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable

    from pyresque.core import Core
    from pyresque.executor.base import Executor, Outcome
    from pyresque.executor.fork import ForkExecutor
    from pyresque.executor.shifts import Handed, Plan
    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass
    from pyresque.ops import Op
    from pyresque.process.desk import Desk
    from pyresque.process.orders import Ordered
    from pyresque.process.vitals import Vitals

log = logging.getLogger("pyresque")


class Streak:
    """One worker's. ``title`` sets the process title of a queue, a second and a class.

    ``orders`` is who takes orders, ``accept`` the worker's own way to take a job that was reserved.
    """

    def __init__(
        self,
        core: Core,
        desk: Desk,
        executor: Executor,
        vitals: Vitals,
        title: Callable[[str, int, str], object],
        orders: Ordered,
        accept: Callable[[Job], Op[Job | None]],
        tend: Callable[[], Op[float]],
        procline: Callable[[str], None],
    ) -> None:
        self.core = core
        self.desk = desk
        self.inline = executor if isinstance(executor, InlineExecutor) else None
        #: What begins a job in the event loop that is the worker's, too.
        self.forking: ForkExecutor | None = executor if hasattr(executor, "may_shift") else None  # type: ignore[assignment] # only that one has it
        self.begin: Callable[..., Task[Outcome]] | None = getattr(executor, "begin", None)
        self.vitals = vitals
        self.title = title
        self.orders = orders
        self.accept = accept
        self.tend = tend
        self.procline = procline

    @property
    def possible(self) -> bool:
        """Whether this executor performs jobs so."""
        return bool(self.inline or self.begin or self.forking)

    async def run(self, job: Job) -> tuple[Job | None, Outcome | None]:
        """Perform the job, which is in the books, and those that follow it.

        Returns the one that is left in the books and how it ended, None where it has not begun; or None where none is left.
        """
        registry = self.core.registry
        if registry.middleware or log.isEnabledFor(logging.INFO):
            return job, None
        if registry.ready(job.payload.class_name) is None:
            return job, None
        if self.forking is not None and not self.forking.may_shift():
            return job, None
        self.vitals.job(True)
        try:
            if self.forking is not None:
                return await self._shift(job, self.forking)
            return await self._run(job.queue, job.raw)
        finally:
            self.vitals.job(False)

    async def _run(  # noqa: C901 - one path, for what it costs to leave it
        self, queue: str, raw: bytes
    ) -> tuple[Job | None, Outcome | None]:
        desk, orders, inline, begin = self.desk, self.orders, self.inline, self.begin
        read, known = self.core.codec.decode_at_once, self.core.registry.known_ready
        now, taken = self.core.clock.monotonic, True
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
            if entry is None or args.__class__ is not list or orders.stopping or orders.resting:
                return await self._left(queue, raw, taken=taken)
            if entry is not shown or desk.second != second or queue is not at:
                shown, second, at, work = entry, desk.second, queue, entry.perform
                if inline is None and not is_coroutine_function(work):
                    return await self._left(queue, raw, taken=taken)
                self.title(queue, second, entry.name)
                self.vitals.turned()
            started = now()
            if inline is not None:
                outcome, result = inline.call(work, args)
                if result is not None:  # it may have to be awaited
                    outcome = await inline.attempt(called, as_it_is, (result,))
            elif begin is not None:
                begun.function = partial(begin, work, args)
                outcome = await begun
            if outcome is not DONE or orders.called_off():
                desk.log.began(started)
                return read_job(self.core.codec, queue, raw), outcome
            taken = False
            reply: Any
            try:
                reply = await desk.request()
            except (RedisUnavailable, ScriptMissing) as error:
                reply = error
            if reply.__class__ is bytes:
                queue, raw = desk.took(reply), reply
                continue
            follower = await desk.answered(reply)
            if follower is None:
                return None, None
            queue, raw = follower

    async def _shift(self, job: Job, forking: ForkExecutor) -> tuple[Job | None, Outcome | None]:
        desk = self.desk
        plan = desk.plan(f"{self.core.settings.procline_prefix}pyresque-{VERSION}: ")
        if plan is None or job.queue not in plan.queues or self.orders.called_off():
            return job, None
        standing = Standing(plan.queues.index(job.queue), job.raw, desk.record)
        handed = await forking.shift(plan, standing, self.tend, self.procline)
        if handed is None:
            return job, None
        desk.log.began(self.core.clock.monotonic())
        if handed.lost:
            found, another = await desk.find(handed.turns)
            if handed.trouble is not None:
                raise handed.trouble
            return found, UNBEGUN if another else handed.outcome
        desk.handed(handed)
        if handed.trouble is not None:
            raise handed.trouble
        return await self._after(plan, handed)

    async def _after(self, plan: Plan, handed: Handed) -> tuple[Job | None, Outcome | None]:
        """Go on from where a shift ended."""
        desk = self.desk
        queue, raw, reply = plan.queues[handed.standing.at], handed.standing.raw, handed.reply
        if reply is None:
            if handed.outcome is not None:
                return read_job(self.core.codec, queue, raw), handed.outcome
            return await self._left(queue, raw, taken=handed.turns == 0)
        if isinstance(reply, PyresqueError) and not isinstance(
            reply, (RedisUnavailable, ScriptMissing)
        ):
            raise reply
        if reply.__class__ is bytes:
            return await self._left(desk.took(reply), reply, taken=False)
        follower = await desk.answered(reply)
        return (None, None) if follower is None else await self._left(*follower, taken=False)

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
        return (job if taken else await self.accept(job)), None
