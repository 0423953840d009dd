"""How each kind of setting is read from its text: an environment variable, or a flag of the command line. Light."""

from __future__ import annotations

from pyresque.printable import without_url

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


def addresses(value: str) -> tuple[str, ...]:
    """The addresses between commas. Raises ValueError if there is none."""
    found = names(value)
    if not found:
        raise ValueError("no address is named; give host:port,host:port")
    return found


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
    if not 0 <= found < LONGEST_STRETCH:
        msg = f"{_quoted(value)} is no number of {unit} (0 or more, below a thousand years)"
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


class OneOf:
    """A reader that takes one of these words."""

    __slots__ = ("choices",)

    def __init__(self, *choices: str) -> None:
        self.choices = choices

    def __call__(self, value: str) -> str:
        """Return the word itself. Raises ValueError."""
        if value not in self.choices:
            msg = f"{_quoted(value)} is none of {', '.join(self.choices)}"
            raise ValueError(msg)
        return value
