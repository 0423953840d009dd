"""Performs a task in a worker: its result goes from running to successful or failed, with Django's signals in between."""

from __future__ import annotations

import inspect
import os
import socket
from functools import partial
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.utils.timezone import now

from pyresque.contrib.django.library import (
    TaskContext,
    TaskError,
    normalize_json,
    task_finished,
    task_started,
)
from pyresque.contrib.django.plugin import TASK, kept_of
from pyresque.contrib.django.project import resque
from pyresque.contrib.django.resque_task import signature_of
from pyresque.contrib.django.results import FAILURE, RUNNING, SUCCESS, fields_of, put, result_of
from pyresque.errors import JobKilled
from pyresque.job.job_status import COMPLETED, FAILED, RESULT, JobStatus
from pyresque.user_errors import clean, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyresque.contrib.django.backend import ResqueBackend
    from pyresque.contrib.django.library import Task

#: The most characters that a result keeps of a traceback, which ends with the error's text.
MOST_TRACEBACK: Final = 100_000


def performer(backend: ResqueBackend, task: Task[Any, Any], name: str) -> Callable[..., Any]:
    """Return the function that a worker calls for a task. Its signature is that of the task's function, without the context."""
    begin = partial(Attempt, backend, task, name)

    def perform(*args: Any, **kwargs: Any) -> Any:
        attempt = begin(args, kwargs)
        try:
            value = task.func(*attempt.context, *args, **kwargs)
            attempt.succeed(value)
        except BaseException as error:
            attempt.fail(error)
            raise

    async def aperform(*args: Any, **kwargs: Any) -> Any:
        # What reads and writes the result, and receivers of signals, block.
        attempt = await sync_to_async(begin)(args, kwargs)
        try:
            value = await task.func(*attempt.context, *args, **kwargs)
            await sync_to_async(attempt.succeed)(value)
        except GeneratorExit:
            raise
        except BaseException as error:
            await sync_to_async(attempt.fail)(error)
            raise

    made: Callable[..., Any] = aperform if inspect.iscoroutinefunction(task.func) else perform
    made.__name__ = task.func.__name__
    made.__qualname__ = task.func.__qualname__
    made.__module__ = task.func.__module__
    made.__doc__ = task.func.__doc__
    made.__signature__ = signature_of(task)  # type: ignore[attr-defined]  # what inspect looks for
    return made


class Attempt:
    """One attempt at a task: says that it is running, and how it has ended."""

    def __init__(
        self,
        backend: ResqueBackend,
        task: Task[Any, Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self.backend = backend
        self.name = name
        self.status = resque.status()
        found = self.status.read() or JobStatus(self.status.id, {})
        result = result_of(task, backend.alias, found, kwargs)
        if not kept_of(found):  # Rails has enqueued it, or its status has expired
            put(result, args=normalize_json(args), kwargs=normalize_json(kwargs))
        time = now()
        put(
            result,
            status=RUNNING,
            started_at=result.started_at or time,
            last_attempted_at=time,
            finished_at=None,
            worker_ids=[*result.worker_ids, f"{socket.gethostname()}:{os.getpid()}"],
        )
        self.result = result
        self._write()
        task_started.send_robust(type(backend), task_result=result)
        self.context: tuple[Any, ...] = (
            (TaskContext(task_result=result),) if task.takes_context else ()
        )

    def succeed(self, value: object) -> None:
        """Keep what the task returned. Raises TypeError and ValueError for what is no JSON, or too large."""
        kept = normalize_json(value)
        self.backend.check_size(kept)
        put(self.result, finished_at=now(), status=SUCCESS, _return_value=kept)
        more = {} if kept is None else {RESULT: kept}
        self._write({"status": COMPLETED, **more})
        task_finished.send_robust(type(self.backend), task_result=self.result)

    def fail(self, error: BaseException) -> None:
        """Keep the error that the task raised; half characters, as names of files may have, become question marks."""
        kind = type(error)
        raised = TaskError(
            exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
            traceback=cut(
                clean("".join(format_exception(kind, error, error.__traceback__))), MOST_TRACEBACK
            ),
        )
        put(
            self.result,
            finished_at=now(),
            status=FAILURE,
            errors=[*self.result.errors, raised],
            _return_value=None,
        )
        self._write({} if isinstance(error, JobKilled) else {"status": FAILED})
        task_finished.send_robust(type(self.backend), task_result=self.result)

    def _write(self, more: Mapping[str, Any] | None = None) -> None:
        self.status.set({TASK: fields_of(self.name, self.result), **(more or {})})
