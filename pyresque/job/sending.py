"""How a call becomes what travels: keyword arguments, and jobs that travel inside another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyresque.errors import JobArgumentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass
    from pyresque.ops import Op


class Carried:
    """A job inside another one, ready to be pushed: its queue, the class and the arguments that travel.

    ``after`` runs the hooks that come after an enqueue.
    """

    def __init__(
        self, queue: str, class_name: str, args: list[Any], after: Callable[[], Op[None]]
    ) -> None:
        self.queue = queue
        self.class_name = class_name
        self.args = args
        self.after = after


class Carrier(Protocol):
    """Puts the calls of one job inside another job: an active job into its envelope."""

    def made(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        queue: str | None,
        at: float | None = None,
        *,
        hooks: bool = True,
    ) -> Awaitable[Carried | None]:
        """The job that travels, or None where a before_enqueue hook said no; without ``hooks`` none is asked."""

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The arguments as they travel."""

    def args_of(self, job: Job) -> object:
        """The arguments that travel in a job found in Redis; None where it carries another job, or none."""


def wire_args(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments as they travel.

    Keywords go to the places that a Python function gives them. With ``kwargs=True``, to a function of ``*args`` that names none
    of them, and to a class that only Ruby knows they travel as a trailing hash, as Ruby sends them. Raises JobArgumentError
    for those a function does not take.
    """
    if entry.carrier is not None:
        return entry.carrier.arguments(args, kwargs)
    if not kwargs:
        return list(args)
    if entry.target is None or isinstance(entry.target, str) or not entry.performs:
        return [*args, dict(kwargs)]
    return _by_name(entry, args, kwargs)


def _by_name(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    import inspect  # noqa: PLC0415 - for those who give keywords

    try:
        signature = inspect.signature(entry.perform)
    except (TypeError, ValueError):
        return [*args, dict(kwargs)]  # Python cannot tell what it takes
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
        return [*args, dict(kwargs)]  # it takes anything, a hash, too
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
