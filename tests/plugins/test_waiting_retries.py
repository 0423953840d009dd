"""``resque.retries``: the jobs that wait for their next attempt are listed, tried at once, and cancelled."""

from __future__ import annotations

import pytest

from pyresque import AsyncResque, Resque
from pyresque.activejob import RetryOn
from pyresque.errors import RedisCommandError
from pyresque.plugins import Retry
from pyresque.process.run.worker import run_worker

LATER = 3600


@pytest.fixture
def app(redis_url, db):
    with Resque(redis_url, queues=("*",), executor="inline") as made:
        yield made


def register(app, name="Import", **options):
    """A class whose jobs fail, and are retried in an hour."""
    options = {"limit": 5, "delay": LATER, **options}

    @app.job(name, queue="imports", plugins=[Retry(**options)])
    def failing(*args):
        raise ValueError("no such file")


def fail(app, *jobs):
    for name, *args in jobs:
        app.enqueue(name, *args)
    run_worker(app, burst=True)


def test_a_job_that_waits_is_listed_with_its_attempts(app, db):
    register(app)
    fail(app, ("Import", "a.csv", {"b": 1}))
    (one,) = app.retries.each()
    assert one.class_name == "Import"
    assert one.job.args == ("a.csv", {"b": 1})
    assert one.attempts == 1
    assert db.exists(f"resque:resque-retry:{one.id}")
    assert app.delayed_queue_peek(0, 9) == [one.at]
    assert (one.failure, one.exception, one.error) == (None, None, None)
    app.retries.try_now(one)
    run_worker(app, burst=True)
    assert [each.attempts for each in app.retries.each()] == [2]


def test_a_failure_that_is_kept_aside_is_shown(app):
    register(app, suppress=True)
    fail(app, ("Import", "a.csv"))
    (one,) = app.retries.each()
    assert (one.exception, one.error) == ("ValueError", "no such file")


def test_other_delayed_jobs_are_no_retries(app):
    register(app)
    app.enqueue_in(LATER, "Import", "a.csv")
    app.delayed_push(4102444800, {"class": None, "args": {}})
    app.delayed_push(4102444800, {"args": 7})
    assert app.retries.count() == 0


@pytest.mark.parametrize(
    "options", [{"identifier": lambda path, *_: path}, {"ruby": "3.4"}], ids=["identifier", "ruby"]
)
def test_the_counter_is_found_as_the_registration_names_it(app, options):
    register(app, **options)
    fail(app, ("Import", "a.csv", {"b": 1}))
    assert app.retries.count() == 1


def test_the_counter_of_a_class_that_is_registered_nowhere_is_found(app, redis_url):
    register(app)
    fail(app, ("Import", "a.csv", {"b": 1}), ("Import",))
    with Resque(redis_url) as other:
        assert other.retries.count() == other.retries.count("Import") == 2
        assert other.retries.count("Export") == 0


def test_a_key_function_that_raises_leaves_the_others_listed(app, redis_url, caplog):
    register(app)
    register(app, "Export")
    fail(app, ("Import", 7), ("Export", 1))
    with Resque(redis_url) as other:
        register(other, identifier=lambda path: path.upper())
        assert [one.class_name for one in other.retries.each()] == ["Export"]
    assert "identifier= raised AttributeError" in caplog.text


def test_a_job_that_is_tried_now_keeps_its_count(app, db):
    register(app)
    fail(app, ("Import", 1), ("Import", 2))
    first, second = app.retries.each()
    assert app.retries.try_now(first) == 1
    assert app.retries.try_now(first) == 0  # gone meanwhile
    assert app.retries.try_now(second.id) == 1
    assert app.size("imports") == 2
    assert app.count_all_scheduled_jobs() == 0
    assert sorted(db.keys("resque:resque-retry:*")) == sorted(
        f"resque:resque-retry:{one.id}".encode() for one in (first, second)
    )


