"""Hooks of jobs and of workers. Light: the fork server loads this module.

A job's hooks are methods of its class (or attributes of its function) whose names begin with one of Resque's prefixes. They are
looked up at each use and run in the order of their names. A worker's hooks are functions that the application added.
"""

from __future__ import annotations

from pyresque.errors import JobOptionError, LintError
from pyresque.job_copies import own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import MappingProxyType
    from typing import Any, TypeAlias

    from pyresque.job.job_class import JobClass
    from pyresque.lent_client import LentPool

    Attributes: TypeAlias = dict[str, Any] | MappingProxyType[str, Any]

#: Resque's prefixes, and resque-scheduler's.
PREFIXES = (
    "before_perform",
    "around_perform",
    "after_perform",
    "on_failure",
    "always",
    "before_enqueue",
    "after_enqueue",
    "before_dequeue",
    "after_dequeue",
    "before_schedule",
    "after_schedule",
    "before_delayed_enqueue",
)

#: The prefixes of hooks that run in the process that performs the job.
PERFORMING = PREFIXES[:5]

#: A class may list its hooks in this attribute; the list replaces the search by prefix.
LISTED = "hooks"


class HookNames:
    """The names of a job's hooks by kind, each kind sorted as Ruby sorts names."""

    before_perform: tuple[str, ...] = ()
    around_perform: tuple[str, ...] = ()
    after_perform: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    before_enqueue: tuple[str, ...] = ()
    after_enqueue: tuple[str, ...] = ()
    before_dequeue: tuple[str, ...] = ()
    after_dequeue: tuple[str, ...] = ()
    before_schedule: tuple[str, ...] = ()
    after_schedule: tuple[str, ...] = ()
    before_delayed_enqueue: tuple[str, ...] = ()

    def __init__(self, **names: tuple[str, ...]) -> None:
        self.__dict__.update({kind: found for kind, found in names.items() if found})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HookNames) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.__dict__.items())))

    def __repr__(self) -> str:
        return (
            f"HookNames({', '.join(f'{kind}={found!r}' for kind, found in self.__dict__.items())})"
        )


NO_HOOKS = HookNames()


class HookDecorator:
    """``job.on_failure`` and the like: a decorator that makes a function a hook of the job. It bears a hook's name and is none.

    An attribute of a function knows that function. One of a class is asked for the class, or a subclass, by ``__get__``.
    """

    __slots__ = ("kind", "target")

    def __init__(self, kind: str, target: Any = None) -> None:
        self.kind = kind
        self.target = target

    def __get__(self, _: object, owner: type) -> HookDecorator:
        return HookDecorator(self.kind, owner)

    def __call__(self, function: Any, /) -> Any:
        """Make a function a hook, under its own name with the prefix before it; return it. Raises JobOptionError."""
        from pyresque.job.targets import attach  # noqa: PLC0415 - it needs this module

        attach(self.target, (), {self.kind: (function,)})
        return function

    def __repr__(self) -> str:
        return f"<decorator {self.kind} of {getattr(self.target, '__qualname__', self.target)}>"


def is_hook(target: Any, name: str) -> bool:
    """Whether a target's attribute can be called as a hook of that name."""
    found = getattr(target, name, None)
    return callable(found) and type(found) is not HookDecorator


def attributes_of(target: Any) -> list[Attributes]:
    """Return live views of the attributes of a target and of its classes. A target that is only a name has none."""
    if target is None or isinstance(target, str):
        return []
    if isinstance(target, type):
        return [vars(each) for each in target.__mro__[:-1]]
    own: list[Attributes] = [target.__dict__] if hasattr(target, "__dict__") else []
    if hasattr(target, "__code__"):
        return own  # a function: the type of functions has no hooks
    return [*own, *attributes_of(type(target))]


