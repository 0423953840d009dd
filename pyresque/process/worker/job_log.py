"""What a worker logs of its jobs: Ruby's words, with how long each took and waited; as fields where the format has them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.activejob.describe import LoggedJob, arguments, class_name, due_since

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.failure.report import ErrorReport
    from pyresque.job.job import Job
    from pyresque.store.workers import Redelivery

log = logging.getLogger("pyresque")


class JobLog:
    """The lines of one worker, which has one job at a time."""

    def __init__(self, clock: Clock, worker_id: str) -> None:
        self.clock = clock
        self.worker_id = worker_id
        self._began = 0.0
        self._waited: float | None = None

    def got(self, job: Job) -> None:
        """The job begins."""
        self.began(self.clock.monotonic())
        if log.isEnabledFor(logging.INFO):
            due = due_since(job.payload)
            self._waited = None if due is None else max(0.0, self.clock.time() - due)
            log.info("got: %s", LoggedJob(job), extra=self._fields(job, "got"))

    def began(self, when: float) -> None:
        """The same where no line is wanted; on the monotonic clock."""
        self._began, self._waited = when, None

    def done(self, job: Job, *, undone: bool = False) -> None:
        """It ended well; ``undone``: its work was left undone, by a hook or a middleware."""
        if log.isEnabledFor(logging.INFO):
            waited = "" if self._waited is None else f", waited {self._waited:.3f} s"
            log.info(
                "%s: %s in %.3f s%s",
                *("left undone" if undone else "done", LoggedJob(job), self._took, waited),
                extra=self._fields(
                    job, "undone" if undone else "done", duration=round(self._took, 6)
                ),
            )

    def failed(self, job: Job, error: ErrorReport, hint: str = "") -> None:
        """It failed; ``hint`` is what to do about it."""
        log.error(
            "%s failed: %s: %s%s",
            *(LoggedJob(job), error.exception, error.error, f" ({hint})" if hint else ""),
            extra=self._fields(
                job,
                "failed",
                duration=round(self._took, 6),
                exception=error.exception,
                error=error.error,
            ),
        )

    def redelivered(self, job: Job, back: Redelivery, error: BaseException) -> None:
        """Its process died, and it goes back into its queue."""
        log.warning(
            "%s goes back into its queue (%d of %d): %s",
            *(LoggedJob(job), back.number, back.most, error),
            extra=self._fields(
                job,
                "put back",
                duration=round(self._took, 6),
                error=str(error),
                redelivery=back.number,
            ),
        )

    @property
    def _took(self) -> float:
        return self.clock.monotonic() - self._began

    def _fields(self, job: Job, event: str, **more: object) -> dict[str, object]:
        fields: dict[str, object] = {
            "event": event,
            "queue": job.queue,
            "class": class_name(job.payload),
            "args": arguments(job.payload) or str(list(job.args)),
            "worker": self.worker_id,
        }
        if self._waited is not None:
            fields["queue_time"] = round(self._waited, 6)
        return {"fields": {**fields, **more}}
