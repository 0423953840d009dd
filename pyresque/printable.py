"""Text made safe for a terminal, a log, a process title or an error message: on one line, without commands or passwords."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text; what is not printable (escapes, line ends, marks that turn the writing around) as Python writes it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


#: Characters of a line for a terminal or a log: an error of user code may say megabytes.
MOST_IN_LINE = 1 << 14


def one_line(text: str) -> str:
    """The text on one line, printable, and not longer than a line may be: how errors are written to a terminal or a log."""
    return printable(" ".join(in_line(text).split()))


def in_line(text: str) -> str:
    """The text, or the beginning of one that is too long for a line."""
    more = len(text) - MOST_IN_LINE
    return text if more <= 0 else f"{text[:MOST_IN_LINE]}... ({more} more characters)"


def as_json(text: str) -> str:
    """JSON text, printable: what is not is written as a backslash, ``u`` and four hexadecimal digits."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _in_json(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _in_json(char: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(ord(char)))


def _units(code: int) -> tuple[int, ...]:
    """A letter as UTF-16 has it."""
    if code < 0x10000:  # noqa: PLR2004 - beyond it UTF-16 takes two units
        return (code,)
    high, low = divmod(code - 0x10000, 0x400)
    return 0xD800 + high, 0xDC00 + low


# -- secrets

#: Parts of the names of options whose values are secret; of some a driver knows nothing, but who wrote them meant one.
SECRET = ("pass", "pwd", "secret", "auth", "token")


def without_password(url: str) -> str:
    """The URL without what is or may be a password, for messages: who logs in, and all from a password option on.

    A password may hold what ends a URL's parts (``/ ? # @``) although it should not, and a URL may lack its beginning.
    """
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    for at, letter in enumerate(rest):
        if letter in "?&" and (option := _secret_option(rest[at + 1 :])):
            rest = f"{rest[: at + 1]}{option}=***"
            break
    known, _, place = rest.rpartition("@")
    if place.startswith("["):
        if "]" not in place:
            return "(a URL that cannot be read)"
    else:
        nodes = ""
        if "+" in scheme:  # several addresses: what is no port is in the last one
            head = _before(place, "/?#").rpartition(",")[0]
            if head and all(_is_address(address) for address in head.split(",")):
                nodes, place = f"{head},", place[len(head) + 1 :]
        host, colon, port = place.partition(":")
        if colon and not _before(port, "/?#").isdigit():
            place = f"{host}:***"  # no port: who wrote this may have left the host out
        place = nodes + place
    return f"{scheme}{mark}{'***@' if known else ''}{place}"


def _is_address(text: str) -> bool:
    """Whether a text is a host, or a host and a port."""
    _, colon, port = text.rpartition(":")
    return not colon or port.isdigit()


def _secret_option(text: str) -> str:
    """The name of the option that a text begins with, if its value is secret."""
    from urllib.parse import unquote  # noqa: PLC0415 - for messages alone

    name = unquote(_before(text, "=&"))
    return name if any(part in name.lower() for part in SECRET) else ""


def _before(text: str, ends: str) -> str:
    for at, letter in enumerate(text):
        if letter in ends:
            return text[:at]
    return text


def without_url(text: str) -> str:
    """A text for a message, cut where a URL begins that was meant for another setting: it may hold a password."""
    before, mark, _ = text.partition("://")
    return f"{before}{mark}..." if mark else text


#: Characters of a wrong value that a message shows.
MOST_SHOWN = 60


def wrong_value(value: object, *, quoted: bool = True) -> str:
    """A wrong value for a message: what it is and, if it is short and holds no secret, itself."""
    kind = type(value)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    if quoted and isinstance(value, (str, bytes, int, float, list, tuple, dict)):
        try:
            text = without_url(repr(value))
        except Exception:  # noqa: BLE001 - of what it holds, anything may come
            text = "it"
        return f"{text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + '...'} ({name})"
    return f"an object of type {name}"


def many(count: int, noun: str) -> str:
    """Return ``1 job``, ``2 jobs``, ``2 entries``, ``2 keys``: the number and the noun, in the plural unless there is one."""
    if count != 1:
        plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
        noun = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else plural
    return f"{count} {noun}"
