"""Arguments: what is written is read back, what Rails wrote is written again, and what cannot travel is refused."""

from __future__ import annotations

import math
import pickle
from contextlib import suppress
from copy import deepcopy
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from pyresque.activejob import (
    DateTime,
    Duration,
    GlobalID,
    Indifferent,
    Instant,
    Keywords,
    Module,
    Rails,
    Range,
    Symbol,
    deserialize,
    serialize,
    times,
)
from pyresque.activejob.arguments import RESERVED
from pyresque.errors import DeserializationError, SerializationError
from pyresque.ruby.json import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

NAIVE = datetime.fromisoformat("2024-01-01")
PREFIX = "ActiveJob::Serializers::"


def serialized(kind: str, **fields: object) -> dict[str, object]:
    return {"_aj_serialized": f"{PREFIX}{kind}Serializer", **fields}


# -- round trips --------------------------------------------------------------------------------------

names = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8).filter(
    lambda name: name not in RESERVED
)
finite = st.floats(allow_nan=False, allow_infinity=False)
offsets = st.builds(
    timezone,
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
        lambda d: d - d % timedelta(minutes=1)
    ),
)
moments = st.datetimes(
    NAIVE - timedelta(days=40_000),
    NAIVE + timedelta(days=40_000),
    timezones=st.one_of(st.just(timezone.utc), st.just(times.PLUS_ZERO), offsets),
)
zoned = st.datetimes(NAIVE - timedelta(days=18_000), NAIVE + timedelta(days=4_000)).flatmap(
    lambda naive: st.sampled_from(
        ["Etc/UTC", "America/New_York", "Asia/Tokyo", "Europe/London"]
    ).map(lambda key: naive.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(key)))
)
nano = st.integers(0, 999)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=5)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    finite,
    names,
    names.map(Symbol),
    decimals,
    st.dates(),
    moments,
    zoned,
    st.builds(Instant.of, moments, nano),
    st.builds(Instant.of, zoned, nano),
    st.builds(DateTime.of, moments, nano),
    st.timedeltas(timedelta(days=-999), timedelta(days=999)),
    st.builds(
        GlobalID,
        st.just("shop"),
        st.sampled_from(["Account", "Billing::Invoice"]),
        names.filter(str.strip),
    ),
    st.builds(
        GlobalID,
        st.just("shop"),
        st.just("Seat"),
        st.lists(names.filter(str.strip), min_size=2, max_size=3),
    ),
    st.builds(Module, st.sampled_from(["Account", "A::B"])),
    st.builds(
        Range, st.integers() | st.none(), st.integers() | st.none(), exclude_end=st.booleans()
    ),
    st.builds(Range, moments, moments),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(names | names.map(Symbol), inner, max_size=3),
        st.dictionaries(names, inner, max_size=3).map(Indifferent),
        st.dictionaries(names | names.map(Symbol), inner, max_size=3).map(Keywords),
    ),
    max_leaves=6,
)


def alike(left: object, right: object) -> bool:
    """Equal, and of the same kind down to nanoseconds and symbols; Decimals and tuples as numbers and lists."""
    match left, right:
        case (list(), list()):
            return len(left) == len(right) and all(map(alike, left, right))
        case (dict(), dict()):
            return (
                (type(left), list(left), list(map(type, left)))
                == (type(right), list(right), list(map(type, right)))
            ) and all(map(alike, left.values(), right.values()))
        case (Instant(), Instant()):
            return (
                left == right
                and left.nanosecond == right.nanosecond
                and left.utcoffset() == right.utcoffset()
            )
        case (datetime(), datetime()):
            return left == right and left.utcoffset() == right.utcoffset()
        case (Decimal(), Decimal()) | (timedelta(), timedelta()):
            return left == right
    return type(left) is type(right) and left == right


@given(st.lists(values, max_size=4), st.dictionaries(names, values, max_size=3))
def test_what_is_written_is_read_back_the_same(
    args: list[object], kwargs: dict[str, object]
) -> None:
    if args and isinstance(args[-1], Keywords) and not kwargs:
        args = [*args, None]  # a hash of keywords that stands last is the keyword arguments
    wire = decode(encode(serialize(args, kwargs)))

    read_args, read_kwargs = deserialize(wire)

    assert len(read_args) == len(args)
    assert read_kwargs.keys() == kwargs.keys()
    assert encode(serialize(read_args, read_kwargs)) == encode(wire)


