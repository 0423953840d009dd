"""The hooks of a job's class and of its plugins, as one list; and the copy of the class's entry that they run with. Light."""

from __future__ import annotations

from pyresque.job.hooks import NO_HOOKS, PREFIXES, HookNames, Hooks, is_hook
from pyresque.job.plugin import PluginJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.plugin import Plugin
    from pyresque.job.plugin_context import PluginContext
    from pyresque.ops import Op


class PluginHooks(Hooks):
    """The hooks of a target and of its plugins, in the order of their names."""

    __slots__ = ("_merged", "_merged_from", "of_plugins")

    def __init__(self, target: Any, plugins: Iterable[Plugin]) -> None:
        super().__init__(target)
        self._merged_from: HookNames | None = None
        self._merged = NO_HOOKS
        #: The name of each plugin's hook, and the method.
        self.of_plugins: dict[str, Callable[..., Op[Any]]] = {
            name: getattr(plugin, name)
            for plugin in plugins
            for name in dir(type(plugin))
            if name.startswith(PREFIXES)
        }

    def now(self) -> HookNames:
        """Return the hooks that target and plugins have now."""
        own = super().now()
        if not self.of_plugins or own is self._merged_from:
            return self._merged if self.of_plugins else own
        merged = {
            prefix: tuple(
                sorted(
                    {*getattr(own, prefix)}.union(
                        name for name in self.of_plugins if name.startswith(prefix)
                    )
                )
            )
            for prefix in PREFIXES
        }
        self._merged_from = own
        self._merged = HookNames(**merged) if any(merged.values()) else NO_HOOKS
        return self._merged

    def bound(
        self,
        context: PluginContext,
        entry: JobClass,
        queue: str | None,
        args: Sequence[Any] = (),
        job: Job | None = None,
    ) -> JobClass:
        """Return a copy of an entry with these hooks for one job (``Registry.bound_to_job``)."""
        copy = object.__new__(type(entry))
        for slot in entry.__slots__:
            setattr(copy, slot, getattr(entry, slot))
        where = queue if queue is not None else entry.queue or ""
        copy.plugin_job = PluginJob(context, entry, where, args, job, to_queue=queue is not None)
        return copy

    def of_plugin(self, name: str) -> Callable[..., Op[Any]] | None:
        """Return a plugin's hook of that name; None if the target has its own."""
        if is_hook(self.target, name):
            return None
        return self.of_plugins.get(name)
