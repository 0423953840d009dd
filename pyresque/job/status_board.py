"""The verbs of tracked jobs' statuses, each an operation: look at them, wait for them, cancel jobs, clear (Ruby: ``Status::Hash``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import JobCancelled, JobFailed, ResultNotKept
from pyresque.job.job_status import FAILED, KILLED, RESULT_ERROR, JobStatus, known
from pyresque.ops import Sleep
from pyresque.store.look_again import Attempts

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.job.job import Codec
    from pyresque.store.statuses import StatusTable

#: Seconds between two looks at a status: the first, the longest, and how they grow while nothing changes.
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.0
GROWTH: Final = 1.5

#: Statuses that ``clear`` reads at once.
PAGE: Final = 500


class StatusBoard:
    """The statuses of tracked jobs. An id is the uuid that ``enqueue`` gave, or the job_id of an ActiveJob."""

    def __init__(self, table: StatusTable, codec: Codec, clock: Clock) -> None:
        self.table = table
        self.codec = codec
        self.clock = clock

    async def get(self, job_id: str) -> JobStatus | None:
        """The status of a job; None if it has none. One that cannot be read has a ``fault``."""
        raw = await self.table.read(job_id)
        return None if raw is None else JobStatus.read(job_id, raw, self.codec)

    async def all(self, start: int = 0, count: int | None = None) -> list[JobStatus]:
        """The statuses that are listed, the latest first: ``count`` of them from ``start`` on, without those that have expired."""
        ids = await self.table.ids(start, count)
        found = zip(ids, await self.table.read_many(ids), strict=True)
        return [JobStatus.read(one, raw, self.codec) for one, raw in found if raw is not None]

    async def count(self) -> int:
        """How many statuses are listed, expired ones among them."""
        return await self.table.count()

    async def cancel(self, job_id: str) -> bool:
        """Have a job end at its next step, or before it begins; False if it has ended already. Raises NoJobStatus."""
        if known(job_id, await self.get(job_id)).ended:
            return False
        await self.table.kill(job_id)
        found = await self.get(job_id)
        if found is not None and not found.ended:
            return True
        await self.table.unkill(
            job_id
        )  # the job has ended in between, and deletes its mark no more
        return False

    async def remove(self, job_id: str) -> bool:
        """Delete the status of a job, not the job; whether there was one."""
        return bool(await self.table.remove([job_id]))

    async def clear(self, status: str | None = None) -> int:
        """Delete all statuses that are listed, or those with that ``status`` ("completed"); how many. The jobs stay."""
        cleared, start, former = 0, 0, list[str]()
        attempts = Attempts("statuses")
        while ids := await self.table.ids(start, PAGE):
            if ids == former:
                attempts.failed()
            former = ids
            found = zip(ids, await self.table.read_many(ids), strict=True)
            wanted = [
                one
                for one, raw in found
                if status is None
                or raw is None
                or JobStatus.read(one, raw, self.codec).status == status
            ]
            cleared += await self.table.remove(wanted)
            start += len(ids) - len(wanted)
        return cleared

    async def wait(self, job_id: str, timeout: float | None = None) -> JobStatus:
        """Wait until a job has ended; return its status then. Raises TimeoutError after ``timeout`` seconds, NoJobStatus, DecodeError."""
        deadline = None if timeout is None else self.clock.monotonic() + timeout
        found = await self.next_change(job_id, None, deadline)
        while not found.ended:
            found = await self.next_change(job_id, found, deadline)
        return found

    async def next_change(
        self, job_id: str, seen: JobStatus | None, deadline: float | None = None
    ) -> JobStatus:
        """Wait until a status differs from the one that was ``seen``, and return it. Raises as ``wait`` does."""
        pause = FIRST_WAIT
        while True:
            found = known(job_id, await self.get(job_id))
            if seen is None or found.raw != seen.raw:
                return found
            if deadline is not None:
                left = deadline - self.clock.monotonic()
                if left <= 0:
                    raise TimeoutError(f"job {job_id} is still {found.status}")
                pause = min(pause, left)
            await Sleep(pause)
            pause = min(pause * GROWTH, LONGEST_WAIT)

    async def result(self, job_id: str, timeout: float | None = None) -> Any:
        """Wait for what a job returned; None if it returned nothing, and for one performed by Ruby.

        Raises JobFailed, JobCancelled, ResultNotKept, and as ``wait`` does.
        """
        found = await self.wait(job_id, timeout)
        if found.status == FAILED:
            raise JobFailed(found.message or f"job {job_id} has failed")
        if found.status == KILLED:
            raise JobCancelled(found.message or f"job {job_id} was cancelled")
        if RESULT_ERROR in found.fields:
            raise ResultNotKept(
                f"job {job_id} has completed, but its result is not kept: {found.fields[RESULT_ERROR]}"
            )
        return found.result
