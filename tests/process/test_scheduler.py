"""The scheduler against a real Redis, its clock in the test's hand."""

from __future__ import annotations

import json
import logging
import time

import pytest

from pyresque.client import Resque
from pyresque.errors import RedisUnavailable
from pyresque.process.scheduler import Scheduler
from pyresque.store.schedules import Claim

NOW = 1772366400.0  # Sunday 2026-03-01 12:00:00 UTC
QUEUE = "resque:queue:low"
TICK = {"cron": "* * * * *", "class": "Tick", "queue": "low"}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Surroundings:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.titles: list[str] = []
        self.slept: list[float] = []
        self.on_sleep = lambda: None

    def title(self, text: str) -> None:
        self.titles.append(text)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds
        self.on_sleep()

    def worker_pids(self) -> None:
        """Is not asked."""


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(redis_url, clock):
    faces: list[Resque] = []

    def make(*, name: str = "box:1", token: str = "a", **settings) -> Scheduler:
        faces.append(Resque(redis_url, clock=clock, **settings))
        return Scheduler(faces[-1].core, Claim(name, token), Surroundings(clock))

    def run(operation):
        return faces[0].run(operation)

    make.run = run
    yield make
    for face in faces:
        face.close()


def queued(db) -> list[object]:
    return [json.loads(raw)["args"] for raw in db.lrange(QUEUE, 0, -1)]


def keep(db, name: str, **config) -> None:
    db.hset("resque:persistent_schedules", name, json.dumps({**TICK, **config}))
    db.sadd("resque:schedules_changed", name)


def test_an_entry_runs_once_at_each_of_its_times(made, clock, db):
    keep(db, "tick")
    scheduler = made()
    for _ in range(181):
        made.run(scheduler.turn())
        clock.now += 1
    assert db.llen(QUEUE) == 3
    assert db.hget("resque:delayed:last_enqueued_at", "tick") == b"2026-03-01 12:03:00 +0000"


def test_it_sleeps_no_longer_than_until_the_next_run(made, clock, db):
    keep(db, "tick", cron="", every="7s")
    scheduler = made(scheduler_interval=5.0)
    scheduler.host.on_sleep = lambda: clock.now >= NOW + 7 and scheduler.shutdown()
    made.run(scheduler.work())
    assert scheduler.host.slept == [5, 2]


def test_while_redis_is_away_an_entry_that_is_due_does_not_keep_it_busy(
    made, clock, db, monkeypatch
):
    keep(db, "tick", cron="", every="7s")
    scheduler = made(scheduler_interval=5.0)
    made.run(scheduler.turn())
    clock.now += 8

    async def away() -> None:
        raise RedisUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(scheduler, "_turn", away)
        for _ in range(3):
            made.run(scheduler.turn())
            made.run(scheduler.wait())
    assert scheduler.host.slept == [1, 1, 1]
    made.run(scheduler.turn())
    assert db.llen(QUEUE) == 1


def test_it_gives_the_lock_back_when_it_stops(made, clock, db):
    scheduler = made()
    scheduler.host.on_sleep = scheduler.shutdown
    made.run(scheduler.work())
    assert db.keys("*lock*") == []


def test_it_gives_the_lock_back_when_a_fault_of_its_own_ends_it(made, db):
    scheduler = made()

    def broken() -> None:
        raise ZeroDivisionError

    scheduler.host.on_sleep = broken
    with pytest.raises(ZeroDivisionError):
        made.run(scheduler.work())
    assert db.keys("*lock*") == []


def test_who_does_not_lead_does_nothing(made, clock, db):
    keep(db, "tick")
    first, second = made(), made(name="far:2", token="b")
    for _ in range(121):
        made.run(first.turn())
        made.run(second.turn())
        clock.now += 1
    assert db.llen(QUEUE) == 2
    assert second.host.titles[0] == "pyresque-scheduler-1.0.0: Child scheduler"


def test_a_run_between_two_masters_is_made_up_for(made, clock, db):
    keep(db, "tick")
    first, second = made(), made(name="far:2", token="b")
    clock.now = NOW + 55
    made.run(first.turn())
    made.run(second.turn())
    made.run(first.release_master())
    clock.now = NOW + 61
    made.run(second.turn())
    assert db.llen(QUEUE) == 1


def test_a_run_that_the_former_master_has_noted_is_not_made_up_for(made, clock, db):
    keep(db, "tick")
    first, second = made(), made(name="far:2", token="b")
    clock.now = NOW + 55
    made.run(first.turn())
    made.run(second.turn())
    clock.now = NOW + 60.2
    made.run(first.turn())
    made.run(first.release_master())
    clock.now = NOW + 61
    made.run(second.turn())
    assert db.llen(QUEUE) == 1


