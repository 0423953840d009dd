"""A failed record that was read, and changed in its list since: the record that was given is meant."""

from __future__ import annotations

import json

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import NoSuchFailure

BACKENDS = {"redis": "failed", "redis_multi_queue": "low_failed"}


def record(n: int, **more: object) -> bytes:
    fields = {
        "failed_at": "2026/03/01 12:00:00 UTC",
        "payload": {"class": "Job", "args": [n]},
        "exception": "ValueError",
        "queue": "low",
    }
    return json.dumps({**fields, **more}).encode()


@pytest.fixture(params=BACKENDS)
def failed(request, db, redis_url):
    db.sadd("resque:failed_queues", "low_failed")
    key = f"resque:{BACKENDS[request.param]}"
    with Resque(redis_url, failure_backend=request.param) as resque:
        yield resque, key


def test_a_record_that_was_requeued_is_removed_by_what_was_read_before(failed, db):
    resque, key = failed
    db.rpush(key, record(1), record(2), record(3))
    for one in list(resque.failures.each()):
        assert resque.failures.requeue(one)
        assert resque.failures.remove(one) == 1
        assert resque.failures.remove(one) == 0
    assert db.llen(key) == 0
    assert db.llen("resque:queue:low") == 3


def test_it_is_requeued_again_by_what_was_read_before(failed, db):
    resque, key = failed
    db.rpush(key, record(1), record(2))
    one = next(iter(resque.failures.each(order="asc")))
    resque.failures.requeue(one)
    db.lpush(key, record(0))
    resque.failures.requeue(one)
    assert (
        db.lrange("resque:queue:low", 0, -1)
        == [b'{"class":"Job","args":[1]}'.replace(b":", b": ").replace(b",", b", ")] * 2
    )
    marks = [json.loads(raw).get("retried_at") for raw in db.lrange(key, 0, -1)]
    assert [mark is not None for mark in marks] == [False, True, False]


def test_a_mark_that_ruby_left_since_makes_it_no_other_record(failed, db):
    resque, key = failed
    db.rpush(key, record(1), record(2))
    one = next(iter(resque.failures.each(order="asc")))
    rubys = {**json.loads(record(1)), "retried_at": "2026/03/02 12:00:00 UTC"}
    db.lset(key, 0, json.dumps(rubys, separators=(",", ":"), sort_keys=True))
    assert resque.failures.remove(one) == 1
    assert db.lrange(key, 0, -1) == [record(2)]


def test_another_record_of_the_same_job_is_left_alone(failed, db):
    resque, key = failed
    others = [record(1, worker="another"), record(1, failed_at="2026/03/01 12:00:01 UTC")]
    db.rpush(key, record(1), *others)
    one = next(iter(resque.failures.each(order="asc")))
    resque.failures.remove(one)
    assert resque.failures.remove(one) == 0
    with pytest.raises(NoSuchFailure):
        resque.failures.requeue(one)
    assert db.lrange(key, 0, -1) == others
    assert db.llen("resque:queue:low") == 0


async def test_awaited_it_is_the_same(db, redis_url):
    db.rpush("resque:failed", record(1))
    async with AsyncResque(redis_url) as resque:
        (one,) = await resque.failures.each()
        await resque.failures.requeue(one)
        assert await resque.failures.remove(one) == 1
