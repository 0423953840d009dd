"""A task with options of Resque, and the registration of tasks: one job for each, found by its name, never imported from a payload."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, TypeVar, overload

from django.apps import apps

from pyresque.contrib.django.library import Task, task_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

    from pyresque.job.limits import TimeLimit
    from pyresque.job.plugin import Plugin
    from pyresque.plugins.retry import Backoff

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, eq=False)
class ResqueTask(Task):  # type: ignore[type-arg]  # Django's class takes no parameters while a program runs
    """A task with the options that ``task`` tells of; every task that is declared with this backend is one."""

    class_name: str | None = None
    ruby_class: str | None = None
    tracked: bool = False
    timeout: TimeLimit | timedelta | float | None = None
    retries: int | None = None
    backoff: Backoff | None = None
    on_dirty_exit: Literal["fail", "requeue"] = "fail"
    max_redeliveries: int | None = None
    hooks: Iterable[Callable[..., Any]] = ()
    plugins: Iterable[Plugin] = ()


#: What Django's ``task`` gives where its caller gives nothing.
DEFAULTS: Final = {
    "priority": 0,
    "queue_name": "default",
    "backend": "default",
    "run_after": None,
}

#: Options of ``resque.job`` that a task hands on.
HANDED_ON: Final = (
    *("timeout", "retries", "backoff", "on_dirty_exit", "max_redeliveries", "hooks", "plugins"),
)


def wire_name(task: Task[Any, Any]) -> str:
    """The class that the payloads of a task name."""
    if isinstance(task, ResqueTask):
        return task.ruby_class or task.class_name or task.module_path
    return task.module_path


def has_result(task: Task[Any, Any]) -> bool:
    """Whether a status is kept: of each task that Python performs, and of a Ruby class if that is asked for."""
    return not isinstance(task, ResqueTask) or not task.ruby_class or task.tracked


def signature_of(task: Task[Any, Any]) -> inspect.Signature:
    """Return which arguments a task takes when it is enqueued."""
    signature = inspect.signature(task.func)
    parameters = list(signature.parameters.values())
    return signature.replace(parameters=parameters[1:] if task.takes_context else parameters)


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(**options: Any) -> Callable[[Callable[..., R]], Task[..., R]]: ...


def task(function: Any = None, /, **options: Any) -> Any:
    """Make a task of a module's function, as Django's ``task`` does, with more options.

    ``class_name``: the class that payloads name, so that Rails can enqueue the task; by default the path of the function.
    ``ruby_class``: a class that Ruby performs; the function says which arguments it takes, and is not called. ``tracked=True``: that
    class includes Resque::Plugins::Status, so that there is a result. ``timeout``, ``retries``, ``backoff``, ``on_dirty_exit``,
    ``max_redeliveries``, ``hooks`` and ``plugins`` are those of ``resque.job``. From Django 6.1 on, and with the backport, Django's own
    ``task`` takes these options, too, where the task's backend is this one. Raises TypeError for any other, InvalidTask.

    >>> @task(queue_name="reports", class_name="Reports::Monthly", retries=3)
    ... def monthly(month): ...
    """
    known = {each.name for each in fields(ResqueTask)} - {"func", "run_after"}
    for name in options:
        if name not in known:
            raise TypeError(f"task() has no option {name}; it has {', '.join(sorted(known))}")

    def made(function: Callable[..., Any]) -> ResqueTask:
        return ResqueTask(func=function, **{**DEFAULTS, **options})

    return made if function is None else made(function)


def register_all() -> None:
    """Register the tasks of imported modules of this project whose own backend is another one: ``using(backend=...)`` may send them here."""
    from pyresque.contrib.django.backend import ResqueBackend  # noqa: PLC0415 - it imports this module

    backends = [task_backends[alias] for alias in task_backends]
    ours = [backend for backend in backends if isinstance(backend, ResqueBackend)]
    packages = {config.name for config in apps.get_app_configs()}
    for name, module in sorted(sys.modules.items()):
        if ours and not packages.isdisjoint(_with_parents(name)):
            for value in list(vars(module).values()):
                if isinstance(value, Task):
                    ours[0].register(value)


def _with_parents(name: str) -> list[str]:
    """Return a module's name and those of the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