@pytest.mark.parametrize(("policy", "runs"), [(0, 0), (1, 1), (2, 2), (10, 5)])
def test_missed_runs_are_made_up_for_as_far_as_asked(made, clock, db, policy, runs):
    keep(db, "tick")
    db.hset("resque:delayed:last_enqueued_at", "tick", "2026-03-01 11:55:00 +0000")
    made.run(made(catch_up=policy).turn())
    assert db.llen(QUEUE) == runs


def test_an_entry_s_own_policy_counts_before_the_setting(made, clock, db):
    keep(db, "tick", catch_up="one")
    db.hset("resque:delayed:last_enqueued_at", "tick", "2026-03-01 11:55:00 +0000")
    made.run(made(catch_up=5).turn())
    assert db.llen(QUEUE) == 1


def test_an_every_starts_anew_unless_it_is_to_remember(made, clock, db):
    keep(db, "plain", cron="", every="1h", args="plain")
    keep(db, "kept", cron="", every="1h", args="kept", remember=True)
    for name in ("plain", "kept"):
        db.hset("resque:delayed:last_enqueued_at", name, "2026-03-01 11:30:00 +0000")
    scheduler = made()
    made.run(scheduler.turn())
    clock.now = NOW + 1801
    made.run(scheduler.turn())
    assert queued(db) == [["kept"]]
    clock.now = NOW + 3601
    made.run(scheduler.turn())
    assert queued(db) == [["kept"], ["plain"]]


def test_an_entry_may_be_left_out_while_an_earlier_run_waits(made, clock, db):
    keep(db, "tick", skip_if_queued=True, args=[1, {"a": 2}])
    scheduler = made()
    for _ in range(181):
        made.run(scheduler.turn())
        clock.now += 1
    assert queued(db) == [[1, {"a": 2}]]
    db.delete(QUEUE)
    clock.now += 60
    made.run(scheduler.turn())
    assert len(queued(db)) == 1


def test_an_entry_may_be_left_out_while_an_earlier_run_is_performed(made, clock, db):
    keep(db, "tick", skip_if_running=True)
    db.sadd("resque:workers", "box:7:low")
    db.set(
        "resque:worker:box:7:low",
        '{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"Tick","args":[]}}',
    )
    scheduler = made()
    made.run(scheduler.turn())
    clock.now += 60
    made.run(scheduler.turn())
    assert queued(db) == []
    db.delete("resque:worker:box:7:low")
    clock.now += 60
    made.run(scheduler.turn())
    assert queued(db) == [[]]


def test_two_that_both_believe_to_lead_run_an_entry_once(made, clock, db):
    keep(db, "tick")
    first = made()
    made.run(first.turn())
    second = made(name="far:2", token="b")
    db.delete(*db.keys("*lock*"))
    made.run(second.turn())
    first._renew_at = float("inf")
    clock.now += 60
    made.run(first.turn())
    made.run(second.turn())
    assert db.llen(QUEUE) == 1
    assert first.master is False


def delay(made, scheduler: Scheduler, count: int, hook) -> None:
    """Delay jobs of a class that we own, whose hook is called before each is moved."""

    class Job:
        queue = "low"
        perform = staticmethod(print)
        before_delayed_enqueue_x = staticmethod(hook)

    scheduler.core.registry.add(Job)
    for number in range(count):
        made.run(scheduler.core.delayed.enqueue_at(NOW + 1, Job, number))


def test_who_has_lost_the_lock_stops_between_two_batches(made, clock, db):
    scheduler = made(delayed_requeue_batch_size=2)

    def robbed(number: int) -> None:
        if number == 3:
            db.set("resque:resque:resque_scheduler_master_lock", "thief:9")

    delay(made, scheduler, 10, robbed)
    made.run(scheduler.turn())
    clock.now += 2
    made.run(scheduler.turn())
    assert queued(db) == [[0], [1], [2], [3]]
    assert scheduler.master is False


def test_recurring_jobs_do_not_wait_for_a_long_list_of_delayed_ones(made, clock, db):
    keep(db, "tick", cron="* * * * * *", args="tick")
    scheduler = made(delayed_requeue_batch_size=1)

    def slow(_number: int) -> None:
        clock.now += 1

    delay(made, scheduler, 4, slow)
    made.run(scheduler.turn())
    clock.now += 1
    made.run(scheduler.turn())
    assert queued(db).index([3]) > queued(db).index(["tick"], 2)


