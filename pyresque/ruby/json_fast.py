"""JSON that leaves no doubt, read by the C part of the standard library's scanner alone.

Its package, with the patterns that it makes, would be a good part of the small process that a fork server is.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

#: The json gem reads no more arrays and objects inside one another than this.
MAX_NESTING = 100

#: Brackets that open, up to which nothing can be nested too deeply, in a worker's record neither, which is one level more.
SHALLOW = MAX_NESTING - 2

_ENDLESS = float("inf")


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which the standard library would take."""
    raise ValueError(f"{name} is not allowed")


def finite(number: str) -> float:
    """A float that JSON can write, too."""
    value = float(number)
    if not -_ENDLESS < value < _ENDLESS:
        raise ValueError(f"{number} is too great")
    return value


class _Plain:
    """What the scanner asks its decoder for."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(finite)
    parse_int = int
    parse_constant = staticmethod(refuse_constant)


def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    try:
        import _json  # noqa: PLC0415 - not every Python has it

        made: Callable[[str, int], tuple[Any, int]] = _json.make_scanner(_Plain)  # type: ignore[arg-type] # typeshed wants a scanner for it
    except (AttributeError, ImportError, TypeError):
        from json import JSONDecoder  # noqa: PLC0415 - for those

        decoder = JSONDecoder(parse_constant=refuse_constant, parse_float=finite)
        made = decoder.scan_once  # type: ignore[attr-defined] # typeshed leaves it out
    return made


_scan = _scanner()


def decode_at_once(raw: bytes) -> Any:
    """As ``json_read.decode``, for text that leaves no doubt, also within another value; None for any other.

    What leaves none: UTF-8, nothing but JSON, no half of a character, no number beyond all bounds, not deep.
    """
    try:
        text = raw.decode()
        found = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    size = len(text)
    if found[1] != size or ("\\u" in text and ("\\ud" in text or "\\uD" in text)):
        return None
    if size > SHALLOW and text.count("[") + text.count("{") > SHALLOW:
        return None
    return found[0]
