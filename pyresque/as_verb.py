"""An operation as a verb of a face, blocking or awaited; and what the verbs show in ``help()``. Light."""

from __future__ import annotations

from _operator import attrgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

    from pyresque.core import Core
    from pyresque.ops import Op

    P = ParamSpec("P")
    T = TypeVar("T")
    V = TypeVar("V", bound=Callable[..., Any])
else:
    Protocol = object


class Blocking(Protocol):
    """A face whose verbs block: Resque, and its ``failures``."""

    @property
    def core(self) -> Core:
        """The parts whose operations it runs."""

    def run(self, operation: Op[T]) -> T:
        """Run an operation to its end."""


class Awaiting(Protocol):
    """A face whose verbs are awaited: AsyncResque, and its ``failures``."""

    @property
    def core(self) -> Core:
        """The parts whose operations it runs."""

    def run(self, operation: Op[T]) -> Awaitable[T]:
        """Run an operation to its end."""


class PartOfFace:
    """A part of a face that has verbs of its own, such as ``resque.failures``; they run with the driver of that face."""

    def __init_subclass__(cls) -> None:
        """Have ``help()`` show the verbs as methods of the part."""
        name_verbs(cls, cls)

    def __init__(self, resque: Any) -> None:
        self.resque = resque

    @property
    def core(self) -> Core:
        """The parts joined, of the Resque that this belongs to."""
        core: Core = self.resque.core
        return core

    def run(self, operation: Op[Any]) -> Any:
        """Run an operation with the driver of that Resque; to be awaited where its verbs are."""
        return self.resque.run(operation)


def blocking(
    operation: Callable[Concatenate[Any, P], Op[T]], of: str = ""
) -> Callable[Concatenate[Blocking, P], T]:
    """A verb that blocks, from an operation of Core's part ``of`` (such as ``"jobs"``), or of Core itself."""
    part, name = _part(of), operation.__name__

    def verb(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        made: Op[T] = getattr(part(self.core), name)(*args, **kwargs)
        return self.run(made)

    return like(operation, verb)


def awaited(
    operation: Callable[Concatenate[Any, P], Op[T]], of: str = ""
) -> Callable[Concatenate[Awaiting, P], Awaitable[T]]:
    """A verb that is awaited. The operation begins when the verb is awaited: one that is cancelled before has not begun."""
    part, name = _part(of), operation.__name__

    async def verb(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        made: Op[T] = getattr(part(self.core), name)(*args, **kwargs)
        return await self.run(made)

    return like(operation, verb)


def like(operation: Callable[..., Any], verb: V) -> V:
    """Give a verb its operation's name, docstring and annotations, as ``functools.wraps``."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(verb, name, getattr(operation, name))
    verb.__wrapped__ = operation  # type: ignore[attr-defined]  # a function has any attribute
    return verb


def _part(of: str) -> Callable[[Core], Any]:
    return attrgetter(of) if of else _itself


def _itself(core: Core) -> Core:
    return core


#: Aliases in the parts' annotations, as ``help()`` writes them out.
ALIASES = {
    "Target": "type | Callable | str",
    "When": "datetime | float | str",
    "Wait": "timedelta | float",
    "Order": "Literal['asc', 'desc']",
}


class _Annotation(str):
    """An annotation that ``help()`` shows without quotes."""

    __slots__ = ()

    __repr__ = str.__str__


def name_verbs(verbs: type, owner: type) -> None:
    """Make the verbs in a class show in ``help()`` as methods of ``owner``, their annotations without quotes or aliases."""
    for name, verb in vars(verbs).items():
        if name.startswith("_") or not callable(verb):
            continue
        verb.__name__, verb.__qualname__ = name, f"{owner.__qualname__}.{name}"
        verb.__module__ = owner.__module__
        shown = getattr(verb, "__wrapped__", verb).__annotations__
        for each, annotation in shown.items():
            shown[each] = _Annotation(_written_out(annotation))


def _written_out(annotation: str) -> str:
    if not any(alias in annotation for alias in ALIASES):
        return annotation
    import re  # noqa: PLC0415 - each forked child that uses ``resque.redis`` would pay for it

    pattern = rf"\b({'|'.join(ALIASES)})\b"
    return re.sub(pattern, lambda found: ALIASES[found[0]], annotation)
