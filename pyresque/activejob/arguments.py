"""A job's arguments between Python and Rails: the markers of symbols, keywords, records and serialized objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from pyresque.activejob import ruby_messages, times
from pyresque.activejob.globalid import GlobalID, Identified
from pyresque.activejob.serializers import (
    BUILTINS,
    PREFIX,
    Serializer,
    SerializerContext,
    builtin_named,
    decimal_text,
    default_zone,
    kind_of,
)
from pyresque.activejob.values import Indifferent, Keywords, Symbol
from pyresque.activejob.versions import LATEST, Rails
from pyresque.errors import DeserializationError, GlobalIDError, SerializationError

if TYPE_CHECKING:
    from datetime import tzinfo

GLOBALID = "_aj_globalid"
SERIALIZED = "_aj_serialized"
SYMBOL_KEYS = "_aj_symbol_keys"
RUBY2_KEYWORDS = "_aj_ruby2_keywords"
INDIFFERENT = "_aj_hash_with_indifferent_access"
RESERVED = frozenset({GLOBALID, SERIALIZED, SYMBOL_KEYS, RUBY2_KEYWORDS, INDIFFERENT})

#: Functions that find a record by its GlobalID, by model name: ``{"Account": lambda gid: accounts[gid.id]}``.
Locators = Mapping[str, Callable[[GlobalID], object]]

#: Ruby's JSON reads no deeper nesting; the limit also stops at a list that contains itself.
#: Types of arguments that stand in the payload as they are.
_PRIMITIVES = frozenset((str, int, float, bool, type(None)))
_DEEPEST = 100


def serialize(
    args: Sequence[object],
    kwargs: Mapping[str, object] | None = None,
    *,
    version: Rails = LATEST,
    serializers: Sequence[Serializer] = (),
) -> list[object]:
    """Return the ``arguments`` field of a job called with these arguments, ready for JSON.

    The names of ``kwargs`` become symbols, as Ruby's keywords are; in a ``Keywords`` each name stays a symbol or a string.
    Raises SerializationError, in Rails' words, for what that version of Rails cannot carry.
    """
    writer = _Writer(version, tuple(serializers))
    written = [writer.argument(value, 0) for value in args]
    if isinstance(kwargs, Keywords):
        written.append(writer.argument(kwargs, 0))
    elif kwargs:
        written.append(
            writer.argument(Keywords((Symbol(name), value) for name, value in kwargs.items()), 0)
        )
    return written


def primitive(arguments: object) -> bool:
    """Whether arguments are a list of texts, numbers, booleans and None alone, which need no reading."""
    return isinstance(arguments, list) and _PRIMITIVES.issuperset(map(type, arguments))


def deserialize(
    arguments: object,
    locators: Locators | None = None,
    serializers: Sequence[Serializer] = (),
    *,
    version: Rails = LATEST,
    zone: tzinfo | None = None,
    local: tzinfo = times.PLUS_ZERO,
) -> tuple[list[object], dict[str, object]]:
    """Return a job's positional and keyword arguments from its ``arguments`` field.

    Records of models without a locator stay GlobalIDs. ``zone`` is the worker's Rails zone (UTC by default), for times without
    a zone's name; ``local`` is the zone of times without an offset. Raises DeserializationError, in Rails' words, for what
    that version of Rails could not read, and if a locator or serializer raises or finds nothing.
    """
    if isinstance(arguments, list) and primitive(arguments):
        return arguments, {}
    reader = _Reader(version, tuple(serializers), locators or {}, zone or default_zone(), local)
    args = reader.arguments(arguments)
    if args and isinstance(args[-1], Keywords):
        return args[:-1], args[-1]
    return args, {}


@dataclass(frozen=True, slots=True)
class _Writer:
    version: Rails
    serializers: tuple[Serializer, ...]

    def argument(self, value: object, depth: int) -> object:
        if value is None or type(value) in (bool, str, int, float):
            return value
        if depth > _DEEPEST:
            raise SerializationError(
                "Unsupported argument: nested deeper than 100 levels, or inside itself"
            )
        for serializer in self.serializers:
            if serializer.accepts(value):
                return {SERIALIZED: serializer.ruby_name, **serializer.serialize(value)}
        if isinstance(value, Enum):
            raise SerializationError(
                f"Unsupported argument type: {type(value).__name__} is an Enum; pass its value, or register a serializer"
            )
        if isinstance(value, list | tuple):
            return [self.argument(item, depth + 1) for item in value]
        if isinstance(value, Mapping):
            return self.hash(value, depth + 1)
        if isinstance(value, GlobalID):
            return {GLOBALID: value.uri}
        return self.special(value, depth)

    def special(self, value: object, depth: int) -> object:
        kind = kind_of(value)
        if kind is None:
            return self.plain(value)
        builtin = BUILTINS[kind]
        if builtin.since > self.version:
            if isinstance(value, Decimal) and value.is_finite():
                return decimal_text(value)  # before 7.1 Rails writes it as a JSON text
            raise SerializationError(
                f"Unsupported argument type: {ruby_messages.class_name(value)}"
            )
        zone = default_zone()
        context = SerializerContext(
            self.version, zone, zone, lambda inner: self.argument(inner, depth + 1)
        )
        return {SERIALIZED: f"{PREFIX}{kind}Serializer", **builtin.write(value, context)}

    def plain(self, value: object) -> object:
        for kind in (str, int, float):
            if isinstance(value, kind):
                return kind(value)
        if isinstance(value, Identified):
            try:
                return {GLOBALID: value.to_global_id().uri}
            except GlobalIDError as error:
                raise SerializationError(
                    f"Unable to serialize {type(value).__name__} without an id. (Maybe you forgot to call save?)"
                ) from error
        raise SerializationError(f"Unsupported argument type: {ruby_messages.class_name(value)}")

    def hash(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        written = {self.key(key): self.argument(item, depth) for key, item in value.items()}
        if isinstance(value, Indifferent):
            return {**written, INDIFFERENT: True}
        marker = RUBY2_KEYWORDS if isinstance(value, Keywords) else SYMBOL_KEYS
        return {**written, marker: [str(key) for key in value if isinstance(key, Symbol)]}

    def key(self, key: object) -> str:
        if not isinstance(key, str) or isinstance(key, Enum):
            raise SerializationError(
                "Only string and symbol hash keys may be serialized as job arguments, "
                f"but {ruby_messages.inspect(key)} is a {ruby_messages.class_name(key)}"
            )
        if key in RESERVED:
            raise SerializationError(
                f"Can't serialize a Hash with reserved key {ruby_messages.inspect(key)}"
            )
        return str(key)


@dataclass(frozen=True, slots=True)
class _Reader:
    version: Rails
    serializers: tuple[Serializer, ...]
    locators: Locators
    zone: tzinfo | None
    local: tzinfo

    def arguments(self, found: object) -> list[object]:
        if found is None or found is False:
            return []
        if isinstance(found, Mapping):
            found = [list(pair) for pair in found.items()]  # Ruby's Hash#map yields pairs
        if not isinstance(found, list):
            raise DeserializationError(ruby_messages.no_method("map", found))
        try:
            return [self.argument(value, 0) for value in found]
        except DeserializationError:
            raise
        except Exception as error:  # Rails wraps whatever a locator or serializer may raise
            raise DeserializationError(str(error) or type(error).__name__) from error

    def argument(self, value: object, depth: int) -> object:
        if depth > _DEEPEST:
            raise DeserializationError("nested deeper than 100 levels")
        if isinstance(value, list):
            return [self.argument(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return self.special(value, depth + 1)
        if value is None or isinstance(value, str | int | float):
            return value
        raise DeserializationError(
            f"Can only deserialize primitive arguments: {ruby_messages.inspect(value)}"
        )

    def special(self, found: dict[str, object], depth: int) -> object:
        if len(found) == 1 and GLOBALID in found:
            return self.record(found[GLOBALID])
        if SERIALIZED in found:
            return self.serialized(found, depth)
        return self.hash({key: self.argument(value, depth) for key, value in found.items()})

    def record(self, address: object) -> object:
        gid = GlobalID.parse(address)
        if gid is None:
            return None  # as in Rails: a text that is no GlobalID names no record
        locate = self.locators.get(gid.model)
        if locate is None:
            return gid
        record = locate(gid)
        if record is None:
            raise DeserializationError(f"Couldn't find {gid.model} with 'id'={gid.id}")
        return record

    def serialized(self, found: dict[str, object], depth: int) -> object:
        name = found[SERIALIZED]
        if name is None or name is False:
            raise DeserializationError(
                f"Serializer name is not present in the argument: {ruby_messages.inspect(found)}"
            )
        if not isinstance(name, str):
            raise DeserializationError(ruby_messages.no_method("safe_constantize", name))
        wanted = name.removeprefix("::")
        for serializer in self.serializers:
            if serializer.ruby_name == wanted:
                return serializer.deserialize(found)
        builtin = builtin_named(wanted, self.version)
        if builtin is None:
            raise DeserializationError(f"Serializer {name} is not known")
        context = SerializerContext(
            self.version, self.zone, self.local, lambda inner: self.argument(inner, depth)
        )
        return builtin.read(found, context)

    def hash(self, read: dict[str, object]) -> object:
        if _true(read.pop(INDIFFERENT, None)):
            return Indifferent(read)
        if _true(names := read.pop(SYMBOL_KEYS, None)):
            return dict(_symbols(read, names))
        if _true(names := read.pop(RUBY2_KEYWORDS, None)):
            return Keywords(_symbols(read, names))
        return read


def _true(marker: object) -> bool:
    """Whether Ruby takes the marker as true: everything but nil and false, even an empty list."""
    return marker is not None and marker is not False


def _symbols(read: Mapping[str, object], names: object) -> list[tuple[str, object]]:
    if not isinstance(names, list | str | dict):
        raise DeserializationError(ruby_messages.no_method("include?", names))
    return [(Symbol(key) if key in names else key, value) for key, value in read.items()]
