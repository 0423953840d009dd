from __future__ import annotations

import json

import pytest

from pyresque.cli.output import as_text, compact
from pyresque.errors import DecodeError
from pyresque.job.job import JsonCodec, read_job
from pyresque.ruby.json import decode, encode
from pyresque.ruby.long_integers import AT_ONCE, MOST, read, spelled

LENGTHS = (1, AT_ONCE, AT_ONCE + 1, 4300, 4301, 5000, 12345)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("digits", ["9", "1234567890", "1" + "0" * 99])
def test_what_is_read_is_spelled_alike(length, digits):
    text = (digits * length)[:length]
    for signed in (text, f"-{text}"):
        assert spelled(read(signed)) == signed
        assert str(read(signed)) == signed
        assert f"{read(signed)}" == signed


def test_zero_and_powers_of_ten_are_spelled_whole():
    assert spelled(0) == "0"
    assert spelled(10**5000) == "1" + "0" * 5000
    assert spelled(10**5000 - 1) == "9" * 5000


def test_a_payload_with_a_long_integer_is_a_job_that_is_written_back_as_it_was():
    raw = b'{"class":"Probe","args":[' + b"9" * 5000 + b',{"a":[-' + b"8" * 4400 + b"]}]}"
    job = read_job(JsonCodec(), "q", raw)
    assert job.fault is None
    assert job.args[0] == 10**5000 - 1
    assert "9" * 5000 in str(job)
    assert encode(decode(raw)) == raw


def test_a_long_integer_beside_what_only_ruby_reads_is_read_too():
    assert decode(b'[/* note */ "\\q", ' + b"9" * 5000 + b"]") == ["q", 10**5000 - 1]


def test_what_is_no_json_stays_none_beside_a_long_integer():
    with pytest.raises(DecodeError):
        decode(b"[" + b"9" * 5000)
    with pytest.raises(DecodeError):
        decode(b'["' + b"9" * 5000 + b'", NaN]')


def test_an_integer_that_would_keep_a_worker_from_its_heartbeat_is_refused():
    with pytest.raises(DecodeError, match=f"an integer of {MOST + 1} digits"):
        decode(b"9" * (MOST + 1))


def test_the_command_line_shows_long_integers():
    value = {"args": [10**5000]}
    assert compact(value) == '{"args": [1' + "0" * 5000 + "]}"
    assert as_text([read("9" * 5000)], indent=2) == "[\n  " + "9" * 5000 + "\n]"
    assert json.loads(as_text([1])) == [1]


def test_a_job_with_a_long_integer_is_performed(redis_url, db):
    from pyresque import Resque
    from pyresque.process.run.worker import run_worker

    given = []
    resque = Resque(redis_url, queues=("q",), executor="inline", verbose=True)
    resque.job("Probe")(given.append)
    db.rpush("resque:queue:q", b'{"class":"Probe","args":[' + b"9" * 5000 + b"]}")
    db.rpush("resque:queue:q", b'{"class":"Nobody","args":[' + b"9" * 5000 + b"]}")
    run_worker(resque, burst=True)
    assert given == [10**5000 - 1]
    assert db.llen("resque:failed") == 1
    (record,) = resque.failures.all(0, 9)
    assert resque.failures.requeue(record) == (1, 1)
    assert db.lrange("resque:queue:q", 0, -1) == [
        b'{"class":"Nobody","args":[' + b"9" * 5000 + b"]}"
    ]
