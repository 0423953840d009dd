"""A child that can hardly tell how its job went: memory is used up, or the job has closed all that was open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.forking_worker import EVERY, FORKING, failed, notes, short_ones, shorts, work
from tests.support.queue_state import push

if TYPE_CHECKING:
    import redis

CHILDREN = pytest.mark.parametrize("executor", FORKING)


@pytest.mark.parametrize("executor", ["fork", "fork without a server", "fast path"])
def test_a_job_that_uses_up_all_memory_is_recorded_as_that(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    push(db, "Hungry", "in its frame")
    work(redis_url, executor)
    short_ones(db, executor)
    push(db, "Hungry", "for good")
    push(db, "Note", "the next one")
    work(redis_url, executor)
    assert [record.exception for record in failed(redis_url)] == ["MemoryError"] * 2
    assert "the next one" in notes(db)
    assert db.get("resque:stat:processed") == str(3 + 2 * shorts(executor)).encode()


@CHILDREN
def test_a_job_that_closes_all_descriptors_is_done_and_one_that_fails_is_recorded(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    push(db, "CloseAll")
    work(redis_url, executor)
    assert failed(redis_url) == []
    short_ones(db, executor)
    push(db, "CloseAll", True)
    push(db, "Note", "the next one")
    work(redis_url, executor)
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"
    assert "exited with status 1 before it told" in str(record.error)
    assert "the next one" in notes(db)


@CHILDREN
@pytest.mark.parametrize("how", ["raises", "returns"])
def test_a_child_whose_job_replaces_the_function_that_ends_a_process_ends_all_the_same(
    db: redis.Redis, redis_url: str, executor: str, how: str
):
    short_ones(db, executor)
    push(db, "StayAlive", how)
    push(db, "StayAlive", how, True)
    push(db, "Note", "the next one")
    work(redis_url, executor)
    assert notes(db).count("the next one") == 1
    assert [record.exception for record in failed(redis_url)] == ["ValueError"]
    assert db.get("resque:stat:processed") == str(3 + shorts(executor)).encode()
    assert db.keys("resque:worker*") == []


@EVERY
def test_a_job_that_closes_standard_output_and_error_ends_no_worker(
    db: redis.Redis, redis_url: str, executor: str
):
    push(db, "CloseOutput")
    push(db, "CloseOutput", True)
    push(db, "Note", "the next one")
    work(redis_url, executor)
    assert "the next one" in notes(db)
    assert {record.exception for record in failed(redis_url)} == {"ValueError"}
    assert db.get("resque:stat:processed") == b"3"
