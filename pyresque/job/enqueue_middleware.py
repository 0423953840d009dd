"""Enqueue middleware: the application's code around each enqueue made here; it may refuse the job, or add members to its payload.

Order of one enqueue: ``before_enqueue`` hooks (``before_schedule`` if it is for later), the middleware from the outermost in,
the push, the middleware back out, ``after_enqueue`` hooks. If a hook or a middleware refuses, what is behind it does not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.errors import MiddlewareError
from pyresque.job.job import write_payload
from pyresque.job.middleware import through
from pyresque.lightweight import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias

    from pyresque.job.job import Codec, Job
    from pyresque.job.middleware import Layer
    from pyresque.ops import Op

    #: Has the job enqueued; returns whether it was. Raises what the push raises.
    EnqueueNext: TypeAlias = Callable[["OutgoingJob"], bool]
    AsyncEnqueueNext: TypeAlias = Callable[["OutgoingJob"], Awaitable[bool]]

    #: ``def middleware(call_next, job)`` or ``async def middleware(call_next, job)``; its return value is ignored.
    EnqueueMiddleware: TypeAlias = (
        Callable[[EnqueueNext, "OutgoingJob"], Any]
        | Callable[[AsyncEnqueueNext, "OutgoingJob"], Awaitable[Any]]
    )

#: Members of a payload that ``extra`` must not hold.
OWN = ("class", "args", "queue")

#: The member that tells when a job was put into its queue; ActiveJob's name for it. Ruby's Resque ignores it.
ENQUEUED_AT = "enqueued_at"


@dataclass(frozen=True, slots=True)
class OutgoingJob:
    """A job that is about to be enqueued: class name, arguments and queue as its payload will bear them.

    An active job has the wrapper's class name; its own stands in ``args[0]["job_class"]``. ``at``: when it is due, in seconds
    since 1970; None: now. ``queue`` is None if the scheduler is to find it. ``extra``: members to add to the payload.
    """

    class_name: str
    args: Sequence[Any]
    queue: str | None
    at: int | None = None
    extra: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """The job as one line."""
        return f"(OutgoingJob{{{self.queue}}} | {self.class_name} | {list(self.args)!r})"


class Outgoing:
    """Writes the payloads of one application's jobs, through its enqueue middleware.

    ``stamp`` returns the time that is written as ``enqueued_at``; None writes none.
    """

    def __init__(
        self, codec: Codec, layers: Sequence[Layer], stamp: Callable[[], str] | None
    ) -> None:
        self.codec = codec
        self.layers = layers
        self.stamp = stamp
        self._adds: bool | None = None

    @property
    def may_add(self) -> bool:
        """Whether payloads may bear more than their jobs: no, if the middleware has been seen to add nothing."""
        return bool(self.layers) and self._adds is not False

    async def through(self, job: OutgoingJob, push: Callable[[OutgoingJob], Op[bool]]) -> bool:
        """Run the middleware around ``push``; whether it was reached. Raises MiddlewareError."""
        return await through(self.layers, job, push)

    async def payload(self, job: OutgoingJob) -> bytes | None:
        """Return the job's payload, for a push that follows; None if a middleware refused it. Raises NotEncodable."""
        written: bytes | None = None

        async def write(given: OutgoingJob) -> bool:
            nonlocal written
            written = self.write(job, given)
            return True

        return written if await self.through(job, write) else None

    def write(self, job: OutgoingJob, given: object) -> bytes:
        """Return the payload of a job that came back from the middleware. Raises NotEncodable, MiddlewareError."""
        if given is not job:
            raise MiddlewareError(
                f"an enqueue middleware must give call_next the job that it was given, not {given!r}: "
                "it may add to job.extra"
            )
        wrong = [key for key in job.extra if key in OWN or not isinstance(key, str)]
        if wrong:
            raise MiddlewareError(f"job.extra must not hold {wrong[0]!r}, which is a job's own")
        self._adds = self._adds or bool(job.extra)
        extra: dict[str, object] = {} if job.at is None else {"queue": job.queue}
        if self.stamp is not None and job.at is None:
            extra[ENQUEUED_AT] = self.stamp()
        return write_payload(self.codec, job.class_name, job.args, {**extra, **job.extra})

    def stamped(self, job: Job, raw: bytes) -> bytes:
        """Return the payload of a delayed job that is moved to its queue, with the time if that is written."""
        if self.stamp is None or ENQUEUED_AT in job.payload.extra:
            return raw
        if self.codec.name == "json":
            time = b',"%b":"%b"}' % (ENQUEUED_AT.encode(), self.stamp().encode())
            return raw.rstrip()[:-1] + time
        found = self.codec.decode(raw)
        return self.codec.encode({**found, ENQUEUED_AT: self.stamp()})
