"""``to_s`` and ``inspect`` of JSON's values, as Ruby 3.1 wrote them."""

from __future__ import annotations

import pytest

from pyresque.ruby.inspect import inspect, to_s


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nil"),
        (True, "true"),
        (-5, "-5"),
        (1e20, "1.0e+20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ('a"b\\\n\t\x1b\x07\x7f\x00', r'"a\"b\\\n\t\e\a\u007F\u0000"'),
        ("caf\xe9 \u65e5\xa0\u200b\U0001f600", '"caf\xe9 \u65e5\xa0\u200b\U0001f600"'),
        ("\u2028\U0001ffff", r'"\u2028\u{1FFFF}"'),
        ("#{a} #$b #@c # d", r'"\#{a} \#$b \#@c # d"'),
        ("\udcff", r'"\xFF"'),
        ([1, [], "a", None], '[1, [], "a", nil]'),
        ({"a": 1, "b": {"c": None}}, '{"a"=>1, "b"=>{"c"=>nil}}'),
        ({}, "{}"),
    ],
)
def test_a_value_is_shown_as_ruby_shows_it(value, shown):
    assert inspect(value) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("a\n", "a\n"), (1.5, "1.5"), (False, "false"), (["a"], '["a"]')],
)
def test_only_text_and_nil_become_text_in_another_way(value, text):
    assert to_s(value) == text
