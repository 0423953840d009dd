from __future__ import annotations

from pyresque.store.failed import FailedTable
from pyresque.store.keys import Keys
from tests.support.scripted_driver import requests_of

TABLE = FailedTable(Keys())


def test_a_record_is_appended():
    assert requests_of(TABLE.append(b"r"), 1) == [("RPUSH", b"resque:failed", b"r")]


def test_a_record_of_a_named_list_is_appended_and_the_name_remembered():
    assert requests_of(TABLE.append_to_named(b"r", "low_failed"), [1, 1]) == [
        (
            ("SADD", "resque:failed_queues", b"low_failed"),
            ("RPUSH", b"resque:low_failed", b"r"),
        )
    ]


def test_records_are_looked_at_by_place():
    assert requests_of(TABLE.element(-1), None) == [("LINDEX", b"resque:failed", -1)]
    assert requests_of(TABLE.slice(0, 4, "x"), []) == [("LRANGE", b"resque:x", 0, 4)]
    assert requests_of(TABLE.size("x"), 0) == [("LLEN", b"resque:x")]
    assert requests_of(TABLE.clear(), 1) == [("DEL", b"resque:failed")]


def test_a_record_is_removed_by_its_bytes_once():
    assert requests_of(TABLE.remove_record(b"r"), 1) == [("LREM", b"resque:failed", 1, b"r")]


def test_removal_by_place_and_requeue_are_scripts_over_the_keys_they_touch():
    (removal,) = requests_of(TABLE.remove_at(3, seen=b"r"), 1)
    assert (removal[0], *removal[2:6]) == ("EVALSHA", 1, b"resque:failed", 3, b"r")
    (requeue,) = requests_of(TABLE.requeue(0, b"seen", b"marked", "low", b"payload"), [1, 1])
    assert requeue[2:] == (
        3,
        b"resque:failed",
        "resque:queues",
        b"resque:queue:low",
        *(0, b"seen", b"marked", b"low", b"payload"),
    )
