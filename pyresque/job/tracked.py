"""The status of a job while it is performed: what each step writes, as operations (Ruby: ``Resque::Plugins::Status``).

Theory of operation. ``TrackedJob.inside`` runs the job's code with the job in a context variable, so that ``resque.status()`` finds
it wherever the job's code asks. A step reads the status, merges its fields and writes it: two round trips. In the first one it also
asks whether the job is to be killed.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.clock import local
from pyresque.errors import JobKilled, NoJobStatus, NotANumber, NotEncodable
from pyresque.job.job_status import (
    COMPLETED,
    ENDED,
    FAILED,
    KILLED,
    QUEUED,
    RESULT,
    RESULT_ERROR,
    WORKING,
    JobStatus,
    merged,
    to_f,
)
from pyresque.lightweight import is_awaitable, is_coroutine_function, random_fraction
from pyresque.ops import Call, rewrite
from pyresque.ruby import time as ruby_time
from pyresque.ruby.inspect import to_s

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.clock import Clock
    from pyresque.job.job import Codec
    from pyresque.ops import Op
    from pyresque.store.statuses import StatusTable

#: The tracked job whose code runs here.
_current: ContextVar[TrackedJob] = ContextVar("tracked job")

#: The message of a job that is not queued again.
NOT_QUEUED = "The task was not queued: a hook kept it out, or an equal one is queued"

#: One in so many new jobs trims the list.
SELDOM = 16


def current_job() -> TrackedJob:
    """Return the tracked job whose code calls this. Raises NoJobStatus."""
    found = _current.get(None)
    if found is None:
        raise NoJobStatus(
            "no tracked job runs here: register it with tracked=True, and call status() in the job's own "
            "thread or task (in another one use the object that it returned)"
        )
    return found


class TrackedJob:
    """One job and its status. ``name``: what Ruby's page calls it. ``ttl``: seconds that a status lives after it was written."""

    def __init__(
        self,
        table: StatusTable,
        codec: Codec,
        clock: Clock,
        job_id: str,
        name: str,
        ttl: int | None = None,
    ) -> None:
        self.table = table
        self.codec = codec
        self.clock = clock
        self.id = job_id
        self.name = name
        self.ttl = ttl

    # -- before and after the job's code

    async def create(self, options: object, more: dict[str, Any] | None = None) -> None:
        """Write the status of a job that is about to be pushed, with ``more`` fields. Raises NotEncodable."""
        now = int(self.clock.time())
        status = self._encoded(merged(self.id, now, None, {"options": options}, more))
        await self.table.create(self.id, status, now, self.ttl)
        if self.ttl is not None and random_fraction() * SELDOM < 1:
            await self.table.trim(now - self.ttl, random_fraction())

    async def remove(self) -> None:
        """Delete the status of a job that is not pushed after all."""
        await self.table.remove([self.id])

    async def queued_again(self) -> None:
        """The job is, or will be, in a queue again."""
        await self.write({"status": QUEUED})

    async def begin(self) -> bool:
        """The job's code is about to run; False if the job was cancelled before: it is killed then."""
        raw, to_be_killed = await self.table.read_and_look(self.id)
        if to_be_killed:
            await self._killed(raw)
            return False
        await self._merge(raw, {"name": self.name}, {"status": WORKING})
        return True

    async def inside(self, inner: Op[Any]) -> Any:
        """Run an operation; user code in it finds the job by ``current_job``."""
        return await rewrite(inner, self._marked)

    def _marked(self, request: Any) -> Any:
        if type(request) is not Call:
            return request
        awaits = is_coroutine_function(request.function)
        inside = _awaited_in if awaits else _called_in
        return Call(partial(inside, self, request.function), request.offload)

    async def end(self, value: object, limit: int) -> JobStatus:
        """The job's code has returned: it has completed, unless it said otherwise. Keep the value. Return the status before."""
        raw = await self.table.read(self.id)
        before = self._read(raw)
        fields = {} if value is None else self._kept(value, limit)
        if before.status == FAILED or (before.status == COMPLETED and not fields):
            return before
        if before.status != COMPLETED:
            fields = {"status": COMPLETED, "message": f"Completed at {self._now()}", **fields}
        await self._merge(raw, {"name": self.name}, fields, ended=True)
        return before

    async def fail(self, message: str) -> None:
        """The job has failed, whether its code has run or not."""
        await self.write({"name": self.name}, {"status": FAILED}, message, ended=True)

    async def lost(self, message: str) -> None:
        """The job's process has died, or the job was removed from its queue; a status that has ended stays."""
        raw = await self.table.read(self.id)
        if self._read(raw).status not in ENDED:
            await self._merge(raw, {"status": FAILED}, message, ended=True)

    async def killed(self) -> None:
        """The job's code raised JobKilled: in a step, which has written that, or by itself."""
        raw = await self.table.read(self.id)
        if self._read(raw).status not in ENDED:
            await self._killed(raw)

    async def not_queued(self) -> None:
        """The job was to be queued again, and is not. What it said when it failed stays."""
        raw = await self.table.read(self.id)
        kept = None if self._read(raw).message else NOT_QUEUED
        await self._merge(raw, {"status": FAILED}, kept, ended=True)

    async def removed(self) -> None:
        """The job was removed from its queue."""
        await self.write({"status": KILLED}, f"Dequeued at {self._now()}", ended=True)

    def _kept(self, value: object, limit: int) -> dict[str, Any]:
        """Return the field for a returned value, or the reason why it is not kept."""
        try:
            size = len(self.codec.encode(value, path=RESULT))
        except NotEncodable as error:
            return {RESULT_ERROR: str(error)}
        if size > limit:
            return {RESULT_ERROR: f"the result has {size} bytes, and {limit} are kept at most"}
        return {RESULT: value}

    # -- steps of the job's code

    async def at(self, num: object, total: object, *messages: object, **fields: Any) -> None:
        """Say that the job is at step ``num`` of ``total``, and what else is to be known: texts, dicts, keywords.

        Raises JobKilled if the job was cancelled, NotANumber if ``total`` is no number above 0.
        """
        if not to_f(total) > 0:
            raise NotANumber(f"Called at() with total={to_s(total)} which is not a number")
        await self.tick({"num": num, "total": total}, *messages, fields)

    async def tick(self, *messages: object, **fields: Any) -> None:
        """Say that the job is at work, and what else is to be known. Raises JobKilled if the job was cancelled."""
        raw, to_be_killed = await self.table.read_and_look(self.id)
        if to_be_killed:
            await self._killed(raw)
            raise JobKilled
        await self._merge(raw, {"name": self.name}, {"status": WORKING}, *messages, fields)

    async def set(self, *messages: object, **fields: Any) -> None:
        """Write fields without a look at whether the job was cancelled."""
        await self.write({"name": self.name}, *messages, fields)

    async def failed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has failed. It ends by returning, and there is no failed record."""
        await self.set({"status": FAILED}, *messages, fields)

    async def completed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has completed."""
        done = {"status": COMPLETED, "message": f"Completed at {self._now()}"}
        await self.set(done, *messages, fields)

    async def should_kill(self) -> bool:
        """Whether the job was cancelled."""
        return (await self.table.read_and_look(self.id))[1]

    async def read(self) -> JobStatus | None:
        """Return the status as it stands."""
        raw = await self.table.read(self.id)
        return None if raw is None else JobStatus.read(self.id, raw, self.codec)

    # -- writing

    async def write(self, *messages: object, ended: bool = False) -> None:
        """Merge fields into the status. Raises NotEncodable, JobArgumentError."""
        await self._merge(await self.table.read(self.id), *messages, ended=ended)

    async def _merge(self, raw: bytes | None, *messages: object, ended: bool = False) -> None:
        before = self._read(raw).fields
        status = self._encoded(merged(self.id, int(self.clock.time()), before, *messages))
        await self.table.write(self.id, status, self.ttl, ended=ended)

    async def _killed(self, raw: bytes | None) -> None:
        killed = {"status": KILLED, "message": f"Killed at {self._now()}"}
        await self._merge(raw, {"name": self.name}, killed, ended=True)

    def _read(self, raw: bytes | None) -> JobStatus:
        """Return the status of these bytes; an empty one if there are none, or if they cannot be read."""
        return JobStatus(self.id, {}) if raw is None else JobStatus.read(self.id, raw, self.codec)

    def _encoded(self, status: dict[str, Any]) -> bytes:
        return self.codec.encode(status, path="status")

    def _now(self) -> str:
        return ruby_time.to_s(local(self.clock))


def _called_in(job: TrackedJob, function: Callable[[], Any]) -> Any:
    token = _current.set(job)
    try:
        result = function()
    finally:
        _current.reset(token)
    return _awaited(job, result) if result is not None and is_awaitable(result) else result


async def _awaited_in(job: TrackedJob, function: Callable[[], Awaitable[Any]]) -> Any:
    return await _awaited(job, function())


async def _awaited(job: TrackedJob, awaitable: Awaitable[Any]) -> Any:
    token = _current.set(job)
    try:
        return await awaitable
    finally:
        _current.reset(token)
