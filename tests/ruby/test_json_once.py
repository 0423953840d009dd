"""JSON that leaves no doubt is read as the longer way reads it; anything else is left to that."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from pyresque.ruby import json_fast
from pyresque.ruby.json import decode, decode_at_once

PLAIN = [
    b'{"class":"X","args":[1,-2.5,true,false,null,"\xc3\xa9\\u00e9\\n"]}',
    b"[]",
    b'"x"',
    b"1e308",
    b'{"a":{"b":[[[]]]}}',
]
UNUSUAL = [
    b"",
    b"no",
    b"{} {}",
    b"{} ",
    b"NaN",
    b"[-Infinity]",
    b"1e999",
    b'"\xff"',
    b'"\\ud800"',
    b'"\\uD83D\\uDE00"',
    b"[" * 99 + b"]" * 99,
    b"[" * 5000,
    b'{"a":1,}',
    b'"\n"',
]


@pytest.mark.parametrize("raw", PLAIN)
def test_plain_text_is_read(raw: bytes) -> None:
    assert decode_at_once(raw) == decode(raw)


@pytest.mark.parametrize("raw", UNUSUAL)
def test_unusual_text_is_left_alone(raw: bytes) -> None:
    assert decode_at_once(raw) is None


def test_a_python_without_the_c_part_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "_json":
            raise ImportError(name)
        return usual(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(json_fast, "_scan", json_fast._scanner())
    for raw in PLAIN:
        assert decode_at_once(raw) == decode(raw)
    for raw in UNUSUAL:
        assert decode_at_once(raw) is None
