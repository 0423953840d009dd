"""One registered job: its names, its options, and the class or function that performs it. Light: the fork server loads this module."""

from __future__ import annotations

from pyresque.errors import NoPerformError
from pyresque.job.hooks import HookNames, Hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from pyresque.job.direct import DirectJob
    from pyresque.job.job import Job
    from pyresque.job.limits import TimeLimit
    from pyresque.job.plugin import Plugin, PluginJob
    from pyresque.job.sending import Carrier
    from pyresque.ops import Op

    class Operation(Protocol):
        """Performs jobs that are inside the payloads of another class, such as ActiveJobs; may send commands to Redis."""

        def perform(self, job: Job, instead: Callable[[], Op[bool]] | None = None, /) -> Op[bool]:
            """Perform the job inside; whether its work was done. ``instead`` takes the place of the work and the hooks around it."""

        def inside(self, job: Job, /) -> JobClass | None:
            """Return the entry of the job inside; None if it is not registered."""

        def direct(self, job: Job, /) -> DirectJob | None:
            """Return how to perform the job inside by calls (``job/direct.py``); None if it needs more."""


class JobClass:
    """One registered job: its Ruby name, its queue, the class or function that performs it, and its options.

    ``kwargs``: a trailing hash becomes keyword arguments. ``operation`` performs the job that is inside a payload,
    in place of target and hooks. ``redeliveries``: how often the
    job is redelivered after its process died. ``lookup`` finds the hooks. ``carrier`` enqueues the job inside another job.
    ``by_name``: arguments travel as one hash of their names (``job/sending.py``). ``plugins`` add hooks and moments (``job/plugin.py``); in a copy bound to one job (``Registry.bound_to_job``), ``plugin_job`` is that job.
    """

    __slots__ = (
        *(
            "acts_when_taken",
            "aliases",
            "by_name",
            "carrier",
            "given_queue",
            "kwargs",
            "lookup",
            "name",
        ),
        *("operation", "plugin_job", "plugins", "redeliveries", "shortcut_for", "shortcut_hooks"),
        *("target", "timeout"),
    )

    def __init__(
        self,
        name: str,
        queue: str | None,
        target: Any,
        kwargs: bool = False,
        aliases: tuple[str, ...] = (),
        operation: Operation | None = None,
        timeout: TimeLimit | None = None,
        redeliveries: int = 0,
        carrier: Carrier | None = None,
        plugins: tuple[Plugin, ...] = (),
    ) -> None:
        self.name = name
        self.given_queue = queue
        self.target = target
        self.kwargs = kwargs
        self.aliases = aliases
        self.plugin_job: PluginJob | None = None
        self.plugins = plugins
        #: Whether a plugin acts when a job is taken (``job/plain.py``); None: nobody has asked.
        self.acts_when_taken: bool | None = None if plugins else False
        #: The hooks for which the plugin's shortcut holds, as ``hooks`` returns them, and as a set (``job/direct.py``).
        self.shortcut_for: HookNames | None = None
        self.shortcut_hooks: frozenset[str] = frozenset()
        self.by_name = any(plugin.by_name for plugin in plugins) if plugins else False
        self.lookup = _lookup(target, plugins)
        self.carrier = carrier
        self.operation = operation
        self.timeout = timeout
        self.redeliveries = redeliveries

    def __repr__(self) -> str:
        return f"JobClass({self.name!r}, queue={self.queue!r}, target={self.target!r})"

    @property
    def queue(self) -> str | None:
        """The queue: the registered one, else the one that the class or function names now; Ruby, too, asks each time."""
        return self.given_queue if self.given_queue is not None else own_queue(self.target)

    @property
    def hooks(self) -> HookNames:
        """The names of the hooks that the target has now."""
        return self.lookup.now()

    def args_of(self, job: Job) -> tuple[Any] | None:
        """Return the arguments of a job found in Redis, as a tuple's only element; None if it is of another class."""
        if self.carrier is not None:
            found = self.carrier.args_of(job)
            return None if found is None else (found,)
        if job.payload.class_name != self.name:
            return None
        args: Any = job.payload.args
        if self.plugins and isinstance(args, list):
            for plugin in self.plugins:
                args = plugin.args_received(args)
        return (args,)

    @property
    def performs(self) -> bool:
        """Whether the target can perform: it is a function, or a class with ``perform``."""
        if self.target is None:
            return False
        return not isinstance(self.target, type) or hasattr(self.target, "perform")

    @property
    def perform(self) -> Callable[..., Any]:
        """The function that does the work: a class's ``perform``, or the function itself."""
        if isinstance(self.target, type):
            perform: Callable[..., Any] | None = getattr(self.target, "perform", None)
            if perform is None:
                raise NoPerformError(f"undefined method `perform' for {self.name}:Class")
            return perform
        function: Callable[..., Any] = self.target
        return function


def _lookup(target: Any, plugins: tuple[Plugin, ...]) -> Hooks:
    if not plugins:
        return Hooks(target)
    from pyresque.job.plugin_hooks import PluginHooks  # noqa: PLC0415 - for those who have plugins

    return PluginHooks(target, plugins)


def own_queue(target: Any) -> str | None:
    """Return the queue in the attribute ``queue`` of a class or function: a text, or a function that returns one.

    As in Ruby a subclass does not inherit a queue that is plain text (``@queue`` of a class), only a method.
    """
    queue = getattr(target, "queue", None)
    if callable(queue):
        queue = queue()
    elif isinstance(target, type) and "queue" not in vars(target):
        queue = None
    return queue if isinstance(queue, str) else None
