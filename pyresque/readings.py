"""How the text of a setting is read: one function for each kind of value, which raises ValueError with the reason."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST_RAILS = 6

#: Digits of a whole number, and letters of a wrong text that stand in its message.
DIGITS, LETTERS = 9, 60
CATCH_UPS = {"none": 0, "one": 1}


def without_url(text: str) -> str:
    """A text for a message, cut where a URL begins that was meant for another setting: it may hold a password."""
    before, mark, _ = text.partition("://")
    return f"{before}{mark}..." if mark else text


def _shown(value: str) -> str:
    """A wrong text for a message."""
    value = without_url(value)
    return repr(value) if len(value) <= LETTERS else f"{value[:LETTERS]!r}..."


def text(value: str) -> str:
    """Anything but nothing."""
    if not value.strip():
        msg = "is empty"
        raise ValueError(msg)
    return value


def path(value: str) -> str:
    """A file's path: anything but nothing."""
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
        msg = f"{_shown(value)} is no number of {unit} (0 or more)"
        raise ValueError(msg)
    return found


def count(value: str) -> int:
    """A number from 1 on, which Redis and the system can take."""
    digits = value.strip()
    if not digits.isdecimal() or len(digits) > DIGITS or int(digits) < 1:
        msg = f"{_shown(value)} is no number from 1 on of at most {DIGITS} digits"
        raise ValueError(msg)
    return int(digits)


def port(value: str) -> int:
    """A TCP port."""
    if not value.strip().isdecimal() or len(value) > DIGITS or not 0 < int(value) < 2**16:
        msg = f"{_shown(value)} is no port (1 to 65535)"
        raise ValueError(msg)
    return int(value)


#: The texts that resque-scheduler takes for yes; any other one, ``yes`` and ``True`` too, is a no.
SCHEDULER_YES = frozenset({"1", "t", "T", "true", "TRUE", "on", "ON"})


def scheduler_yes(value: str) -> bool:
    """Whether resque-scheduler would take it for a yes."""
    return value in SCHEDULER_YES


def catch_up(value: str) -> int:
    """How many missed runs are made up for: ``none``, ``one``, or a number."""
    if value in CATCH_UPS:
        return CATCH_UPS[value]
    if not value.strip().isdecimal() or len(value) > DIGITS:
        msg = f"{_shown(value)} is none of {', '.join(CATCH_UPS)}, and no number of runs"
        raise ValueError(msg)
    return int(value)


def time_zone(value: str) -> str:
    """The name of a time zone, or an offset."""
    from pyresque.zones import zone_of  # noqa: PLC0415 - by those who name one: each forked child pays for what is loaded

    if "://" in value:
        msg = f"{_shown(value)} is no time zone"
        raise ValueError(msg)
    zone_of(value)
    return value


def rails_version(value: str) -> str:
    """A version of Rails that this package knows."""
    numbers = value.strip().split(".")
    known = all(part.isascii() and part.isdecimal() for part in numbers[:2])
    if not known or int(numbers[0]) < OLDEST_RAILS:
        msg = f"{_shown(value)} is no Rails version from {OLDEST_RAILS}.0 on"
        raise ValueError(msg)
    return value.strip()


def given(value: str) -> bool:
    """Ruby asks only whether such a variable is there, not what it says; an empty one counts as left out here."""
    return value != ""


def fork_per_job(value: str) -> str:
    """FORK_PER_JOB: exactly ``false`` turns forking off, as in Ruby."""
    return "inline" if value == "false" else "fork"


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """One of these words."""

    def read(value: str) -> str:
        if value not in choices:
            msg = f"{_shown(value)} is none of {', '.join(choices)}"
            raise ValueError(msg)
        return value

    return read
