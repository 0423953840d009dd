"""Users whom Redis denies a command, on a real server: a script does all or nothing, so that no job is lost or put back twice."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from pyresque import Resque
from pyresque.errors import RedisCommandError
from pyresque.store import attempts
from pyresque.store.delayed import Destination, ListRange, Move
from pyresque.store.failed import Requeued
from pyresque.store.reserve import FailureEntry, Reserver
from pyresque.store.settle import settle
from pyresque.store.workers import Redelivery

RAW = b'{"class":"X","args":[1]}'
RECORD = b'{"queue":"low","run_at":"","payload":' + RAW + b"}"
FAILED = b'{"payload":' + RAW + b',"queue":"low"}'
MARKED = FAILED[:-1] + b',"retried_at":"now"}'


@pytest.fixture
def denied(db, redis_url):
    @contextmanager
    def client(command):
        db.execute_command("ACL", "SETUSER", "clerk", "reset", "on", ">pw", "~*", "+@all")
        db.execute_command("ACL", "SETUSER", "clerk", f"-{command}")
        with Resque(redis_url.replace("//", "//clerk:pw@")) as resque:
            yield resque

    yield client
    db.acl_deluser("clerk")


def everything(db):
    kinds = {
        b"string": db.get,
        b"list": lambda key: db.lrange(key, 0, -1),
        b"set": db.smembers,
        b"hash": db.hgetall,
        b"zset": lambda key: db.zrange(key, 0, -1),
    }
    return {key: kinds[db.type(key)](key) for key in db.keys("*")}


def a_worker(db):
    db.set("resque:worker:h:1:low", RECORD)
    db.sadd("resque:workers", "h:1:low")
    db.set("resque:worker:h:1:low:started", "then")
    db.hset("resque:lost_jobs", "lost", RECORD)


def workers(resque):
    return resque.core.worker_registry.table


REDELIVERY = Redelivery("low", RAW, 1, 3)


async def settled(*commands):
    """Settle a lost job with these commands; raise what Redis refuses."""
    done = await settle(b"resque:lost_jobs", "lost", RECORD, commands)
    if done.refused:
        raise RedisCommandError(done.refused)
    return done


def turned(resque, *commands):
    """Finish the job of a worker with these commands; raise what Redis refuses."""

    async def turn():
        reserver = Reserver(resque.core.keys, "h:1:low")
        done = await reserver.finish(RECORD, FailureEntry(b"", writes=commands))
        if done.refused:
            raise RedisCommandError(done.refused)
        return done

    return turn()


PUSH = ("RPUSH", "resque:queue:low", RAW)


STEPS = {
    "unregister": (
        lambda r: workers(r).unregister("h:1:low", RECORD, "*", FailureEntry(FAILED)),
        ("get", "del", "rpush"),
    ),
    "unregister and redeliver": (
        lambda r: workers(r).unregister("h:1:low", RECORD, "*", REDELIVERY),
        ("get", "del", "rpush"),
    ),
    "redeliver": (
        lambda r: r.core.lost_jobs.redeliveries.redeliver("h:1:low", RECORD, REDELIVERY),
        ("get", "del", "rpush"),
    ),
    "settle": (lambda _: settled(PUSH, ("INCR", "resque:x")), ("hget", "hdel", "rpush")),
    "turn": (lambda r: turned(r, PUSH, ("INCR", "resque:x")), ("get", "rpush")),
    "return unperformed": (
        lambda r: workers(r).return_unperformed("h:1:low", RECORD, "low", RAW),
        ("get", "del", "lpush"),
    ),
    "requeue": (
        lambda r: r.core.failed_table.requeue(0, FAILED, MARKED, "low", RAW),
        ("lset", "rpush"),
    ),
    "requeue a page": (
        lambda r: r.core.failed_table.requeue_seen([Requeued(0, FAILED, MARKED, "low", RAW)]),
        ("lset", "rpush"),
    ),
    "fire": (
        lambda r: r.core.recurring.table.fire("often", "", "now", ("low", RAW), None),
        ("hset", "rpush"),
    ),
    "fire again": (
        lambda r: r.core.recurring.table.fire("noted", "then", "now", ("low", RAW), None),
        ("hset", "rpush"),
    ),
}


@pytest.mark.parametrize(
    ("step", "command"), [(step, command) for step, (_, two) in STEPS.items() for command in two]
)
def test_where_a_command_is_denied_nothing_is_done(db, denied, step, command):
    a_worker(db)
    db.rpush("resque:failed", FAILED)
    db.hset("resque:delayed:last_enqueued_at", "noted", "then")
    before = everything(db)
    with denied(command) as resque:
        for _ in range(2):
            with pytest.raises(RedisCommandError):
                resque.run(STEPS[step][0](resque))
    assert everything(db) == before


@pytest.mark.parametrize("step", STEPS)
def test_with_all_rights_it_is_done(db, redis_url, step):
    a_worker(db)
    db.rpush("resque:failed", FAILED)
    db.hset("resque:delayed:last_enqueued_at", "noted", "then")
    with Resque(redis_url) as resque:
        assert resque.run(STEPS[step][0](resque))
    done = db.lrange("resque:queue:low", 0, -1) == [RAW]
    assert done or db.llen("resque:failed") == 2


def test_delayed_jobs_stay_where_they_are_for_a_user_who_may_not_push_them(db, denied):
    if int(db.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("before Redis 7 a script cannot ask what a user may do")
    db.rpush("resque:delayed:100", RAW)
    db.zadd("resque:delayed_queue_schedule", {"100": 100})
    before = everything(db)
    to = Destination(b"resque:queue:low", b"low")
    with denied("rpush") as resque, pytest.raises(RedisCommandError, match="NOPERM"):
        resque.run(resque.core.delayed.table.move([(ListRange("100", 0, 0), [Move(RAW, to, RAW)])]))
    assert everything(db) == before


def test_a_job_that_may_not_be_delayed_stays_with_its_worker(db, denied):
    if int(db.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("before Redis 7 a script cannot ask what a user may do")
    a_worker(db)
    before = everything(db)
    delayed = ("RPUSH", "resque:delayed:100", RAW), ("ZADD", "resque:times", 100, 100)
    with denied("zadd") as resque, pytest.raises(RedisCommandError, match="NOPERM"):
        resque.run(turned(resque, *delayed))
    assert everything(db) == before


def test_where_the_worker_record_may_not_be_read_the_next_job_is_not_taken_in_place_of_what_plugins_write(
    db, denied
):
    a_worker(db)
    db.rpush("resque:queue:next", RAW)
    before = everything(db)

    async def turn(resque):
        reserver = Reserver(resque.core.keys, "h:1:low")
        now = datetime(2026, 3, 1, tzinfo=timezone.utc)
        template = resque.core.worker_registry.record_template(("next",), now)
        reserver.set_queues(("next",), template)
        return await reserver.reserve(RECORD, FailureEntry(FAILED, writes=(PUSH,)))

    with denied("get") as resque, pytest.raises(RedisCommandError, match=r"NOPERM|can't run"):
        resque.run(turn(resque))
    assert everything(db) == before


def test_a_user_who_may_not_increment_counts_attempts_all_the_same(db, denied):
    db.set("counter", "-1", ex=3600)
    with denied("incr") as resque:
        assert [resque.run(attempts.count(b"counter")) for _ in range(3)] == [0, 1, 2]
    assert db.ttl("counter") > 0


def test_a_counter_that_may_not_be_read_does_not_begin_anew(db, denied):
    db.set("counter", "7")
    with denied("get") as resque, pytest.raises(RedisCommandError, match=r"NOPERM|can't run"):
        resque.run(attempts.count(b"counter"))
    assert db.get("counter") == b"7"