def hook_names(target: Any) -> HookNames:
    """Return the hooks that a target has now: callables whose names start with one of the prefixes.

    An attribute ``hooks`` (a list of names, or a function that returns one) replaces the search.
    """
    found = listed_hooks(target)
    if found is None:
        attributes = frozenset().union(*attributes_of(target))
        bearing = sorted(name for name in attributes if name.startswith(PREFIXES))
        found = [name for name in bearing if is_hook(target, name)]
    if not found:
        return NO_HOOKS
    return HookNames(
        **{prefix: tuple(name for name in found if name.startswith(prefix)) for prefix in PREFIXES}
    )


def listed_hooks(target: Any) -> list[str] | None:
    """Return the names in a target's attribute ``hooks``, sorted; None if it has none and is searched."""
    if not any(LISTED in names for names in attributes_of(target)):
        return None
    listed = getattr(target, LISTED)
    return sorted(map(str, listed() if callable(listed) else listed))


class Hooks:
    """The hooks of one target. They are looked up at each use, because an application may set or remove hooks at any time.

    ``seen`` is a copy of ``attributes``, taken when hooks were searched for; ``without_performing`` is one taken when no attribute
    was a performing hook. While ``attributes`` equals the copy, comparisons save the search. They compare values, too: a hook may have
    taken the place of a decorator of the same name.
    """

    __slots__ = ("_found", "_names", "attributes", "seen", "target", "without_performing")

    def __init__(self, target: Any) -> None:
        self.target = target
        self.attributes = attributes_of(target)
        self.seen: list[Attributes] | None = None
        self.without_performing: list[Attributes] | None = None
        #: The attributes that are named like hooks, and whether each can be called.
        self._found: dict[str, bool] = {}
        self._names = NO_HOOKS

    def of_plugin(self, name: str) -> Callable[..., Any] | None:  # noqa: ARG002 - for PluginHooks
        """Return a plugin's hook of that name; None if the target has its own."""
        return None

    def bound(self, *args: Any) -> JobClass:
        """Return the copy of an entry for one job; only an entry with plugins has copies (``PluginHooks.bound``)."""
        raise NotImplementedError

    def now(self) -> HookNames:
        """Return the hooks that the target has now; the same object as long as they stay."""
        found = self._found
        try:
            if self.attributes == self.seen and (not found or found == self._callable(found)):
                return self._names
        except Exception:  # noqa: BLE001, S110 - an attribute that was set anew, such as an array, may refuse to be compared
            pass
        seen: list[Attributes] = [each.copy() for each in self.attributes]
        bearing = {name for each in seen for name in each if name.startswith(PREFIXES)}
        bearing -= {name for name in PREFIXES if name in bearing and self._is_decorator(name)}
        performing = any(name.startswith(PERFORMING) for name in bearing)
        listed = any(LISTED in each for each in seen)  # whose list may change at any time
        self.without_performing = None if performing or listed else seen
        self._found, self._names = self._callable(bearing), hook_names(self.target)
        self.seen = None if listed else seen
        return self._names

    def _callable(self, names: Iterable[str]) -> dict[str, bool]:
        return {name: is_hook(self.target, name) for name in names}

    def _is_decorator(self, name: str) -> bool:
        return type(getattr(self.target, name, None)) is HookDecorator


def lint(target: Any) -> HookNames:
    """Raise LintError for a hook named by a bare prefix, which another plugin would overwrite (``Plugin.lint``)."""
    names = hook_names(target)
    shown = getattr(target, "__name__", repr(target))
    for name in (*names.before_perform, *names.around_perform, *names.after_perform):
        if name.endswith("perform"):
            raise LintError(f"{shown}.{name} is not namespaced")
    for name in names.on_failure:
        if name.endswith("failure"):
            raise LintError(f"{shown}.{name} is not namespaced")
    return names


