from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import WorkerIdError
from pyresque.job.job import Job, JsonCodec, Payload, read_job
from pyresque.job.msgpack_codec import MsgpackCodec
from pyresque.job.worker_registry import WorkerId, WorkerRegistry, read_record
from pyresque.store.keys import Keys
from pyresque.store.workers import WorkerTable
from tests.support.scripted_driver import result_of

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
JSON, MSGPACK = JsonCodec(), MsgpackCodec()
QUEUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def registry(codec):
    return WorkerRegistry(WorkerTable(Keys()), codec)


@given(st.sampled_from([JSON, MSGPACK]), st.lists(QUEUES, min_size=1), st.lists(st.integers(0, 9)))
def test_the_pieces_given_to_the_script_make_the_record_that_python_writes(codec, queues, args):
    raw = codec.encode({"class": "X", "args": args})
    forms = registry(codec).record_template(tuple(queues), NOON)
    for queue, head in zip(queues, forms.heads, strict=True):
        whole = head + raw + forms.tail
        assert whole == registry(codec).record(read_job(codec, queue, raw), NOON)
        assert codec.decode(whole) == {
            "queue": queue,
            "run_at": "2026-03-01T12:00:00Z",
            "payload": {"class": "X", "args": args},
        }


@given(st.sampled_from([JSON, MSGPACK]), QUEUES, st.binary())
def test_whatever_is_reserved_can_be_read_back_from_the_record_byte_for_byte(codec, queue, raw):
    job = read_job(codec, queue, raw)
    record = registry(codec).record(job, NOON)
    again = read_record(codec, record)
    assert (again.job.raw, again.job.queue, again.run_at) == (raw, queue, "2026-03-01T12:00:00Z")


def test_a_records_keys_stand_in_rubys_order():
    record = registry(JSON).record(Job("low", Payload("X", [1]), b'{"class":"X","args":[1]}'), NOON)
    assert record == (
        b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'
    )


@given(st.binary())
def test_a_record_of_any_bytes_is_a_job_with_a_fault_or_without(raw):
    assert read_record(JSON, raw).record == raw


@pytest.mark.parametrize(
    ("record", "queue", "run_at"),
    [
        (b'{"payload":1}', "", None),
        (b'{"a":1,"payload":broken}', "", None),
        (b'{"queue":"low","payload":broken}', "low", None),
        (b'{"run_at":"then","payload":broken}', "", "then"),
        (b'{"queue":null,"run_at":null,"payload":broken}', "", None),
        (b'{"queue":[1],"run_at":{},"payload":broken}', "[1]", "{}"),
        (b'{"queue":' + 5000 * b"9" + b',"payload":1}', 5000 * "9", None),
        (b'{"queue":' + 5000 * b"9" + b',"payload":broken}', 5000 * "9", None),
    ],
)
def test_a_record_may_lack_any_field_and_hold_anything_in_it(record, queue, run_at):
    found = read_record(JSON, record)
    assert (found.job.queue, found.run_at, found.record) == (queue, run_at, record)


@pytest.mark.parametrize(
    ("text", "host", "pid", "queues"),
    [
        ("host:42:low,high", "host", 42, ("low", "high")),
        ("host:42:a:b,c", "host", 42, ("a:b", "c")),
        ("host:x:low", "host", 0, ("low",)),
        ("host:42abc:*", "host", 42, ("*",)),
    ],
)
def test_an_id_is_host_pid_and_queues(text, host, pid, queues):
    assert WorkerId.parse(text) == WorkerId(host, pid, queues)


@pytest.mark.parametrize("text", ["", "host", "host:1", "host:1:", "::"])
def test_what_has_fewer_parts_is_no_id(text):
    with pytest.raises(WorkerIdError, match="host:pid:queue,queue"):
        WorkerId.parse(text)


def test_a_pid_that_no_process_has_is_no_id_of_a_worker():
    assert WorkerId.parse("host:" + 5000 * "0" + "7:low").pid == 7
    for digits in (19, 5000):
        with pytest.raises(WorkerIdError, match=f"a pid of {digits} digits"):
            WorkerId.parse("host:" + digits * "9" + ":low")


@given(st.text("abc.-0", min_size=1), st.integers(0, 10**6), st.lists(st.text("ab*:", min_size=1)))
def test_an_id_is_written_as_it_was_read(host, pid, queues):
    queues = queues or ["*"]
    text = str(WorkerId(host, pid, tuple(queues)))
    assert str(WorkerId.parse(text)) == text


def test_workers_are_listed_in_two_round_trips_whatever_their_ids():
    found = result_of(
        registry(JSON).all(),
        {b"h:1:low", b"odd"},
        [
            [b"then", None],
            [b"3", None],
            [b"x", None],
            [b'{"queue":"low","payload":{"class":"X"}}', None],
            [b"now", None],
        ],
    )
    first, odd = found
    assert (first.host, first.pid, first.queues, first.state) == ("h", 1, ("low",), "working")
    assert (first.started, first.heartbeat, first.processed, first.failed) == ("then", "now", 3, 0)
    assert first.working_on is not None
    assert first.working_on.job.class_name == "X"
    assert (odd.id, odd.host, odd.state) == ("odd", "", "idle")


def test_a_worker_that_is_not_registered_is_none():
    assert result_of(registry(JSON).find("h:1:low"), 0) is None


def test_the_second_worker_of_a_process_is_marked_in_its_host():
    first = WorkerId("app-1", 7, ("high", "low"))
    assert first.slot(1) == first
    assert str(first.slot(2)) == "app-1~2:7:high,low"
    assert WorkerId.parse("app-1~2:7:high,low").machine == "app-1"


@pytest.mark.parametrize("host", ["app-1", "app~x", "app~", "~2"])
def test_a_host_without_a_slots_mark_is_its_own_machine(host):
    assert WorkerId(host, 7, ("low",)).machine == host
