"""Integers of more digits than Python converts between text and int: Ruby's JSON has no such limit.

Python's limit is there because its conversion takes quadratic time. Converting by halves takes far less.
"""

from __future__ import annotations

from typing import Final

#: Digits that any Python converts, whatever its limit is set to.
AT_ONCE: Final = 600

#: More digits are refused: reading them would delay a worker's heartbeat.
MOST: Final = 100_000


class LongInteger(int):
    """An integer whose ``repr`` works whatever its length."""

    def __repr__(self) -> str:
        return spelled(self)

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self) if not spec else super().__format__(spec)


def read(text: str) -> int:
    """Read an integer. Raises ValueError for more than MOST digits."""
    if len(text) <= AT_ONCE:
        return int(text)
    negative = text.startswith("-")
    digits = text[negative:]
    if len(digits) > MOST:
        raise ValueError(f"an integer of {len(digits)} digits; {MOST} are read")
    value = _read(digits)
    return LongInteger(-value if negative else value)


def spelled(value: int) -> str:
    """Return the integer as text."""
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
    """Return the integer padded with zeros to so many digits."""
    if digits <= AT_ONCE:
        return int.__repr__(value).rjust(digits, "0")
    half = digits // 2
    upper, lower = divmod(int(value), _power(half))
    return _spelled(upper, digits - half) + _spelled(lower, half)


def _power(exponent: int) -> int:
    return int(pow(10, exponent))