@given(values)
def test_a_value_keeps_its_kind_through_the_wire(value: object) -> None:
    (read, _end), _kwargs = deserialize(decode(encode(serialize([value, None]))))

    if isinstance(value, Instant) and not isinstance(value, DateTime) and not value.nanosecond:
        value = datetime.combine(value.date(), value.timetz())
    if not isinstance(value, list | dict):
        assert alike(value, read)


def test_a_call_without_keywords_has_no_keywords() -> None:
    assert serialize([1]) == [1]
    assert deserialize([1]) == ([1], {})


def test_an_empty_hash_of_keywords_is_written_again_as_it_came() -> None:
    args, kwargs = deserialize([1, {"_aj_ruby2_keywords": []}])

    assert (args, kwargs) == ([1], {})
    assert serialize(args, kwargs) == [1, {"_aj_ruby2_keywords": []}]


def test_keywords_can_be_handed_to_a_function() -> None:
    args, kwargs = deserialize([5, {"force": True, "_aj_ruby2_keywords": ["force"]}])

    def perform(number: int, *, force: bool) -> tuple[int, bool]:
        return number, force

    assert perform(*args, **kwargs) == (5, True)


# -- Python's own types -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ((1, 2), [1, 2]),
        (MappingProxyType({"a": 1}), {"a": 1, "_aj_symbol_keys": []}),
        (range(2, 5), serialized("Range", begin=2, end=5, exclude_end=True)),
        (Decimal("1E+3"), serialized("BigDecimal", value="1000.0")),
        (Decimal("-0.50"), serialized("BigDecimal", value="-0.5")),
        (Decimal("NaN"), serialized("BigDecimal", value="NaN")),
        (Decimal("-Infinity"), serialized("BigDecimal", value="-Infinity")),
        (
            timedelta(days=2, seconds=1, milliseconds=500),
            serialized(
                "Duration",
                value=172801.5,
                parts=[
                    [serialized("Symbol", value="days"), 2],
                    [serialized("Symbol", value="seconds"), 1.5],
                ],
            ),
        ),
        (
            datetime(2024, 1, 2, tzinfo=ZoneInfo("UTC")),
            serialized("TimeWithZone", value="2024-01-02T00:00:00.000000000Z", time_zone="Etc/UTC"),
        ),
    ],
    ids=str,
)
def test_python_types_travel_as_their_ruby_counterparts(value: object, written: object) -> None:
    assert serialize([value]) == [written]


class Colour(Enum):
    RED = "red"


class Texted(str, Enum):
    RED = "red"


class ColourSerializer:
    ruby_name = "ColourSerializer"

    def accepts(self, value: object) -> bool:
        return isinstance(value, Colour | Texted)

    def serialize(self, value: object) -> Mapping[str, object]:
        assert isinstance(value, Enum)
        return {"name": value.name}

    def deserialize(self, payload: Mapping[str, object]) -> object:
        return Colour[str(payload["name"])]


@pytest.mark.parametrize("colour", [Colour.RED, Texted.RED])
def test_an_enum_is_refused_unless_a_serializer_takes_it(colour: Enum) -> None:
    with pytest.raises(
        SerializationError, match="is an Enum; pass its value, or register a serializer"
    ):
        serialize([colour])

    assert serialize([colour], serializers=[ColourSerializer()]) == [
        {"_aj_serialized": "ColourSerializer", "name": "RED"}
    ]


def test_an_error_of_a_serializer_is_the_cause_of_the_deserialization_error() -> None:
    with pytest.raises(
        DeserializationError, match="Error while trying to deserialize arguments: 'BLUE'"
    ) as caught:
        deserialize(
            [{"_aj_serialized": "ColourSerializer", "name": "BLUE"}],
            serializers=[ColourSerializer()],
        )

    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "value",
    [b"x", {1, 2}, 1j, object(), range(0, 9, 2), NAIVE, int, Texted.RED, iter([])],
)
def test_what_no_version_carries_is_refused(value: object) -> None:
    with pytest.raises(SerializationError, match="Unsupported argument type"):
        serialize([[value]])


