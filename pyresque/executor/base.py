"""What an executor does, and how it reports an attempt at a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyresque.lightweight import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.report import ErrorReport
    from pyresque.job.job import Job
    from pyresque.job.job_end import JobEnd
    from pyresque.ops import Op


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt at a job ended.

    report: the error that the job raised. process_error: the job's process died before it could report; then the worker runs the
    failure hooks, and Ruby does not count the failure. started: False if no process could be made, or it ended before it began
    the job, which then goes back into its queue. undone: a hook or a middleware left the work undone, which is no failure.
    end: what the job's plugins write when it is finished; None: nothing.
    """

    report: ErrorReport | None = None
    process_error: BaseException | None = None
    started: bool = True
    undone: bool = False
    end: JobEnd | None = field(default=None, compare=False)

    def with_end(self, end: JobEnd) -> Outcome:
        """Return this outcome with what the job's plugins write at its end."""
        if not end:
            return self
        return Outcome(end=end) if self is DONE else replace(self, end=end)


DONE = Outcome()
UNDONE = Outcome(undone=True)
NOT_STARTED = Outcome(started=False)
#: The job may not be performed yet, and is in its queue again (``process/worker/barred.py``).
STAYS = Outcome(started=False)


class Executor(Protocol):
    """Performs jobs for one worker, one at a time."""

    #: Whether jobs run in another process, so that the worker can send its heartbeat meanwhile.
    isolated: bool

    @property
    def performing(self) -> bool:
        """Whether a job is under way in this process, and uses its connections."""

    async def run(
        self,
        job: Job,
        upkeep: Callable[[], Op[float]],
        set_title: Callable[[str], None],
        child_title: str = "",
    ) -> Outcome:
        """Perform the job and return how it ended. An error raised here is the worker's own (a before_fork hook failed).

        ``upkeep`` is run at once and then whenever the seconds that it returned are over. ``set_title`` sets the worker's process
        title; ``child_title`` is the title of the process that performs the job, if that is another one.
        """

    def kill(self) -> None:
        """End a running job at once (KILL). Called from a signal handler."""

    def terminate(self) -> None:
        """Have a running job end (TERM), and kill it after a while. Called from a signal handler."""

    def stop(self) -> None:
        """Note that the worker stops after the current job, which may look for that. Called from a signal handler."""

    def idle(self) -> None:
        """Release what the last job left: no job follows it for now. Must not block."""

    def close(self) -> None:
        """Release processes and threads. The worker has ended."""
