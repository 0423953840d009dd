"""Counts of performed jobs: written by the turn of a worker that counts, read by class, hour and side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.errors import WrongKey
from pyresque.plugins import Retry
from pyresque.process.worker.ended import failure_entry
from pyresque.routing.performed import Performed, PerformedBoard, Tally
from pyresque.store.performed import KEPT, PerformedTable
from tests.support.moving import TWELVE, counting_worker, work
from tests.support.scripted_worker import NOON, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture
def resque(redis_url: str, db: redis.Redis) -> Iterator[Resque]:
    with Resque(redis_url) as made:
        made.core.clock = Clock()
        made.job("Well", queue="low")(lambda *_: None)
        made.job("Boom", queue="low", plugins=[Retry(limit=1, delay=0)])(boom)
        yield made


def boom(*_: object) -> None:
    raise ValueError("boom")


def test_each_job_is_counted_once_with_its_class_hour_and_end(
    resque: Resque, db: redis.Redis
) -> None:
    for n in range(5):
        resque.enqueue("Well", n)
    resque.enqueue("Boom")
    work(resque, counting_worker(resque))
    board = resque.core.performed
    (well,) = resque.run(board.hours("Well"))
    (boomed,) = resque.run(board.hours("Boom"))
    assert (well.at, well.python.done, well.python.failed) == (TWELVE, 5, 0)
    assert (boomed.python.done, boomed.python.failed) == (0, 2)  # the job, and its retry
    assert well.ruby == Tally()
    assert well.python_percent == 100
    assert resque.run(board.last()) == {"Well": {"python": TWELVE}, "Boom": {"python": TWELVE}}
    assert 0 < db.ttl("resque:migrate:performed:2026-03-01:Well") <= KEPT
    assert db.ttl("resque:migrate:lately:2026-03-01T12:Well") > 0
    assert (db.get("resque:stat:processed"), db.get("resque:stat:failed")) == (b"7", b"2")


def test_a_worker_that_does_not_count_writes_nothing(resque: Resque, db: redis.Redis) -> None:
    resque.enqueue("Well")
    worker = counting_worker(resque)
    worker.current_job.performed = None
    work(resque, worker)
    assert db.get("resque:stat:processed") == b"1"
    assert db.keys("resque:migrate:*") == []


def test_a_job_whose_worker_was_pruned_meanwhile_is_not_counted(
    resque: Resque, db: redis.Redis
) -> None:
    resque.job("Pruned", queue="low")(lambda: db.delete("resque:worker:here:1:low"))
    resque.enqueue("Pruned")
    work(resque, counting_worker(resque))
    assert db.keys("resque:migrate:*") == []


@pytest.mark.parametrize("key", ["performed:2026-03-01:Well", "lately:2026-03-01T12:Well", "last"])
def test_a_key_of_another_type_stops_no_worker_and_no_other_count(
    resque: Resque, db: redis.Redis, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    db.rpush(f"resque:migrate:{key}", "x")
    for n in range(3):
        resque.enqueue("Well", n)
    work(resque, counting_worker(resque))
    assert db.get("resque:stat:processed") == b"3"
    assert len(db.keys("resque:migrate:*")) == 3
    warned = [one for one in caplog.messages if f"migrate:{key}" in one]
    assert len(warned) == 1


def test_odd_names_are_not_counted_and_their_jobs_fail_as_ever(
    resque: Resque, db: redis.Redis
) -> None:
    db.rpush("resque:queue:low", b'{"class":"%b","args":[]}' % (b"A" * 5000))
    db.rpush("resque:queue:low", b'{"class":"\\ud800","args":[]}', b'{"class":null,"args":[]}')
    work(resque, counting_worker(resque))
    assert db.llen("resque:failed") == 3
    assert db.keys("resque:migrate:*") == []


def test_refused_writes_of_a_plugin_leave_the_count(resque: Resque, db: redis.Redis) -> None:
    resque.enqueue("Boom")
    worker = counting_worker(resque)
    job = resque.run(worker.reserve())
    assert job is not None
    outcome = resque.run(worker.executor.run(job, worker.run_upkeep, str))
    db.set("resque:queue:low", "the retry cannot be pushed there")
    resque.run(
        worker.current_job.finish(resque.run(failure_entry(worker.current_job, job, outcome)))
    )
    (odd,) = resque.run(resque.core.performed.hours("Boom"))
    assert (odd.python.done, odd.python.failed) == (0, 1)
    assert db.llen("resque:failed") == 1


def test_days_and_minutes_are_told_apart(resque: Resque) -> None:
    clock, board = resque.core.clock, resque.core.performed
    worker = counting_worker(resque)
    assert isinstance(clock, Clock)
    for passed in (0, 50 * 60, 61 * 60, 24 * 3600):  # minutes 12:00, 12:50, 13:01; the next day
        clock.passed = passed
        resque.enqueue("Well")
        work(resque, worker)
    clock.passed = 61 * 60 + 5

    def counted(since: float, minutes: int) -> int:
        return resque.run(board.lately("Well", since, minutes)).python.done

    assert (counted(0, 60), counted(0, 12), counted(0, 11), counted(0, 1)) == (2, 2, 1, 1)
    assert counted(NOON + 50 * 60, 60) == 2
    assert counted(NOON + 50 * 60 + 1, 60) == 1  # a minute that began before is left out
    assert counted(NOON + 10**6, 60) == 0
    clock.passed = 24 * 3600
    assert [one.at.hour for one in resque.run(board.hours("Well"))] == [12, 13, 12]
    assert [one.python.done for one in resque.run(board.days("Well"))] == [3, 1]
    assert [one.python.done for one in resque.run(board.hours("Well", 1))] == [1]


def test_what_others_wrote_is_read_as_far_as_it_can_be(resque: Resque, db: redis.Redis) -> None:
    key = "resque:migrate:performed:2026-03-01:A"
    odd = {"": 1, "x": 1, "07": 1, "99:ruby:done": 5, "-1:ruby:done": 5, b"\xff:ruby:done": 5}
    good = {"07:ruby:done": 3, "07:ruby:failed": 1, "07:ruby:us": 8000, "07:python:done": "text"}
    db.hset(key, mapping={**odd, **good, "07:perl:done": 9, "07:ruby:eaten": 9})  # type: ignore[dict-item]
    (hour,) = resque.run(resque.core.performed.hours("A"))
    assert hour == Performed(hour.at, {"ruby": Tally(3, 1, 8000), "python": Tally()})
    assert (hour.at.hour, hour.ruby.failure_percent, hour.ruby.milliseconds) == (7, 25.0, 8.0)
    db.hset(
        "resque:migrate:last", mapping={"ruby:A": "x", "ruby:": 1, "perl:A": 5, "ruby:B": 10**30}
    )
    assert resque.run(resque.core.performed.last()) == {}
    db.delete(key, "resque:migrate:last")
    db.set(key, "text")
    db.set("resque:migrate:last", "text")
    assert resque.run(resque.core.performed.hours("A")) == []
    with pytest.raises(WrongKey, match="migrate:last"):
        resque.run(resque.core.performed.last())


def test_many_classes_are_read_in_pages(resque: Resque, db: redis.Redis) -> None:
    db.hset("resque:migrate:last", mapping={f"ruby:C{n}": n for n in range(3000)})
    last = resque.run(PerformedBoard(PerformedTable(resque.core.keys), Clock()).last())
    assert len(last) == 3000
    assert last["C2999"]["ruby"].timestamp() == 2999