def test_a_change_in_redis_is_followed_by_a_dynamic_scheduler_alone(made, clock, db):
    dynamic = made(dynamic_schedule=True)
    made.run(dynamic.turn())
    keep(db, "tick")
    made.run(dynamic.turn())
    assert list(dynamic.timers) == ["tick"]
    assert db.exists("resque:schedules_changed") == 0
    db.hdel("resque:persistent_schedules", "tick")
    db.sadd("resque:schedules_changed", "tick")
    made.run(dynamic.turn())
    assert dynamic.timers == {}


def test_an_entry_set_again_as_it_was_keeps_its_time(made, clock, db):
    keep(db, "tick", cron="", every="1m")
    scheduler = made(dynamic_schedule=True)
    made.run(scheduler.turn())
    clock.now += 30
    keep(db, "tick", cron="", every="1m")
    scheduler.ask_reload()
    made.run(scheduler.turn())
    clock.now += 30
    made.run(scheduler.turn())
    assert db.llen(QUEUE) == 1


def test_a_bad_entry_is_reported_and_stops_no_other(made, clock, db, caplog):
    db.hset("resque:persistent_schedules", "broken", "{bad")
    keep(db, "wrong", cron="61 * * * *")
    keep(db, "tick")
    db.set("resque:queue:odd", "no list")
    keep(db, "stuck", queue="odd")
    scheduler = made()
    with caplog.at_level(logging.ERROR, "pyresque"):
        made.run(scheduler.turn())
        clock.now += 60
        made.run(scheduler.turn())
    assert db.llen(QUEUE) == 1
    for said in ("schedule 'broken'", "'61' is no minute", "stuck was not queued: WRONGTYPE"):
        assert said in caplog.text
    assert db.hkeys("resque:delayed:last_enqueued_at") == [b"tick"]


def test_entries_of_other_environments_are_left_out(made, clock, db):
    keep(db, "here", env="production, staging")
    keep(db, "there", env="development")
    scheduler = made(rails_env="production")
    made.run(scheduler.turn())
    assert list(scheduler.timers) == ["here"]


def test_it_runs_so_often_as_its_options_say(made, clock, db):
    keep(db, "tick", cron="", every=["10s", {"first_in": "1s", "times": 2}])
    scheduler = made()
    for _ in range(60):
        made.run(scheduler.turn())
        clock.now += 1
    assert db.llen(QUEUE) == 2


def test_usr1_logs_the_schedule(made, clock, db, caplog):
    keep(db, "tick")
    db.hset("resque:delayed:last_enqueued_at", "tick", "2026-03-01 11:55:00 +0000")
    scheduler = made()
    made.run(scheduler.turn())
    scheduler.ask_print()
    with caplog.at_level(logging.INFO, "pyresque"):
        made.run(scheduler.turn())
    assert "tick * * * * *\t2026-03-01 11:55:00 +0000" in caplog.text


def test_a_redis_that_is_away_is_reported_and_looked_for_again(clock, caplog):
    with Resque("redis://127.0.0.1:1", clock=clock) as nowhere:
        scheduler = Scheduler(nowhere.core, Claim("box:1", "a"), Surroundings(clock))
        scheduler.host.on_sleep = lambda: clock.now > NOW + 8 and scheduler.shutdown()
        nowhere.run(scheduler.work())
    assert caplog.text.count("the scheduler goes on at its next look") == 2
    assert "left to end by itself" in caplog.text


def test_a_server_that_only_reads_costs_no_run(made, clock, db):
    keep(db, "tick")
    scheduler = made()
    made.run(scheduler.turn())
    clock.now += 60
    db.config_set("min-replicas-to-write", 1)
    made.run(scheduler.turn())
    db.config_set("min-replicas-to-write", 0)
    made.run(scheduler.turn())
    assert db.llen(QUEUE) == 1


def test_a_master_does_not_sleep_longer_than_its_lock_lives(made, clock, db):
    scheduler = made(scheduler_interval=60.0, lock_timeout=30)
    scheduler.host.on_sleep = scheduler.shutdown
    made.run(scheduler.work())
    assert scheduler.host.slept == [10]


def test_an_idle_master_asks_redis_little(made, clock, db):
    scheduler = made(dynamic_schedule=True, scheduler_interval=1.0)
    made.run(scheduler.turn())
    before = db.info("stats")["total_commands_processed"]
    for _ in range(60):
        clock.now += 1
        made.run(scheduler.turn())
    asked = db.info("stats")["total_commands_processed"] - before
    assert asked / 60 < 5
