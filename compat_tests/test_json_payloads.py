"""JSON against what real Ruby wrote and read: the json gem and oj, each without and with ActiveSupport."""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections import defaultdict, namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from pyresque.errors import DecodeError, NotEncodable
from pyresque.ruby.json import Dialect, decode, encode

FILE = Path(__file__).parent.parent / "ruby_fixtures" / "golden" / "json_payloads.json"

#: In place of bytes or a value: an error on Ruby's side, NotEncodable or DecodeError on ours.
REFUSED = "refused"

UTC_ZERO = ZoneInfo("Africa/Abidjan")  # no UTC to Ruby, but as far from it
Point = namedtuple("Point", ["x", "y"])  # noqa: PYI024 - a Ruby Struct has no types either


class Text(str):
    __slots__ = ()


def nested(levels: int) -> list[Any]:
    """As deep as the recorder's ``deep(levels)``."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def escaped(raw: bytes) -> str:
    """Bytes that are no UTF-8, as they come out of ``os.fsdecode`` and ``decode``."""
    return raw.decode("utf-8", "surrogateescape")


#: The one argument of ``encode_...`` where the recorded Ruby is no Python.
ARGUMENTS: dict[str, Any] = {
    "string_escape": "\x1b",
    "string_all_controls": "".join(map(chr, range(32))),
    "string_astral": "\U0001f600",
    "string_zwj_emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "string_last_code_point": "\U0010ffff",
    "string_string_subclass": Text("x"),
    "string_latin1_encoding": "caf\xe9",
    "string_utf16_encoding": "caf\xe9",
    "string_binary_ascii": b"abc",
    "string_binary_valid_utf8": "caf\xe9".encode(),
    "string_binary_invalid": b"\xff\xfe",
    "string_us_ascii": "abc",
    "string_us_ascii_high": escaped(b"\xe9"),
    "string_invalid_utf8": escaped(b"a\xffb"),
    "string_truncated_utf8": escaped(b"a\xc3"),
    "string_overlong": escaped(b"\xc0\xaf"),
    "string_surrogate_bytes": escaped(b"\xed\xa0\x80"),
    "string_windows_1252": b"\x93x\x94".decode("cp1252"),
    "string_symbol": "sym",
    "string_symbol_odd": "a b<",
    "float_nan": float("nan"),
    "float_infinity": float("inf"),
    "float_minus_infinity": float("-inf"),
    "nil": None,
    "true": True,
    "false": False,
    "nested": {"a": [1, {"b": None}], "c": {}},
    "symbol_keys": {"a": 1, "b": {"c": "d"}},
    "integer_keys": {1: "one", 2: "two"},
    "nil_key": {None: 1},
    "float_key": {1.5: 1},
    "bool_key": {True: 1},
    "array_key": {(1, 2): 1},
    "html_key": {"<&>": 1},
    "unicode_key": {"\xe9\u2028": 1},
    "empty_key": {"": 1},
    "key_order": {"z": 1, "a": 2, "m": 3},
    "hash_subclass": type("Hsh", (dict,), {})(a=1),
    "hash_with_default": defaultdict(lambda: 5, a=1),
    "struct": Point(1, 2),
    "nan_inside": {"a": [float("nan")]},
    "deep_97": nested(97),
    "deep_98": nested(98),
    "deep_99": nested(99),
    "deep_150": nested(150),
    "object_time_utc": datetime(2026, 3, 1, 12, tzinfo=timezone.utc),
    "object_time_local": datetime(2026, 3, 1, 12, tzinfo=UTC_ZERO),
    "object_time_offset": datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=-5))),
    "object_time_fraction": datetime(2026, 3, 1, 12, 0, 0, 123456, timezone.utc),
    "object_date": date(2026, 3, 1),
    "object_datetime": datetime(2026, 3, 1, 12, tzinfo=UTC_ZERO),
    "object_big_decimal": Decimal("1.10"),
    "object_rational": Fraction(1, 3),
    "object_regexp": re.compile("a<b", re.IGNORECASE),
    "object_uri": urlsplit("http://e.org/?a=1&b=2"),
    "object_exception": RuntimeError("msg"),
    "object_method_object": "+",
}

#: What ``Resque.encode`` was given as a whole.
WHOLE: dict[str, Any] = {
    "whole_symbol_keys": {"class": "J", "args": [1, "two", None]},
    "whole_text_keys": {"class": "J", "args": [1, "two", None]},
    "whole_nested_class": {"class": "A::B", "args": []},
    "whole_with_queue": {"class": "J", "args": [1], "queue": "low"},
    "top_string": "x",
    "top_nil": None,
    "top_number": 1.0,
    "top_array": [],
    "top_empty_hash": {},
    "top_symbol": "a",
    "top_html": "<&>",
}

#: Scenarios left out as a whole: why, and Python's nearest relative, which ``encode`` refuses.
EXCEPTIONS: dict[str, tuple[str, Any]] = {
    "encode_same_key_twice": ("Ruby writes a key twice and reads back the last", {1: 1, "1": 2}),
    "encode_set": (
        "Ruby writes '#<Set: {1, 2}>'; Python's sets have no order for Rails' list",
        {1},
    ),
    "encode_range": ("Ruby's 1..3 has its end inside, Python's range has not", range(1, 4)),
    "encode_open_struct": ("Ruby writes '#<OpenStruct a=1>'", SimpleNamespace(a=1)),
    "encode_object_complex": ("Ruby's has integer parts, Python's has floats", 1 + 2j),
    "encode_object_class": ("a Python class does not know its name in Ruby", str),
    "encode_object_module": ("as encode_object_class", json),
    "encode_object_object": ("Ruby writes the object's address", object()),
    "encode_object_with_to_json": ("no such method in Python", type("WithToJson", (), {})()),
    "encode_object_with_as_json": ("no such method in Python", type("WithAsJson", (), {})()),
    "encode_object_with_to_h": ("Ruby writes to_s, Rails the variables", type("WithToH", (), {})()),
    "encode_object_encoding": ("Python's encodings are no values", codecs.lookup("utf-8")),
    "default_adapter": ("which gem Ruby picks; nothing is written or read", None),
}

GEM, OJ, GEM_RAILS, OJ_RAILS = (dialect.value for dialect in Dialect)
_NO_NULL = "Ruby writes null; a number does not become nothing unseen"
_DEPTH = "refused because the json gem reads no more than 100 levels"
_ROOMY = "oj has no limit of depth"
_LENIENT = "only oj takes it"
_STRICTER = "only the json gem takes it"
_DECIMAL = "oj makes a BigDecimal of it"

#: Columns of an encoding scenario where Ruby writes something and we refuse.
REFUSED_COLUMNS: dict[tuple[str, str], str] = {
    ("encode_float_nan", GEM_RAILS): _NO_NULL,
    ("encode_float_infinity", GEM_RAILS): _NO_NULL,
    ("encode_float_minus_infinity", GEM_RAILS): _NO_NULL,
    ("encode_nan_inside", GEM_RAILS): _NO_NULL,
    **{
        (f"encode_deep_{levels}", column): _DEPTH
        for levels in (98, 99, 150)
        for column in (OJ, GEM_RAILS, OJ_RAILS)
    },
    ("encode_struct", GEM): "Ruby writes '#<struct Point x=1, y=2>', which nobody reads back",
    ("encode_struct", OJ): "as for the json gem",
}

#: Columns that Python's value cannot ask for.
UNASKED_COLUMNS: dict[tuple[str, str], str] = {
    (
        "encode_object_datetime",
        GEM,
    ): "Python's datetime is Ruby's Time; only Rails writes both alike",
    ("encode_object_datetime", OJ): "as for the json gem",
}

#: Columns of a decoding scenario that ``decode`` does not follow: it reads as the json gem does.
OTHER_READING: dict[tuple[str, str], str] = {
    (f"decode_{name}", column): reason
    for name, reason in {
        "leading_zero": _LENIENT,
        "raw_newline": _LENIENT,
        "raw_tab": _LENIENT,
        "raw_control": _LENIENT,
        "nul_byte": _LENIENT,
        "lone_low_surrogate": _STRICTER,
        "bad_escape": _STRICTER,
        "deep_101": _ROOMY,
        "deep_mixed_101": _ROOMY,
        "long_fraction": _DECIMAL,
        "float_17_digits": _DECIMAL,
    }.items()
    for column in (OJ, OJ_RAILS)
}

ARGUMENT = re.compile(r"Resque\.encode\(:class => 'J', :args => \[(.*)\]\)", re.DOTALL)


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(FILE.read_text("utf-8"))["scenarios"]}


def replayed(prefix: str) -> list[str]:
    return [name for name in scenarios() if name.startswith(prefix) and name not in EXCEPTIONS]


def coverage() -> tuple[str, int, int]:
    """File, scenarios replayed in every column that applies, scenarios recorded."""
    return FILE.name, len(replayed("encode_")) + len(replayed("decode_")), len(scenarios())


def to_encode(name: str) -> Any:
    """The Python value for what Ruby was asked to encode."""
    short = name.removeprefix("encode_")
    if short in WHOLE:
        return WHOLE[short]
    if short in ARGUMENTS:
        return {"class": "J", "args": [ARGUMENTS[short]]}
    ruby = ARGUMENT.fullmatch(scenarios()[name]["ruby"])
    assert ruby is not None, "neither a table nor the recorded Ruby says what to encode"
    return {"class": "J", "args": [eval(ruby[1], {"__builtins__": {}})]}


def recorded_bytes(written: Any) -> bytes:
    return base64.b64decode(written["b64"]) if isinstance(written, dict) else written.encode()


def wrote(value: Any, dialect: Dialect) -> bytes | str:
    try:
        return encode(value, dialect=dialect, path="")
    except NotEncodable:
        return REFUSED


def read(raw: bytes) -> Any:
    try:
        return decode(raw)
    except DecodeError:
        return REFUSED


def recorded_value(value: Any) -> Any:
    """A value as the recording spells it."""
    if isinstance(value, list):
        return [recorded_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"b64"}:
        return escaped(base64.b64decode(value["b64"]))
    if set(value) == {"float"}:
        return float(value["float"])
    if set(value) == {"big_decimal"}:
        return Decimal(value["big_decimal"])
    return {recorded_key(key): recorded_value(item) for key, item in value.items()}


def recorded_key(key: str) -> str:
    return escaped(base64.b64decode(key[4:])) if key.startswith("b64:") else key


def depth(value: Any) -> int:
    inside = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inside is None else 1 + max(map(depth, inside), default=0)


def reading_is(value: Any, recorded: dict[str, Any]) -> bool:
    """Whether we read what Ruby read, down to 1 and 1.0 being two things, and 0.0 and -0.0."""
    if "raised" in recorded:
        return value is REFUSED
    if isinstance(recorded["value"], dict) and set(recorded["value"]) == {"nesting_depth"}:
        return value is not REFUSED and depth(value) == recorded["value"]["nesting_depth"]
    return repr(value) == repr(recorded_value(recorded["value"]))


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        (name, dialect)
        for name in replayed("encode_")
        for dialect in Dialect
        if (name, dialect.value) not in UNASKED_COLUMNS
    ],
)
def test_the_bytes_are_those_of_ruby(name, dialect):
    ours = wrote(to_encode(name), dialect)
    recorded = scenarios()[name]["returns"][dialect.value]
    theirs = REFUSED if "raised" in recorded else recorded_bytes(recorded["bytes"])
    if (name, dialect.value) in REFUSED_COLUMNS:
        assert (ours, theirs is REFUSED) == (REFUSED, False)
    else:
        assert ours == theirs


@pytest.mark.parametrize("column", [dialect.value for dialect in Dialect])
@pytest.mark.parametrize("name", replayed("decode_"))
def test_the_value_is_the_one_ruby_reads(name, column):
    text = scenarios()[name].get("input", "")
    value = read(recorded_bytes(text))
    alike = reading_is(value, scenarios()[name]["returns"][column])
    assert alike == ((name, column) not in OTHER_READING)


@pytest.mark.parametrize("name", replayed("encode_"))
def test_what_ruby_wrote_is_read_by_us(name):
    for recorded in scenarios()[name]["returns"].values():
        if "bytes" in recorded and depth(to_encode(name)) <= 100:
            assert read(recorded_bytes(recorded["bytes"])) is not REFUSED


@pytest.mark.parametrize("dialect", Dialect, ids=lambda dialect: dialect.value)
@pytest.mark.parametrize("name", [name for name in EXCEPTIONS if name.startswith("encode_")])
def test_what_is_left_out_is_refused_with_advice(name, dialect):
    with pytest.raises(NotEncodable, match=r"args\[0\]"):
        encode([EXCEPTIONS[name][1]], dialect=dialect)


def test_every_scenario_is_replayed_or_left_out_for_a_reason():
    known = {*replayed("encode_"), *replayed("decode_"), *EXCEPTIONS}
    assert known == set(scenarios())
    asked = {name for name, _ in (*REFUSED_COLUMNS, *UNASKED_COLUMNS, *OTHER_READING)}
    assert asked <= known - set(EXCEPTIONS)


def test_no_more_than_one_scenario_in_twenty_is_left_out():
    _, done, all_of_them = coverage()
    assert all_of_them == 272
    assert done >= 0.95 * all_of_them
