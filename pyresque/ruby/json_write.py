"""Write JSON in the bytes of Ruby's encoders, and refuse what Ruby could not read back.

A value made of plain Python types goes through the standard library's C encoder, whose spelling is Ruby's for all but a
few floats. Everything else is written here piece by piece, its place remembered for the error message.
"""

from __future__ import annotations

import re
from json import JSONEncoder
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Final, NoReturn

from pyresque.errors import NotEncodable
from pyresque.ruby.dialect import Dialect, float_as_in_python, float_text
from pyresque.ruby.objects import Unwritable, is_named_tuple, key_text, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The json gem reads no more arrays and objects inside one another than this.
MAX_NESTING: Final = 100

_plain_text = JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_HTML_ESCAPES: Final = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)


def encode(value: object, *, dialect: Dialect = Dialect.JSON_GEM, path: str = "args") -> bytes:
    """Return the bytes Ruby's encoder writes for the value; NotEncodable for what Ruby could not read back.

    ``path`` names the value in the error's message, as the start of a Python expression: ``args[1]["when"]``. With an
    empty one the keys of an outermost dict stand as names of their own, so that ``encode(payload, path="")`` too
    complains about ``args[1]["when"]``.
    """
    try:
        if _is_plain(value, 1):
            text = _plain_text(value)
            if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
                text = _escape_html(text)
            return text.encode()
    except ValueError:
        # A lone surrogate, or an integer Python will not spell; the writer below tells which, and where.
        pass
    text = _Writer(dialect, set()).text(value, _Place(path))
    if dialect is Dialect.JSON_GEM_ACTIVESUPPORT:
        text = _escape_html(text)
    return text.encode("utf-8", "surrogateescape")


def _is_plain(value: object, depth: int) -> bool:  # noqa: C901 - one quick pass; calls would cost more than they tell
    """Whether the C encoder writes the value as Ruby does: no odd types, keys or floats, and not nested too deep."""
    items: Iterable[object]
    if depth > MAX_NESTING:
        return False
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return False
        items = value.values()
    elif type(value) is list:
        items = value
    else:
        items = (value,)
    for item in items:
        kind = type(item)
        if kind is str or kind is int or item is None or kind is bool:
            continue
        if kind is list or kind is dict:
            if not _is_plain(item, depth + 1):
                return False
        elif type(item) is not float or not float_as_in_python(item):
            return False
    return True


def _escape_html(text: str) -> str:
    """What ActiveSupport does to a document; these characters stand nowhere but in strings."""
    for character, escape in _HTML_ESCAPES:
        text = text.replace(character, escape)
    return text


class _Place:
    """Where a value stands in the arguments; it becomes text only when there is something to complain about."""

    __slots__ = ("key", "parent", "root")

    def __init__(self, root: str, parent: _Place | None = None, key: object = None) -> None:
        self.root = root
        self.parent = parent
        self.key = key

    def below(self, key: object) -> _Place:
        """The place of an item of the value that stands here."""
        return _Place(self.root, self, key)

    def refuse(self, reason: str) -> NoReturn:
        """Complain about the value that stands here."""
        raise NotEncodable(str(self) or "the value", reason)

    def __str__(self) -> str:
        if self.parent is None:
            return self.root
        above = str(self.parent)
        if not isinstance(self.key, str):
            return f"{above}[{_spelled(self.key)}]"
        if not above and _IDENTIFIER.fullmatch(self.key):
            return self.key
        return f"{above}[{encode_basestring(self.key)}]"


def _spelled(key: object) -> str:
    try:
        return repr(key)
    except ValueError:  # an integer too long to spell
        return "..."


class _Writer:
    """Writes values by Ruby's rules, piece by piece, and knows the place of what it refuses."""

    def __init__(self, dialect: Dialect, around: set[int]) -> None:
        self._dialect = dialect
        #: The containers around the value being written, by identity.
        self._around = around

    def text(self, value: object, place: _Place) -> str:  # noqa: PLR0911 - a table, one line a type
        """Return the value as JSON."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return self._string(value, place)
        if isinstance(value, int):
            return _integer(value, place)
        if isinstance(value, float):
            return self._float(value, place)
        if isinstance(value, bytes):
            return self._bytes(value, place)
        if isinstance(value, dict):
            return self._container(value, place)
        if isinstance(value, list | tuple) and not is_named_tuple(value):
            return self._container(value, place)
        return self._object(value, place)

    def _string(self, value: str, place: _Place) -> str:
        try:
            # oj hands on the bytes it is given, so those that Python holds as surrogates can be sent as they were.
            value.encode("utf-8", "surrogateescape" if self._dialect.is_oj else "strict")
        except UnicodeEncodeError as error:
            found = value[error.start]
            place.refuse(
                f"it holds {found!r}, half a character, at position {error.start}; repair the text first"
            )
        return encode_basestring(value)

    def _bytes(self, value: bytes, place: _Place) -> str:
        try:
            return encode_basestring(
                value.decode("utf-8", "surrogateescape" if self._dialect.is_oj else "strict")
            )
        except UnicodeDecodeError:
            place.refuse(
                "bytes that are not UTF-8; convert them to str first, for instance with base64"
            )

    def _float(self, value: float, place: _Place) -> str:
        if not isfinite(value):
            place.refuse(f"{value} is no JSON number; send None or a str instead")
        return float_text(value, self._dialect)

    def _container(
        self, value: dict[object, object] | list[object] | tuple[object, ...], place: _Place
    ) -> str:
        if id(value) in self._around:
            place.refuse("it contains itself")
        if len(self._around) >= MAX_NESTING:
            place.refuse(
                f"it is nested more than {MAX_NESTING} levels deep, and Ruby's json gem reads no more"
            )
        self._around.add(id(value))
        if isinstance(value, dict):
            text = "{" + ",".join(self._pairs(value, place)) + "}"
        else:
            text = (
                "["
                + ",".join([self.text(item, place.below(n)) for n, item in enumerate(value)])
                + "]"
            )
        self._around.discard(id(value))
        return text

    def _pairs(self, value: dict[object, object], place: _Place) -> list[str]:
        pairs: list[str] = []
        taken: set[str] = set()
        for key, item in value.items():
            there = place.below(key)
            name = self._key(key, there)
            if name in taken:
                there.refuse(
                    f"another key of the same dict is written {name!r} too; Ruby would keep only the last"
                )
            taken.add(name)
            pairs.append(f"{self._string(name, there)}:{self.text(item, there)}")
        return pairs

    def _key(self, key: object, place: _Place) -> str:
        if isinstance(key, str):
            return str.__str__(key)  # a class made from str may compare as it likes
        try:
            return key_text(key, self._dialect)
        except (Unwritable, ValueError) as error:  # ValueError: an integer too long to spell
            place.refuse(str(error))

    def _object(self, value: object, place: _Place) -> str:
        """Write what stands for a value that is no JSON; with ActiveSupport its own writer does that, never oj."""
        try:
            replaced = stand_in(value, self._dialect)
        except (Unwritable, ValueError) as error:  # ValueError: an integer too long to spell
            place.refuse(str(error))
        if self._dialect is not Dialect.OJ_ACTIVESUPPORT:
            return self.text(replaced, place)
        return _escape_html(
            _Writer(Dialect.JSON_GEM_ACTIVESUPPORT, self._around).text(replaced, place)
        )


def _integer(value: int, place: _Place) -> str:
    try:
        return int.__repr__(value)
    except ValueError:
        place.refuse("an integer longer than Python converts to text (sys.set_int_max_str_digits)")
