"""Small stand-ins for what heavy modules of Python offer: ``random``, ``hashlib``, ``inspect``, ``functools``, ``dataclasses``.

A forked child copies memory for whatever its parent has loaded, so that workers and fork servers do without these modules.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable
    from dataclasses import (
        dataclass as dataclass,  # noqa: PLC0414 - exported
        field as field,  # noqa: PLC0414 - exported
        replace as replace,  # noqa: PLC0414 - exported
    )
    from functools import cached_property as cached_property  # noqa: PLC0414 - exported
    from typing import Any, TypeGuard
else:

    class field:  # noqa: N801 - as dataclasses.field
        """What is said of a field beside its type."""

        def __init__(
            self,
            default: Any = ...,
            default_factory: Any = None,
            *,
            repr: bool = True,  # noqa: A002 - as there
            compare: bool = True,
            init: bool = True,
        ) -> None:
            self.default = default
            self.factory = default_factory
            self.shown = repr
            self.compared = compare
            self.given = init

        def heavy(self, dataclasses: Any) -> Any:
            """Return this field as ``dataclasses.field`` makes it."""
            options = {"repr": self.shown, "compare": self.compared, "init": self.given}
            if self.factory is not None:
                options["default_factory"] = self.factory
            elif self.default is not ...:
                options["default"] = self.default
            return dataclasses.field(**options, kw_only=True)

    class _Fields:
        """Makes what ``dataclasses.fields``, ``asdict`` and their kin look for, when they do."""

        def __init__(self, fields: dict[str, field]) -> None:
            self.fields = fields

        def __get__(self, instance: Any, owner: type) -> Any:
            import dataclasses  # noqa: PLC0415 - whoever asks has it loaded

            types = owner.__annotations__
            listed = [(name, types[name], f.heavy(dataclasses)) for name, f in self.fields.items()]
            made = dataclasses.make_dataclass(owner.__name__, listed).__dataclass_fields__
            owner.__dataclass_fields__ = made
            return made

    def dataclass(*, slots: bool, frozen: bool = False, init: bool = True) -> Any:  # noqa: ARG001 - it always has slots; the class's own constructor goes before
        """As ``dataclasses.dataclass`` with slots: a class of the fields that its annotations name. None is inherited."""

        def made(cls: type) -> type:
            fields = {name: vars(cls).get(name, ...) for name in cls.__annotations__}
            fields = {n: f if type(f) is field else field(f) for n, f in fields.items()}
            body = {name: value for name, value in vars(cls).items() if name not in fields}
            body["__qualname__"] = cls.__qualname__
            for name in ("__dict__", "__weakref__"):
                body.pop(name, None)
            methods = _methods(fields, frozen=frozen, then="__post_init__" in body)
            methods["__init__"].__annotations__ = cls.__annotations__
            return type(cls)(cls.__name__, cls.__bases__, {**methods, **body})

        return made

    def _constructor(fields: dict[str, field], *, frozen: bool, then: bool) -> Any:
        """The constructor, written out: nothing else is as fast. ``then``: it ends with ``__post_init__``."""
        given = {"_set": object.__setattr__, "_fields": fields}
        parameters, lines = [], []
        for name, one in fields.items():
            if not one.given:
                continue
            value, default = name, ""
            if one.factory is not None:
                value, default = f"_fields[{name!r}].factory() if {name} is ... else {name}", "=..."
            elif one.default is not ...:
                default = f"=_fields[{name!r}].default"
            parameters.append(f"{name}{default}")
            lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
        if then:
            lines.append("self.__post_init__()")
        source = f"def __init__(self, {', '.join(parameters)}):\n " + "\n ".join(lines)
        exec(source, given)  # noqa: S102 - it is made of our own names
        return given["__init__"]

    def _methods(fields: dict[str, field], *, frozen: bool, then: bool) -> dict[str, Any]:
        """What a class of these fields has."""
        names = tuple(fields)
        compared = tuple(name for name in names if fields[name].compared)

        def values(one: Any) -> tuple[Any, ...]:
            return tuple(getattr(one, name) for name in compared)

        def refuse(self: Any, name: str, *_: Any) -> None:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

        def shown(self: Any) -> str:
            parts = (f"{name}={getattr(self, name)!r}" for name in names if fields[name].shown)
            return f"{type(self).__qualname__}({', '.join(parts)})"

        def equals(self: Any, other: Any) -> Any:
            return values(self) == values(other) if type(other) is type(self) else NotImplemented

        methods = {
            "__slots__": names,
            "__match_args__": tuple(name for name in names if fields[name].given),
            "__dataclass_fields__": _Fields(fields),
            "__init__": _constructor(fields, frozen=frozen, then=then),
            "__repr__": shown,
            "__eq__": equals,
            "__hash__": (lambda self: hash(values(self))) if frozen else None,
        }
        if not frozen:
            return methods

        def state(self: Any) -> list[Any]:
            return [getattr(self, name) for name in names]

        def set_state(self: Any, state: list[Any]) -> None:
            for name, value in zip(names, state, strict=True):
                object.__setattr__(self, name, value)

        pickled = {"__getstate__": state, "__setstate__": set_state}
        return {**methods, **pickled, "__setattr__": refuse, "__delattr__": refuse}

    Protocol = object

    class Generic:
        """A base that is given types, for checkers alone."""

        __slots__ = ()

        def __class_getitem__(cls, _: Any) -> type:
            return cls

    def replace(one: Any, **changes: Any) -> Any:
        """As ``dataclasses.replace``."""
        return type(one)(**{**{name: getattr(one, name) for name in one.__match_args__}, **changes})

    class cached_property:  # noqa: N801 - as functools.cached_property, whose module brings others along
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


def random_fraction() -> float:
    """A random number from 0 up to 1, by the system's own source; ``random`` would have to be seeded anew in each child."""
    return int.from_bytes(os.urandom(7), "big") / 2**56


