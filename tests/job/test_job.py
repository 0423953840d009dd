from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import DecodeError, NotAJob, NotEncodable
from pyresque.job.job import (
    Job,
    JsonCodec,
    Payload,
    codec_named,
    read_job,
    write_payload,
)
from pyresque.job.msgpack_codec import MsgpackCodec
from pyresque.ruby.json import Dialect, member

JSON = JsonCodec()
MSGPACK = MsgpackCodec()

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)
CODECS = st.sampled_from([JSON, MSGPACK, JsonCodec(Dialect.OJ_ACTIVESUPPORT)])


@given(CODECS, VALUES)
def test_what_a_codec_writes_it_reads_back(codec, value):
    assert codec.decode(codec.encode(value)) == value


@given(CODECS, OBJECTS, VALUES, OBJECTS)
def test_an_embedded_value_is_read_back_among_its_neighbours(codec, head, value, tail):
    head = {f"h{key}": one for key, one in head.items()}
    tail = {f"t{key}": one for key, one in tail.items()}
    raw = codec.encode(value)
    whole = codec.embed(head, "payload", raw, tail)
    assert list(codec.decode(whole).items()) == [*head.items(), ("payload", value), *tail.items()]
    assert raw in whole


@given(OBJECTS, st.sampled_from(["", " ", "\n", "  \t"]), VALUES)
def test_an_embedded_payload_is_found_again_byte_for_byte(head, blank, value):
    head.pop("payload", None)
    raw = json.dumps(value, separators=(f"{blank},", f":{blank}")).encode()
    whole = JSON.embed(head, "payload", raw, {"queue": "low"})
    assert member(whole, "payload") == raw


@given(st.binary())
def test_bytes_of_any_kind_are_a_job_or_a_job_with_a_fault(raw):
    for codec in (JSON, MSGPACK):
        job = read_job(codec, "low", raw)
        assert job.raw == raw
        assert isinstance(job.fault, (DecodeError, NotAJob, type(None)))
        assert isinstance(job.args, tuple)
        assert str(job).startswith("(Job{low} | ")


@given(TEXT.filter(bool), st.lists(VALUES), OBJECTS)
def test_a_payload_is_class_then_args_then_the_rest(name, args, extra):
    extra = {key: one for key, one in extra.items() if key not in {"class", "args"}}
    raw = write_payload(JSON, name, args, extra)
    payload = read_job(JSON, "low", raw).payload
    assert (payload.class_name, payload.args, dict(payload.extra)) == (name, args, extra)
    assert raw.startswith(b'{"class":')


@pytest.mark.parametrize(
    ("args", "positional"),
    [
        (None, ()),
        (False, ()),
        ([1, [2]], (1, [2])),
        ({"a": 1}, (["a", 1],)),
        ("text", ("text",)),
        (0, (0,)),
        (True, (True,)),
    ],
)
def test_unusual_arguments_are_passed_as_ruby_splats_them(args, positional):
    assert Payload("X", args).positional() == positional


def test_only_a_text_is_a_class_name():
    assert Payload(7).name == ""
    assert Job("low", Payload(None), b"").class_name == ""
    assert Job("low", Payload("X"), b"").class_name == "X"


def test_a_value_that_cannot_travel_is_named_by_its_place_in_the_arguments():
    with pytest.raises(NotEncodable) as caught:
        write_payload(JSON, "X", [1, {"when": object()}])
    assert caught.value.path == 'args[1]["when"]'


def test_messagepack_names_what_it_refuses():
    with pytest.raises(NotEncodable, match="MessagePack refuses"):
        MSGPACK.encode({"a": object()})
    with pytest.raises(DecodeError, match="no MessagePack"):
        MSGPACK.decode(b"\xc1")


def test_the_settings_name_the_codec():
    assert codec_named("msgpack", "json_gem").name == "msgpack"
    named = codec_named("json", "oj")
    assert isinstance(named, JsonCodec)
    assert named.dialect is Dialect.OJ
