"""A table of settings as a class: each row's name, default, meaning and variables; its objects are frozen.

No dataclass, whose module would be half of what a fork server has in memory.
"""

from __future__ import annotations

import os

from pyresque.errors import SettingsError
from pyresque.printable import without_url, wrong_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T", bound="Table")

#: What each type of a row is called, and what is taken for it.
KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "str": ("text", (str,)),
    "bool": ("truth value (True or False)", (bool,)),
    "int": ("whole number", (int,)),
    "float": ("number", (int, float)),
    "tuple[str, ...]": ("list of names", (tuple, list)),
}


NUMBERS = ("int", "float")


#: What to do where a value of the wrong type is likely to be given.
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
        """The default, where no value of its own hides it."""
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
        if self.read is stretch and isinstance(value, str):
            return stretch(value)
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
        return names(",".join(given))


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
    def load(  # noqa: PYI019 - typing.Self came with Python 3.11
        cls: type[T], environ: Mapping[str, str] | None = None, **given: Any
    ) -> T:
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

    def replace(self: T, **changes: Any) -> T:  # noqa: PYI019 - as above
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


OLDEST_RAILS = 6


#: Digits of a whole number, and letters of a wrong text that stand in its message.
DIGITS, LETTERS = 9, 60


#: Seconds of each unit of a stretch of time; and no stretch is as long as a thousand years.
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONGEST_STRETCH = 1000 * 365 * 86400


CATCH_UPS = {"none": 0, "one": 1}


def _quoted(value: str) -> str:
    """A wrong text for a message."""
    value = without_url(value)
    return repr(value) if len(value) <= LETTERS else f"{value[:LETTERS]!r}..."


def text(value: str) -> str:
    """Any text that is not blank."""
    if not value.strip():
        msg = "is empty"
        raise ValueError(msg)
    return value


def path(value: str) -> str:
    """A file's path: any text that is not blank."""
    return text(value)


def names(value: str) -> tuple[str, ...]:
    """The names between commas; blank ones are none, so that nothing comes of ``,``."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def seconds(value: str) -> float:
    """A stretch of time, in seconds."""
    return _amount(value, "seconds")


def minutes(value: str) -> float:
    """A stretch of time, in minutes."""
    return _amount(value, "minutes")


def _amount(value: str, unit: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        msg = f"{_quoted(value)} is no number of {unit} (0 or more)"
        raise ValueError(msg)
    return found


def stretch(value: str) -> float:
    """A stretch of time above 0, in seconds: a number of them, or one with a unit, such as ``30d``."""
    text = value.strip()
    unit = UNITS.get(text[-1:].lower())
    try:
        found = float(text) if unit is None else float(text[:-1]) * unit
    except ValueError:
        found = 0.0
    if not 0 < found < LONGEST_STRETCH:
        msg = f"{_quoted(value)} is no stretch of time: give seconds, or a number with s, m, h, d or w, such as 30d"
        raise ValueError(msg)
    return found


def count(value: str) -> int:
    """A number from 1 on, which Redis and the system can take."""
    digits = value.strip()
    if not digits.isdecimal() or len(digits) > DIGITS or int(digits) < 1:
        msg = f"{_quoted(value)} is no number from 1 on of at most {DIGITS} digits"
        raise ValueError(msg)
    return int(digits)


def whole(value: str) -> int:
    """A number from 0 on."""
    digits = value.strip()
    if not digits.isdecimal() or len(digits) > DIGITS:
        msg = f"{_quoted(value)} is no number from 0 on of at most {DIGITS} digits"
        raise ValueError(msg)
    return int(digits)


def port(value: str) -> int:
    """A TCP port, from 1 to 65535."""
    if not value.strip().isdecimal() or len(value) > DIGITS or not 0 < int(value) < 2**16:
        msg = f"{_quoted(value)} is no port (1 to 65535)"
        raise ValueError(msg)
    return int(value)


#: The texts that resque-scheduler takes for yes; any other one, ``yes`` and ``True`` too, is a no.
SCHEDULER_YES = frozenset({"1", "t", "T", "true", "TRUE", "on", "ON"})


def scheduler_yes(value: str) -> bool:
    """True for the texts that resque-scheduler takes for a yes."""
    return value in SCHEDULER_YES


def catch_up(value: str) -> int:
    """How many missed runs are made up for: ``none``, ``one``, or a number."""
    if value in CATCH_UPS:
        return CATCH_UPS[value]
    if not value.strip().isdecimal() or len(value) > DIGITS:
        msg = f"{_quoted(value)} is none of {', '.join(CATCH_UPS)}, and no number of runs"
        raise ValueError(msg)
    return int(value)


def time_zone(value: str) -> str:
    """The name of a time zone, or an offset."""
    from pyresque.clock import zone_of  # noqa: PLC0415 - by those who name one: each forked child pays for what is loaded

    if "://" in value:
        msg = f"{_quoted(value)} is no time zone"
        raise ValueError(msg)
    zone_of(value)
    return value


def rails_version(value: str) -> str:
    """A version of Rails that this package knows."""
    numbers = value.strip().split(".")
    known = all(part.isascii() and part.isdecimal() for part in numbers[:2])
    if not known or int(numbers[0]) < OLDEST_RAILS:
        msg = f"{_quoted(value)} is no Rails version from {OLDEST_RAILS}.0 on"
        raise ValueError(msg)
    return value.strip()


def given(value: str) -> bool:
    """Ruby asks only whether such a variable is there, not what it says; an empty one counts as left out here."""
    return value != ""


def fork_per_job(value: str) -> str:
    """FORK_PER_JOB: exactly ``false`` turns forking off, as in Ruby."""
    return "inline" if value == "false" else "fork"


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """A reader that takes one of these words."""

    def read(value: str) -> str:
        if value not in choices:
            msg = f"{_quoted(value)} is none of {', '.join(choices)}"
            raise ValueError(msg)
        return value

    return read
