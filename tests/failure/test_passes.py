"""Passes over failed records, on a real Redis."""

from __future__ import annotations

import json

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import InvalidFailureQueue

COUNT = 2500


def record(at: int, **more: object) -> bytes:
    payload = {"class": "ABC"[at % 3], "args": [at]}
    queue = f"q{at % 2}"
    return json.dumps({"payload": payload, "queue": queue, "error": str(at), **more}).encode()


@pytest.fixture
def full(db):
    db.rpush("resque:failed", *map(record, range(COUNT)))
    return db


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as client:
        yield client


def numbers(found):
    return [int(one.error) for one in found]


def test_each_reads_pages_as_they_are_asked_for(resque, full):
    full.config_resetstat()
    found = resque.failures.each()
    assert int(next(found).error) == COUNT - 1
    assert full.info("commandstats")["cmdstat_lrange"]["calls"] == 1
    assert numbers(found) == list(range(COUNT - 2, -1, -1))


def test_each_of_a_page_reads_that_page(resque, full):
    assert numbers(resque.failures.each(1000, 3)) == [1002, 1001, 1000]
    assert numbers(resque.failures.each(1000, 3, order="asc")) == [1000, 1001, 1002]
    assert numbers(resque.failures.each(0, 3, class_name="B")) == [2497, 2494, 2491]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_each_gives_may_be_removed_or_put_back_on_the_way(resque, full, order):
    for one in resque.failures.each(order=order):
        if int(one.error) % 2:
            assert resque.failures.remove(one) == 1
        elif int(one.error) % 4:
            resque.failures.requeue(one)
    assert numbers(resque.failures.each(order="asc")) == list(range(0, COUNT, 2))
    assert resque.size("q0") == COUNT // 4


def test_a_list_that_does_not_exist_is_reported_when_each_is_called(resque, full):
    with pytest.raises(InvalidFailureQueue):
        resque.failures.each(queue="other")


async def test_each_is_an_asynchronous_iterator_that_reads_pages(redis_url, full):
    async with AsyncResque(redis_url) as resque:
        full.config_resetstat()
        async for one in resque.failures.each():
            assert int(one.error) == COUNT - 1
            break
        assert full.info("commandstats")["cmdstat_lrange"]["calls"] == 1
        assert numbers([one async for one in resque.failures.each(0, 3)]) == [2, 1, 0]
        assert numbers(await resque.failures.each(0, 3)) == [2, 1, 0]
        assert await resque.failures.remove_selection(lambda one: one.queue == "q0") == COUNT // 2
        assert await resque.failures.requeue_selection(lambda one: one.class_name == "A") == 417
        assert await resque.failures.count(class_name="A") == 417


def test_a_selection_is_removed_in_one_pass(resque, full):
    full.config_resetstat()
    assert resque.failures.remove_selection(lambda one: one.class_name != "B") == 1667
    assert full.info("commandstats")["cmdstat_lrem"]["calls"] < 10
    assert numbers(resque.failures.each(order="asc")) == list(range(1, COUNT, 3))


def test_a_selection_is_put_back_in_one_pass_the_oldest_first(resque, full):
    full.config_resetstat()
    assert resque.failures.requeue_selection(lambda one: one.class_name == "B") == 833
    assert full.info("commandstats")["cmdstat_evalsha"]["calls"] < 10
    sent = [json.loads(raw)["args"][0] for raw in full.lrange("resque:queue:q1", 0, -1)]
    assert sent == [at for at in range(1, COUNT, 3) if at % 2]
    marked = [one for one in resque.failures.each() if one.retried_at is not None]
    assert {one.class_name for one in marked} == {"B"}
    assert len(marked) == 833


def test_while_others_remove_records_each_job_is_put_back_once(resque, full):
    bulk = resque.core.failures.requeueing(lambda _: True)
    while resque.run(bulk.more()) is not None:
        full.lpop("resque:failed", 37)
    sent = [
        json.loads(raw)["args"][0]
        for queue in ("q0", "q1")
        for raw in full.lrange(f"resque:queue:{queue}", 0, -1)
    ]
    assert sorted(sent) == list(range(COUNT))


@pytest.mark.parametrize(("removed", "added"), [(37, 37), (37, 0), (90, 61), (1, 200)])
def test_records_that_are_all_alike_are_each_put_back_once_while_others_remove_and_add(
    resque, db, removed, added
):
    db.rpush("resque:failed", *[record(0)] * COUNT)
    bulk = resque.core.failures.requeueing(lambda one: one.error == "0")
    while resque.run(bulk.more()) is not None:
        db.lpop("resque:failed", removed)
        for _ in range(added):
            db.rpush("resque:failed", record(1))
    assert resque.size("q0") == COUNT
    assert not [one for one in resque.failures.each() if one.error == "0" and not one.retried_at]


def test_a_page_that_changes_under_the_hand_is_looked_at_anew(resque, full):
    def wanted(one):
        if one.error == "150":
            full.lrem("resque:failed", 1, record(3))
        return True

    assert resque.failures.requeue_selection(wanted) == COUNT - 1
    assert resque.size("q0") + resque.size("q1") == COUNT - 1


def test_the_few_of_a_page_are_put_back_however_many_others_remove_below_meanwhile(resque, full):
    def wanted(one):
        if one.error == "1900":
            full.ltrim("resque:failed", 1000, -1)
        return one.error == "1900"

    assert resque.run(resque.core.failures.requeueing(wanted).whole()) == 1
    assert resque.size("q0") == 1


def test_a_queue_whose_key_is_no_list_keeps_its_records_unmarked(resque, full):
    full.set("resque:queue:q1", "text")
    bulk, left = resque.core.failures.requeueing(lambda _: True), []
    while (page := resque.run(bulk.more())) is not None:
        left += page.left
    assert len(left) == COUNT // 2
    assert "is no list" in left[0][1]
    assert {one.queue for one in resque.failures.each() if one.retried_at} == {"q0"}


def test_records_without_a_job_are_left_and_reported(resque, db):
    db.rpush("resque:failed", b"text", b"{}", record(1), record(2, payload=None), record(3))
    page = resque.run(resque.core.failures.requeueing(lambda _: True).more())
    assert numbers(page.records) == [1, 3]
    assert [one.index for one, _ in page.left] == [0, 1, 3]


def test_large_records_are_read_a_few_at_a_time(resque, db):
    db.rpush("resque:failed", *[record(at, backtrace=["x" * 400_000]) for at in range(60)])
    assert resque.failures.remove_selection(lambda one: one.class_name == "A") == 20
    assert resque.failures.count() == 40


def test_lists_of_queues_are_gone_through_one_after_the_other(redis_url, db):
    for at in range(40):
        db.rpush(f"resque:q{at % 2}_failed", record(at))
        db.sadd("resque:failed_queues", f"q{at % 2}_failed")
    with Resque(redis_url, failure_backend="redis_multi_queue") as resque:
        of_one = list(range(0, 40, 2))
        of_other = list(range(1, 40, 2))
        assert numbers(resque.failures.each(order="asc")) == of_one + of_other
        assert numbers(resque.failures.each()) == (of_one + of_other)[::-1]
        assert numbers(resque.failures.all(18, 4)) == [36, 38, 1, 3]
        assert resque.failures.requeue_selection(lambda one: int(one.error) < 10) == 10
        assert resque.failures.remove_selection(lambda one: one.class_name == "A", "q1_failed") == 7
        assert resque.failures.count() == 33
