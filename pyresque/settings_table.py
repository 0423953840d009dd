"""A table of settings as a class: each row's name, default, meaning and variables; its objects are frozen.

No dataclass, whose module would be half of what a fork server has in memory.
"""

from __future__ import annotations

import os

from pyresque.errors import SettingsError
from pyresque.printable import wrong_value
from pyresque.setting_readers import names, path, routes, stretch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any, NoReturn

    from typing_extensions import Self

#: What each type of a row is called, and what is taken for it.
KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "str": ("text", (str,)),
    "bool": ("truth value (True or False)", (bool,)),
    "int": ("whole number", (int,)),
    "float": ("number", (int, float)),
    "tuple[str, ...]": ("list of names", (tuple, list)),
}


NUMBERS = ("int", "float")


#: What to do if a value of the wrong type is likely to be given.
CURES = {"url": ": give the server's URL, such as 'redis://localhost:6379/0'"}


class Row:
    """One row of the table: a setting's name, type, default, how its text is read, what it means, and its variables."""

    __slots__ = ("default", "env", "help", "name", "read", "type")

    def __init__(
        self,
        default: Any,
        read: Callable[[str], Any],
        help_text: str,
        env: tuple[str | tuple[str, Callable[[str], Any]], ...],
    ) -> None:
        self.name = self.type = ""
        self.default = default
        self.read = read
        self.help = help_text
        self.env = env

    def __set_name__(self, owner: type[Table], name: str) -> None:
        """Enter the row in the class's table."""
        self.name, self.type = name, owner.__annotations__[name]
        owner.ROWS[name] = self

    def __get__(self, settings: Table | None, owner: type[Table]) -> Any:
        """The default, if no value of its own hides it."""
        return self if settings is None else self.default

    def checked(self, value: Any) -> Any:
        """A value given in code: of the row's type, and one that the row's reader would take. Raises ValueError."""
        kind = self.type.removesuffix(" | None")
        if type(value) is type(self.default) and value == self.default:
            return value
        if self.read is path and hasattr(value, "__fspath__"):
            value = value.__fspath__()
        wanted, types = KINDS[kind]
        given: Any = value
        if self.read in (stretch, routes) and isinstance(value, str):
            return self.read(value)
        if self.read is routes and hasattr(value, "items"):
            value = given = [f"{match}={side}" for match, side in value.items()]
        if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
            raise ValueError(
                f"{wrong_value(value, quoted=self.name != 'url')} is no {wanted}{CURES.get(self.name, '')}"
            )
        if kind == "bool":
            return value
        if kind in NUMBERS:
            self.read(str(value))
            return value
        if isinstance(value, str):
            return self.read(value)
        if not all(isinstance(name, str) for name in given):
            raise ValueError(f"{wrong_value(given)} is no {wanted}")
        return self.read(",".join(given)) if given else ()


def setting(
    default: Any,
    read: Callable[[str], Any],
    help_text: str,
    *,
    env: tuple[str | tuple[str, Callable[[str], Any]], ...] = (),
) -> Any:
    """A row: default, how its text is read, what it means, and the variables it is read from.

    The first variable that is set wins, as ``ENV['QUEUES'] || ENV['QUEUE']`` does in Ruby. A variable may bring a
    reader of its own.
    """
    return Row(default, read, help_text, env)


class Table:
    """One value for each row of ``ROWS``."""

    ROWS: dict[str, Row]

    def __init__(self, **values: Any) -> None:
        """Values by name; what is not given, or None, has its default. Raises SettingsError with every fault at once."""
        faults: list[str] = []
        self.__dict__.update(self._checked(values, faults))
        if faults:
            raise SettingsError("; ".join(faults))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings are frozen: use replace({name}=...) for others")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        """The settings that were given, and their values."""
        given = ", ".join(f"{n}={self._display(n)!r}" for n in self.ROWS if n in self.__dict__)
        return f"{type(self).__name__}({given})"

    def _display(self, name: str) -> object:
        """A value as ``repr`` may show it: without secrets."""
        return getattr(self, name)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.ROWS}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Defaults, then the environment, then the keywords given (None: not given).

        Keywords are values, not texts. Raises SettingsError with every fault at once.
        """
        environ = os.environ if environ is None else environ
        keywords = {name for name, value in given.items() if value is not None}
        faults = cls.faults(environ, keywords)
        values: dict[str, Any] = {}
        for row in cls.ROWS.values() if not faults else ():
            if row.name not in keywords:
                values.update(_from_environment(row, environ))
        values.update(cls._checked(given, faults))
        if faults:
            raise SettingsError("; ".join(faults))
        made = cls()
        made.__dict__.update(values)
        return made

    @classmethod
    def faults(cls, environ: Mapping[str, str], but: Collection[str] = ()) -> list[str]:
        """What is wrong with the environment; settings named in ``but`` are given otherwise, and left out."""
        found = []
        for row in cls.ROWS.values():
            try:
                if row.name not in but:
                    _from_environment(row, environ)
            except ValueError as fault:
                found.append(str(fault))
        return found

    @classmethod
    def _checked(cls, given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
        """The values given in code that are right; what is wrong with the others is added to ``faults``."""
        found = {}
        for name, value in given.items():
            row = cls.ROWS.get(name)
            if row is None:
                faults.append(no_such(name, cls.ROWS))
            elif value is not None:
                try:
                    found[name] = row.checked(value)
                except ValueError as fault:
                    faults.append(f"{name}: {fault}")
        return found

    def replace(self, **changes: Any) -> Self:
        """A copy of the settings with these changed (None: left as it is). Raises SettingsError."""
        made = type(self)(**changes)
        made.__dict__.update({**self.__dict__, **made.__dict__})
        return made


def no_such(name: str, known: Iterable[str]) -> str:
    """The complaint about a name that no setting has."""
    from difflib import get_close_matches  # noqa: PLC0415 - for trouble alone

    near = get_close_matches(name, list(known), n=1)
    return f"{name}: there is no such setting{f' (did you mean {near[0]}?)' if near else ''}"


def _from_environment(row: Row, environ: Mapping[str, str]) -> dict[str, Any]:
    for entry in row.env:
        variable, read = entry if isinstance(entry, tuple) else (entry, row.read)
        text = environ.get(variable)
        if text is None:
            continue
        if text == "" and read is not names:
            continue  # an empty variable in a Procfile means "left out"; QUEUES is the exception, as in Ruby
        try:
            return {row.name: read(text)}
        except ValueError as fault:
            msg = f"{variable}: {fault}"
            raise ValueError(msg) from None
    return {}
