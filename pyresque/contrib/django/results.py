"""From the status of a job to a TaskResult, and back."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.timezone import now

from pyresque.contrib.django.library import (
    InvalidTask,
    Task,
    TaskError,
    TaskResult,
    TaskResultStatus,
)
from pyresque.contrib.django.plugin import kept_of
from pyresque.job.job_status import COMPLETED, FAILED, KILLED, QUEUED, WORKING
from pyresque.user_errors import is_error_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.job_status import JobStatus

#: Django's words for what becomes of a task.
READY: Final = TaskResultStatus("READY")
RUNNING: Final = TaskResultStatus("RUNNING")
SUCCESS: Final = TaskResultStatus("SUCCESSFUL")
FAILURE: Final = TaskResultStatus("FAILED")

#: Django's word for each state of resque-status. A state that a job has given a name of its own is one of a job at work.
STATES: Final = {
    QUEUED: READY,
    WORKING: RUNNING,
    COMPLETED: SUCCESS,
    FAILED: FAILURE,
    KILLED: FAILURE,
}


def new_result(
    task: Task[Any, Any], task_id: str, args: Any, kwargs: Any, backend: str
) -> TaskResult[Any, Any]:
    """Return the result of a task that is enqueued now. Raises TypeError and ValueError for arguments that are no JSON."""
    return TaskResult(
        task=task,
        id=task_id,
        status=READY,
        enqueued_at=now(),
        started_at=None,
        finished_at=None,
        last_attempted_at=None,
        args=args,
        kwargs=kwargs,
        backend=backend,
        errors=[],
        worker_ids=[],
    )


def fields_of(name: str, result: TaskResult[Any, Any]) -> dict[str, Any]:
    """Return what the status keeps of a result, beside its state and the returned value."""
    task = result.task
    return {
        "class": name,
        "args": result.args,
        "kwargs": result.kwargs,
        "priority": task.priority,
        "queue_name": task.queue_name,
        "run_after": _seconds(task.run_after),
        **{name: _seconds(getattr(result, name)) for name in TIMES},
        "worker_ids": result.worker_ids,
        "errors": [[error.exception_class_path, error.traceback] for error in result.errors],
    }


class KeptError(TaskError):
    """An error as a status keeps it. Its class is found among the modules that are loaded: a name from Redis is never imported."""

    __slots__ = ()

    @property
    def exception_class(self) -> type[BaseException]:
        """The class of the error. Raises ImportError if its module is not loaded here, ValueError if the name is of no exception."""
        module, _, name = self.exception_class_path.rpartition(".")
        if module not in sys.modules:
            raise ImportError(
                f"{self.exception_class_path!r} is not loaded here, and a name from Redis is not imported: import {module!r} first"
            )
        found = vars(sys.modules[module]).get(name)
        if not is_error_class(found):
            raise ValueError(f"{self.exception_class_path!r} does not name an exception")
        return found


#: The times of a result, which the status keeps as seconds since 1970.
TIMES: Final = ("enqueued_at", "started_at", "finished_at", "last_attempted_at")


def result_of(
    task: Task[Any, Any], backend: str, status: JobStatus, kwargs: Mapping[str, Any] | None = None
) -> TaskResult[Any, Any]:
    """Return the result that a status tells of. ``kwargs``: the arguments of a job that was not enqueued as a task."""
    kept = kept_of(status)
    options = status.options if isinstance(status.options, dict) else {}
    state = STATES.get(status.status, RUNNING)
    times = {name: _time(kept.get(name)) for name in TIMES}
    errors: list[TaskError] = [
        KeptError(exception_class_path=path, traceback=text)
        for path, text in _texts(kept.get("errors"))
    ]
    if state == FAILURE and not errors:
        errors.append(
            KeptError(exception_class_path="builtins.Exception", traceback=status.message)
        )
    given = kept["kwargs"] if "kwargs" in kept else dict(options if kwargs is None else kwargs)
    result: TaskResult[Any, Any] = TaskResult(
        task=_as_enqueued(task, kept),
        id=status.id,
        status=state,
        **{**times, "enqueued_at": times["enqueued_at"] or _time(status.time)},
        args=_list(kept.get("args")),
        kwargs=given if isinstance(given, dict) else {},
        backend=backend,
        errors=errors,
        worker_ids=_list(kept.get("worker_ids")),
    )
    if state == SUCCESS:
        put(result, _return_value=status.result)
    return result


def put(result: TaskResult[Any, Any], **values: Any) -> None:
    """Change a result, which is frozen for everybody else."""
    for name, value in values.items():
        object.__setattr__(result, name, value)


def _as_enqueued(task: Task[Any, Any], kept: Mapping[str, Any]) -> Task[Any, Any]:
    """Return a task as it was when it was enqueued; as it is now if the settings do not allow that any more."""
    try:
        return replace(
            task,
            priority=kept.get("priority", task.priority),
            queue_name=kept.get("queue_name", task.queue_name),
            run_after=_time(kept.get("run_after")),
        )
    except (InvalidTask, TypeError):
        return task


def _seconds(when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()


def _time(seconds: object) -> datetime | None:
    if not isinstance(seconds, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc if settings.USE_TZ else None)
    except (OverflowError, ValueError, OSError):
        return None


def _list(found: object) -> list[Any]:
    return list(found) if isinstance(found, list) else []


def _texts(found: object) -> list[tuple[str, str]]:
    """The pairs of texts in a list; what is none is left out."""
    pairs = [tuple(each) for each in _list(found) if isinstance(each, list)]
    return [pair for pair in pairs if len(pair) == 2 and all(isinstance(one, str) for one in pair)]  # noqa: PLR2004 - a pair
