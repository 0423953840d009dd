"""What an application has loaded only when it is used: one that registers its jobs, as in each fork server, needs little.

Each forked child pays for what its parent has loaded.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import cached_property
    from typing import Any

    made_once = cached_property
else:

    class made_once:  # noqa: N801 - as functools.cached_property, whose module brings others along
        """An attribute that is made when it is first asked for."""

        def __init__(self, make: Any) -> None:
            self.make = make
            self.__doc__ = make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type) -> Any:
            if instance is None:
                return self
            made = instance.__dict__[self.name] = self.make(instance)
            return made


class _Filled(type):
    """A class that is filled when an attribute is asked for that it does not have."""

    def __getattr__(cls, name: str) -> Any:
        if _fill(cls, name):
            return getattr(cls, name)
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

    def __dir__(cls) -> list[str]:
        _fill(cls, "dir")
        return sorted(super().__dir__())


class _Verbs(metaclass=_Filled):
    """Verbs that are not there yet."""

    def __getattr__(self, name: str) -> Any:
        for cls in type(self).__mro__:
            if name in vars(cls):  # it is there: making it raised AttributeError, and does so again
                return vars(cls)[name].__get__(self, type(self))
        if _fill(type(self), name):
            return getattr(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        _fill(type(self), "dir")
        return sorted(super().__dir__())


class BlockingVerbs(_Verbs):
    """Those of Resque; they are in ``verbs``."""


class AwaitedVerbs(_Verbs):
    """Those of AsyncResque."""


_EMPTY: set[type] = {BlockingVerbs, AwaitedVerbs}


def _fill(cls: type, name: str) -> bool:
    """Whether the class has got its verbs by this. Nothing that bears underscores is a verb."""
    waiting = [each for each in cls.__mro__ if each in _EMPTY]
    if not waiting or name.startswith("_"):
        return False
    from pyresque import verbs  # noqa: PLC0415 - that is what this is for

    for empty in waiting:
        _EMPTY.discard(empty)
        for verb, value in vars(getattr(verbs, empty.__name__)).items():
            if not verb.startswith("_"):
                setattr(empty, verb, value)
    return True
