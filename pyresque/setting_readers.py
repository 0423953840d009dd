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


def users(value: str) -> tuple[str, ...]:
    """The names of users between commas. Raises ValueError if there is none."""
    found = names(value)
    if not found:
        raise ValueError("no user is named; give ann,bob")
    return found


def targets(value: str) -> tuple[str, ...]:
    """Servers by name, such as ``live=redis://h/0#app,batch=redis://i/0``, between commas or spaces. A message repeats no URL."""
    import re  # noqa: PLC0415 - by those who give some: each forked child pays for what is loaded

    found = tuple(one for one in re.split(r"[\s,]+(?=[\w.-]+=)", value.strip(" \t\n,")) if one)
    for one in found:
        name, _, url = one.partition("=")
        if not name or "://" not in url:
            raise ValueError(
                f"{_quoted(name)} has no URL: give NAME=URL, such as live=redis://h:6379/0"
            )
    known = [one.partition("=")[0] for one in found]
    if not found or len(set(known)) < len(known):
        raise ValueError("give each server once, by a name of its own: live=redis://h:6379/0#app")
    return found


def key_names(value: str) -> tuple[str, ...]:
    """The names of keys between commas. Raises ValueError if there is none."""
    found = names(value)
    if not found:
        raise ValueError("no key is named; give password,token")
    return found


def pattern(value: str) -> str:
    """A regular expression that takes some text, and not the empty one."""
    import re  # noqa: PLC0415 - by those who give one: each forked child pays for what is loaded

    try:
        found = re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{_quoted(value)} is no regular expression: {error}") from error
    if found.match("") is not None:
        raise ValueError(f"{_quoted(value)} takes the empty text, which is everywhere")
    return value


def addresses(value: str) -> tuple[str, ...]:
    """The addresses between commas. Raises ValueError if there is none."""
    found = names(value)
    if not found:
        raise ValueError("no address is named; give host:port,host:port")
    return found


def routes(value: str) -> tuple[str, ...]:
    """Rules between commas, each a class or a pattern with its side: ``ruby``, ``python`` or ``python=25%``."""
    found = tuple(map(_route, names(value)))
    if not found:
        msg = "no rule is given; give some, such as Report=python,Tax::*=ruby"
        raise ValueError(msg)
    return found


def _route(rule: str) -> str:
    match, _, target = (part.strip() for part in rule.partition("="))
    side, separator, share = (part.strip() for part in target.partition("="))
    side = side.lower()
    if not match or side not in ("ruby", "python") or (separator and side == "ruby"):
        msg = f"{_quoted(rule)} is no rule: give a class and its side, such as Report=python, Tax::*=ruby or Big=python=25%"
        raise ValueError(msg)
    if not separator:
        return f"{match}={side}"
    try:
        percent = float(share.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        msg = (
            f"{_quoted(rule)} has no percentage from 0 to 100: give one such as {match}=python=25%"
        )
        raise ValueError(msg)
    return f"{match}={side}={percent:g}%"


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


def bind(value: str) -> str:
    """An address to listen at, as ``HOST:PORT``; an IPv6 address stands in square brackets. Port 0 is any free one."""
    host, _, number = value.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in bare and bare == host) or not number.isdecimal() or int(number) > 65535:  # noqa: PLR2004 - the highest port
        raise ValueError(f"{_quoted(value)} is no HOST:PORT, such as 127.0.0.1:5678")
    return value.strip()


def log_in(value: str) -> str:
    """A user's name and password, as ``USER:PASSWORD``; the message does not repeat it."""
    user, _, password = value.partition(":")
    if not user.strip() or not password.strip():
        raise ValueError("is no USER:PASSWORD")
    return value


def prefix(value: str) -> str:
    """A path below which the dashboard stands, such as ``/resque``."""
    parts = [part for part in value.split("/") if part.strip()]
    if (
        not parts
        or not value.startswith("/")
        or any(letter in value for letter in "?#%\\ ")
        or not value.isprintable()
    ):
        raise ValueError(f"{_quoted(value)} is no path such as /resque")
    return "/" + "/".join(parts)


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
