"""Writing JSON: what passes, what is refused and where it stood, and that all of it can be read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import NotEncodable
from pyresque.ruby.json import Dialect, decode, encode

PLAIN = (Dialect.JSON_GEM, Dialect.OJ)
RAILS = (Dialect.JSON_GEM_ACTIVESUPPORT, Dialect.OJ_ACTIVESUPPORT)


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    HIGH = 3


class Word(str, Enum):
    HELLO = "hello"


class Point(NamedTuple):
    x: int
    y: int


class Odd(str):
    """Text that is like no other."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


@dataclass
class Record:
    id: int


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.sampled_from(Dialect))
def test_what_is_written_is_read_back_by_python_and_by_us(value, dialect):
    raw = encode(value, dialect=dialect)
    assert json.loads(raw) == value
    assert decode(raw) == value


@given(values)
def test_the_type_of_a_number_survives(value):
    assert repr(decode(encode(value))) == repr(value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(Dialect))
def test_a_float_is_written_with_a_point(number, dialect):
    assert b"." in encode(number, dialect=dialect)


@given(st.recursive(st.integers() | st.just(1e300), st.lists, max_leaves=8))
def test_the_quick_way_and_the_slow_way_write_the_same(value):
    slow = encode([value, Level.HIGH])
    assert slow == encode([value, 3])


def test_nothing_stands_between_the_pieces():
    assert (
        encode({"class": "A", "args": [1, {"b": None}]}) == b'{"class":"A","args":[1,{"b":null}]}'
    )


def test_keys_keep_their_order():
    assert encode({"z": 1, "a": 1e20}) == b'{"z":1,"a":1.0e+20}'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Level.HIGH, "3"),
        (Word.HELLO, '"hello"'),
        ((1, 2), "[1,2]"),
        (UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (PurePosixPath("/tmp/x"), '"/tmp/x"'),
        (date(99, 3, 1), '"0099-03-01"'),
        ({Level.HIGH: 1}, '{"3":1}'),
        ({Word.HELLO: 1}, '{"hello":1}'),
        ({UUID(int=5): 1}, '{"00000000-0000-0000-0000-000000000005":1}'),
        ({("a", None, 1.5): 1}, '{"[\\"a\\", nil, 1.5]":1}'),
        ({datetime(2026, 3, 1, tzinfo=timezone.utc): 1}, '{"2026-03-01 00:00:00 UTC":1}'),
        ({1e15: 1}, '{"1.0e+15":1}'),
    ],
)
def test_a_python_value_is_written_as_its_relative_in_ruby(value, written):
    assert {encode(value, dialect=dialect).decode() for dialect in Dialect} == {written}


@pytest.mark.parametrize(
    ("text", "plain", "rails"),
    [
        ("0", "0.0", "0.0"),
        ("-0.00", "-0.0", "-0.0"),
        ("1E+3", "0.1e4", "1000.0"),
        ("123.4560", "0.123456e3", "123.456"),
        ("-0.00012", "-0.12e-3", "-0.00012"),
        ("1e-20", "0.1e-19", "0.00000000000000000001"),
    ],
)
def test_a_decimal_is_a_big_decimal(text, plain, rails):
    assert {decode(encode(Decimal(text), dialect=dialect)) for dialect in PLAIN} == {plain}
    assert {decode(encode(Decimal(text), dialect=dialect)) for dialect in RAILS} == {rails}


def test_durations_are_seconds_to_rails_and_nothing_to_others():
    assert [encode(timedelta(minutes=-2), dialect=dialect) for dialect in RAILS] == [b"-120"] * 2
    for dialect in PLAIN:
        with pytest.raises(NotEncodable, match="total_seconds"):
            encode(timedelta(minutes=2), dialect=dialect)
    with pytest.raises(NotEncodable, match="whole number of seconds"):
        encode(timedelta(milliseconds=1), dialect=Dialect.OJ_ACTIVESUPPORT)


def test_a_named_tuple_is_an_object_to_rails():
    assert [encode(Point(1, 2), dialect=dialect) for dialect in RAILS] == [b'{"x":1,"y":2}'] * 2


