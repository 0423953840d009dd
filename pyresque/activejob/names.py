"""How a Resque payload is known to hold an active job; for those who look at every payload."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.job import Payload

#: The Resque class under which every ActiveJob travels; its only argument is the job hash.
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


def is_wrapper(class_name: object) -> bool:
    """Whether a Resque payload's class is the ActiveJob wrapper; Ruby accepts it with colons around it, too."""
    return isinstance(class_name, str) and class_name.strip(":") == WRAPPER


def job_hash(payload: Payload) -> Mapping[str, object] | None:
    """The job hash in a wrapper's payload; None for any other job, and for a wrapper with something else in it."""
    args = payload.args
    if not is_wrapper(payload.class_name) or not isinstance(args, list) or len(args) != 1:
        return None
    found = args[0]
    if isinstance(found, dict) and isinstance(found.get("job_class"), str):
        return found
    return None