#: The last part of a wait, which ``rather_sooner`` shortens at random.
SOONER = 0.1


def within(seconds: float) -> float:
    """A random wait of at most that many seconds: what many processes meet in the same instant they do not answer in one."""
    return seconds * random_fraction()


def rather_sooner(seconds: float) -> float:
    """That many seconds, less a tenth at most, at random: what many processes do again and again does not fall into step."""
    return seconds * (1 - SOONER) + within(seconds * SOONER)


def random_hex(size: int) -> str:
    """So many random bytes, in hexadecimal."""
    return os.urandom(size).hex()


try:
    # Python's own, in place of OpenSSL's: that library alone costs every forked child fifteen more areas of memory.
    from _md5 import md5  # type: ignore[import-not-found]  # CPython's own module has no stub
    from _sha1 import sha1  # type: ignore[import-not-found]  # CPython's own module has no stub
except ImportError:
    from hashlib import md5, sha1


def sha1_hex(data: bytes) -> str:
    """The SHA-1 digest of bytes, in hexadecimal."""
    digest: str = sha1(data, usedforsecurity=False).hexdigest()
    return digest


def md5_hex(data: bytes) -> str:
    """The MD5 digest of bytes, in hexadecimal."""
    digest: str = md5(data, usedforsecurity=False).hexdigest()
    return digest


#: Flags of code: an ``async def``, and a generator that can be awaited (``types.coroutine``).
COROUTINE, ITERABLE_COROUTINE = 0x80, 0x100


#: Types that call another function, and the attribute that holds it.
INSIDE = {"partial": "func", "method": "__func__"}


def is_awaitable(result: Any) -> TypeGuard[Awaitable[Any]]:
    """Whether what a function returned can be awaited, as ``inspect.isawaitable``."""
    if hasattr(type(result), "__await__"):
        return True
    code = getattr(result, "gi_code", None)
    return code is not None and bool(getattr(code, "co_flags", 0) & ITERABLE_COROUTINE)


def is_coroutine_function(function: Any) -> bool:
    """As ``inspect.iscoroutinefunction``, without a look at what is plainly no function of that kind."""
    inner = function
    while (inside := INSIDE.get(type(inner).__name__)) is not None:
        inner = getattr(inner, inside, None)
    flags = getattr(getattr(inner, "__code__", None), "co_flags", None)
    if flags is None or hasattr(inner, "_is_coroutine_mark"):
        import inspect  # noqa: PLC0415 - for the others

        return inspect.iscoroutinefunction(function)
    return bool(flags & COROUTINE)
