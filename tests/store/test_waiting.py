"""Who watches a queue and who waits to be called: the two scripts, on a real Redis."""

from __future__ import annotations

import pytest

from pyresque.store.keys import Keys
from pyresque.store.scripts import script
from pyresque.store.waiting import CALLS, FEW, TO_BE_CALLED, WATCH_NOTED, WATCHERS, WaitingTable

KEYS = Keys()
LOW = KEYS.queue("low")
PLACES, CALLED = KEYS.watchers(LOW), KEYS.wait_calls(LOW)
FREELY = 1


@pytest.fixture
def many(db):
    """More workers than may all watch; Redis has the script."""
    db.script_load(script("share_waiting").text)
    db.sadd("resque:workers", *(f"h:{number}:low" for number in range(FEW + 1)))
    return db


def enter(db, member, seconds=7):
    return db.execute_command(*WaitingTable(KEYS, member).entering(LOW, seconds, by_text=True))


def leave(db, member):
    return db.execute_command(*WaitingTable(KEYS, member).leaving(LOW))


def test_a_few_workers_all_watch_and_nothing_is_written(db):
    db.sadd("resque:workers", *(f"h:{number}:low" for number in range(FEW)))
    assert {enter(db, f"m{number}") for number in range(FEW)} == {FREELY}
    assert db.keys("resque:waiting*") == []


def test_of_many_a_few_watch_and_are_asked_no_second_place(many):
    members = [f"m{number}" for number in range(WATCHERS + 3)]
    assert [enter(many, one) for one in members] == [WATCH_NOTED] * WATCHERS + [TO_BE_CALLED] * 3
    assert enter(many, "m0") == WATCH_NOTED
    assert many.zcard(PLACES) == WATCHERS
    assert -1 != many.ttl(PLACES) <= 7, "it has an end"


def test_a_watcher_that_died_is_counted_no_longer_than_its_seconds(many):
    for number in range(WATCHERS):
        enter(many, f"m{number}")
    assert enter(many, "late") == TO_BE_CALLED
    many.zadd(PLACES, {"m1": 1})
    assert enter(many, "late") == WATCH_NOTED
    assert many.zscore(PLACES, "m1") is None


def test_each_queue_has_watchers_of_its_own(many):
    high = WaitingTable(KEYS, "m9").entering(KEYS.queue("high"), 7, by_text=True)
    for number in range(WATCHERS):
        enter(many, f"m{number}")
    assert many.execute_command(*high) == WATCH_NOTED


def test_who_takes_the_only_job_calls_one_to_watch_in_its_place(many):
    enter(many, "m0")
    assert leave(many, "m0") == 1
    assert many.lrange(CALLED, 0, -1) == [b"watch"]
    assert -1 != many.ttl(CALLED) <= 2, "it has an end"
    assert not many.exists(PLACES)


def test_others_are_called_for_the_jobs_that_are_left_but_for_those_that_watchers_know_of(many):
    for number in range(3):
        enter(many, f"m{number}")
    many.rpush(LOW, *range(10))
    assert leave(many, "m0") == 8 + 1
    assert many.lrange(CALLED, 0, -1) == [b"look"] * 8 + [b"watch"]


def test_there_is_an_end_to_the_calls(many):
    enter(many, "m0")
    many.rpush(LOW, *range(CALLS + 100))
    assert leave(many, "m0") == CALLS + 1


def test_while_calls_are_unheard_nobody_waits_for_one(many):
    many.rpush(CALLED, "look")
    many.rpush(LOW, *range(10))
    assert leave(many, "m0") == 0
    assert many.llen(CALLED) == 1


def test_nobody_is_called_to_watch_where_there_are_enough(many):
    for number in range(WATCHERS):
        enter(many, f"m{number}")
    many.rpush(LOW, 1)
    assert leave(many, "stranger") == 0


@pytest.mark.parametrize("key", ["resque:workers", PLACES])
def test_a_key_of_a_wrong_type_lets_everybody_watch(many, key):
    many.delete(key)
    many.set(key, "poison")
    assert enter(many, "m0") == FREELY


@pytest.mark.parametrize("key", [PLACES, CALLED, LOW])
def test_a_key_of_a_wrong_type_stops_nobody_from_leaving(many, key):
    many.set(key, "poison")
    assert leave(many, "m0") in {0, 1}


def test_names_that_are_not_utf_8_have_keys_of_their_own(many):
    odd = KEYS.queue("l\udcffw")
    many.execute_command(*WaitingTable(KEYS, "m0").entering(odd, 7, by_text=True))
    assert many.exists(b"resque:waiting:watchers:l\xffw")
