"""Readable calls: what they show, that they are short and harmless, and that nothing makes them fail."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from unicodedata import category
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from pyresque.activejob import Duration, GlobalID, Indifferent, Module, Range, Symbol, serialize
from pyresque.activejob.arguments import RESERVED
from pyresque.activejob.render import call


def is_harmless(text: str) -> bool:
    """Letters, marks, signs and blanks only."""
    return all(char.isprintable() or category(char) == "Zs" for char in text)


def shown(*args: object, **kwargs: object) -> str:
    return (
        call({"job_class": "A", "arguments": serialize(args, kwargs)})
        .removeprefix("A(")
        .removesuffix(")")
    )


def test_a_job_reads_as_a_call() -> None:
    job = {
        "job_class": "SyncAccountJob",
        "arguments": serialize([GlobalID("shop", "Account", 7)], {"force": True}),
    }

    assert call(job) == "SyncAccountJob(gid://shop/Account/7, force: true)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nil"),
        (1.0, "1.0"),
        ("it's", '"it\'s"'),
        (Symbol("a b"), ':"a b"'),
        ([1, [Symbol("x")]], "[1, [:x]]"),
        ({"a": 1, Symbol("b"): 2}, '{"a" => 1, b: 2}'),
        (Indifferent({"a": 1}), '{"a" => 1}'),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 1, 2, tzinfo=timezone.utc), "2024-01-02T00:00:00.000000000Z"),
        (
            datetime(2024, 1, 2, tzinfo=ZoneInfo("Asia/Tokyo")),
            "2024-01-02T00:00:00.000000000+09:00 Asia/Tokyo",
        ),
        (timedelta(days=2, seconds=5), "2 days + 5 seconds"),
        (Duration.of(90), "90 seconds"),
        (Range(1, None, exclude_end=True), "1..."),
        (Decimal("1.50"), "1.5"),
        (Module("A::B"), "A::B"),
    ],
    ids=str,
)
def test_values_are_shown_as_ruby_writes_them(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_custom_object_shows_its_serializer_and_keys() -> None:
    job = {
        "job_class": "A",
        "arguments": [{"_aj_serialized": "MoneySerializer", "cents": 5, "currency": "EUR"}],
    }

    assert call(job) == 'A(MoneySerializer(cents: 5, currency: "EUR"))'


@pytest.mark.parametrize("bad", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\x00b", "\u200bx"])
def test_nothing_that_moves_the_cursor_or_the_letters_gets_through(bad: str) -> None:
    job = {
        "job_class": bad,
        "arguments": [
            bad,
            {bad: 1, "_aj_ruby2_keywords": [bad]},
            {"_aj_globalid": bad},
            {"_aj_serialized": bad, bad: bad},
        ],
    }

    assert is_harmless(call(job, longest=10_000))


def test_long_calls_and_values_are_cut() -> None:
    text = call({"job_class": "A", "arguments": ["x" * 10**6, *range(1000)]})
    assert len(text) <= 200
    assert text.startswith('A("xxx')
    assert "…" in text
    assert len(call({"job_class": "B" * 500, "arguments": [1]})) <= 200
    assert call({"job_class": "A", "arguments": [10**5000]}) == "A(… (an integer of 16610 bits))"


def test_what_is_no_job_hash_is_shown_as_it_is() -> None:
    assert call("text") == '"text"'
    assert call(None) == "nil"
    assert call({"arguments": {"a": 1}}) == 'nil({"a" => 1})'
    assert call({"job_class": "A"}) == "A()"
    assert call({"job_class": "A", "arguments": [object()]}) == "A(#<object>)"


def test_deep_nesting_is_cut_too() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]

    assert call({"job_class": "A", "arguments": [deep]}) == "A([[[[[[…]]]]]])"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*RESERVED, "value", "parts", "begin", "time_zone", "a", "job_class", "arguments"]
            ),
            inner,
            max_size=4,
        )
        | st.fixed_dictionaries(
            {
                "_aj_serialized": st.sampled_from(
                    [
                        f"ActiveJob::Serializers::{kind}Serializer"
                        for kind in ("Symbol", "Duration", "Range", "TimeWithZone")
                    ]
                ),
                "value": inner,
                "parts": inner,
                "begin": inner,
            }
        )
    ),
    max_leaves=12,
)


@given(anything, st.lists(anything, max_size=3) | anything)
def test_anything_at_all_is_shown_on_one_short_line(name: object, arguments: object) -> None:
    for job in (arguments, {"job_class": name, "arguments": arguments}):
        text = call(job)
        assert len(text) <= 200
        assert is_harmless(text)
