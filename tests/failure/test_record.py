from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from pyresque.failure import record as records
from pyresque.failure.record import Failure
from pyresque.failure.report import ErrorReport
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.msgpack_codec import MsgpackCodec

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
JSON, MSGPACK = JsonCodec(), MsgpackCodec()
CODECS = st.sampled_from([JSON, MSGPACK])


def failure(codec, raw: bytes) -> Failure:
    error = ErrorReport("ValueError", "boom", ("f:1:in `g'",))
    return Failure(read_job(codec, "low", raw), error, "h:1:low", NOON)


def test_a_record_is_rubys_bytes_around_the_payload_as_it_was_found():
    raw = b'{"class":"X", "args":[1.0,"\\u003c"],"id":7}'
    assert records.write(JSON, failure(JSON, raw)) == (
        b'{"failed_at":"2026/03/01 12:00:00 UTC","payload":' + raw + b","
        b'"exception":"ValueError","error":"boom","backtrace":["f:1:in `g\'"],'
        b'"worker":"h:1:low","queue":"low"}'
    )


@given(CODECS, st.binary())
def test_every_payload_of_any_bytes_comes_back_from_its_record_as_it_was(codec, raw):
    written = records.write(codec, failure(codec, raw))
    assert records.payload_of(codec, records.read(codec, written, 0)) == raw


@given(CODECS, st.binary())
def test_whatever_the_payload_the_record_itself_can_be_read(codec, raw):
    one = records.read(codec, records.write(codec, failure(codec, raw)), 3)
    assert (one.readable, one.index, one.queue, one.error) == (True, 3, "low", "boom")
    assert (one.exception, one.worker) == ("ValueError", "h:1:low")
    assert one.backtrace == ("f:1:in `g'",)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_record_keeps_the_text_of_what_is_no_object(text):
    raw = b"{" + text.encode()
    payload = json.loads(records.write(JSON, failure(JSON, raw)))["payload"]
    if faulty(raw):
        assert payload == {"class": None, "args": [], "raw": raw.decode()}


def faulty(raw: bytes) -> bool:
    return read_job(JSON, "low", raw).fault is not None


@given(st.binary())
def test_a_record_of_any_bytes_is_read_without_an_error(raw):
    one = records.read(JSON, raw, 0)
    assert one.raw == raw
    assert all(text is None or isinstance(text, str) for text in (one.queue, one.failed_at))


def test_a_mark_is_added_and_all_else_stays_as_it_was_found():
    one = records.read(JSON, b'{ "payload" : {"class":"X"},"queue":"low" } ', 0)
    assert records.marked(JSON, one, "now") == (
        b'{ "payload" : {"class":"X"},"queue":"low" ,"retried_at":"now"}'
    )


def test_a_mark_that_is_there_is_written_anew():
    one = records.read(JSON, b'{"queue":"low","retried_at":"then","payload":{}}', 0)
    assert json.loads(records.marked(JSON, one, "now"))["retried_at"] == "now"


def test_a_record_that_ends_in_a_comment_is_marked_all_the_same():
    one = records.read(JSON, b'{"queue":"low","payload":{}} // why\n', 0)
    assert one.readable
    assert json.loads(records.marked(JSON, one, "now"))["retried_at"] == "now"


@pytest.mark.parametrize("payload", ["null", "7", "[1]", "true"])
def test_a_record_that_keeps_no_job_has_none_to_put_back(payload):
    one = records.read(JSON, b'{"queue":"low","payload":%s}' % payload.encode(), 0)
    assert records.payload_of(JSON, one) is None


def test_a_backtrace_that_is_one_text_is_cut_into_its_lines():
    assert records.read(JSON, b'{"backtrace":"a\\nb"}', 0).backtrace == ("a", "b")
    assert records.read(JSON, b'{"backtrace":7}', 0).backtrace == ()
