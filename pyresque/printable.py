"""Text from anywhere as it may be written to a terminal, a log or a process title: on one line, and without a command in it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text; what is not printable (escapes, line ends, marks that turn the writing around) as Python writes it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """The text on one line, printable: how errors are written to a terminal or a log."""
    return printable(" ".join(text.split()))


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
