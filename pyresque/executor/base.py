"""What an executor does, and what it tells of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.failure.report import ErrorReport
    from pyresque.job.job import Job
    from pyresque.ops import Op


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: ``report`` tells the job's own error, ``dirty`` that its process died in place of telling.

    Ruby counts no failed stat for a dirty exit; its failure hooks are run by the worker. ``begun`` is False where the
    process could not be made or ended before it touched the job, which then goes back to its queue. ``undone``: a hook or a middleware left the work undone, which
    is no failure.
    """

    report: ErrorReport | None = None
    dirty: BaseException | None = None
    begun: bool = True
    undone: bool = False


DONE = Outcome()
UNDONE = Outcome(undone=True)
NOT_STARTED = Outcome(begun=False)


class Executor(Protocol):
    """Runs one job at a time for one worker."""

    #: Whether jobs run outside this process, so that the worker itself can beat while they do.
    isolated: bool

    async def run(
        self,
        job: Job,
        tend: Callable[[], Op[float]],
        title: Callable[[str], None],
        doing: str = "",
    ) -> Outcome:
        """Perform the job and tell how it ended.

        ``tend`` is run again and again meanwhile; it says after how many seconds it wants to be. ``title`` sets the
        process title; ``doing`` is that of a process of the job's own. An error raised here is the worker's own (a before_fork hook failed), not the job's.
        """

    def kill(self) -> None:
        """End a running attempt at once (KILL). Called from a signal handler."""

    def terminate(self) -> None:
        """Tell a running attempt to end (TERM), and end it after a while. Called from a signal handler."""

    def stop(self) -> None:
        """Say that the worker stops after the present job, to one that can put down where it is. From a signal handler."""

    def rest(self) -> None:
        """There is no job for a while: let go of what the last one left. Must not block."""

    def close(self) -> None:
        """Let go of everything: processes, threads. The worker has ended."""
