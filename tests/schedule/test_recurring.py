"""The verbs of recurring jobs, by hand and on a real Redis."""

from __future__ import annotations

import json
import time

import pytest

from pyresque.client import Resque
from pyresque.errors import NoQueueError, NotEncodable
from pyresque.schedule.entries import Entry
from pyresque.store.schedules import Claim
from tests.support.scripted_driver import requests_of

NOW = 1772366400.0
QUEUE = "resque:queue:low"
LAST = "resque:delayed:last_enqueued_at"


class Clock:
    def time(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url, clock=Clock()) as made:
        yield made


def entry(**config) -> Entry:
    return Entry.read("tea", {"class": "Tea", "queue": "low", **config}, Clock())


def test_a_persistent_entry_and_the_word_that_it_changed_go_in_one_transaction(resque):
    operation = resque.core.recurring.set_schedule("tea", {"every": "1h"}, persist=True)
    request = operation.send(None)
    operation.close()
    assert request.atomic is True
    assert [command.args for command in request.commands] == [
        ("HSET", "resque:persistent_schedules", b"tea", b'{"every":"1h"}'),
        ("SADD", "resque:schedules_changed", b"tea"),
    ]


def test_an_entry_of_this_process_alone_is_only_reported(resque):
    operation = resque.core.recurring.set_schedule("tea", {"every": "1h"})
    assert requests_of(operation, 1) == [("SADD", "resque:schedules_changed", b"tea")]


def test_what_json_cannot_say_is_refused_before_anything_is_written(resque, db):
    with pytest.raises(NotEncodable, match="config"):
        resque.set_schedule("tea", {"args": [object()]}, persist=True)
    assert db.keys() == []


def test_entries_of_this_process_outlive_a_change_of_settings(resque):
    resque.set_schedule("tea", {"every": "1h"})
    resque.configure(verbose=True)
    assert resque.fetch_schedule("tea") == {"every": "1h"}


def test_entries_of_this_process_are_another_face_s_too_where_it_takes_over_the_jobs(
    resque, redis_url
):
    resque.set_schedule("tea", {"every": "1h"})
    with Resque(redis_url, jobs=resque) as other:
        assert other.fetch_schedule("tea") == {"every": "1h"}


def test_a_run_is_queued_and_noted_in_one_step(resque, db):
    assert resque.run(resque.core.recurring.run(entry(args={"a": 1}))).outcome == "enqueued"
    assert db.lrange(QUEUE, 0, -1) == [b'{"class":"Tea","args":[{"a":1}]}']
    assert db.smembers("resque:queues") == {b"low"}
    assert db.hgetall(LAST) == {b"tea": b"2026-03-01 12:00:00 +0000"}


def test_a_run_that_another_has_noted_meanwhile_is_left_out(resque, db):
    recurring = resque.core.recurring
    operation = recurring.run(entry(), due=NOW)
    assert operation.send(None).args[0] == "HGET"
    db.hset(LAST, "tea", "2026-03-01 12:00:00 +0000")
    request = operation.send(None)
    sha, *rest = request.args[1:]
    script = next(iter(db.script_exists(sha)))
    if not script:
        resque.run(recurring.table.fire("other", "", "x", None, None))
        db.hdel(LAST, "other")
    assert db.evalsha(sha, *rest) == -1
    operation.close()
    assert db.llen(QUEUE) == 0


@pytest.mark.parametrize("noted", ["2026-03-01 12:00:00 +0000", "2026-03-01 14:00:07 +0200"])
def test_a_run_noted_at_its_time_or_later_is_not_run_again(resque, db, noted):
    db.hset(LAST, "tea", noted)
    assert resque.run(resque.core.recurring.run(entry(), due=NOW)).outcome == "run by another"
    assert db.llen(QUEUE) == 0


def test_a_note_that_is_no_date_stops_nothing(resque, db):
    db.hset(LAST, "tea", "yesterday, perhaps")
    assert resque.run(resque.core.recurring.run(entry(), due=NOW)).outcome == "enqueued"


def test_without_the_lock_nothing_is_run(resque, db):
    lock = (resque.core.lock, Claim("box:1", "a"))
    assert resque.run(resque.core.recurring.run(entry(), lock=lock)).lost
    assert db.keys() == []


def test_a_class_that_takes_its_jobs_itself_is_not_asked_without_the_lock(resque, db):
    asked_for = []

    @resque.job
    class Tea:
        queue = "low"
        perform = staticmethod(print)

        @staticmethod
        def scheduled(*args) -> None:
            asked_for.append(args)

    claim = Claim("box:1", "a")
    lock = (resque.core.lock, claim)
    db.set(resque.core.lock.key, "other:1")
    assert resque.run(resque.core.recurring.run(entry(args=[1]), lock=lock)).lost
    db.delete(resque.core.lock.key)
    assert resque.run(resque.core.recurring.run(entry(args=[1]), lock=lock)).outcome == "enqueued"
    assert asked_for == [("low", "Tea", 1)]
    assert db.hexists(LAST, "tea")


def test_a_hook_s_no_is_no_run(resque, db):
    @resque.job
    class Tea:
        queue = "low"
        perform = staticmethod(print)
        before_schedule_no = staticmethod(lambda *args: False)

    assert resque.run(resque.core.recurring.run(entry())).outcome == "vetoed"
    assert db.keys() == []


def test_what_cannot_be_queued_is_not_noted(resque, db):
    with pytest.raises(NoQueueError):
        resque.run(resque.core.recurring.run(entry(queue=None)))
    assert db.keys() == []


def test_next_runs_come_as_data_with_the_faults(resque, db):
    resque.set_schedule("tea", {"cron": "0 9 * * *", "class": "Tea"}, persist=True)
    resque.set_schedule("tick", {"every": "1h", "class": "Tick"})
    db.hset("resque:persistent_schedules", "bad", '{"every":"soon"}')
    db.hset(LAST, "tick", "2026-03-01 11:40:00 +0000")
    found = {one.name: one for one in resque.next_runs(2)}
    assert [at.isoformat() for at in found["tea"].runs] == [
        "2026-03-02T09:00:00+00:00",
        "2026-03-03T09:00:00+00:00",
    ]
    assert found["tick"].runs[0].isoformat() == "2026-03-01T12:40:00+00:00"
    assert found["bad"].runs == []
    assert "not a duration" in found["bad"].fault.faults[0]


def test_changes_until_a_load_are_seen_by_it(resque, db):
    resque.set_schedule("tea", {"every": "1h"}, persist=True)
    loaded = resque.run(resque.core.recurring.load(afresh=True))
    assert list(loaded.entries) == ["tea"]
    assert db.exists("resque:schedules_changed") == 0


async def test_the_awaited_face_has_the_same_verbs(redis_url, db):
    from pyresque.client import AsyncResque

    async with AsyncResque(redis_url) as face:
        await face.set_schedule(
            "tea", {"every": "1h", "class": "Tea", "queue": "low"}, persist=True
        )
        assert list(await face.schedule()) == ["tea"]
        await face.enqueue_from_config(await face.fetch_schedule("tea"))
        assert await face.remove_schedule("tea") is True
    assert json.loads(db.lindex(QUEUE, 0)) == {"class": "Tea", "args": []}
