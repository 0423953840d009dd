"""How a worker finishes a job whose plugins write something at its end."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.errors import DirtyExit, NotPermitted, RedisUnavailable
from pyresque.executor.base import DONE, UNDONE, Outcome
from pyresque.failure.report import ErrorReport
from pyresque.job.job_end import JobEnd
from pyresque.plugins import Retry
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ID, worker

RAW = b'{"class":"X","args":[1]}'
RECORD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'
KEY = f"resque:worker:{ID}"
PUSH = ("RPUSH", b"resque:queue:again", b"job")
FAILED = Outcome(report=ErrorReport("ValueError", "boom"))
GOT, NOTHING = [0, 1, RAW, b"", []], [0, 0, b"", b"", []]
TURNED, ENDED = [1, 1, RAW, b"", []], [1, 0, b"", b"", []]
AWAY = RedisUnavailable("away")


def ending(outcome, *commands, instead=(), kept=None):
    """The outcome of a job with what its plugins write."""
    end = JobEnd()
    end.commands, end.instead = list(commands), list(instead)
    if kept is not None:
        end.keep_failure(*kept)
    return outcome.with_end(end)


@pytest.fixture
def resque(redis_url, db):
    db.rpush("resque:queue:low", RAW)
    with Resque(redis_url) as made:
        yield made


def failed(db):
    return [json.loads(record)["error"] for record in db.lrange("resque:failed", 0, -1)]


@pytest.mark.parametrize(
    ("outcome", "errors"),
    [(DONE, []), (UNDONE, []), (FAILED, ["boom"])],
    ids=["done", "undone", "failed"],
)
def test_the_job_is_finished_and_what_its_plugins_write_is_written(resque, db, outcome, errors):
    one = worker(ending(outcome, PUSH, ("INCR", b"resque:x")))
    assert resque.run(one.work_one_job()) is True
    assert db.lrange("resque:queue:again", 0, -1) == [b"job"]
    assert (db.get("resque:x"), db.exists(KEY)) == (b"1", 0)
    assert (db.get("resque:stat:processed"), db.get(f"resque:stat:processed:{ID}")) == (b"1", b"1")
    assert failed(db) == errors
    assert db.get("resque:stat:failed") == (b"1" if errors else None)


def test_a_failure_that_a_plugin_keeps_goes_under_its_key_alone(resque, db):
    one = worker(ending(FAILED, PUSH, kept=(b"resque:kept", 60)))
    resque.run(one.work_one_job())
    assert not db.exists("resque:failed")
    assert json.loads(db.get("resque:kept"))["error"] == "boom"
    assert 50 < db.ttl("resque:kept") <= 60
    assert db.get("resque:stat:failed") == b"1"


@pytest.mark.parametrize(
    ("outcome", "first"), [(FAILED, "boom"), (DONE, "what the job's plugins write")]
)
def test_a_push_that_redis_refuses_makes_a_failure_of_the_job(resque, db, caplog, outcome, first):
    db.set("resque:queue:again", "no list")
    one = worker(
        ending(outcome, PUSH, instead=[("DEL", b"resque:counter")], kept=(b"resque:kept", 60))
    )
    db.set("resque:counter", 1)
    resque.run(one.work_one_job())
    (error,) = failed(db)
    assert error.startswith(first)
    assert not db.exists("resque:counter", "resque:kept", KEY)
    assert db.get("resque:stat:processed") == b"1"
    assert "WRONGTYPE the key holds a string, no list" in caplog.text


def test_a_failed_list_that_is_none_refuses_neither_the_retry_nor_the_record(resque, db):
    db.set("resque:failed", "no list")
    resque.run(worker(ending(FAILED, PUSH)).work_one_job())
    assert db.llen("resque:queue:again") == 1
    assert db.llen("resque:failed_aside") == 1
    assert not db.exists(KEY)


def test_a_worker_that_was_pruned_writes_nothing_of_it(resque, db, caplog):
    one = worker(ending(FAILED, PUSH))
    run = one.executor.run

    async def pruned(*given):
        db.delete(KEY)
        return await run(*given)

    one.executor.run = pruned
    resque.run(one.work_one_job())
    assert not db.exists("resque:queue:again")
    assert failed(db) == ["boom"], "as Ruby's worker, it still tells how its job went"
    assert "was pruned while it worked" in caplog.text


def test_the_next_job_comes_in_the_same_step():
    one, driver = worker(ending(DONE, PUSH)), ScriptedDriver(GOT, TURNED, NOTHING)
    driver.run(one.perform_jobs())
    assert [args[1] for args in driver.asked] == [script("turn").sha] * 3
    assert [args[-1] for args in driver.asked] == [b"", RECORD, RECORD]
    assert PUSH[2] in driver.asked[1]
    assert PUSH[2] not in driver.asked[2]


@pytest.mark.parametrize("ran", [True, False])
def test_after_a_broken_connection_the_counter_tells_whether_it_ran(ran):
    replies = (AWAY, None, b"1") if ran else (AWAY, RECORD, b"0", ENDED)
    one, driver = worker(ending(FAILED, PUSH)), ScriptedDriver(GOT, *replies)
    assert driver.run(one.work_one_job()) is True
    writing = [args for args in driver.asked if PUSH[2] in args]
    assert len(writing) == (1 if ran else 2)
    assert one.current_job.record == b""


def test_a_worker_that_ends_before_the_turn_still_writes_it():
    one = worker(ending(DONE, PUSH))
    driver = ScriptedDriver(GOT, NotPermitted("denied"), ENDED, None, [1, 1, 0, 1, 1, 0, 0])
    with pytest.raises(NotPermitted):
        driver.run(one.work_one_job())
    driver.run(one.unregister_worker())
    asked = [args for args in driver.asked if args[0] == "EVALSHA"]
    named = {script(name).sha: name for name in ("turn", "unregister")}
    assert [named[args[1]] for args in asked] == ["turn", "turn", "turn", "unregister"]
    assert PUSH[2] in asked[2]


def test_a_dead_child_is_undecided_until_the_turn(resque, db):
    one = worker(Outcome(process_error=DirtyExit("gone")))
    one.core.registry.add(lambda _: None, name="X", queue="low", plugins=(Retry(limit=2),))
    before = {}
    finish = one.current_job.finish

    async def looking(failure):
        before["queued"] = db.llen("resque:queue:low")
        before["counters"] = db.keys("*resque-retry*")
        await finish(failure)

    one.current_job.finish = looking
    resque.run(one.work_one_job())
    assert before == {"queued": 0, "counters": []}
    assert db.lrange("resque:queue:low", 0, -1) == [RAW]
    assert len(db.keys("resque:resque-retry:X:*")) == 1
    assert failed(db) == ["gone"]
