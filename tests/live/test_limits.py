"""Time limits of jobs in real workers: the soft one raised inside, the hard one by force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support.live_worker import burst, reported

if TYPE_CHECKING:
    import redis

    from pyresque.failure.record import FailedRecord

NOTE = b'{"class":"Note","args":[2]}'


def failed(url: str) -> list[FailedRecord]:
    with Resque(url) as resque:
        return list(resque.failures.each(order="asc"))


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize("job", ["Slow", "AsyncSlow"])
def test_a_job_that_takes_too_long_may_clean_up_and_fails_and_the_next_one_runs(
    db: redis.Redis, redis_url: str, executor: str, job: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"%s","args":[1]}' % job.encode(), NOTE)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    assert reported(db) == [["cleaning up", 1], ["note", 2]]
    (record,) = failed(redis_url)
    assert (record.exception, record.error) == (
        "Timeout::Error",
        "the job ran longer than its limit of 0.3 s",
    )
    assert db.get("resque:stat:failed") == b"1"
    assert any("app.py" in line for line in record.backtrace)


def test_a_job_that_goes_on_all_the_same_is_killed_and_not_put_back(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Deaf","args":[1]}', NOTE)
    burst(redis_url, "low")
    assert reported(db) == [["deaf", 1], ["note", 2]]
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"
    assert "its hard limit of 0.6 s" in str(record.error)
    assert db.keys("resque:redeliveries:*") == []


def test_a_child_that_serves_several_jobs_survives_a_soft_limit(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Slow","args":[1]}', NOTE)
    burst(redis_url, "low", JOBS_PER_FORK="10")
    assert reported(db) == [["cleaning up", 1], ["note", 2]]


def test_a_worker_without_children_says_which_jobs_have_no_limit(
    db: redis.Redis, redis_url: str
) -> None:
    words = "here these jobs have no limit: HardOnly"
    assert words in burst(redis_url, "low", RESQUE_EXECUTOR="inline")
    assert words not in burst(redis_url, "low", RESQUE_EXECUTOR="fork")
