"""Plain jobs one after another by the worker's fork server (``executor/shift.py``), once short ones follow one another."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.executor.base import UNBEGUN
from pyresque.executor.shifts import Plan, Standing
from pyresque.process.streak import Streak
from pyresque.ruby import time as ruby_time

if TYPE_CHECKING:
    from pyresque.executor.base import Outcome
    from pyresque.executor.fork import ForkExecutor
    from pyresque.executor.shifts import Handed
    from pyresque.job.job import Job
    from pyresque.process.worker import Worker


class ForkStreak(Streak):
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
        standing = Standing(plan.queues.index(job.queue), job.raw, desk.record)
        handed = await self.executor.shift(plan, standing, worker.tend, worker.procline)
        if handed is None:
            return job, None
        desk.log.began(self.core.clock.monotonic())
        if handed.lost:
            found, another = await desk.find(handed.turns, turning=handed.turning)
            if handed.trouble is not None:
                raise handed.trouble
            return found, UNBEGUN if another else handed.outcome
        desk.handed(handed.turns, handed.standing.record, handed.second)
        if handed.trouble is not None:
            raise handed.trouble
        return await self._after(plan, handed)

    def _plan(self) -> Plan | None:
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
        return Plan(pieces.opening, tuple(heads), pieces.foot, pieces.queues, title)

    async def _after(self, plan: Plan, handed: Handed) -> tuple[Job | None, Outcome | None]:
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
