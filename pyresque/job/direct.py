"""Jobs that the fast paths perform by plain calls, with next to no operation in between. Light: the fork server loads this module.

All that such a job needs is known beforehand: short hooks of the class, the job itself, one command that is sent first, and what the
plugin writes at the end of a job that succeeds. That saves an inline worker two thirds of the work around a job. A forked child
is given a copy of each page of memory that it touches, and calls touch few; nor need it tell what its plugin writes.
Where a job fails, changes the hooks of its class, or the command's reply is not what it should be, it goes on in the usual way
(``perform.py``).
"""

from __future__ import annotations

from pyresque.job.hooks import PERFORMING
from pyresque.job.plugin import Plugin, PluginJob
from pyresque.lightweight import is_coroutine_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pyresque.job.hooks import HookNames
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.job_end import Commands, JobEnd
    from pyresque.job.registry import Registry
    from pyresque.ops import Arg, Op


class Shortcut:
    """What a plugin does around a job that succeeds.

    ``first``: a command that is sent before the job; its reply is a whole number, which is kept in the PluginJob's state.
    ``writes``: what is written at the job's end.
    """

    __slots__ = ("first", "writes")

    def __init__(self, first: tuple[Arg, ...], writes: Commands) -> None:
        self.first = first
        self.writes = writes


class DirectJob:
    """A job that can be performed by calls."""

    __slots__ = (
        "after",
        "args",
        "before",
        "entry",
        "finish",
        "first",
        "hooks",
        "job",
        "plugin",
        "wire",
        "writes",
    )

    def __init__(self, entry: JobClass, job: Job, args: Sequence[Any], hooks: HookNames) -> None:
        self.entry = entry
        self.job = job
        self.args = args
        #: The hooks that the class had when the job began.
        self.hooks = hooks
        #: The names of the target's own hooks before and after the work.
        self.before: tuple[str, ...] = ()
        self.after: tuple[str, ...] = ()
        self.plugin: Plugin | None = None
        #: The plugin's first command, and what it writes if the job succeeds.
        self.first: tuple[Arg, ...] = ()
        #: That command as it goes over the wire, if that is known by now.
        self.wire = b""
        self.writes: Commands = []
        #: Of a job inside a payload: does the rest around an operation that stands for its work.
        self.finish: Callable[[Op[bool]], Op[bool]] | None = None

    def same_hooks(self) -> bool:
        """Whether the class has the hooks that it had when the job began."""
        now = self.entry.hooks
        return now is self.hooks or now == self.hooks

    def bound(self, registry: Registry, number: int | None, end: JobEnd) -> JobClass:
        """Return the entry for what follows in the usual way: bound to the job, with its plugin's number."""
        if self.plugin is None:
            return self.entry
        entry = registry.bound_to_job(self.entry, self.job.queue, job=self.job)
        if entry.plugin_job is not None:
            entry.plugin_job.state[self.plugin], entry.plugin_job.end = number, end
        return entry


def direct_job(registry: Registry, job: Job) -> DirectJob | None:
    """Return how to perform a job by calls; None if it needs more."""
    entry, args = registry.named(job.payload.class_name), job.payload.args
    if entry is None or registry.middleware or args.__class__ is not list or job.fault is not None:
        return None
    if entry.timeout or entry.kwargs or entry.by_name or entry.redeliveries:
        return None
    try:
        if entry.operation is not None:
            return entry.operation.direct(job)
        return _with_hooks(registry, entry, job, args)
    except Exception:  # noqa: BLE001 - a listed hook is missing, arguments make no key, an envelope is wrong: the job's failure
        return None


def _with_hooks(registry: Registry, entry: JobClass, job: Job, args: list[Any]) -> DirectJob | None:
    """Return how to perform a job of a class that may have hooks and plugins. Raises what the class's own code raises, and PluginKeyError."""
    if not entry.plugins:
        return with_own_hooks(entry, job, args)
    names = entry.hooks
    if not entry.performs or names.around_perform:
        return None
    return _with_plugin(registry, entry, job, args)


def with_own_hooks(entry: JobClass, job: Job, args: Sequence[Any]) -> DirectJob | None:
    """Return how to perform a job of a class without plugins, with these arguments. Raises what the class's own code raises."""
    names, target = entry.hooks, entry.target
    if not entry.performs or names.around_perform or names.always:
        return None
    found = DirectJob(entry, job, args, names)
    found.before, found.after = names.before_perform, names.after_perform
    for name in (*found.before, *found.after):
        if is_coroutine_function(getattr(target, name)):
            return None
    return found


def _with_plugin(  # noqa: PLR0911 - one check after the other
    registry: Registry, entry: JobClass, job: Job, args: list[Any]
) -> DirectJob | None:
    """Return how to perform a job of a class whose plugins have no hooks, or that has one plugin with a shortcut, and no hooks of its own."""
    names, plugin = entry.hooks, entry.plugins[0]
    if entry.shortcut_for is not names:  # the same object as long as the hooks stay
        hooks = [name for kind in PERFORMING for name in getattr(names, kind)]
        if any(type(one).args_received is not Plugin.args_received for one in entry.plugins):
            return None
        if not hooks:
            return DirectJob(entry, job, args, names)
        if len(entry.plugins) != 1 or not all(map(entry.lookup.of_plugin, hooks)):
            return None
        if "shortcut" not in vars(type(plugin)):
            return None  # a shortcut speaks for its own class: a subclass may do something else
        entry.shortcut_for, entry.shortcut_hooks = names, frozenset(hooks)
    if not entry.shortcut_hooks.isdisjoint(vars(plugin)):
        return None  # so may a hook put in place of one
    shortcut = plugin.shortcut(PluginJob(registry.plugin_context(), entry, job.queue, (), job))
    if shortcut is None:
        return None
    found = DirectJob(entry, job, args, names)
    found.plugin = plugin
    found.first, found.writes = shortcut.first, shortcut.writes
    return found
