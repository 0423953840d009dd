"""Read plain JSON by the C scanner of the standard library alone. Light: the fork server loads this module.

The package ``json`` itself, with its regular expressions, would be a good part of the fork server's memory.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

#: The json gem reads no more arrays and objects inside one another than this.
MAX_NESTING = 100

#: A text of no more opening brackets is surely not nested too deep, not even inside a worker record, one level deeper.
SHALLOW = MAX_NESTING - 2

_ENDLESS = float("inf")


def refuse_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN and the infinities, which the standard library would accept."""
    raise ValueError(f"{name} is not allowed")


def finite(number: str) -> float:
    """Read a finite float. Raises ValueError for a number that Python reads as infinite."""
    value = float(number)
    if not -_ENDLESS < value < _ENDLESS:
        raise ValueError(f"{number} is too great")
    return value


class _Plain:
    """The attributes that the C scanner reads from its decoder."""

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
        from json import JSONDecoder  # noqa: PLC0415 - for those Pythons

        decoder = JSONDecoder(parse_constant=refuse_constant, parse_float=finite)
        made = decoder.scan_once  # type: ignore[attr-defined] # typeshed leaves it out
    return made


_scan = _scanner()


def decode_at_once(raw: bytes) -> Any:
    """Decode text that is safe to decode, and safe inside a record. None: ask ``json_decode.decode``.

    Safe is UTF-8, strict JSON without surrogate escapes or infinite numbers, nested less deep than the limit.
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
