from __future__ import annotations

import asyncio
from datetime import datetime, timezone

import pytest

from pyresque import Resque
from pyresque.clock import SystemClock
from pyresque.errors import NoSuchFailure
from pyresque.failure.base import FailureBackend, Multiple
from pyresque.failure.record import Failure
from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.failure.report import ErrorReport
from pyresque.job.job import JsonCodec, read_job
from pyresque.process.run.worker import run_worker
from pyresque.store.failed import FailedTable
from pyresque.store.keys import Keys
from tests.support.scripted_driver import ScriptedDriver

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PARTS = (FailedTable(Keys()), JsonCodec(), SystemClock())
FAILURE = Failure(
    read_job(JsonCodec(), "low", b'{"class":"X"}'), ErrorReport("E", "e"), "h:1:low", NOON
)


class Broken(RedisBackend):
    async def save(self, failure: Failure) -> None:
        raise OSError(f"cannot save {failure.job}")


def test_a_failure_goes_to_every_backend():
    hand = ScriptedDriver(1, [1, 1])
    hand.run(Multiple([RedisBackend(*PARTS), RedisMultiQueueBackend(*PARTS)]).save(FAILURE))
    assert hand.asked[0][:2] == ("RPUSH", b"resque:failed")
    assert hand.asked[1][1][:2] == ("RPUSH", b"resque:low_failed")


def test_one_backends_error_does_not_keep_a_failure_from_the_others():
    hand = ScriptedDriver(1)
    with pytest.raises(OSError, match="cannot save"):
        hand.run(Multiple([Broken(*PARTS), RedisBackend(*PARTS)]).save(FAILURE))
    assert hand.asked[0][:2] == ("RPUSH", b"resque:failed")


def test_everything_else_is_asked_of_the_first():
    hand = ScriptedDriver(7)
    assert hand.run(Multiple([RedisBackend(*PARTS), RedisMultiQueueBackend(*PARTS)]).count()) == 7
    assert hand.asked == [("LLEN", b"resque:failed")]


def test_several_backends_are_never_one_append():
    assert Multiple([RedisBackend(*PARTS)]).entry(FAILURE) is None
    assert RedisBackend(*PARTS).entry(FAILURE).failure_queue == "failed"
    entry = RedisMultiQueueBackend(*PARTS).entry(FAILURE)
    assert (entry.failure_queue, entry.name) == ("low_failed", "low_failed")


class Tracker:
    """All that a backend must have."""

    def __init__(self) -> None:
        self.saved: list[Failure] = []

    def save(self, failure: Failure) -> None:
        self.saved.append(failure)


class AsyncTracker(Tracker):
    async def save(self, failure: Failure) -> None:
        await asyncio.sleep(0)
        self.saved.append(failure)


class Away(Tracker):
    def save(self, failure: Failure) -> None:
        raise OSError("the tracker is away")


def work(redis_url: str, backend: object, executor: str = "inline") -> Resque:
    resque = Resque(redis_url, failures=backend, queues=("low",), executor=executor)

    @resque.job("Boom", queue="low")
    def boom(*_: object) -> None:
        raise KeyError("no such report")

    resque.enqueue(boom, 1)
    resque.enqueue_to("low", "Nobody")
    run_worker(resque, burst=True)
    return resque


@pytest.mark.process
@pytest.mark.parametrize("kind", [Tracker, AsyncTracker])
@pytest.mark.parametrize("executor", ["inline", "fork", "thread", "async"])
def test_a_backend_that_can_only_save_is_all_a_worker_needs(redis_url, db, kind, executor):
    tracker = kind()
    resque = work(redis_url, tracker, executor)
    assert sorted(one.report.exception for one in tracker.saved) == ["KeyError", "NameError"]
    assert (resque.stat("failed"), resque.stat("processed")) == (2, 2)
    assert not db.exists("resque:failed")


def test_a_backend_that_can_only_save_answers_the_rest_as_an_empty_list(redis_url, db):
    failures = work(redis_url, Tracker()).failures
    assert (failures.count(), failures.queues(), failures.all(0, 9)) == (0, [], [])
    assert list(failures.each()) == []
    assert (failures.clear(), failures.requeue_all(), failures.remove(0)) == (0, 0, 0)
    assert failures.requeue_selection(lambda _: True) == 0
    with pytest.raises(NoSuchFailure, match="keeps no records"):
        failures.requeue(0)


def test_what_such_a_backend_cannot_save_goes_to_the_failed_list(redis_url, db):
    work(redis_url, Away())
    assert db.llen("resque:failed") == 2


def test_such_a_backend_is_joined_with_the_failed_list(redis_url, db):
    resque = Resque(redis_url, queues=("low",), executor="inline")
    tracker = Tracker()
    resque.core.failures = Multiple([resque.core.default_failures, tracker])
    resque.enqueue_to("low", "Nobody")
    run_worker(resque, burst=True)
    assert (len(tracker.saved), resque.failures.count()) == (1, 1)


def test_such_a_backend_hears_of_jobs_that_could_not_be_queued_and_of_dead_workers(redis_url, db):
    resque = Resque(redis_url)
    tracker = resque.core.failures = Tracker()
    db.zadd("resque:delayed_queue_schedule", {"5": 5})
    db.rpush("resque:delayed:5", b"{bad")
    db.sadd("resque:workers", "h:1:low")
    db.set("resque:worker:h:1:low", b'{"queue":"low","payload":{"class":"X","args":[]}}')
    assert resque.move_due() == 1
    resque.remove_worker("h:1:low")
    assert [one.job.raw[:4] for one in tracker.saved] == [b"{bad", b'{"cl']


def test_a_backend_that_inherits_writes_what_it_can_do(redis_url, db):
    class Counting(FailureBackend):
        async def count(self, queue: str | None = None, class_name: str | None = None) -> int:
            return await RedisBackend(*PARTS).count()

        async def save(self, failure: Failure) -> None:
            await RedisBackend(*PARTS).save(failure)

    resque = work(redis_url, Counting())
    assert (resque.failures.count(), list(resque.failures.each())) == (2, [])
