"""Checks at registration: what may be a job, its hooks and its options. Light: the fork server loads this module.

A job is a function, or a class whose ``perform`` is called on the class. Calling it must do the work: a generator would not.
"""

from __future__ import annotations

from pyresque.errors import JobOptionError, NoClassError, SettingsError
from pyresque.job.hooks import (
    LISTED,
    PREFIXES,
    HookDecorator,
    check_callable,
    hook_names,
    listed_hooks,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta
    from typing import Any

    from pyresque.job.limits import TimeLimit

#: Bits of ``co_flags``: a generator, an async generator.
GENERATOR, ASYNC_GENERATOR = 0x20, 0x200

#: The first parameter of methods that need an instance or a class, and the decorator that is missing then.
RECEIVERS = {"self": "@staticmethod", "cls": "@classmethod"}

#: Wrappers of functions by type name, and the attribute that holds the inner function.
INSIDE = {
    "partial": "func",
    "method": "__func__",
    "staticmethod": "__func__",
    "classmethod": "__func__",
}

FAIL, REQUEUE = "fail", "requeue"

#: How often a job is redelivered if its registration gives no ``max_redeliveries``.
MOST = 3


def check(target: Any, *, bound: bool = False) -> None:
    """Raise NoClassError if a target cannot perform, or if calling it would do nothing.

    ``bound``: the caller passes its own first argument, so the first parameter may have any name.
    """
    if not callable(target):
        raise NoClassError(
            f"{target!r} can perform nothing: register a class with a static method perform, or a function"
        )
    shown = f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', target)}"
    if isinstance(target, type):
        _check_class(target, shown, bound=bound)
    else:
        _check_yield(target, shown)
        if not bound and first_parameter(target) == "self":
            raise NoClassError(
                f"{shown} takes self: a job has no instance; register a function without self"
            )
    for kind, names in vars(hook_names(target)).items():
        for name in names:
            _check_hook(target, f"{shown}.{name}", name, kind)


def check_options(queue: object, **lists: object) -> None:
    """Raise JobOptionError for a queue that is no text, and for a single value if a list is needed."""
    if queue is not None and not isinstance(queue, str):
        raise JobOptionError(f"queue={queue!r} is no text: name one queue, as in queue='reports'")
    for name, given in lists.items():
        if isinstance(given, str) or not hasattr(type(given), "__iter__"):
            shown = getattr(given, "__name__", None) or repr(given)
            raise JobOptionError(f"{name}={shown} is no list: write {name}=[{shown}]")


def hooks_of_kinds(given: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the functions of keywords such as ``on_failure``. Raises TypeError for no kind of hook, JobOptionError for no function or list."""
    for kind, functions in given.items():
        if kind not in PREFIXES:
            raise TypeError(f"job() got an unexpected keyword argument {kind!r}")
        if isinstance(functions, str) or not (
            callable(functions) or hasattr(type(functions), "__iter__")
        ):
            raise JobOptionError(f"{kind}={functions!r} is no function: give one, or a list")
    return {kind: (each,) if callable(each) else tuple(each) for kind, each in given.items()}


def check_part(name: str, part: object, verb: str) -> None:
    """Raise SettingsError for an argument ``name`` that has no method ``verb``, or is a class in place of an object."""
    if not callable(getattr(part, verb, None)):
        raise SettingsError(f"{name}: an object of type {type(part).__qualname__} has no {verb}()")
    if kind := _class_in_place_of_object(part, verb):
        raise SettingsError(
            f"{name}: {kind} is a class, whose {verb}() needs an object: give {kind}()"
        )


def _class_in_place_of_object(part: object, verb: str) -> str:
    """The name of a class whose method of this name is neither a static nor a class method; empty for anything else."""
    if not isinstance(part, type) or hasattr(type(part), verb):
        return ""
    found = next((vars(base)[verb] for base in part.__mro__ if verb in vars(base)), None)
    return "" if isinstance(found, (staticmethod, classmethod)) else part.__qualname__


def most_redeliveries(on_dirty_exit: str, max_redeliveries: int | None) -> int:
    """Return how often a job is redelivered after its process died; 0: it fails at once. Raises JobOptionError."""
    if on_dirty_exit not in {FAIL, REQUEUE}:
        raise JobOptionError(
            f"on_dirty_exit={on_dirty_exit!r} is neither {FAIL!r} (a failed record, as Ruby) nor {REQUEUE!r}"
        )
    if on_dirty_exit == FAIL:
        if max_redeliveries is not None:
            raise JobOptionError(f"max_redeliveries needs on_dirty_exit={REQUEUE!r}")
        return 0
    most = MOST if max_redeliveries is None else max_redeliveries
    if type(most) is not int or most < 1:
        raise JobOptionError(f"max_redeliveries={most!r} must be a whole number from 1 on")
    return most


def limit_of(timeout: TimeLimit | timedelta | float | None) -> TimeLimit | None:
    """Return the limits that ``timeout=`` means. Raises JobOptionError."""
    if timeout is None:
        return None
    from pyresque.job.limits import time_limit  # noqa: PLC0415 - for those who have limits: each forked child pays for what is loaded

    return time_limit(timeout)


def attach(
    target: Any, given: Iterable[Callable[..., Any]], by_kind: Mapping[str, Any] | None = None
) -> None:
    """Set functions as hooks of a target. Raises JobOptionError and then sets nothing.

    ``given`` have the names of hooks. ``by_kind`` has functions for each kind; ``hook_name`` says how they are called.
    """
    shown = getattr(target, "__qualname__", repr(target))
    named = [(getattr(each, "__name__", ""), each) for each in given]
    for kind, functions in (by_kind or {}).items():
        named += [(hook_name(kind, each), each) for each in functions]
    if not named:
        return
    found: dict[str, Callable[..., Any]] = {}
    listed = listed_hooks(target)
    for name, function in named:
        if not name.startswith(PREFIXES):
            raise JobOptionError(
                f"hooks of {shown}: {name or function!r} is no function whose name starts with one of "
                f"{', '.join(PREFIXES)}; call it before_enqueue_check, for example"
            )
        check_callable(f"hooks of {shown}", function)
        before = found.get(name, getattr(target, name, function))
        if before is not function and type(before) is not HookDecorator:
            raise JobOptionError(f"hooks of {shown}: it has another {name} already; rename one")
        if listed is not None and name not in listed:
            raise JobOptionError(
                f"hooks of {shown}: it lists its hooks in its attribute {LISTED}; add {name!r} there"
            )
        if not name.startswith("around_perform"):
            _check_yield(function, f"hook {name} of {shown}")
        found[name] = function
    for name, function in found.items():
        setattr(target, name, staticmethod(function) if isinstance(target, type) else function)


def hook_name(kind: str, function: Any) -> str:
    """Return the name of a function as a hook of a kind: its own if that goes on after the prefix, else the prefix, ``_`` and its own."""
    name: str = getattr(function, "__name__", type(function).__name__)
    return name if name.startswith(kind) and name != kind else f"{kind}_{name}"


def _check_class(target: type, shown: str, *, bound: bool) -> None:
    perform = getattr(target, "perform", None)
    if perform is None and callable(getattr(target, "scheduled", None)):
        return  # resque-scheduler calls ``scheduled`` and queues nothing
    if not callable(perform):
        raise NoClassError(
            f"class {shown} can perform nothing: give it a static method perform; "
            "a class that only Ruby performs needs no registration, enqueue it by its name: enqueue_to(queue, name)"
        )
    _check_receiver(target, f"{shown}.perform", "perform", bound=bound)
    _check_yield(perform, f"{shown}.perform")


def _check_hook(target: Any, shown: str, name: str, kind: str) -> None:
    if isinstance(target, type):
        _check_receiver(target, shown, name)
    if kind != "around_perform":
        _check_yield(getattr(target, name, None), shown)


def _check_receiver(target: type, shown: str, name: str, *, bound: bool = False) -> None:
    """Raise NoClassError for an instance method: it is called on the class, so ``self`` would be the job's first argument."""
    found = next((vars(each)[name] for each in target.__mro__ if name in vars(each)), None)
    first = first_parameter(found)
    if first in RECEIVERS and not bound:
        raise NoClassError(
            f"{shown} takes {first}: a job has no instance; put {RECEIVERS[first]} above it"
            + (" and take the self away" if first == "self" else "")
        )


def _check_yield(function: Any, shown: str) -> None:
    if _flags(function) & (GENERATOR | ASYNC_GENERATOR):
        raise NoClassError(
            f"{shown} holds a yield: calling it would make a generator and run nothing of it; "
            "do the work in a function without yield"
        )


def _code(function: Any) -> Any:
    inner = function
    while (inside := INSIDE.get(type(inner).__name__)) is not None:
        inner = getattr(inner, inside, None)
    code = getattr(inner, "__code__", None)
    if code is None and inner is not None:
        call = getattr(type(inner), "__call__", None)  # noqa: B004 - the method itself is inspected
        code = getattr(call, "__code__", None)
    return code


def _flags(function: Any) -> int:
    flags: int = getattr(_code(function), "co_flags", 0)
    return flags


def first_parameter(function: Any) -> str:
    """Return the name of a plain function's first parameter; empty for anything else: a bound method has its ``self``."""
    if type(function).__name__ != "function" or not function.__code__.co_argcount:
        return ""
    name: str = function.__code__.co_varnames[0]
    return name
