"""Failed lists are trimmed by count and by age: both backends, both faces, several at once, and whatever the records hold."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from datetime import datetime, timedelta, timezone

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import SettingsError
from pyresque.failure.base import FailureBackend, Multiple
from pyresque.failure.retention import EVERY

pytestmark = pytest.mark.usefixtures("full_waits")

BACKENDS = {"redis": ("failed",), "redis_multi_queue": ("low_failed", "high_failed")}
NOW = datetime.now(timezone.utc)


def record(number, age_days=0.0, **fields):
    at = NOW - timedelta(days=age_days)
    written = {"failed_at": at.strftime("%Y/%m/%d %H:%M:%S UTC"), "number": number, **fields}
    return json.dumps({key: value for key, value in written.items() if value is not None})


def numbers(db, name="failed"):
    return [json.loads(raw).get("number") for raw in db.lrange(f"resque:{name}", 0, -1)]


@pytest.fixture(params=["blocking", "awaited"])
def trim(request, redis_url):
    """``failures.trim`` of either face, of a Resque with these settings."""

    def call(*args, settings=None, **kwargs):
        if request.param == "blocking":
            with Resque(redis_url, **(settings or {})) as resque:
                return resque.failures.trim(*args, **kwargs)

        async def trimmed():
            async with AsyncResque(redis_url, **(settings or {})) as resque:
                return await resque.failures.trim(*args, **kwargs)

        return asyncio.run(trimmed())

    return call


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_newest_are_kept_of_each_list(trim, db, backend):
    for name in BACKENDS[backend]:
        db.sadd("resque:failed_queues", name)
        db.rpush(f"resque:{name}", *(record(number) for number in range(2500)))
    settings = {"failure_backend": backend}
    removed = len(BACKENDS[backend]) * 2400
    assert trim(100, settings=settings, dry_run=True) == removed
    assert trim(100, settings=settings) == removed
    for name in BACKENDS[backend]:
        assert numbers(db, name) == list(range(2400, 2500))
    assert trim(100, settings=settings) == 0
    assert trim(10**6, settings=settings) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_older_is_removed(trim, db, backend):
    for name in BACKENDS[backend]:
        db.sadd("resque:failed_queues", name)
        db.rpush(f"resque:{name}", *(record(n, (2500 - n) / 24) for n in range(2500)))
    settings = {"failure_backend": backend}
    kept = list(range(2500 - 48, 2500))
    count = len(BACKENDS[backend]) * (2500 - 48)
    assert trim(max_age=48.5 * 3600, settings=settings, dry_run=True) == count
    assert trim(max_age="48.5h", settings=settings) == count
    for name in BACKENDS[backend]:
        assert numbers(db, name) == kept


def test_both_limits_at_once(trim, db):
    db.rpush("resque:failed", *(record(n, 100 - n) for n in range(100)))
    assert trim(50, "20.5d", dry_run=True) == 80
    assert trim(50, "20.5d") == 80
    assert numbers(db) == list(range(80, 100))


def test_without_limits_nothing_is_removed_and_those_of_the_settings_hold(trim, db):
    db.rpush("resque:failed", *(record(n, 100) for n in range(10)))
    assert trim() == 0
    assert trim(settings={"failed_max_count": 4}) == 6
    assert trim(settings={"failed_max_age": "30d"}) == 4
    assert db.exists("resque:failed") == 0


ODD = [
    "{bad",
    "",
    "[]",
    "null",
    json.dumps({"number": -1}),
    json.dumps({"failed_at": None}),
    json.dumps({"failed_at": "yesterday"}),
    json.dumps({"failed_at": ["2001/01/01 00:00:00 UTC"]}),
    json.dumps({"failed_at": {"a": 1}}),
    json.dumps({"failed_at": "9999/99/99 99:99:99 UTC"}),
    json.dumps({"failed_at": "x" * 100000}),
    json.dumps({"failed_at": "2001/01/01 00:00:00 " + "UTC" * 50}),
    json.dumps({"failed_at": True}),
    json.dumps({"failed_at": "2990/01/01 00:00:00 UTC"}),
    b"\xff\xfe",
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_a_record_without_a_readable_time_is_kept_by_age_and_hides_no_other(trim, db, odd):
    db.rpush("resque:failed", odd, record(0, 100), *[odd] * 1500, record(1, 100), record(2))
    assert trim(max_age="30d") == 2
    left = db.lrange("resque:failed", 0, -1)
    assert left[:-1] == [odd.encode() if isinstance(odd, str) else odd] * 1501
    assert trim(1) == 1501


@pytest.mark.parametrize(
    ("count", "age"), [(0, None), (-1, None), (None, 0), (None, "soon"), (None, -5), (1.5, None)]
)
def test_senseless_limits_are_refused(trim, db, count, age):
    db.rpush("resque:failed", record(0, 1000))
    with pytest.raises(SettingsError):
        trim(count, age)
    assert db.llen("resque:failed") == 1


def test_a_key_of_another_type_hides_no_other_list(trim, db):
    db.sadd("resque:failed_queues", "a_failed", "b_failed")
    db.set("resque:a_failed", "text")
    db.rpush("resque:b_failed", record(0), record(1))
    assert trim(1, settings={"failure_backend": "redis_multi_queue"}) == 1
    assert db.get("resque:a_failed") == b"text"


def test_many_that_trim_while_others_append_remove_nothing_that_is_to_stay(redis_url, db):
    db.rpush("resque:failed", *(record(n, 90) for n in range(5000)))
    ready = threading.Barrier(5)

    def append():
        ready.wait()
        for number in range(5000, 6000):
            db.rpush("resque:failed", record(number))

    removed = []

    def trimming():
        with Resque(redis_url) as resque:
            ready.wait()
            removed.extend(resque.failures.trim(max_age="30d") for _ in range(5))

    threads = [threading.Thread(target=each) for each in (append, *[trimming] * 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Resque(redis_url) as resque:
        removed.append(resque.failures.trim(max_age="30d"))
    assert sum(removed) == 5000
    assert numbers(db) == list(range(5000, 6000))


def test_several_backends_are_trimmed_and_one_that_only_saves_is_left_alone(redis_url, db):
    class Own:
        def save(self, failure): ...

    db.rpush("resque:failed", record(0), record(1))
    with Resque(redis_url) as resque:
        first = resque.core.default_failures
        resque.core.failures = Multiple([first, Own()])
        assert resque.failures.trim(1) == 1
        resque.core.failures = Own()
        assert resque.failures.trim(1) == 0


class Moving:
    """A clock that is moved."""

    def __init__(self):
        self.now = 0.0

    def time(self):
        return NOW.timestamp()

    def monotonic(self):
        return self.now


@pytest.fixture
def keeping(redis_url, db):
    with Resque(redis_url, failed_max_count=1, clock=Moving()) as resque:
        yield resque


def test_a_process_trims_at_most_once_a_minute_and_logs_what_it_did(keeping, db, caplog):
    retention, clock = keeping.core.retention, keeping.core.clock
    caplog.set_level(logging.INFO, "pyresque")
    for moment, left in ((0, 1), (EVERY - 1, 3), (EVERY, 1), (EVERY + 59, 3), (2 * EVERY, 1)):
        clock.now = moment
        db.rpush("resque:failed", record(1), record(2))
        keeping.run(retention.trim_after_failure())
        assert db.llen("resque:failed") == left
        if left == 1:
            db.delete("resque:failed")
            db.rpush("resque:failed", record(0))
    assert "removed 1 failed records: the newest 1 of each list are kept" in caplog.text
    assert retention.due_in() == EVERY


def test_a_trim_by_a_worker_is_bounded(redis_url, db):
    db.rpush("resque:failed", *["{}"] * 25000)
    db.rpush("resque:failed", record(0, 100), record(1))
    with Resque(redis_url, failed_max_count=24000, failed_max_age="30d", clock=Moving()) as resque:
        retention, clock = resque.core.retention, resque.core.clock
        resque.run(retention.trim_if_due())
        assert db.llen("resque:failed") == 25002, "a minute after the start"
        clock.now += EVERY
        resque.run(retention.trim_if_due())
        assert db.llen("resque:failed") == 24000
        for _ in range(3):  # each goes on behind the records that it could not judge
            clock.now += EVERY
            resque.run(retention.trim_if_due())
        assert numbers(db)[-1] == 1
        assert numbers(db)[-2] is None


def test_trouble_is_logged_once_and_ends_nothing(redis_url, db, caplog):
    db.set("resque:failed_queues", "text")
    with Resque(
        redis_url, failed_max_count=1, failure_backend="redis_multi_queue", clock=Moving()
    ) as resque:
        for _ in range(3):
            resque.core.clock.now += EVERY
            resque.run(resque.core.retention.trim_if_due())
    assert len([one for one in caplog.records if "not trimmed" in one.message]) == 1


def test_a_backend_that_fails_to_trim_ends_nothing(redis_url, db, caplog):
    class Broken(FailureBackend):
        async def save(self, failure): ...

        async def trim(self, limits):
            raise ValueError("no")

    with Resque(redis_url, failed_max_count=1, failures=Broken()) as resque:
        resque.run(resque.core.retention.trim_after_failure())
    assert "cannot trim" in caplog.text


def test_where_nothing_is_set_nothing_is_asked():
    from tests.support.scripted_driver import ScriptedDriver

    hand = ScriptedDriver([])
    retention = Resque().core.retention
    hand.run(retention.trim_if_due())
    hand.run(retention.trim_after_failure())
    assert hand.asked == []
    assert retention.due_in() == float("inf")
