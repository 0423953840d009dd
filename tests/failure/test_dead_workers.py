"""Many dead workers, on a real Redis: each is unregistered once, its job is recorded once, and all that takes few round trips."""

from __future__ import annotations

import json
import threading

import pytest

from pyresque import Resque
from pyresque.errors import NotPermitted
from pyresque.failure.dead_workers import TOGETHER, unregister_dead
from pyresque.store.scripts import script
from pyresque.store.wrong_keys import WrongKeyLog
from tests.support.fleet import CountingDriver, calls, employ, ids, register

OLD = "2020-01-01T00:00:00+00:00"
COUNT = 2 * TOGETHER + 50


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as made:
        yield made


@pytest.fixture
def dead(db, resque):
    """Workers with an old heartbeat; every second one has a job, numbered as they are."""
    register(resque, ids(COUNT), beat=OLD)
    for number, one in enumerate(ids(COUNT)):
        if number % 2:
            employ(db, [one], b'{"queue":"low","payload":{"class":"X","args":[%d]}}' % number)
    db.config_resetstat()
    return dict.fromkeys(ids(COUNT), OLD)


def prune(resque, dead, driver=None):
    operation = unregister_dead(resque.core.lost_jobs, dead, WrongKeyLog())
    return resque.run(operation) if driver is None else driver.run(operation)


def failed(db):
    return [json.loads(one) for one in db.lrange("resque:failed", 0, -1)]


def left(db):
    keys = set(db.keys("resque:*")) - {b"resque:failed", b"resque:stat:failed"}
    return sorted(keys)


def test_all_are_unregistered_and_their_jobs_recorded_in_order_in_a_few_round_trips(
    db, resque, dead, redis_url
):
    driver = CountingDriver(redis_url)
    db.script_load(script("unregister").text)
    db.config_resetstat()
    assert prune(resque, dead, driver) == ids(COUNT)
    driver.close()
    assert left(db) == []
    assert [one["payload"]["args"] for one in failed(db)] == [[n] for n in range(1, COUNT, 2)]
    assert {one["exception"] for one in failed(db)} == {"Resque::PruneDeadWorkerDirtyExit"}
    assert "while processing X" in failed(db)[0]["error"]
    sent = calls(db)
    assert sent["evalsha"] == COUNT
    assert "eval" not in sent
    assert driver.trips == 1 + 3


def test_a_server_that_does_not_have_the_script_is_sent_it_once(db, resque, dead):
    db.script_flush()
    assert prune(resque, dead) == ids(COUNT)
    assert calls(db)["eval"] == 1
    assert left(db) == []


def test_two_that_prune_at_the_same_time_record_each_job_once(db, dead, redis_url):
    pruned: list[str] = []

    def work():
        with Resque(redis_url) as one:
            pruned.extend(prune(one, dead))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(pruned) == sorted(ids(COUNT))
    assert sorted(one["payload"]["args"][0] for one in failed(db)) == list(range(1, COUNT, 2))


def test_who_has_beaten_meanwhile_stays_and_keeps_its_job(db, resque, dead):
    alive = ids(COUNT)[3]
    db.hset("resque:workers:heartbeat", alive, "2099-01-01T00:00:00+00:00")
    assert prune(resque, dead) == [one for one in ids(COUNT) if one != alive]
    assert db.smembers("resque:workers") == {alive.encode()}
    assert db.exists(f"resque:worker:{alive}")
    assert len(failed(db)) == COUNT // 2 - 1


def test_a_job_that_came_after_the_look_is_recorded_too(db, resque, dead, monkeypatch):
    """The heartbeat is old, but the worker has taken another job since its record was read."""
    late = ids(COUNT)[0]

    async def seen_before(keys, worker_ids, log):
        employ(db, [late], b'{"queue":"low","payload":{"class":"Late","args":[]}}')
        return {}

    monkeypatch.setattr("pyresque.failure.dead_workers.checked_records_of", seen_before)
    assert prune(resque, dead) == ids(COUNT)
    assert "Late" in {one["payload"]["class"] for one in failed(db)}
    assert len(failed(db)) == COUNT // 2 + 1


def test_hooks_run_and_jobs_are_put_back_as_they_are_registered(db, resque, dead):
    seen = []

    class Hooked:
        queue = "low"

        @staticmethod
        def perform(number):
            """Never performed here."""

        @staticmethod
        def on_failure_note(error, number):
            seen.append((type(error).__name__, number))

    resque.job("Hooked")(Hooked)
    resque.job("Again", queue="low", on_dirty_exit="requeue")(lambda number: None)
    employ(db, [ids(COUNT)[1]], b'{"queue":"low","payload":{"class":"Hooked","args":[1]}}')
    employ(db, [ids(COUNT)[3]], b'{"queue":"low","payload":{"class":"Again","args":[3]}}')
    assert sorted(prune(resque, dead)) == sorted(ids(COUNT))
    assert seen == [("PruneDeadWorkerDirtyExit", 1)]
    assert db.lrange("resque:queue:low", 0, -1) == [b'{"class":"Again","args":[3]}']
    assert [one["payload"]["args"][0] for one in failed(db)[:2]] == [1, 5]


def test_a_backend_that_saves_by_itself_gets_every_failure(db, resque, dead):
    saved = []

    class Elsewhere:
        def save(self, failure):
            saved.append(failure.job.payload.args[0])

    resque.core.failures = Elsewhere()
    assert prune(resque, dead) == ids(COUNT)
    assert saved == list(range(1, COUNT, 2))
    assert db.llen("resque:failed") == 0


def test_a_failed_list_of_a_wrong_type_keeps_records_aside(db, resque, dead):
    db.set("resque:failed", "poison")
    assert prune(resque, dead) == ids(COUNT)
    assert db.llen("resque:failed_aside") == COUNT // 2
    assert not db.exists("resque:workers")


def test_a_user_who_may_not_is_told_the_script(db, dead, redis_url):
    db.execute_command("ACL", "SETUSER", "clerk", "reset", "on", ">pw", "~*", "+@all", "-del")
    try:
        with (
            Resque(redis_url.replace("//", "//clerk:pw@")) as clerk,
            pytest.raises(NotPermitted, match="the script unregister"),
        ):
            prune(clerk, dead)
    finally:
        db.acl_deluser("clerk")
    assert db.scard("resque:workers") == COUNT


def test_processes_that_are_gone_are_a_dirty_exit(db, resque, dead):
    assert prune(resque, dict.fromkeys(dead)) == ids(COUNT)
    assert {one["exception"] for one in failed(db)} == {"Resque::DirtyExit"}
    assert left(db) == []