def test_a_list_inside_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append({"a": endless})

    with pytest.raises(SerializationError, match="inside itself"):
        serialize(endless)


def test_what_is_nested_too_deep_is_not_read() -> None:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]

    with pytest.raises(DeserializationError, match="deeper than 100"):
        deserialize(deep)


@pytest.mark.parametrize("version", [Rails.V6_0, Rails.V6_1])
def test_a_range_cannot_be_sent_to_rails_before_it_knew_ranges(version: Rails) -> None:
    with pytest.raises(SerializationError, match="Unsupported argument type: Range"):
        serialize([Range(1, 2)], version=version)


# -- records ------------------------------------------------------------------------------------------


def test_a_record_without_a_locator_stays_its_address_and_is_written_back_letter_for_letter() -> (
    None
):
    found = [{"_aj_globalid": "gid://shop/Account/a%2fb?tenant=3"}]

    args, kwargs = deserialize(found)

    assert args == [GlobalID("shop", "Account", "a/b", params=(("tenant", "3"),))]
    assert serialize(args, kwargs) == found


def test_a_locator_that_finds_nothing_is_a_deserialization_error() -> None:
    with pytest.raises(DeserializationError, match="Couldn't find Account with 'id'=7"):
        deserialize([{"_aj_globalid": "gid://shop/Account/7"}], {"Account": {}.get})


# -- frozen values ------------------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [Keywords({"a": 1}), Indifferent({"a": 1})])
def test_a_marked_hash_cannot_be_changed_but_copied(frozen: dict[str, object]) -> None:
    for change in (
        lambda: frozen.update(a=2),
        lambda: frozen.__setitem__("a", 2),
        frozen.clear,
        lambda: frozen.pop("a"),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()

    assert dict(frozen) == {"a": 1}
    for copy in (deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        assert (type(copy), copy) == (type(frozen), frozen)


def test_a_symbol_equals_its_text_and_says_what_it_is() -> None:
    assert {Symbol("a"): 1}["a"] == 1
    assert repr(Symbol("a")) == "Symbol('a')"


def test_nanoseconds_and_parts_survive_pickling_and_copying() -> None:
    instant = Instant.of(datetime(2024, 1, 2, tzinfo=timezone.utc), 7)
    month = Duration.of(2629746, [(Symbol("months"), 1)])

    for copy in (pickle.loads(pickle.dumps((instant, month))), deepcopy((instant, month))):
        assert copy == (instant, month)
        assert copy[0].nanosecond == 7
        assert copy[1].parts == (("months", 1),)


@pytest.mark.parametrize("length", [1e30, math.inf, math.nan, "90", None, True])
def test_a_duration_that_python_cannot_hold_is_a_deserialization_error(length: object) -> None:
    with pytest.raises(DeserializationError):
        deserialize([serialized("Duration", value=length, parts=[])])


def test_a_duration_is_a_timedelta() -> None:
    (read,), _ = deserialize(
        [serialized("Duration", value=90, parts=[[serialized("Symbol", value="seconds"), 90]])]
    )

    assert read == timedelta(seconds=90)
    assert date(2024, 1, 1) + timedelta(days=1) == date(2024, 1, 2)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | finite
    | st.text(max_size=6)
    | st.sampled_from(
        [
            f"{PREFIX}{kind}Serializer"
            for kind in (
                "Symbol",
                "Time",
                "Date",
                "Duration",
                "Range",
                "BigDecimal",
                "TimeWithZone",
            )
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*RESERVED, "value", "parts", "begin", "end", "time_zone", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(json_values, st.sampled_from(list(Rails)))
def test_reading_anything_gives_values_or_a_deserialization_error(
    found: object, version: Rails
) -> None:
    with suppress(DeserializationError):
        args, kwargs = deserialize(found, version=version)
        assert isinstance(args, list)
        assert isinstance(kwargs, dict)
