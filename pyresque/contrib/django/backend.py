"""The backend of Django's tasks: a task is a tracked job, and its result is the job's status (docs/django.md)."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.core import checks
from django.db import transaction
from django.utils.timezone import now

from pyresque.contrib.django.errors import TaskKeptOut
from pyresque.contrib.django.library import (
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResultDoesNotExist,
    task_enqueued,
)
from pyresque.contrib.django.options import BackendOptions
from pyresque.contrib.django.plugin import TaskStatus, kept_of, new_task
from pyresque.contrib.django.resque_task import (
    HANDED_ON,
    ResqueTask,
    has_result,
    signature_of,
    wire_name,
)
from pyresque.contrib.django.results import fields_of, new_result, result_of
from pyresque.job.job_class import JobClass
from pyresque.job.sending import options_of, wire_args
from pyresque.plugins.status import uuid
from pyresque.user_errors import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.contrib.django.library import TaskResult
    from pyresque.contrib.django.project import DjangoResque

#: The registered tasks by the class that their payloads name.
_registered: Final[dict[str, Task[Any, Any]]] = {}


class ResqueBackend(BaseTaskBackend):
    """Enqueues tasks as jobs of Resque, which its workers perform.

    OPTIONS: ``priorities``, queues by priority; ``result_ttl``, seconds that a result is kept; ``result_limit``, bytes of JSON that a
    returned value may have; ``on_commit``, whether tasks wait for the commit of a transaction.

    >>> TASKS = {"default": {"BACKEND": "pyresque.contrib.django.ResqueBackend", "QUEUES": ["default", "mail"]}}
    """

    task_class = ResqueTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = False  # of one whose OPTIONS say which queues they mean: True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self.chosen = BackendOptions(self.options)
        self.supports_priority = bool(self.chosen.priorities)

    @property
    def resque(self) -> DjangoResque:
        """The Resque of the project. Raises ImproperlyConfigured."""
        from pyresque.contrib.django.project import resque  # noqa: PLC0415 - the settings are read at the first use

        return resque

    # -- registering

    def validate_task(self, task: Task[Any, Any]) -> None:
        """Raise InvalidTask for a task that cannot be performed; register one that can."""
        super().validate_task(task)
        if isinstance(task, ResqueTask) and task.ruby_class and task.class_name:
            raise InvalidTask(
                "give class_name for a task that Python performs, or ruby_class for one that Ruby does"
            )
        if isinstance(task, ResqueTask) and task.ruby_class and task.takes_context:
            raise InvalidTask("Ruby performs this task: it takes no context")
        self.register(task)

    def register(self, task: Task[Any, Any]) -> None:
        """Register the job that performs a task, if there is none yet. Raises DuplicateJobError, JobOptionError."""
        name = wire_name(task)
        known = _registered.get(name)
        if known is not None and known.func is task.func:
            return
        queue = self.chosen.queue(task.queue_name, task.priority)
        if isinstance(task, ResqueTask) and task.ruby_class:
            plugins = [*task.plugins, self._status()] if task.tracked else task.plugins
            self.resque.declare(name, queue=queue, plugins=plugins)
        else:
            from pyresque.contrib.django.performing import performer  # noqa: PLC0415 - it needs the project's Resque

            given = {
                each: getattr(task, each) for each in HANDED_ON if isinstance(task, ResqueTask)
            }
            given["plugins"] = [*given.get("plugins", ()), self._status()]
            self.resque.job(name, queue=queue, **given)(performer(self, task, name))
        _registered[name] = task

    def _status(self) -> TaskStatus:
        return TaskStatus(expire_in=self.chosen.result_ttl, result_limit=self.chosen.result_limit)

    # -- enqueueing

    def enqueue(
        self, task: Task[Any, Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> TaskResult[Any, Any]:
        """Put a task into its queue, or note it for later. Raises InvalidTask, JobArgumentError, RedisUnavailable."""
        self.validate_task(task)
        result = new_result(task, uuid(), list(args), dict(kwargs), self.alias)
        sent = self._sent(task, result)
        push = partial(self._push, task, result, sent)
        if self.chosen.on_commit:
            transaction.on_commit(push, using=self.chosen.on_commit)
        else:
            push()
        return result

    def _sent(self, task: Task[Any, Any], result: TaskResult[Any, Any]) -> list[Any]:
        """Return the arguments as the payload has them, but for the id. Raises JobArgumentError."""
        signature, name = signature_of(task), wire_name(task)
        if has_result(task):
            return [options_of(name, signature, result.args, result.kwargs)]
        by_name = any(each.kind is each.KEYWORD_ONLY for each in signature.parameters.values())

        def described() -> None:
            """What the Ruby class takes."""

        described.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
        entry = JobClass(name, None, described, kwargs=by_name)
        return wire_args(entry, result.args, result.kwargs)

    def _push(self, task: Task[Any, Any], result: TaskResult[Any, Any], sent: list[Any]) -> None:
        name, resque = wire_name(task), self.resque
        queue = self.chosen.queue(task.queue_name, task.priority)
        due = None if task.run_after is None else math.ceil(task.run_after.timestamp())
        if has_result(task):
            wait = 0.0 if due is None else max(due - now().timestamp(), 0.0)
            sent = [new_task(result.id, fields_of(name, result), wait), *sent]
        if due is None:
            done = resque.enqueue_to(queue, name, *sent)
        else:
            done = resque.enqueue_at_with_queue(queue, due, name, *sent)
        if done is None:
            raise TaskKeptOut(
                f"{name} was not enqueued: a hook, a middleware or a plugin has kept it out"
            )
        task_enqueued.send_robust(type(self), task_result=result)

    # -- results

    def get_result(self, result_id: object) -> TaskResult[Any, Any]:
        """Return the result of a task by its id. Raises TaskResultDoesNotExist, RedisUnavailable."""
        if not isinstance(result_id, str) or clean(result_id) != result_id:  # half a character
            raise TaskResultDoesNotExist(result_id)
        found = self.resque.statuses.get(result_id)
        if found is None or found.fault is not None:
            raise TaskResultDoesNotExist(result_id)
        name = kept_of(found).get("class") or found.name.partition("(")[0]
        task = _registered.get(name) if isinstance(name, str) else None
        if task is None:
            raise TaskResultDoesNotExist(f"{result_id}: no task {name!r} is registered here")
        return result_of(task, self.alias, found)

    def check_size(self, value: object) -> None:
        """Raise ValueError for a returned value that is too large to be kept."""
        size = len(self.resque.core.codec.encode(value, path="result"))
        if size > self.chosen.result_limit:
            raise ValueError(
                f"the task returned {size} bytes of JSON, and {self.chosen.result_limit} are kept: "
                "OPTIONS['result_limit'] of the backend says so"
            )

    # -- checks

    def check(self, **_: Any) -> list[checks.CheckMessage]:
        """Report wrong OPTIONS, and that the app is not installed."""
        where = f"TASKS[{self.alias!r}]"
        found: list[checks.CheckMessage] = [
            checks.Error(f"{where}['OPTIONS']: {fault}", id="pyresque.E002")
            for fault in self.chosen.faults
        ]
        if not apps.is_installed("pyresque.contrib.django"):
            uninstalled = checks.Error(
                f"{where} is the backend of pyresque, and its app is not installed",
                hint="Add 'pyresque.contrib.django' to INSTALLED_APPS: it finds the tasks, and brings manage.py pyresque.",
                id="pyresque.E003",
            )
            found.append(uninstalled)
        return found