def test_rails_escapes_an_object_with_either_encoder_but_text_with_one():
    path = PurePosixPath("a<b")
    assert encode([path, "a<b"], dialect=Dialect.OJ_ACTIVESUPPORT) == b'["a\\u003cb","a<b"]'
    assert encode([path, "<"], dialect=Dialect.JSON_GEM_ACTIVESUPPORT) == b'["a\\u003cb","\\u003c"]'
    assert encode([path], dialect=Dialect.OJ) == b'["a<b"]'


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (float("nan"), "send None or a str"),
        (float("-inf"), "send None or a str"),
        (Decimal("sNaN"), "send None or a str"),
        ("a\ud800", "at position 1; repair the text"),
        ({"\ud800": 1}, "repair the text"),
        (b"\xff", "base64"),
        ({1, 2}, "sorted"),
        (frozenset(), "sorted"),
        (range(3), "convert it to a list"),
        (MappingProxyType({}), "convert it to a dict"),
        (datetime(2026, 3, 1), "without a zone"),  # noqa: DTZ001 - that is the point
        ({datetime(2026, 3, 1): 1}, "without a zone"),  # noqa: DTZ001 - that is the point
        (time(12), "convert it to str"),
        (Colour.RED, r"send its \.value"),
        ({Colour.RED: 1}, "convert the key to str"),
        (Record(1), "dataclasses.asdict"),
        (Record, "name as Ruby knows it"),
        (bytearray(b"x"), "bytes"),
        (object(), "convert it to str"),
        ({(object(),): 1}, "convert the key to str"),
        ({1: "a", "1": "b"}, "Ruby would keep only the last"),
        ({True: "a", "true": "b"}, "Ruby would keep only the last"),
        ({None: "a", "": "b"}, "Ruby would keep only the last"),
        ({Odd("a"): 1, "a": 2}, "Ruby would keep only the last"),
        (Point(1, 2), "_asdict"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0],  # an address differs in each process
)
def test_what_ruby_could_not_read_back_is_refused_with_advice(value, advice):
    with pytest.raises(NotEncodable, match=advice):
        encode([value])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (10**5000, b"1" + b"0" * 5000),
        ([-(10**5000)], b"[-1" + b"0" * 5000 + b"]"),
        ({10**5000: 1}, b'{"1' + b"0" * 5000 + b'":1}'),
    ],
    ids=["value", "negative", "key"],
)
def test_an_integer_longer_than_python_spells_is_written_as_ruby_writes_it(value, written):
    assert encode(value) == written


def test_the_message_names_the_place_and_the_reason():
    with pytest.raises(NotEncodable) as caught:
        encode([1, {"when": [{1}]}])
    assert caught.value.path == 'args[1]["when"][0]'
    assert str(caught.value).startswith('args[1]["when"][0] cannot be sent to Ruby: a set;')


def test_a_payloads_own_keys_are_the_names_of_its_places():
    with pytest.raises(NotEncodable) as caught:
        encode({"class": "A", "args": [{1: {2}}]}, path="")
    assert caught.value.path == "args[0][1]"
    with pytest.raises(NotEncodable) as caught:
        encode({"a key": {2}}, path="")
    assert caught.value.path == '["a key"]'


def test_a_refused_value_without_a_place_is_still_named():
    with pytest.raises(NotEncodable, match=r"^the value cannot"):
        encode({1}, path="")


def test_a_circle_is_refused_where_it_closes():
    circle = {"x": []}
    circle["x"].append(circle)
    with pytest.raises(NotEncodable, match=r'^args\["x"\]\[0\] .* contains itself'):
        encode(circle)


def test_a_value_may_stand_in_two_places():
    shared = [1e20]
    assert encode([shared, {"a": shared}]) == b'[[1.0e+20],{"a":[1.0e+20]}]'


@pytest.mark.parametrize("leaf", [1, 1e20], ids=["quick", "slow"])
def test_a_hundred_levels_pass_and_one_more_is_refused(leaf):
    value = leaf
    for _ in range(100):
        value = [value]
    assert decode(encode(value)) == value
    with pytest.raises(NotEncodable, match="100 levels"):
        encode({"a": value})


def test_oj_sends_bytes_that_are_no_text_as_they_are():
    assert encode([b"\xff", "\udcff"], dialect=Dialect.OJ) == b'["\xff","\xff"]'
    with pytest.raises(NotEncodable):
        encode(["\ud800"], dialect=Dialect.OJ)
