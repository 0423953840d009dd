"""What a worker logs of its jobs: Ruby's words, with how long each took and waited; as fields if the format has them.

And of queues that it can take nothing from.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pyresque.activejob.describe import LoggedJob, arguments, class_name, job_id
from pyresque.activejob.registry import job_hash
from pyresque.errors import NoPerformError, UnknownActiveJobError, UnknownJobClass
from pyresque.user_errors import cut

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.core import Core
    from pyresque.failure.report import ErrorReport
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry
    from pyresque.store.workers import Redelivery

log = logging.getLogger("pyresque")

#: How failed records name the error of a class that nobody registered.
UNKNOWN: Final = (UnknownJobClass.ruby_name, UnknownActiveJobError.ruby_name)

#: Characters of an error's text in its line: what to do about it stands behind.
MOST_SAID: Final = 8000

#: Registered names that one line lists.
MOST_NAMES: Final = 12


class JobLog:
    """Writes the log lines of one worker, which has one job at a time."""

    def __init__(self, clock: Clock, worker_id: str, registry: Registry) -> None:
        self.clock = clock
        self.registry = registry
        self.worker_id = worker_id
        #: When the job began, on the monotonic clock.
        self.started = 0.0
        #: Seconds that it waited in its queue, if a line of the log says that.
        self.waited: float | None = None

    def got(self, job: Job) -> None:
        """Note that the job begins, and log it."""
        self.started, self.waited = self.clock.monotonic(), None
        if log.isEnabledFor(logging.INFO):
            from pyresque.job.queue_overview import waiting_since  # noqa: PLC0415 - by workers that log each job

            since = waiting_since(job.payload)
            self.waited = None if since is None else max(0.0, self.clock.time() - since)
            log.info("got: %s", LoggedJob(job), extra=self._fields(job, "got"))

    def done(self, job: Job, *, undone: bool = False) -> None:
        """Log that the job did not fail; ``undone``: a hook or a middleware left its work undone."""
        if log.isEnabledFor(logging.INFO):
            waited = "" if self.waited is None else f", waited {self.waited:.3f} s"
            took = self.clock.monotonic() - self.started
            log.info(
                "%s: %s in %.3f s%s",
                *("left undone" if undone else "done", LoggedJob(job), took, waited),
                extra=self._fields(job, "undone" if undone else "done", duration=round(took, 6)),
            )

    def failed(self, job: Job, error: ErrorReport, hint: str = "") -> None:
        """Log that the job failed; ``hint`` is what to do about it."""
        said = cut(error.error, MOST_SAID)
        log.error(
            "%s failed: %s: %s%s",
            *(LoggedJob(job), error.exception, said, f" ({hint})" if hint else ""),
            extra=self._fields(
                job,
                "failed",
                duration=round(self.clock.monotonic() - self.started, 6),
                exception=error.exception,
                error=said,
            ),
        )

    def redelivered(self, job: Job, redelivery: Redelivery, error: BaseException) -> None:
        """Log that the job's process died, and that the job goes back into its queue."""
        log.warning(
            "%s goes back into its queue (%d of %d): %s",
            *(LoggedJob(job), redelivery.number, redelivery.most, error),
            extra=self._fields(
                job,
                "put back",
                duration=round(self.clock.monotonic() - self.started, 6),
                error=str(error),
                redelivery=redelivery.number,
            ),
        )

    def _fields(self, job: Job, event: str, **more: object) -> dict[str, object]:
        fields: dict[str, object] = {
            "event": event,
            "queue": job.queue,
            "class": class_name(job.payload),
            "args": arguments(job.payload) or str(list(job.args)),
            "worker": self.worker_id,
        }
        found = job_id(job, self.registry)
        if found:
            fields["job_id"] = found
        if self.waited is not None:
            fields["queue_time"] = round(self.waited, 6)
        return {"fields": {**fields, **more}}


class QueueLog:
    """Warns of each queue that a worker can take nothing from, once."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def no_utf8(self, queue: str) -> None:
        """Warn that a queue is passed over because of its name."""
        self._warn(
            queue, "is passed over: its name is no UTF-8, and no worker's record could tell it"
        )

    def no_list(self, queue: str, key: str) -> None:
        """Warn that the queue's key holds something else than a list."""
        self._warn(
            queue,
            f"is no list in Redis ({key}), so nothing can be taken from it; other queues go on",
        )

    def _warn(self, queue: str, text: str) -> None:
        if queue not in self._warned:
            self._warned.add(queue)
            log.warning("queue %r %s", queue, text)


def known_name(registry: Registry, job: Job) -> str:
    """The name in a process title: as Ruby's ``Job#payload_class_name``, but of an ActiveJob its own class."""
    if job_hash(job.payload) is not None:
        return class_name(job.payload)
    try:
        return registry.find(job.payload.class_name).name
    except NoPerformError as error:
        return error.constant
    except UnknownJobClass:
        return "No Name"


def registered_instead(core: Core, job: Job) -> str:
    """One line for the operator: which classes are registered, and in which modules; "" if the job's class is."""
    wrapped = job_hash(job.payload) is not None
    wanted = class_name(job.payload) if wrapped else job.payload.class_name
    active = {entry.name: entry for entry in core.active_job_classes.entries()}
    known = active if wrapped else {entry.name: entry for entry in core.registry}
    if not isinstance(wanted, str):  # a payload may hold anything there
        return ""
    if wanted in known or (not wrapped and core.registry.knows(wanted)):
        return ""
    kind = "active jobs" if wrapped else "jobs"
    if not known:
        listed = f"no {kind} are registered here"
    else:
        listed = f"the {kind} registered here are {_listed(known)}"
    cure = (
        "name the module that registers it by -A, or let only workers that have it take this queue"
    )
    return f"{listed}; {cure}"


def _listed(known: dict[str, JobClass]) -> str:
    names = [f"{name} ({module_of(known[name])})" for name in sorted(known)]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def module_of(entry: JobClass) -> str:
    """The name of the module that defines a job's class or function."""
    return str(getattr(entry.target, "__module__", "?"))
