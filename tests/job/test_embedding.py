"""How unreadable payloads are wrapped, and unwrapped to their bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from pyresque.job.embedding import can_embed, is_clean_text, unwrap, wrap
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.msgpack_codec import MsgpackCodec

JSON = JsonCodec()


@given(st.binary())
def test_any_bytes_come_back_from_their_stand_in(raw):
    for codec in (JSON, MsgpackCodec()):
        assert unwrap(codec.decode(wrap(codec, raw))) == raw


def test_a_payload_with_keys_of_these_names_is_itself():
    for payload in (
        {"class": "Mail", "args": [], "raw": "text"},
        {"class": "Mail", "args": [], "raw_base64": "aGVsbG8="},
        {"class": "Mail", "args": [], "raw_base64": "no Base64!"},
        {"class": "Mail", "args": [1], "raw_base64": "gA=="},
        {"class": None, "args": [1], "raw": "text"},
        "text",
        None,
    ):
        assert unwrap(payload) is None


def test_bytes_that_are_no_text_keep_their_class_beside_them():
    raw = b'{"class":"Mail","args":["\xe9"]}'
    assert json.loads(wrap(JSON, raw, "Mail"))["class"] == "Mail"
    assert unwrap(JSON.decode(wrap(JSON, raw, "Mail"))) == raw


def test_a_hundred_levels_are_one_too_many_for_a_record():
    def nested(levels):
        return b'{"args":' + b"[" * levels + b"]" * levels + b"}"

    assert is_clean_text(JSON, nested(98))
    assert not is_clean_text(JSON, nested(99))
    assert is_clean_text(JSON, b'{"args":["' + b"[{" * 200 + b'"]}')
    assert not is_clean_text(JSON, b'{"args":["\xe9"]}')


@pytest.mark.parametrize(
    ("raw", "stays"),
    [
        (b'{"class":"Mail","args":[1.5,"1e400"]}', True),
        (b'{"class":"Mail","args":[' + b"9" * 400 + b"]}", True),
        (b'{"class":"Mail","args":[1e400]}', False),
        (b'{"class":"Mail","args":[{"a":-1E+999}]}', False),
        (b'{"class":"Mail","args":[' + b"9" * 400 + b".0]}", False),
        (b'{"class":"Mail","args":["\xe9"]}', False),
        (b"[1]", False),
    ],
)
def test_a_workers_record_holds_only_what_ruby_can_read_and_write_again(raw, stays):
    assert can_embed(JSON, read_job(JSON, "low", raw)) is stays
