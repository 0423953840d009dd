"""Integers of more digits than Python converts by itself: Ruby reads and writes them in JSON, so they are read and written here.

Python refuses them because the usual way takes a time that grows with the square; by halves it takes far less.
"""

from __future__ import annotations

from typing import Final

#: Digits that any Python converts at once, whatever its limit is set to.
AT_ONCE: Final = 600

#: More digits than these are refused: to read them would keep a worker from its heartbeat.
MOST: Final = 100_000


class LongInteger(int):
    """An integer that can be shown, however long it is."""

    def __repr__(self) -> str:
        return spelled(self)

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self) if not spec else super().__format__(spec)


def read(text: str) -> int:
    """The integer that a text spells. Raises ValueError where it has too many digits."""
    if len(text) <= AT_ONCE:
        return int(text)
    negative = text.startswith("-")
    digits = text[negative:]
    if len(digits) > MOST:
        raise ValueError(f"an integer of {len(digits)} digits; {MOST} are read")
    value = _read(digits)
    return LongInteger(-value if negative else value)


def spelled(value: int) -> str:
    """The integer's digits."""
    if value < 0:
        return "-" + spelled(-value)
    digits = max(1, int(value.bit_length() * 0.30103) + 1)
    return _spelled(value, digits).lstrip("0") or "0"


def _read(digits: str) -> int:
    if len(digits) <= AT_ONCE:
        return int(digits)
    half = len(digits) // 2
    return _read(digits[:-half]) * _power(half) + _read(digits[-half:])


def _spelled(value: int, digits: int) -> str:
    """That many digits, zeros before them."""
    if digits <= AT_ONCE:
        return int.__repr__(value).rjust(digits, "0")
    half = digits // 2
    upper, lower = divmod(int(value), _power(half))
    return _spelled(upper, digits - half) + _spelled(lower, half)


def _power(exponent: int) -> int:
    return int(pow(10, exponent))
