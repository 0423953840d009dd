"""The master lock on a real Redis: who leads, for how long, and who may take it."""

from __future__ import annotations

import pytest

from pyresque.client import Resque
from pyresque.store.schedules import Claim, LockInfo, MasterLock

KEY = "resque:resque:resque_scheduler_master_lock"
ME, TWIN, OTHER = Claim("box:1", "a"), Claim("box:1", "b"), Claim("far:2", "c")


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as made:
        yield made


@pytest.fixture
def lock(resque) -> MasterLock:
    return resque.core.lock


def test_the_first_leads_and_no_other(resque, lock, db):
    assert resque.run(lock.hold(ME)) is True
    assert resque.run(lock.hold(OTHER)) is False
    assert db.get(KEY) == b"box:1"
    assert 150 < db.ttl(KEY) <= 180


def test_holding_again_renews_the_time(resque, lock, db):
    resque.run(lock.hold(ME))
    db.expire(KEY, 5)
    assert resque.run(lock.hold(ME)) is True
    assert db.ttl(KEY) > 150


def test_another_never_renews_it(resque, lock, db):
    resque.run(lock.hold(ME))
    db.expire(KEY, 5)
    resque.run(lock.hold(OTHER))
    assert db.ttl(KEY) <= 5


def test_two_processes_of_one_host_name_and_pid_do_not_both_lead(resque, lock):
    assert resque.run(lock.hold(ME)) is True
    assert resque.run(lock.hold(TWIN)) is False
    assert resque.run(lock.release(TWIN)) is False
    assert resque.run(lock.hold(ME)) is True


def test_a_process_that_follows_a_dead_one_of_its_name_waits_only_for_the_owner(resque, lock, db):
    resque.run(lock.hold(ME))
    assert db.ttl(lock.owner) <= 30
    db.delete(lock.owner)
    assert resque.run(lock.hold(TWIN)) is True
    assert resque.run(lock.hold(ME)) is False


def test_an_owner_left_behind_does_not_hold_a_free_lock(resque, lock, db):
    db.set(lock.owner, "gone")
    assert resque.run(lock.hold(ME)) is True
    assert db.get(lock.owner) == b"a"


def test_releasing_leaves_nothing_and_only_the_holder_can(resque, lock, db):
    resque.run(lock.hold(ME))
    assert resque.run(lock.release(OTHER)) is False
    assert resque.run(lock.release(ME)) is True
    assert db.keys() == []
    assert resque.run(lock.release(ME)) is False


def test_anybody_may_take_it_by_force(resque, lock, db):
    resque.run(lock.hold(OTHER))
    assert resque.release_master_lock() is True
    assert db.keys() == []
    assert resque.release_master_lock() is False


def test_it_is_taken_by_force_from_the_holder_that_is_meant_alone(resque, lock, db):
    resque.run(lock.hold(OTHER))
    assert resque.release_master_lock("somebody:1") is False
    assert resque.master_lock().holder == OTHER.value
    assert resque.release_master_lock(OTHER.value) is True
    assert db.keys() == []


def test_who_leads_is_reported_with_the_time_that_is_left(resque, lock, db):
    assert resque.master_lock() is None
    resque.run(lock.hold(ME))
    lock = resque.master_lock()
    assert lock.holder == "box:1"
    assert 178 < lock.ttl <= 180
    db.set(KEY, "stuck:9")
    assert resque.master_lock() == LockInfo("stuck:9", None)


def test_the_owner_never_outlives_the_lock_and_outlives_several_looks():
    keys = Resque("redis://nowhere.invalid").core.keys
    assert MasterLock(keys, "", 10).owner_timeout == 10
    assert MasterLock(keys, "", 180, 20.0).owner_timeout == 80
