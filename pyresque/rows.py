"""A table of settings as a class: each row's name, default, meaning and variables; its objects are frozen.

No dataclass, whose module would be half of what a fork server has in memory.
"""

from __future__ import annotations

import os

from pyresque import readings
from pyresque.errors import SettingsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T", bound="Table")


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
        """The default, where no value of its own hides it."""
        return self if settings is None else self.default


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
        """Values by name; what is not given has its default. Raises SettingsError for a name that is none."""
        unknown = sorted(values.keys() - self.ROWS.keys())
        if unknown:
            raise SettingsError("; ".join(_no_such(name) for name in unknown))
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings are frozen: use but({name}=...) for others")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        """Those that were given."""
        given = ", ".join(f"{n}={self._told(n)!r}" for n in self.ROWS if n in self.__dict__)
        return f"{type(self).__name__}({given})"

    def _told(self, name: str) -> object:
        """A value as it may be shown."""
        return getattr(self, name)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.ROWS}

    @classmethod
    def load(  # noqa: PYI019 - typing.Self came with Python 3.11
        cls: type[T], environ: Mapping[str, str] | None = None, **given: Any
    ) -> T:
        """Defaults, then the environment, then the keywords given (None: not given).

        Keywords are values, not texts. Raises SettingsError with every fault at once.
        """
        environ = os.environ if environ is None else environ
        faults: list[str] = []
        values: dict[str, Any] = {}
        for row in cls.ROWS.values():
            if given.get(row.name) is not None:
                continue
            try:
                values.update(_from_environment(row, environ))
            except ValueError as fault:
                faults.append(str(fault))
        unknown = sorted(given.keys() - cls.ROWS.keys())
        faults += [_no_such(name) for name in unknown]
        values.update(
            {
                name: value
                for name, value in given.items()
                if value is not None and name not in unknown
            }
        )
        if faults:
            raise SettingsError("; ".join(faults))
        return cls(**values)

    def but(self: T, **changes: Any) -> T:  # noqa: PYI019 - as above
        """The same settings with these changed."""
        return type(self)(**{**self.__dict__, **changes})


def _no_such(name: str) -> str:
    return f"{name}: there is no such setting"


def _from_environment(row: Row, environ: Mapping[str, str]) -> dict[str, Any]:
    for entry in row.env:
        variable, read = entry if isinstance(entry, tuple) else (entry, row.read)
        text = environ.get(variable)
        if text is None:
            continue
        if text == "" and read is not readings.names:
            continue  # an empty variable in a Procfile means "left out"; QUEUES is the exception, as in Ruby
        try:
            return {row.name: read(text)}
        except ValueError as fault:
            msg = f"{variable}: {fault}"
            raise ValueError(msg) from None
    return {}
