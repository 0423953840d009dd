"""Keys of a wrong type, values that are garbage, functions that raise: an error, and never a class that is barred."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.errors import JobOptionError, NotEncodable, ThrottledError
from pyresque.plugins import (
    History,
    JobStats,
    Lock,
    LockTimeout,
    LonelyJob,
    Loner,
    QueueLock,
    Restriction,
    Retry,
    Solo,
    Throttle,
    WorkersLock,
)

#: Puts a key of each type that is not expected, or a text that is no number.
WRONG = {
    "list": lambda db, key: db.rpush(key, "x"),
    "hash": lambda db, key: db.hset(key, "x", "y"),
    "text": lambda db, key: db.set(key, "garbage"),
    "empty": lambda db, key: db.set(key, ""),
    "binary": lambda db, key: db.set(key, b"\xff\x00"),
    "huge": lambda db, key: db.set(key, "9" * 400),
}


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url, executor="inline") as made:
        yield made


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize(
    ("plugin", "key"),
    [
        (Loner(redis_key=lambda job: "k"), "resque:loners:queue:low:job:k"),
        (Solo(redis_key=lambda job: "k"), "resque:solo:queue:low:job:k"),
        (Lock(lock=lambda *args: "k"), "resque:k"),
    ],
    ids=["loner", "solo", "lock"],
)
def test_a_mark_of_a_wrong_type_or_value_is_written_anew(resque, db, plugin, key, kind):
    WRONG[kind](db, key)
    resque.declare("Report", queue="low", plugins=[plugin])
    if kind == "huge" and isinstance(plugin, Lock):
        # A time far away: the lock is held until then, as in Ruby.
        assert resque.enqueue("Report", 1) is None
        assert db.llen("resque:queue:low") == 0
        db.delete(key)
    assert resque.enqueue("Report", 1) is True
    assert db.llen("resque:queue:low") == 1
    assert db.type(key) == b"string"
    resque.dequeue("Report")
    assert not db.exists(key)


def raising(*args):
    raise ZeroDivisionError("no key")


@pytest.mark.parametrize(
    "made", [raising, lambda *args: None, lambda *args: True, lambda *args: ["k"]]
)
@pytest.mark.parametrize(
    "plugin",
    [
        lambda key: Loner(redis_key=key),
        lambda key: Lock(lock=key),
        lambda key: QueueLock(lock=key),
        lambda key: LockTimeout(lock_key=key, loner=True),
    ],
)
def test_a_key_function_that_makes_no_key_lets_nothing_be_enqueued_and_leaves_nothing(
    resque, db, plugin, made
):
    resque.declare("Report", queue="low", plugins=[plugin(made)])
    with pytest.raises(
        JobOptionError, match=r"the function .*= (raised ZeroDivisionError|returned)"
    ):
        resque.enqueue("Report", 1)
    assert db.keys("*") == []


@pytest.mark.parametrize("plugin", [Loner(), Solo(), Lock(), QueueLock(), LockTimeout(loner=True)])
def test_a_job_that_cannot_be_encoded_leaves_no_lock(resque, db, plugin):
    resque.declare("Report", queue="low", plugins=[plugin])
    with pytest.raises(NotEncodable):
        resque.enqueue("Report", object())
    assert db.keys("*") == []


@pytest.mark.parametrize("plugin", [Lock(), QueueLock(), LockTimeout(loner=True)])
def test_a_queue_of_a_wrong_type_leaves_no_lock(resque, db, plugin):
    db.set("resque:queue:low", "x")
    resque.declare("Report", queue="low", plugins=[plugin])
    with pytest.raises(Exception, match="WRONGTYPE"):
        resque.enqueue("Report", 1)
    assert [key for key in db.keys("*") if b"lock" in key] == []


def test_a_middleware_that_refuses_a_job_leaves_no_lock(resque, db):
    resque.declare("Report", queue="low", plugins=[Lock(), Solo()])

    @resque.enqueue_middleware
    def refuse(call_next, job):
        """Nothing is enqueued."""

    assert resque.enqueue("Report", 1) is None
    assert resque.enqueue_many([("Report", 1)]) == 0
    assert db.keys("*") == []


def test_many_jobs_are_unique_too_and_keep_their_order(resque, db):
    resque.declare("Report", queue="low", plugins=[Solo()])
    calls = [("Mail", 1), ("Report", 1), ("Report", 1), ("Mail", 2), ("Report", 2)]
    resque.job("Mail", queue="low")(lambda n: None)
    assert resque.enqueue_many(calls) == 4
    raws = [json.loads(raw) for raw in db.lrange("resque:queue:low", 0, -1)]
    assert [(raw["class"], raw["args"]) for raw in raws] == [
        ("Mail", [1]),
        ("Report", [1]),
        ("Mail", [2]),
        ("Report", [2]),
    ]


def test_requeueing_many_failed_jobs_marks_each_once(resque, db):
    resque.declare("Report", queue="low", plugins=[Loner()])
    record = {"payload": {"class": "Report", "args": [1]}, "queue": "low", "exception": "E"}
    db.rpush("resque:failed", json.dumps(record), json.dumps(record))
    assert resque.failures.requeue_all() == 2
    assert db.llen("resque:queue:low") == 1
    assert len(db.keys("resque:loners:*")) == 1


def test_a_recurring_job_that_is_unique_is_queued_once(resque, db):
    resque.declare("Report", queue="low", plugins=[Solo(ttl=50)])
    config = {"class": "Report", "args": [1]}
    resque.enqueue_from_config(config)
    resque.enqueue_from_config(config)
    assert db.llen("resque:queue:low") == 1
    (mark,) = db.keys("resque:solo:*")
    assert 40 < db.ttl(mark) <= 50


def test_a_plugin_in_an_application_without_one_costs_no_command(resque, db):
    resque.job("Mail", queue="low")(lambda n: None)
    assert resque.core.registry.with_plugins == {}
    assert resque.enqueue("Mail", 1) is True
    assert sorted(db.keys("*")) == [b"resque:queue:low", b"resque:queues"]


def test_retry_with_a_counter_of_a_wrong_type_begins_anew(resque, db):
    from pyresque.job.perform import perform

    def fail(n):
        raise ValueError(n)

    resque.job("Report", queue="low", plugins=[Retry(limit=2, identifier=lambda *args: "k")])(fail)
    for put in WRONG.values():
        db.flushall()
        put(db, "resque:resque-retry:Report:k")
        resque.enqueue("Report", 1)
        with pytest.raises(ValueError, match="1"):
            resque.run(perform(resque.core.registry, resque.reserve("low")))
        assert db.get("resque:resque-retry:Report:k") == b"0"
        assert db.llen("resque:queue:low") == 1


def test_a_lonely_job_whose_lock_is_garbage_is_performed(resque, db):
    from pyresque.job.perform import perform

    done = []
    resque.job("Report", queue="low", plugins=[LonelyJob(requeue_interval=0)])(done.append)
    for kind in ("list", "hash", "text", "empty", "binary"):
        WRONG[kind](db, "resque:lonely_job:low")
        resque.enqueue("Report", kind)
        assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True
        assert not db.exists("resque:lonely_job:low")
    assert len(done) == 5


def test_counters_and_lists_of_a_wrong_type_do_not_fail_the_job(resque, db):
    from pyresque.job.perform import perform

    db.set("resque:resque_history", "x")
    db.rpush("resque:stats:jobs:Report:performed", "x")
    db.set("resque:stats:jobs:Report:duration", "x")
    resque.job("Report", queue="low", plugins=[JobStats(), History()])(lambda n: None)
    resque.enqueue("Report", 1)
    assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True


def test_a_throttled_class_is_refused_within_the_period_and_not_by_enqueue_to(resque, db):
    resque.declare("Report", queue="low", plugins=[Throttle(can_run_every=60)])
    assert resque.enqueue("Report", 1) is True
    with pytest.raises(ThrottledError, match="Report with key Report has exceeded"):
        resque.enqueue("Report", 2)
    assert resque.enqueue_to("low", "Report", 2) is True
    with pytest.raises(NotEncodable):
        resque.enqueue_to("low", "Report", object())


def test_names_of_locks_must_be_texts(resque, db):
    from pyresque.job.perform import perform

    plugin = WorkersLock(lock_workers=lambda *args: [3])
    resque.job("Report", queue="low", plugins=[plugin])(lambda n: None)
    resque.enqueue("Report", 1)
    with pytest.raises(JobOptionError, match="must return names of locks"):
        resque.run(perform(resque.core.registry, resque.reserve("low")))
    assert not [key for key in db.keys("*") if b"workerslock" in key]


@pytest.mark.parametrize("kind", WRONG)
def test_a_limit_whose_counter_is_garbage_begins_anew(resque, db, kind):
    from pyresque.job.perform import perform

    plugin = Restriction(concurrent=2, restriction_identifier=lambda *args: "k")
    resque.job("Report", queue="low", plugins=[plugin])(
        lambda n: seen.append(db.get("resque:restriction:k:*"))
    )
    seen = []
    WRONG[kind](db, "resque:restriction:k:*")
    resque.enqueue("Report", 1)
    assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True
    assert seen == [b"1"]
    assert db.get("resque:restriction:k:*") == b"2"


def test_a_counter_that_turned_to_garbage_while_the_job_ran_fails_no_job(resque, db):
    from pyresque.job.perform import perform

    def spoil(n):
        db.delete("resque:restriction:Report:*")
        db.rpush("resque:restriction:Report:*", "x")

    resque.job("Report", queue="low", plugins=[Restriction(concurrent=2)])(spoil)
    resque.enqueue("Report", 1)
    assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True


@pytest.mark.parametrize(
    "limits",
    [
        {"per_fortnight": 1},
        {"per_0": 1},
        {"per_day": -1},
        {"per_day": "5"},
        {"per_day": True},
        {"concurrent": 1.5},
        {"max_queue_peek": 0, "per_day": 1},
    ],
)
def test_limits_that_are_none_are_refused(limits):
    with pytest.raises(JobOptionError, match=next(iter(limits))):
        Restriction(**limits)


def test_a_restriction_queue_of_a_wrong_type_fails_the_job_and_takes_nothing(resque, db):
    from pyresque.job.perform import perform

    db.set("resque:queue:restriction_low", "x")
    resque.job("Report", queue="low", plugins=[Restriction(concurrent=0, per_day=5)])(
        lambda n: None
    )
    db.set("resque:restriction:Report:*", 0)
    resque.enqueue("Report", 1)
    with pytest.raises(Exception, match="WRONGTYPE"):
        resque.run(perform(resque.core.registry, resque.reserve("low")))
    assert len(db.keys("resque:restriction:*")) == 1
