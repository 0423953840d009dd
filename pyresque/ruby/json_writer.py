"""Write JSON value by value, if the C encoder differs from Ruby's; errors name the path of the refused value."""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from math import isfinite
from typing import NoReturn

from pyresque.errors import NotEncodable
from pyresque.ruby.dialect import Dialect, escape_html, float_text
from pyresque.ruby.json_fast import MAX_NESTING
from pyresque.ruby.long_integers import spelled
from pyresque.ruby.objects import Unwritable, is_named_tuple, key_text, replacement

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class Path:
    """The path of a value inside the arguments. It becomes text only for an error's message."""

    __slots__ = ("key", "parent", "root")

    def __init__(self, root: str, parent: Path | None = None, key: object = None) -> None:
        self.root = root
        self.parent = parent
        self.key = key

    def below(self, key: object) -> Path:
        """Return the path of an item of this value."""
        return Path(self.root, self, key)

    def refuse(self, reason: str) -> NoReturn:
        """Raise NotEncodable for the value of this path."""
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


class Writer:
    """Writes values by Ruby's rules, and names the path of a value that it refuses."""

    def __init__(self, dialect: Dialect, around: set[int]) -> None:
        self._dialect = dialect
        #: The containers around the current value, by identity: a container must not contain itself.
        self._around = around

    def text(self, value: object, path: Path) -> str:  # noqa: PLR0911 - a table, one line a type
        """Return the value as JSON."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, float):
            return self._float(value, path)
        if isinstance(value, bytes):
            return self._bytes(value, path)
        if isinstance(value, dict):
            return self._container(value, path)
        if isinstance(value, list | tuple) and not is_named_tuple(value):
            return self._container(value, path)
        return self._object(value, path)

    def _string(self, value: str, path: Path) -> str:
        try:
            # oj passes bytes on unchecked, so bytes that Python holds as surrogates are written back unchanged.
            value.encode("utf-8", "surrogateescape" if self._dialect.is_oj else "strict")
        except UnicodeEncodeError as error:
            found = value[error.start]
            path.refuse(
                f"it holds {found!r}, half a character, at position {error.start}; repair the text first"
            )
        return encode_basestring(value)

    def _bytes(self, value: bytes, path: Path) -> str:
        try:
            return encode_basestring(
                value.decode("utf-8", "surrogateescape" if self._dialect.is_oj else "strict")
            )
        except UnicodeDecodeError:
            path.refuse(
                "bytes that are not UTF-8; convert them to str first, for instance with base64"
            )

    def _float(self, value: float, path: Path) -> str:
        if not isfinite(value):
            path.refuse(f"{value} is no JSON number; send None or a str instead")
        return float_text(value, self._dialect)

    def _container(
        self, value: dict[object, object] | list[object] | tuple[object, ...], path: Path
    ) -> str:
        if id(value) in self._around:
            path.refuse("it contains itself")
        if len(self._around) >= MAX_NESTING:
            path.refuse(
                f"it is nested more than {MAX_NESTING} levels deep, and Ruby's json gem reads no more"
            )
        self._around.add(id(value))
        if isinstance(value, dict):
            text = "{" + ",".join(self._pairs(value, path)) + "}"
        else:
            text = (
                "["
                + ",".join([self.text(item, path.below(n)) for n, item in enumerate(value)])
                + "]"
            )
        self._around.discard(id(value))
        return text

    def _pairs(self, value: dict[object, object], path: Path) -> list[str]:
        pairs: list[str] = []
        taken: set[str] = set()
        for key, item in value.items():
            there = path.below(key)
            name = self._key(key, there)
            if name in taken:
                there.refuse(
                    f"another key of the same dict is written {name!r} too; Ruby would keep only the last"
                )
            taken.add(name)
            pairs.append(f"{self._string(name, there)}:{self.text(item, there)}")
        return pairs

    def _key(self, key: object, path: Path) -> str:
        if isinstance(key, str):
            return str.__str__(key)  # a subclass of str may compare differently
        if isinstance(key, int) and not isinstance(key, bool):
            return _integer(key)
        try:
            return key_text(key, self._dialect)
        except (Unwritable, ValueError) as error:  # ValueError: an integer too long to spell
            path.refuse(str(error))

    def _object(self, value: object, path: Path) -> str:
        """Write the replacement of a value that is no JSON. Under ActiveSupport the json gem writes it, never oj."""
        try:
            replaced = replacement(value, self._dialect)
        except (Unwritable, ValueError) as error:  # ValueError: an integer too long to spell
            path.refuse(str(error))
        if self._dialect is not Dialect.OJ_ACTIVESUPPORT:
            return self.text(replaced, path)
        return escape_html(
            Writer(Dialect.JSON_GEM_ACTIVESUPPORT, self._around).text(replaced, path)
        )


def _integer(value: int) -> str:
    try:
        return int.__repr__(value)
    except ValueError:  # longer than Python converts to text
        return spelled(value)
