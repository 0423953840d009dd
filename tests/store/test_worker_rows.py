from __future__ import annotations

from pyresque.errors import WrongKey
from pyresque.store.keys import Keys
from pyresque.store.worker_rows import PAGE, WorkerRow, busy, records_of, rows_of
from tests.support.scripted_driver import requests_of, result_of

KEYS = Keys()
IDS = ["a:1:q", "b:1:q"]


def test_records_are_of_those_that_work():
    asked = requests_of(records_of(KEYS, IDS), [[b"r", None]])
    assert asked == [(("MGET", b"resque:worker:a:1:q", b"resque:worker:b:1:q"),)]
    assert result_of(records_of(KEYS, IDS), [[b"r", None]]) == {"a:1:q": b"r"}
    assert result_of(records_of(KEYS, IDS), [[b"", None]]) == {}


def test_who_works_is_told_by_the_lengths_of_the_records_and_a_wrong_key_is_no_job(caplog):
    found = result_of(busy(KEYS, ["a", "b", "c"]), [3, 0, WrongKey("resque:worker:c")])
    assert found == ["a"]
    assert "resque:worker:c" in caplog.text


def test_rows_are_read_in_one_round_trip_a_page_of_keys_by_each_command():
    ids = [f"h:{number}:q" for number in range(PAGE + 1)]
    rows = [[b"then"] * PAGE, [b"later"], [b"1"] * PAGE, [b"2"], [b"3"] * PAGE, [b"4"]]
    records, beats = [[None] * PAGE, [b"r"]], [[b"now"] * PAGE, [b"soon"]]
    (asked,) = requests_of(rows_of(KEYS, ids), [*rows, *records, *beats])
    assert [(args[0], len(args)) for args in asked] == [
        *[("MGET", PAGE + 1), ("MGET", 2)] * 4,
        *[("HMGET", PAGE + 2), ("HMGET", 3)],
    ]
    found = result_of(rows_of(KEYS, ids), [*rows, *records, *beats])
    assert found[0] == WorkerRow(None, b"then", b"now", b"1", b"3")
    assert found[PAGE] == WorkerRow(b"r", b"later", b"soon", b"2", b"4")


def test_records_that_were_read_are_read_no_second_time():
    replies = [[b"then", None], [None] * 2, [None] * 2, [b"now", None]]
    (asked,) = requests_of(rows_of(KEYS, IDS, [b"r", b"s"]), replies)
    assert len(asked) == 4
    assert result_of(rows_of(KEYS, IDS, [b"r", b"s"]), replies)[1].record == b"s"


def test_heartbeats_that_are_no_hash_leave_the_rest(caplog):
    replies = [[b"then", None], *[[None] * 2] * 3, WrongKey("resque:workers:heartbeat")]
    assert result_of(rows_of(KEYS, IDS), replies)[0] == WorkerRow(None, b"then", None, None, None)
    assert "resque:workers:heartbeat" in caplog.text