def test_a_cancelled_retry_leaves_its_failure_alone(app, db):
    register(app)
    fail(app, ("Import", 1), ("Import", 2))
    first, second = app.retries.each()
    assert app.retries.cancel(first) == 1
    assert app.retries.cancel(first) == 0
    assert [one.id for one in app.retries.each()] == [second.id]
    assert app.retries.cancel(second.id) == 1
    assert app.failures.count() == 2  # each attempt's failure, as before
    assert db.keys("*retry*") == db.keys("resque:delayed*") == []


@pytest.mark.parametrize("backend", ["redis", "redis_multi_queue"])
def test_a_failure_that_was_kept_aside_goes_to_the_failed_list(redis_url, db, backend):
    with Resque(redis_url, queues=("*",), executor="inline", failure_backend=backend) as app:
        register(app, suppress=True)
        fail(app, ("Import", 1))
        (kept,) = (db.get(key) for key in db.keys("resque:failure-resque-retry:*"))
        assert app.failures.count() == 0
        assert app.retries.cancel_selection(lambda one: one.attempts == 1) == 1
        (queue,) = app.failures.queues()
        assert db.lrange(f"resque:{queue}", 0, -1) == [kept]
        assert db.keys("*retry*") == []
        app.failures.requeue(0, queue)
        assert app.size("imports") == 1


def test_nothing_is_lost_if_the_failed_list_is_of_another_type(app, db):
    register(app, suppress=True)
    fail(app, ("Import", 1))
    db.set("resque:failed", "x")
    with pytest.raises(RedisCommandError, match="failed list is no list"):
        app.retries.cancel_selection(lambda _: True)
    assert app.retries.count() == 1


def test_active_jobs_that_have_run_before_are_listed_and_cancelled(app, db):
    @app.active_job("SyncJob", queue="sync", retry_on=[RetryOn((ValueError,), wait=LATER)])
    def sync(number):
        raise ValueError(number)

    named = app.active_job("SyncJob")
    named.enqueue(7)
    named.set(wait=LATER).enqueue(8)  # waits for its first time
    run_worker(app, burst=True)
    (one,) = app.retries.each("SyncJob")
    assert (one.class_name, one.attempts, one.exception) == ("SyncJob", 1, "ValueError")
    assert app.retries.cancel(one.id) == 1
    assert app.retries.count() == 0
    (record,) = app.failures.each()
    assert record.exception == "RetryCancelled"
    assert record.payload.args[0]["job_id"] == one.id
    assert app.count_all_scheduled_jobs() == 1


def test_counters_and_failures_of_a_wrong_type_are_passed_over(app, db):
    register(app)
    fail(app, ("Import", 1), ("Import", 2), ("Import", 3))
    first, second, third = app.retries.each()
    db.delete(f"resque:resque-retry:{first.id}")
    db.rpush(f"resque:resque-retry:{first.id}", "x")
    db.set(f"resque:resque-retry:{second.id}", "many")
    db.set(f"resque:failure-resque-retry:{third.id}", b"{\xff")
    found = list(app.retries.each())
    assert [one.id for one in found] == [second.id, third.id]
    assert [one.attempts for one in found] == [1, 1]
    assert found[1].failure is None


async def test_the_awaited_face_has_the_same_verbs(app, redis_url):
    register(app)
    fail(app, ("Import", 1), ("Import", 2), ("Import", 3))
    async with AsyncResque(redis_url) as other:
        assert await other.retries.count() == 3
        ids = [one.id async for one in other.retries.each()]
        assert [one.id for one in await other.retries.each("Import")] == ids
        assert await other.retries.try_now(ids[0]) == 1
        assert await other.retries.cancel(ids[1]) == 1
        assert await other.retries.try_now_selection(lambda _: False) == 0
        assert await other.retries.cancel_selection(lambda _: True) == 1
        assert await other.retries.count() == 0
