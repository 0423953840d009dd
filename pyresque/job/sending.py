"""From a Python call to the payload's ``args``: keyword arguments, and jobs that travel inside another job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pyresque.errors import JobArgumentError
from pyresque.job.plugin import TrackingId

if TYPE_CHECKING:
    import inspect
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.ops import Op


T = TypeVar("T")


class Carried:
    """A job wrapped in another one: the queue, and the wrapper's class name and arguments.

    ``after`` runs the after_enqueue hooks; await it when the job was pushed. ``refused`` undoes what was done before the push.
    """

    def __init__(
        self,
        queue: str,
        class_name: str,
        args: list[Any],
        after: Callable[[], Op[None]],
        refused: Callable[[], Op[None]] | None = None,
    ) -> None:
        self.queue = queue
        self.class_name = class_name
        self.args = args
        self.after = after
        self.refused = refused
        #: What ``enqueue`` returns for the job: True, or the id of a tracked one.
        self.answer: bool | str = True

    async def unless_refused(self, push: Op[T]) -> T:
        """Await a step of the push. If it raises, or returns None or False, the job is refused."""
        if self.refused is None:
            return await push
        try:
            pushed = await push
        except GeneratorExit:
            raise
        except BaseException:
            await self.refused()
            raise
        if pushed is None or pushed is False:
            await self.refused()
        return pushed


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
        copy: bool = False,
    ) -> Awaitable[Carried | None]:
        """Wrap a call. None: a before_enqueue hook vetoed it; without ``hooks`` no hook runs. ``at``: when it is due, in seconds.

        ``copy``: the call takes the place of a job that is enqueued already.
        """

    def arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the arguments as they stand inside the wrapper."""

    def args_of(self, job: Job) -> object:
        """Return the arguments inside a job found in Redis; None if it wraps another class, or nothing."""


def wire_args(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return the payload's ``args`` for a call, without what a plugin puts before them.

    Keywords become positional arguments, in the order of the function's parameters. They become a trailing hash, as Ruby sends
    them, if the job was registered with ``kwargs=True``, if the function takes ``*args`` and names none of them, and
    if only Ruby knows the class. Raises JobArgumentError for keywords that the function does not take.
    """
    if entry.carrier is not None:
        return entry.carrier.arguments(args, kwargs)
    if entry.by_name:
        return _as_options(entry, args, kwargs)
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


def _as_options(entry: JobClass, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return one hash of the arguments by their names, nothing for no arguments, or what was sent before: it begins with a TrackingId.

    A dict as only argument is that hash if the function takes no argument by its place, or only Ruby knows it. What ``*args``
    takes stands under its own name, as a list.
    """
    if args and isinstance(args[0], TrackingId):
        return list(args)
    signature = _signature(entry)
    if signature is None or (len(args) == 1 and not _takes_places(signature)):
        if len(args) > 1 or (kwargs and args and not isinstance(args[0], dict)):
            raise JobArgumentError(
                f"{entry.name} takes its arguments by name: give keywords, or one dict"
            )
        if args and not isinstance(args[0], dict):
            return list(args)  # as Ruby: its options may be any value
        given = bool(args)
        kwargs, args = {**(args[0] if args else {}), **kwargs}, ()
        if signature is None:
            return [kwargs] if kwargs or given else []
    options = options_of(entry.name, signature, args, kwargs)
    return [options] if options else []


def options_of(
    name: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by their names; what ``*args`` takes stands under its own name, as a list.

    ``name``: what the job is called in errors. Raises JobArgumentError.
    """
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise JobArgumentError(f"{name}{signature}: {error}") from None
    options: dict[str, Any] = {}
    for each, value in bound.arguments.items():
        kind = signature.parameters[each].kind
        if kind is kind.VAR_KEYWORD:
            if twice := options.keys() & value:
                raise JobArgumentError(
                    f"{name}{signature} got its argument {min(twice)} twice: arguments travel by name"
                )
            options.update(value)
        else:
            options[each] = list(value) if kind is kind.VAR_POSITIONAL else value
    return options


def placed(entry: JobClass, args: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments for a hash of names, which is the only argument; any other is passed by its place."""
    if len(args) != 1 or not isinstance(args[0], dict):
        return tuple(args), {}
    options, places = dict(args[0]), list[Any]()
    signature = _signature(entry)
    if signature is None:
        return (), options
    for name, each in signature.parameters.items():
        if each.kind is each.VAR_POSITIONAL and isinstance(options.get(name), list):
            places += options.pop(name)
        elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and name in options:
            if len(places) < list(signature.parameters).index(name):
                continue  # one before it is missing: by its name
            places.append(options.pop(name))
    return tuple(places), options


def hook_args(entry: JobClass, args: Sequence[Any]) -> tuple[Any, ...]:
    """Return what a hook gets at enqueue, of arguments that travel by name: each at its place, and a trailing hash of the others."""
    if args and isinstance(args[0], TrackingId):
        args = args[1:]
    places, others = placed(entry, args)
    return (*places, others) if others else places


def _takes_places(signature: inspect.Signature) -> bool:
    return any(
        each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        for each in signature.parameters.values()
    )


def _signature(entry: JobClass) -> inspect.Signature | None:
    """Return the signature of what performs the job; None if only Ruby does, or if it has none."""
    if isinstance(entry.target, str) or not entry.performs:
        return None
    import inspect  # noqa: PLC0415 - heavy, and needed for names alone

    try:
        return inspect.signature(entry.perform)
    except (TypeError, ValueError):
        return None
