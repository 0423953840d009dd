"""The four spellings of JSON a Ruby process may write, and how each spells a float."""

from __future__ import annotations

from enum import Enum
from typing import Final

#: ``Float#to_s`` writes whole numbers from here on with an exponent.
_EXPONENT_FROM: Final = 1e15
#: Below this, Ruby and Python both write an exponent.
_EXPONENT_BELOW: Final = 1e-4
#: oj writes whole numbers plainly as long as they fit a C ``long long``.
_LONG_LONG: Final = 2.0**63

_HTML_ESCAPES: Final = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)


class Dialect(Enum):
    """Which encoder the Ruby side uses: the json gem or oj, each without or with ActiveSupport (Rails).

    The bytes differ in floats, dates and decimals, and in ``<``, ``>`` and ``&``. It matters only if Ruby compares
    bytes (``dequeue``, delayed jobs, unique locks): what one dialect writes, all of them read.
    """

    JSON_GEM = "json_gem"
    OJ = "oj"
    JSON_GEM_ACTIVESUPPORT = "json_gem_activesupport"
    OJ_ACTIVESUPPORT = "oj_activesupport"

    @property
    def is_oj(self) -> bool:
        """Whether oj is the encoder, not the json gem."""
        return self in (Dialect.OJ, Dialect.OJ_ACTIVESUPPORT)

    @property
    def is_rails(self) -> bool:
        """Whether ActiveSupport changes how objects are written."""
        return self in (Dialect.JSON_GEM_ACTIVESUPPORT, Dialect.OJ_ACTIVESUPPORT)


def float_as_in_python(number: float) -> bool:
    """Whether every dialect surely spells the number as Python's ``repr`` does; False for NaN and wherever more work is needed."""
    return _EXPONENT_BELOW <= abs(number) < _EXPONENT_FROM or str(number) == "0.0"


def float_text(number: float, dialect: Dialect) -> str:
    """Return the dialect's spelling of a finite number."""
    if dialect.is_oj:
        if number == 0.0:
            return "0.0"  # oj loses the sign of -0.0
        if -_LONG_LONG <= number < _LONG_LONG and number.is_integer():
            return f"{number:.1f}"
    return float_to_s(number)


def float_to_s(number: float) -> str:
    """``Float#to_s`` of a finite number: ``1.0e+20``, ``0.0001``, ``1.0e-05``.

    Both languages choose the same shortest digits; they differ in when an exponent is used, and in how it looks.
    """
    text = float.__repr__(number)
    mantissa, e, exponent = text.partition("e")
    if e:
        return text if "." in mantissa else f"{mantissa}.0e{exponent}"
    if abs(number) < _EXPONENT_FROM or not text.endswith(".0"):
        return text
    digits = text[:-2].lstrip("-")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:].rstrip('0') or '0'}e+{len(digits) - 1:02d}"


def escape_html(text: str) -> str:
    """Escape ``<``, ``>``, ``&`` in a JSON document as ActiveSupport does; outside strings JSON has none of them."""
    for character, escape in _HTML_ESCAPES:
        text = text.replace(character, escape)
    return text
