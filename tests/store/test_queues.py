from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import WrongKey
from pyresque.store.keys import Keys
from pyresque.store.queues import (
    QueueTable,
    StatTable,
    integer,
    names,
    natural_number,
    text,
    to_bytes,
)
from tests.support.scripted_driver import ScriptedDriver, requests_of, result_of

TABLE = QueueTable(Keys())
STATS = StatTable(Keys())


def test_size_asks_for_the_lists_length():
    talk = TABLE.size("high")
    assert talk.send(None).args == ("LLEN", b"resque:queue:high")
    talk.close()


def test_push_remembers_the_queue_and_appends_in_one_round_trip():
    assert requests_of(TABLE.push("low", (b"1", b"2")), [1, 2]) == [
        (("SADD", "resque:queues", b"low"), ("RPUSH", b"resque:queue:low", b"1", b"2"))
    ]


def test_remove_forgets_the_name_and_deletes_the_list():
    assert requests_of(TABLE.remove("low"), [1, 1]) == [
        (("SREM", "resque:queues", b"low"), ("DEL", b"resque:queue:low"))
    ]


def test_queues_are_sorted_and_bytes_that_are_no_text_survive():
    found = result_of(TABLE.queues(), {b"b", b"\xff", b"a"})
    assert found == ["a", "b", "\udcff"]
    assert to_bytes(found[2]) == b"\xff"


def test_sizes_of_no_queues_is_an_empty_answer():
    assert result_of(TABLE.sizes([]), []) == {}
    assert result_of(TABLE.sizes(["a", "b"]), [1, 2]) == {"a": 1, "b": 2}


def test_a_slice_and_an_element_are_of_any_list():
    assert requests_of(TABLE.slice("k", 2, -1), []) == [("LRANGE", b"k", 2, -1)]
    assert requests_of(TABLE.element("k", -1), None) == [("LINDEX", b"k", -1)]
    assert requests_of(TABLE.everything("q"), []) == [("LRANGE", b"resque:queue:q", 0, -1)]


def test_all_keys_scans_to_the_end_and_takes_the_namespace_off():
    hand = ScriptedDriver([b"5", [b"resque:b", b"resque:a"]], [b"0", [b"resque:a"]])
    assert hand.run(TABLE.all_keys()) == ["a", "b"]
    assert [args[1] for args in hand.asked] == [0, b"5"]


def test_a_glob_in_the_namespace_is_taken_literally():
    (command,) = requests_of(QueueTable(Keys("a*[b]?\\^")).all_keys(), [b"0", []])
    assert command[3] == "a\\*\\[b\\]\\?\\\\\\^:*"


@pytest.mark.parametrize(("reply", "value"), [(None, 0), (b"7", 7), (b"x", 0), (b"", 0), (3, 3)])
def test_a_counter_is_read_leniently(reply, value):
    assert result_of(STATS.get("processed"), reply) == value
    assert integer(reply) == value


def test_counters_are_changed_by_name():
    assert requests_of(STATS.increment("failed:h:1:q", 2), 5) == [
        ("INCRBY", b"resque:stat:failed:h:1:q", 2)
    ]
    assert requests_of(STATS.decrement("failed"), 5) == [("DECRBY", b"resque:stat:failed", 1)]
    assert requests_of(STATS.clear("failed"), 1) == [("DEL", b"resque:stat:failed")]


@given(st.binary())
def test_any_name_in_redis_comes_back_byte_for_byte(raw):
    assert to_bytes(text(raw)) == raw
    assert names([raw]) == [text(raw)]


def test_a_key_that_is_no_list_hides_no_other_queue():
    refused = WrongKey("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert result_of(TABLE.lengths(["a", "b"]), [refused, 2]) == {"a": None, "b": 2}


def test_the_sizes_name_the_key_that_is_no_list():
    refused = WrongKey("WRONGTYPE Operation against a key holding the wrong kind of value")
    with pytest.raises(WrongKey, match="resque:queue:a"):
        result_of(TABLE.sizes(["a", "b"]), [refused, 2])


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *(("0", 0), ("007", 7), (str(2**64 - 1), 2**64 - 1)),
        *((other, None) for other in ("", "-1", "+1", " 1", "1.0", "1_0", "\u0661", "9" * 5000)),
    ],
)
def test_a_natural_number_has_digits_alone_and_no_more_than_64_bits_have(written, number):
    assert natural_number(written) == number
