"""What becomes of a job whose process died under it: a failure, or by choice once more its queue."""

from __future__ import annotations

from pyresque.errors import DirtyExit, HardTimeLimit, JobOptionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass, Registry

FAIL, REQUEUE = "fail", "requeue"

#: How often a job is put back where the registration does not say.
MOST = 3


def most_redeliveries(on_dirty_exit: str, max_redeliveries: int | None) -> int:
    """What a registration's two words mean together; 0: a failure at once. Raises JobOptionError."""
    if on_dirty_exit not in {FAIL, REQUEUE}:
        raise JobOptionError(
            f"on_dirty_exit={on_dirty_exit!r} is neither {FAIL!r} (a failed record, as Ruby) nor {REQUEUE!r}"
        )
    if on_dirty_exit == FAIL:
        if max_redeliveries is not None:
            raise JobOptionError(f"max_redeliveries needs on_dirty_exit={REQUEUE!r}")
        return 0
    most = MOST if max_redeliveries is None else max_redeliveries
    if type(most) is not int or most < 1:
        raise JobOptionError(f"max_redeliveries={most!r} must be a whole number from 1 on")
    return most


def redeliverable(registry: Registry, job: Job, error: BaseException) -> JobClass | None:
    """The entry of a job that may be put back after this error, else None.

    Only a process that died tells nothing of the job; a job that ran into its hard limit would run into it again.
    """
    if not isinstance(error, DirtyExit) or isinstance(error, HardTimeLimit):
        return None
    entry = registry.entry_of(job)
    return entry if entry is not None and entry.redeliveries else None
