"""Registered jobs: which class or function performs which Ruby name. Light: the fork server loads this module.

A name in a payload is only looked up here; it is never imported.
"""

from __future__ import annotations

from pyresque.errors import (
    DuplicateJobError,
    NoClassError,
    NoPerformError,
    NoQueueError,
    UnknownJobClass,
)
from pyresque.job.job_class import JobClass, own_queue
from pyresque.job.targets import attach, check
from pyresque.ruby.names import camelize, constant_path, missing_constant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from pyresque.job.job import Job
    from pyresque.job.limits import TimeLimit
    from pyresque.job.middleware import Layer
    from pyresque.job.plugin import Plugin
    from pyresque.job.plugin_context import PluginContext

    #: How a caller names a job: a registered class or function, or the Ruby name.
    Target: TypeAlias = type[Any] | Callable[..., Any] | str


class Registry:
    """The jobs of one application."""

    def __init__(self) -> None:
        self.middleware: list[Layer] = []
        self.enqueue_middleware: list[Layer] = []
        self._by_name: dict[str, JobClass] = {}
        self._by_target: dict[int, JobClass] = {}
        #: Entries of declared classes by the function that says what they take, which lives on with them.
        self._declared_by: dict[int, tuple[Any, JobClass]] = {}
        self._own: dict[str, JobClass] = {}
        #: ``describe`` asks this for a target that is not registered here.
        self.fallback: Callable[[Any], JobClass | None] = lambda _: None
        #: What ``@resque.dry_run`` registers.
        self.dry_run: Callable[[Job], Any] | None = None
        #: The pid and the queues of the worker that performs jobs in this process, or in a child of it; None: there is none.
        self.worker: tuple[int, tuple[str, ...]] | None = None
        #: Filled by ``job/plain.py``: names whose jobs may take the fast path.
        self.fast_entries: dict[object, JobClass] = {}
        #: The entries that have plugins, by name.
        self.with_plugins: dict[str, JobClass] = {}
        #: What plugins need of a Core; in the Core's own view alone.
        self.context: PluginContext | None = None

    def with_internal(self, *own: JobClass) -> Registry:
        """Return a view of this registry with internal entries of its own; a registered job of the same name goes before."""
        view = Registry()
        view._by_name, view._by_target = self._by_name, self._by_target
        view._declared_by = self._declared_by
        view.middleware, view.fast_entries = self.middleware, self.fast_entries
        view.enqueue_middleware = self.enqueue_middleware
        view.with_plugins = self.with_plugins
        view._own = {entry.name: entry for entry in own}
        return view

    def add(
        self,
        target: Any,
        *,
        name: str | None = None,
        queue: str | None = None,
        kwargs: bool = False,
        aliases: Iterable[str] = (),
        timeout: TimeLimit | None = None,
        redeliveries: int = 0,
        hooks: Iterable[Callable[..., Any]] = (),
        hooks_by_kind: Mapping[str, Any] | None = None,
        plugins: tuple[Plugin, ...] = (),
    ) -> JobClass:
        """Register a class or function; ``hooks`` and ``hooks_by_kind`` become hooks of it (``targets.attach``).

        Without a name a class gives its own, a function the CamelCase of its own. Raises DuplicateJobError when
        another target has the name already, NoClassError when the target can perform nothing, JobOptionError if
        a hook has no hook's name.
        """
        check(target)
        entry = JobClass(
            name or own_name(target),
            queue,
            target,
            kwargs,
            tuple(aliases),
            timeout=timeout,
            redeliveries=redeliveries,
            plugins=plugins,
        )
        for known in (entry.name, *entry.aliases):
            holder = self._by_name.get(known)
            if holder is not None and holder.target is not None and holder.target is not target:
                msg = (
                    f"job {known!r} is registered twice: as {_where(holder.target)} and as {_where(target)}; "
                    "give one of them another name"
                )
                raise DuplicateJobError(msg)
        attach(target, hooks, hooks_by_kind)
        self._enter(entry)
        self._by_target[id(target)] = entry
        return entry

    def has(self, target: object) -> bool:
        """Whether this very function or class is registered or declared here."""
        return id(target) in self._by_target or id(target) in self._declared_by

    def declare(self, name: str, queue: str | None, plugins: tuple[Plugin, ...]) -> JobClass:
        """Enter a class that only Ruby performs. Raises DuplicateJobError if code is registered for that name."""
        holder = self._by_name.get(name)
        if holder is not None and holder.target is not None:
            raise DuplicateJobError(
                f"job {name!r} is registered for {_where(holder.target)}: give queue and plugins there"
            )
        entry = JobClass(name, queue, None, plugins=plugins)
        self._enter(entry)
        return entry

    def declare_by(self, function: Any, name: str) -> None:
        """Let a function stand for a declared class. Raises NoClassError for what cannot be called."""
        if not callable(function):
            raise NoClassError(
                f"declare({name!r}) of {function!r}: give a function that says what the job takes"
            )
        self._declared_by[id(function)] = function, self._by_name[name]

    def _enter(self, entry: JobClass) -> None:
        for known in (entry.name, *entry.aliases):
            self._by_name[known] = entry
            self.with_plugins.pop(known, None)
            if entry.plugins:
                self.with_plugins[known] = entry
        self.fast_entries.clear()

    def bound_to_job(
        self, entry: JobClass, queue: str | None, args: Sequence[Any] = (), job: Job | None = None
    ) -> JobClass:
        """Return a copy of an entry that has plugins, bound to one job: one found in its queue, or one that is being enqueued."""
        return entry.lookup.bound(self.plugin_context(), entry, queue, args, job)

    def plugin_context(self) -> PluginContext:
        """What plugins need of the Core whose view of the registry this is."""
        if self.context is None:
            raise RuntimeError("plugins need a Core: this registry belongs to none")
        return self.context

    def plugins(self) -> list[Plugin]:
        """Return one plugin of each kind that any class has."""
        found = {type(one): one for entry in self.with_plugins.values() for one in entry.plugins}
        return list(found.values())

    def with_plugins_of(self, job: Job) -> JobClass | None:
        """Return the entry of a job found in Redis, bound to that job; None if its class has no plugins."""
        if not self.with_plugins or job.fault is not None:
            return None
        entry = self.with_plugins.get(job.class_name)
        if entry is None and job.class_name:
            entry = self.with_plugins.get(constant_path(job.class_name))
        return None if entry is None else self.bound_to_job(entry, job.queue, job=job)

    def describe(self, target: Target | None) -> JobClass:
        """Return the entry of a target to enqueue; of an unregistered one by its own name and attributes."""
        if target is None:
            return JobClass("", None, None)  # validate raises NoClassError
        if isinstance(target, str):
            entry = self._by_name.get(target) or self.fallback(target)
            return entry or JobClass(target, None, None)
        entry = self._by_target.get(id(target))
        if entry is None:
            entry = self._declared_by.get(id(target), (None, None))[1] or self.fallback(target)
        if entry is not None:
            return entry
        return JobClass(own_name(target), None, target)

    def find(self, class_name: object) -> JobClass:
        """Return the entry of a payload's class name. Raises UnknownJobClass in Ruby's words."""
        if isinstance(class_name, str):
            entry = self._by_name.get(class_name)
            if entry is None:
                name = constant_path(class_name)
                entry = self._by_name.get(name) or self._own.get(name)
            if entry is not None:
                return entry
        complaint = missing_constant(class_name, self._by_name)
        raise (NoPerformError if complaint.startswith("undefined method") else UnknownJobClass)(
            complaint
        )

    def call(self, class_name: object, args: Iterable[Any]) -> Any:
        """Do the work of a plain job (``job/plain.py``); what it returns may have to be awaited."""
        return self.find(class_name).perform(*args)

    def named(self, class_name: object) -> JobClass | None:
        """The entry that is registered under that very name, or None."""
        name = class_name if isinstance(class_name, str) else ""
        return self._by_name.get(name) or self._own.get(name)

    def entry_of(self, job: Job) -> JobClass | None:
        """Return the entry that performs a job, also of a job inside a wrapper; None if none is registered."""
        try:
            entry = self.find(job.payload.class_name)
        except UnknownJobClass:
            return None
        return entry if entry.operation is None else entry.operation.inside(job)

    def knows(self, class_name: object) -> bool:
        """Whether ``find`` finds the name."""
        try:
            self.find(class_name)
        except UnknownJobClass:
            return False
        return True

    def __iter__(self) -> Iterator[JobClass]:
        """Iterate over the registered jobs, each once, sorted by name."""
        return iter(sorted(set(self._by_name.values()), key=lambda entry: entry.name))

    def __len__(self) -> int:
        """Return how many jobs are registered."""
        return len(self._by_target)


def validate(entry: JobClass, queue: str | None) -> str:
    """Return the queue of a job. Raises NoQueueError or NoClassError in Ruby's words (``Resque.validate``)."""
    where = queue if queue is not None else entry.given_queue
    if where is None:
        where = own_queue(entry.target)
    if where is None:
        msg = f"Jobs must be placed onto a queue. No queue could be inferred for class {entry.name}"
        raise NoQueueError(msg + _way_out(entry.target))
    if not entry.name:
        raise NoClassError("Jobs must be given a class.")
    return where


def _way_out(target: Any) -> str:
    """What to write in place of what ``active_job`` returns; empty for any other target: there the words are Ruby's."""
    if target is None or not hasattr(target, "job_class"):
        return ""
    return f": what active_job returns has an enqueue of its own, active_job({target.job_class!r}).enqueue(...)"


def own_name(target: Any) -> str:
    """Return the Ruby name of an unregistered target: a class's name, or the CamelCase of a function's."""
    name: str = getattr(target, "__name__", type(target).__name__)
    return name if isinstance(target, type) else camelize(name)


def _where(target: Any) -> str:
    return f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', target)}"
