"""Reading JSON: Ruby's reading, one kind of error, and no byte lost."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import DecodeError
from pyresque.ruby.json import decode

PIECES = [
    *(b"[", b"]", b"{", b"}", b",", b":", b'"', b'"a"', b'"b":', b"1", b"-", b"0", b".5", b"e3"),
    *(b"null", b"true", b" ", b"\n", b"/*", b"*/", b"//", b"/", b"\\", b"\\u", b"d83d", b"de00"),
    *(b"\\q", b"\xff", b"\xc3\xa9", b"NaN", b"-Infinity", b"\x00", b'"\\ud83d\\ude00"', b"[[["),
]


def decoded(raw: bytes) -> object:
    try:
        return decode(raw)
    except DecodeError:
        return DecodeError


@given(st.binary() | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_whatever_the_bytes_nothing_but_a_decode_error_is_raised(raw):
    decoded(raw)


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map(
        lambda inside: b'["' + b"".join(inside) + b'"]'
    )
)
def test_text_that_is_read_can_be_written_back_as_bytes(raw):
    value = decoded(raw)
    if value is not DecodeError:
        str(value).encode("utf-8", "surrogateescape")


@given(st.text(), st.booleans())
def test_pythons_own_json_is_read_alike(text, escape):
    text = text.encode("utf-8", "ignore").decode()
    assert decode(json.dumps([text, {text: 1}], ensure_ascii=escape).encode()) == [text, {text: 1}]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"NaN",
        b"[NaN]",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"\xef\xbb\xbf{}",
        b"[01]",
        b"[1,]",
        b'["\x01"]',
        b'["a//b\n"]',
        b'["\\ud83d"]',
        b'["\\u12"]',
        b"[1]\x00",
        b'{"a":1} // no end of line',
        b"[1] /* no end",
        b"[None]",
        b"{'a':1}",
    ],
)
def test_what_ruby_refuses_is_refused(raw):
    with pytest.raises(DecodeError, match="not JSON that Ruby reads"):
        decode(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'/* c */ {"a": /**/ 1} // d\n', {"a": 1}),
        (b'["/* no */ // comment"]', ["/* no */ // comment"]),
        (b'["\\q\\\'\\0"]', ["q'0"]),
        (b'["\\"\\\\\\/\\b\\f\\n\\r\\t\\q"]', ['"\\/\b\f\n\r\tq']),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b'["\\\\ud83d"]', ["\\ud83d"]),
        (b'["\\\\ud83d\\ude00"]', ["\\ud83d\udced\udcb8\udc80"]),
        (b'["\\ude00"]', ["\udced\udcb8\udc80"]),
        (b'["\\udc80"]', ["\udced\udcb2\udc80"]),
        (b'["\\ud83d\\u0041"]', ["\U0001f441"]),
        (b'["\\ud83dabcdef"]', ["?bcdef"]),
        (b'["a\xff"]', ["a\udcff"]),
        (b'{"\xff":1}', {"\udcff": 1}),
        (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
        (b"[1e999]", [math.inf]),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_what_ruby_reads_is_read_alike(raw, value):
    assert decode(raw) == value


def test_a_hundred_levels_are_read_and_one_more_is_not():
    assert decode(b"[" * 100 + b"]" * 100) != []
    with pytest.raises(DecodeError, match="100 levels"):
        decode(b"[" * 101 + b"]" * 101)
    with pytest.raises(DecodeError, match="100 levels"):
        decode(b'{"a":' * 100 + b"[]" + b"}" * 100)


@pytest.mark.parametrize(
    "raw", [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000]
)
def test_a_hundred_thousand_levels_are_only_an_error(raw):
    with pytest.raises(DecodeError):
        decode(raw)


@pytest.mark.parametrize(
    "text", ["[" * 200, "]" * 200, "][" * 200, '\\"[' * 120, "\\\\" * 120 + "["]
)
def test_brackets_in_text_and_side_by_side_are_no_levels(text):
    raw = json.dumps([[text, []]] * 60).encode()
    assert decode(raw) == [[text, []]] * 60


def test_brackets_in_text_do_not_hide_levels():
    with pytest.raises(DecodeError, match="100 levels"):
        decode(b'["]"' + b',["]"' * 120 + b"]" * 121)


def test_brackets_in_a_comment_are_no_levels():
    assert decode(b"/*" + b"[" * 200 + b"*/[1]") == [1]


def test_an_integer_too_long_for_python_is_an_error_or_a_value():
    value = decoded(b"[" + b"9" * 5000 + b"]")
    assert value is DecodeError or value == [10**5000 - 1]


def test_the_message_says_what_is_wrong_and_shows_where_it_began():
    with pytest.raises(DecodeError) as caught:
        decode(b'{"a": oops' + b"\x1b\xff" * 1000)
    assert "Expecting value" in str(caught.value)
    assert r"""b'{"a": oops\x1b\xff""" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert str(caught.value).endswith("...")


def test_ten_megabytes_are_no_trouble():
    row = b'{"id":1,"name":"\xc3\xa9","tags":["a","b"]}'
    count = 10_000_000 // len(row)
    value = decode(b"[" + b",".join([row] * count) + b"]")
    assert isinstance(value, list)
    assert len(value) == count