async def call(entry: JobClass, name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Call one hook of a job: a plugin's is an operation, any other is the application's code."""
    job = entry.plugin_job
    operation = None if job is None else entry.lookup.of_plugin(name)
    if operation is not None:
        return await (operation(job, args[0]) if name.startswith("on_failure") else operation(job))

    from functools import partial  # noqa: PLC0415 - the fork server runs no hooks

    from pyresque.ops import Call  # noqa: PLC0415 - as above

    return await Call(partial(hook(entry.target, name), *args, **kwargs), offload=True)


async def run(entry: JobClass, names: Iterable[str], *args: Any) -> list[Any]:
    """Call each of these hooks of a job; return their values. Arguments that travel by name are passed by their places."""
    if entry.by_name:
        from pyresque.job.sending import hook_args  # noqa: PLC0415 - the fork server enqueues nothing

        args = hook_args(entry, args)
    return [await call(entry, name, *args) for name in names]


async def allowed(entry: JobClass, names: Iterable[str], *args: Any) -> bool:
    """Run hooks that may veto. As in Ruby all of them run, and only a hook that returns False itself vetoes."""
    return not any(answer is False for answer in await run(entry, names, *args))


def hook(target: Any, name: str) -> Callable[..., Any]:
    """Return a target's hook of that name."""
    found: Callable[..., Any] = getattr(target, name)
    return found


#: The events of a worker (Ruby: ``Resque.before_fork`` and others).
WORKER_HOOKS = (
    "before_first_fork",
    "before_fork",
    "after_fork",
    "before_pause",
    "after_pause",
    "queue_empty",
    "child_exit",
    "job_lost",
    "worker_exit",
    "shutdown",
    "warm_up",
    "warm_up_in_child",
)


def check_callable(what: str, given: object) -> None:
    """Raise JobOptionError if a hook, a middleware or the like cannot be called; ``what`` names it in the message."""
    if not callable(given):
        raise JobOptionError(f"{what}: {given!r} is no function: give one that can be called")


class WorkerHooks:
    """The functions that an application added for each event of a worker, in the order in which they were added."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Callable[..., Any]]] = {name: [] for name in WORKER_HOOKS}
        #: The pools of the clients of ``resque.lend``.
        self.lent_pools: list[LentPool] = []
        #: Whether this process is a fork server that has opened their connections, or a child of one.
        self.lending = False

    def only(self, *names: str) -> WorkerHooks:
        """Return a copy with the hooks of these names alone."""
        few = WorkerHooks()
        few._hooks.update({name: self._hooks[name] for name in names})
        return few

    def add(self, name: str, hook: Callable[..., Any]) -> None:
        """Add a function. Raises JobOptionError for what cannot be called."""
        check_callable(name, hook)
        self._hooks[name].append(hook)

    def any(self, name: str) -> bool:
        """Whether any function was added for this event."""
        return bool(self._hooks[name])

    def functions(self, name: str) -> tuple[Callable[..., Any], ...]:
        """Return the functions of this event."""
        return tuple(self._hooks[name])

    async def run(self, name: str, *args: Any) -> None:
        """Call each function of this event, as an operation."""
        if not self._hooks[name]:
            return
        from functools import partial  # noqa: PLC0415 - the fork server runs no hooks

        from pyresque.ops import Call  # noqa: PLC0415 - as above

        for hook in self._hooks[name]:
            await Call(partial(own, hook, *args), offload=True)

    def run_now(self, name: str, *args: Any) -> None:
        """Call each function of this event without an operation: from a signal handler, as Ruby does."""
        for hook in self._hooks[name]:
            own(hook, *args)


class StopFlag:
    """Whether the process that performs jobs is stopping; a job in steps asks at each checkpoint."""

    __slots__ = ("_ask",)

    def __init__(self) -> None:
        self._ask: Callable[[], bool] = bool  # that is False

    def follow(self, ask: Callable[[], bool]) -> None:
        """Answer what ``ask()`` does from now on: a worker, a crew or a fork server brings its own."""
        self._ask = ask

    def __call__(self) -> bool:
        """True once the process is stopping."""
        return self._ask()
