"""From a Python call to the payload's ``args``: keyword arguments, and jobs that travel inside another job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyresque.errors import JobArgumentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass
    from pyresque.ops import Op


class Carried:
    """A job wrapped in another one: the queue, and the wrapper's class name and arguments.

    ``after`` runs the after_enqueue hooks; await it when the job was pushed.
    """

    def __init__(
        self, queue: str, class_name: str, args: list[Any], after: Callable[[], Op[None]]
    ) -> None:
        self.queue = queue
        self.class_name = class_name
        self.args = args
        self.after = after


class Carrier(Protocol):
    """Wraps the calls of one job in another job: an ActiveJob in its envelope."""

    def made(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        queue: str | None,
        at: float | None = None,
        *,
        hooks: bool = True,
    ) -> Awaitable[Carried | None]:
        """Wrap a call. None: a before_enqueue hook vetoed it; without ``hooks`` no hook runs. ``at``: when it is due, in seconds."""

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the arguments as they stand inside the wrapper."""

    def args_of(self, job: Job) -> object:
        """Return the arguments inside a job found in Redis; None if it wraps another class, or nothing."""


def wire_args(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the payload's ``args`` for a call.

    Keywords become positional arguments, in the order of the function's parameters. They become a trailing hash, as Ruby sends
    them, where the job was registered with ``kwargs=True``, where the function takes ``*args`` and names none of them, and
    where only Ruby knows the class. Raises JobArgumentError for keywords that the function does not take.
    """
    if entry.carrier is not None:
        return entry.carrier.arguments(args, kwargs)
    if not kwargs:
        return list(args)
    if entry.target is None or isinstance(entry.target, str) or not entry.performs:
        return [*args, dict(kwargs)]
    return _by_name(entry, args, kwargs)


def _by_name(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    import inspect  # noqa: PLC0415 - heavy, and needed for keywords alone

    try:
        signature = inspect.signature(entry.perform)
    except (TypeError, ValueError):
        return [*args, dict(kwargs)]  # a builtin without a signature
    parameters, kind = signature.parameters, inspect.Parameter
    named = {
        name: each
        for name, each in parameters.items()
        if each.kind in (kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY)
    }
    any_name = any(each.kind is kind.VAR_KEYWORD for each in parameters.values())
    unknown = [] if any_name else [name for name in kwargs if name not in named]
    if (
        not entry.kwargs
        and len(unknown) == len(kwargs)
        and kind.VAR_POSITIONAL in {each.kind for each in parameters.values()}
    ):
        return [*args, dict(kwargs)]  # *args takes the hash, too
    if unknown:
        raise JobArgumentError(
            f"{entry.name}{signature} takes no keyword {', '.join(unknown)}; "
            "to send a hash, give a dict as the last argument"
        )
    if entry.kwargs:
        return [*args, dict(kwargs)]
    places = [
        name
        for name, each in parameters.items()
        if each.kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
    ]
    by_name = [name for name in kwargs if name not in places]
    if by_name:
        raise JobArgumentError(
            f"{entry.name}{signature} takes {', '.join(by_name)} by name only: register it with kwargs=True"
        )
    sent = list(args)
    for name in places[: len(args)]:
        if name in kwargs:
            raise JobArgumentError(f"{entry.name}{signature} got its argument {name} twice")
    last = max(map(places.index, kwargs))
    for name in places[len(args) : last + 1]:
        value = kwargs.get(name, parameters[name].default)
        if value is kind.empty:
            raise JobArgumentError(f"{entry.name}{signature} misses its argument {name}")
        sent.append(value)
    return sent
