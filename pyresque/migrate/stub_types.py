"""The types that were seen at one place of many calls, and how they are written: unions, lists, TypedDicts for hashes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob import GlobalID, Module, Range, Symbol
from pyresque.migrate.stub_names import class_identifier, is_plain, unique

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Levels of nesting, keys of a hash, and elements of a list that are looked at; what is beyond is Any.
DEEPEST: Final = 5
MOST_KEYS: Final = 50
MOST_ITEMS: Final = 50
LONGEST_KEY: Final = 100

#: Types by the first class that a value is of; a Symbol is a str, True an int, a DateTime a date.
_NAMES: Final[tuple[tuple[type, str], ...]] = (
    (type(None), "None"),
    (Symbol, "Symbol"),
    (str, "str"),
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (GlobalID, "GlobalID"),
    (datetime, "datetime"),
    (date, "date"),
    (timedelta, "timedelta"),
    (Decimal, "Decimal"),
    (Range, "Range"),
    (Module, "Module"),
    (bytes, "bytes"),
)

#: Where a type is imported from; None: Python has it.
ORIGINS: Final = {
    **dict.fromkeys(("GlobalID", "Symbol", "Range", "Module"), "pyresque.activejob"),
    **dict.fromkeys(("datetime", "date", "timedelta"), "datetime"),
    "Decimal": "decimal",
    "Any": "typing",
}


class Place:
    """What was seen at one place: types, the elements of lists, the keys of hashes."""

    __slots__ = ("hashes", "is_map", "items", "keys", "models", "names", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.names: set[str] = set()
        self.items: Place | None = None
        #: How many hashes there were, and their keys.
        self.hashes = 0
        self.keys: dict[str, Place] = {}
        #: The keys are too many, or no texts: not a record but a map.
        self.is_map = False
        #: ``app/Model`` of the GlobalIDs.
        self.models: set[str] = set()

    def add(self, value: object, depth: int = 0) -> None:
        """Add a value, as the handler gets it."""
        self.seen += 1
        if isinstance(value, dict):
            self.names.add("dict")
            self.add_keys(value, depth)
        elif isinstance(value, list):
            self.names.add("list")
            if depth < DEEPEST:
                self.items = self.items or Place()
                for item in value[:MOST_ITEMS]:
                    self.items.add(item, depth + 1)
        else:
            found = (name for kind, name in _NAMES if isinstance(value, kind))
            self.names.add(next(found, "Any"))
            if isinstance(value, GlobalID):
                self.models.add(f"{value.app}/{value.model}")

    def add_keys(self, value: Mapping[Any, object], depth: int = 0) -> None:
        """Add the pairs of a hash."""
        self.hashes += 1
        if depth >= DEEPEST or len(value) > MOST_KEYS:
            self.is_map = True
        for key, inner in value.items():
            if self.is_map:
                return
            if not self._may_be_key(key):
                self.is_map = True
            else:
                self.keys.setdefault(str(key), Place()).add(inner, depth + 1)

    def _may_be_key(self, key: object) -> bool:
        if not isinstance(key, str) or len(key) > LONGEST_KEY or not key.isprintable():
            return False
        return key in self.keys or len(self.keys) < MOST_KEYS


class Writer:
    """Writes the types of one module: its TypedDicts, and which names it imports."""

    def __init__(self, used: set[str]) -> None:
        self.used = used
        self.definitions: list[str] = []
        self.imports: set[str] = set()
        self.functional = False
        self.not_required = False

    def annotation(self, place: Place, name: str, *, optional: bool = False) -> str:
        """Return the type of a place; ``name`` is what a TypedDict of it is named after. ``optional``: None, too."""
        found = set(place.names)
        if "float" in found:
            found.discard("int")
        if "Any" in found or not found:
            self.imports.add("Any")
            return "Any"
        parts = []
        for kind in sorted(found - {"None"}):
            if kind == "dict":
                parts.append(self._hash(place, name))
            elif kind == "list":
                parts.append(self._list(place, name))
            else:
                parts.append(kind)
                self.imports.update({kind} & ORIGINS.keys())
        if "None" in found or optional:
            parts.append("None")
        return " | ".join(parts)

    def _list(self, place: Place, name: str) -> str:
        if place.items is None or not place.items.seen:
            self.imports.add("Any")
            return "list[Any]"
        return f"list[{self.annotation(place.items, f'{name}_item')}]"

    def _hash(self, place: Place, name: str) -> str:
        if place.is_map or not place.keys:
            self.imports.add("Any")
            return "dict[str, Any]"
        title = unique(class_identifier(name), self.used)
        fields = []
        for key in sorted(place.keys):
            inner = place.keys[key]
            text = self.annotation(inner, f"{title}_{key}")
            if inner.seen < place.hashes:
                self.not_required = True
                text = f"NotRequired[{text}]"
            fields.append((key, text))
        if all(is_plain(key) for key, _ in fields):
            body = "\n".join(f"    {key}: {text}" for key, text in fields)
            self.definitions.append(f"class {title}(TypedDict):\n{body}")
        else:
            body = "\n".join(f'        {quoted(key)}: "{text}",' for key, text in fields)
            self.definitions.append(
                f"{title} = TypedDict(\n    {quoted(title)},\n    {{\n{body}\n    }},\n)"
            )
        self.imports.add("TypedDict")
        return title


def quoted(text: str) -> str:
    """Return a text as a literal of Python in double quotes, in ASCII."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    if letter in {'"', "\\"}:
        return f"\\{letter}"
    return letter if " " <= letter <= "~" else ascii(letter)[1:-1]
