"""A tracked job as its client and its own code hold it: the handle that ``enqueue`` gives, and what ``resque.status()`` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pyresque.errors import JobArgumentError
from pyresque.job.job_status import known

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    from pyresque.core import Core
    from pyresque.job.job_status import JobStatus
    from pyresque.job.tracked import TrackedJob
    from pyresque.ops import Op

R = TypeVar("R")
T = TypeVar("T")


class _Blocking(Protocol):
    @property
    def core(self) -> Core: ...

    def run(self, operation: Op[T]) -> T: ...


class _Awaiting(Protocol):
    @property
    def core(self) -> Core: ...

    def run(self, operation: Op[T]) -> Awaitable[T]: ...


def _id(given: object) -> str:
    """Return the id of a job. Raises JobArgumentError for anything else."""
    if not isinstance(given, str) or not given:
        raise JobArgumentError(
            f"{given!r} is no id of a job: give what the handle's id was, a text of 32 hexadecimal digits"
        )
    return given


class Handle(Generic[R]):
    """A tracked job that was enqueued. ``id`` is its uuid: another process makes the same handle of it by ``resque.handle(id)``."""

    def __init__(self, resque: _Blocking, job_id: str) -> None:
        self._resque = resque
        self.id = _id(job_id)

    def status(self) -> JobStatus:
        """The status as it stands. Raises NoJobStatus if it has expired, DecodeError."""
        board = self._resque.core.statuses
        return known(self.id, self._resque.run(board.get(self.id)))

    @property
    def progress(self) -> Iterator[JobStatus]:
        """The status now, then after each change, until the job has ended. Looks at least once a second. Raises as ``status``."""
        found = self.status()
        yield found
        while not found.ended:
            found = self._resque.run(self._resque.core.statuses.next_change(self.id, found))
            yield found

    def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait until the job has ended. Raises TimeoutError after ``timeout`` seconds, and as ``status`` does."""
        return self._resque.run(self._resque.core.statuses.wait(self.id, timeout))

    def result(self, timeout: float | None = None) -> R:
        """Wait for what the job returned, as JSON reads it. Raises JobFailed, JobCancelled, ResultNotKept, and as ``wait`` does."""
        found: R = self._resque.run(self._resque.core.statuses.result(self.id, timeout))
        return found

    def cancel(self) -> bool:
        """Have the job end at its next step, or before it begins; False if it has ended. Raises as ``status`` does."""
        return self._resque.run(self._resque.core.statuses.cancel(self.id))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Handle({self.id!r})"


class AsyncHandle(Generic[R]):
    """A tracked job that an AsyncResque enqueued: a Handle whose methods are awaited."""

    def __init__(self, resque: _Awaiting, job_id: str) -> None:
        self._resque = resque
        self.id = _id(job_id)

    async def status(self) -> JobStatus:
        """The status as it stands. Raises NoJobStatus if it has expired, DecodeError."""
        return known(self.id, await self._resque.run(self._resque.core.statuses.get(self.id)))

    @property
    async def progress(self) -> AsyncIterator[JobStatus]:
        """For ``async for``: the status now, then after each change, until the job has ended. Raises as ``status`` does."""
        found = await self.status()
        yield found
        while not found.ended:
            found = await self._resque.run(self._resque.core.statuses.next_change(self.id, found))
            yield found

    async def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait until the job has ended. Raises TimeoutError after ``timeout`` seconds, and as ``status`` does."""
        return await self._resque.run(self._resque.core.statuses.wait(self.id, timeout))

    async def result(self, timeout: float | None = None) -> R:
        """Wait for what the job returned, as JSON reads it. Raises JobFailed, JobCancelled, ResultNotKept, and as ``wait`` does."""
        found: R = await self._resque.run(self._resque.core.statuses.result(self.id, timeout))
        return found

    async def cancel(self) -> bool:
        """Have the job end at its next step, or before it begins; False if it has ended. Raises as ``status`` does."""
        return await self._resque.run(self._resque.core.statuses.cancel(self.id))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncHandle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"AsyncHandle({self.id!r})"


class OwnStatus:
    """The status of the tracked job that runs here: what ``resque.status()`` gives. Messages are texts and dicts, fields are keywords."""

    def __init__(self, resque: _Blocking, job: TrackedJob) -> None:
        self._resque = resque
        self._job = job
        self.id = job.id

    def at(self, num: object, total: object, *messages: object, **fields: Any) -> None:
        """Say that the job is at step ``num`` of ``total``. Raises JobKilled if it was cancelled, NotANumber."""
        self._resque.run(self._job.at(num, total, *messages, **fields))

    def tick(self, *messages: object, **fields: Any) -> None:
        """Say that the job is at work. Raises JobKilled if it was cancelled."""
        self._resque.run(self._job.tick(*messages, **fields))

    def set(self, *messages: object, **fields: Any) -> None:
        """Write a message and fields, without a look at whether the job was cancelled."""
        self._resque.run(self._job.set(*messages, **fields))

    def failed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has failed; then return. There is no failed record, as in Ruby."""
        self._resque.run(self._job.failed(*messages, **fields))

    def completed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has completed, with a message of its own."""
        self._resque.run(self._job.completed(*messages, **fields))

    def cancelled(self) -> bool:
        """Whether the job was cancelled, so that it may end in its own way."""
        return self._resque.run(self._job.should_kill())

    def read(self) -> JobStatus | None:
        """The status as it stands; None if it has expired."""
        return self._resque.run(self._job.read())


class AsyncOwnStatus:
    """An OwnStatus whose methods are awaited: what ``status()`` of an AsyncResque gives."""

    def __init__(self, resque: _Awaiting, job: TrackedJob) -> None:
        self._resque = resque
        self._job = job
        self.id = job.id

    async def at(self, num: object, total: object, *messages: object, **fields: Any) -> None:
        """Say that the job is at step ``num`` of ``total``. Raises JobKilled if it was cancelled, NotANumber."""
        await self._resque.run(self._job.at(num, total, *messages, **fields))

    async def tick(self, *messages: object, **fields: Any) -> None:
        """Say that the job is at work. Raises JobKilled if it was cancelled."""
        await self._resque.run(self._job.tick(*messages, **fields))

    async def set(self, *messages: object, **fields: Any) -> None:
        """Write a message and fields, without a look at whether the job was cancelled."""
        await self._resque.run(self._job.set(*messages, **fields))

    async def failed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has failed; then return. There is no failed record, as in Ruby."""
        await self._resque.run(self._job.failed(*messages, **fields))

    async def completed(self, *messages: object, **fields: Any) -> None:
        """Say that the job has completed, with a message of its own."""
        await self._resque.run(self._job.completed(*messages, **fields))

    async def cancelled(self) -> bool:
        """Whether the job was cancelled, so that it may end in its own way."""
        return await self._resque.run(self._job.should_kill())

    async def read(self) -> JobStatus | None:
        """The status as it stands; None if it has expired."""
        return await self._resque.run(self._job.read())
