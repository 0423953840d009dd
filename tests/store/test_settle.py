"""What plugins write at a job's end, on a real server: in the turn of its worker, and by ``settle.lua``; all of it, or nothing."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from pyresque import Resque
from pyresque.store.lost_jobs import LostJob, LostJobTable
from pyresque.store.reserve import FailureEntry, Reserver
from pyresque.store.settle import BELOW, UNLESS, Settled, carry_out

ID = "h:1:low"
AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
KEY, RECORD = f"resque:worker:{ID}".encode(), b'{"payload":{}}'
LOST = LostJob(queued=False, seconds=1700000000, worker_id="h:1:low high")
PUSH = ("RPUSH", "resque:queue:again", b"job")
NEXT = b'{"class":"X","args":[]}'
DONE = Settled(True)


class Turn:
    """The turn of a worker: it finishes its job with these writes, and takes the next one if there is one."""

    def __init__(self, resque, db, *, takes):
        self.resque, self.db = resque, db
        self.reserver = Reserver(resque.core.keys, ID)
        self.takes = takes
        heads = resque.core.worker_registry.record_template(("low",), AT)
        self.reserver.set_queues(("low",), heads)

    def has_job(self):
        self.db.set(KEY, RECORD)
        if self.takes:
            self.db.rpush("resque:queue:low", NEXT)

    def run(self, *commands, failed=b""):
        entry = FailureEntry(failed, counted=bool(failed), writes=commands)
        run = self.reserver.reserve if self.takes else self.reserver.finish
        done = self.resque.run(run(RECORD, entry))
        assert (done.raw == NEXT) is (self.takes and not done.refused)
        return done.finished, done.refused, done.wrong_keys

    def holds(self):
        return self.db.get(KEY) == RECORD


class Lost:
    """A lost job, whose plugins run in the process that prunes."""

    def __init__(self, resque, db):
        self.resque, self.db = resque, db
        self.table = LostJobTable(resque.core.keys)

    def has_job(self):
        self.db.hset("resque:lost_jobs", str(LOST), RECORD)

    def run(self, *commands):
        done = self.resque.run(self.table.settle(LOST, RECORD, commands))
        return done.held, done.refused and f"{done.at.decode()}: {done.refused}", done.wrong_keys

    def holds(self):
        return self.db.hexists("resque:lost_jobs", str(LOST))


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


@pytest.fixture(params=["turn", "turn without a job", "lost"])
def way(request, resque, db):
    made = (
        Lost(resque, db)
        if request.param == "lost"
        else Turn(resque, db, takes=request.param == "turn")
    )
    made.has_job()
    return made


def test_the_job_is_finished_and_the_commands_are_carried_out(way, db):
    commands = (PUSH, ("SET", "resque:a", "1", "EX", 50), ("ZADD", "resque:times", 5, "five"))
    assert way.run(*commands) == (True, "", ())
    assert not way.holds()
    assert db.lrange("resque:queue:again", 0, -1) == [b"job"]
    assert (db.get("resque:a"), 40 < db.ttl("resque:a") <= 50) == (b"1", True)
    assert db.zrange("resque:times", 0, -1, withscores=True) == [(b"five", 5.0)]


def test_where_another_process_has_the_job_nothing_is_written(way, db):
    db.delete(KEY, "resque:lost_jobs")
    assert way.run(PUSH) == (False, "", ())
    assert not db.exists("resque:queue:again")


@pytest.mark.parametrize(
    ("command", "key"), [(PUSH, PUSH[1]), (("ZADD", "resque:times", 5, "five"), "resque:times")]
)
def test_a_push_to_a_key_of_another_type_refuses_all(way, db, command, key):
    db.set(key, "no list")
    held, refused, _ = way.run(("INCR", "resque:a"), command)
    assert held is False
    assert refused.startswith(f"{key}: WRONGTYPE the key holds a string, no ")
    assert way.holds()
    assert not db.exists("resque:a", "resque:stat:processed")


def test_another_key_of_another_type_is_told_and_passed_over(way, db):
    db.rpush("resque:a", "no number")
    finished, refused, wrong = way.run(("INCR", "resque:a"), PUSH)
    assert (finished, refused, set(wrong)) == (True, "", {"resque:a"})
    assert db.llen("resque:queue:again") == 1


def test_a_mark_that_is_set_keeps_the_job_out_and_what_follows_is_done(way, db):
    marked = ((UNLESS, "resque:mark", 2), PUSH, ("SET", "resque:mark", "1"), ("INCR", "resque:a"))
    way.run(*marked)
    assert (db.llen("resque:queue:again"), db.get("resque:mark")) == (1, b"1")
    way.has_job()
    way.run(*marked)
    assert (db.llen("resque:queue:again"), db.get("resque:a")) == (1, b"2")


@pytest.mark.parametrize(("before", "after"), [("1", b"2"), ("2", b"2"), ("x", b"x"), (None, None)])
def test_a_limit_does_not_grow_beyond_itself(way, db, before, after):
    if before is not None:
        db.set("resque:left", before)
    assert way.run((BELOW, "resque:left", 2)) == (True, "", ())
    assert db.get("resque:left") == after


def test_a_full_memory_finishes_the_job_all_the_same(way, db):
    before = db.config_get("maxmemory")["maxmemory"]
    db.config_set("maxmemory", 1)
    try:
        assert way.run(PUSH) == (True, "", ())
    finally:
        db.config_set("maxmemory", before)
    assert db.llen("resque:queue:again") == 1


@pytest.mark.parametrize("takes", [True, False])
def test_a_turn_writes_the_failure_and_counts_beside_it(resque, db, takes):
    turn = Turn(resque, db, takes=takes)
    turn.has_job()
    assert turn.run(PUSH, failed=b"{}") == (True, "", ())
    assert db.lrange("resque:failed", 0, -1) == [b"{}"]
    assert db.mget("resque:stat:processed", "resque:stat:failed") == [b"1", b"1"]
    assert db.llen("resque:queue:again") == 1


def test_a_worker_that_was_pruned_tells_its_failure_and_writes_nothing_else(resque, db):
    turn = Turn(resque, db, takes=True)
    turn.has_job()
    db.delete(KEY)
    assert turn.run(PUSH, failed=b"{}") == (False, "", ())
    assert db.llen("resque:failed") == 1
    assert not db.exists("resque:queue:again")


def test_a_record_of_another_type_was_overwritten_by_somebody_and_the_job_is_finished(resque, db):
    turn = Turn(resque, db, takes=True)
    turn.has_job()
    db.delete(KEY)
    db.rpush(KEY, "no record")
    assert turn.run(PUSH)[0] is True
    assert db.llen("resque:queue:again") == 1


def test_nothing_to_write_asks_nothing(resque, db):
    assert resque.run(carry_out(())) == DONE


# -- the hash of lost jobs


def test_a_field_says_what_became_of_the_job():
    assert LostJob.parse(str(LOST)) == LOST
    assert LostJob.parse(str(LOST._replace(queued=True))) == LOST._replace(queued=True)
    others = ("", "x", "failed", "failed x y", "done 1 y", f"failed {'9' * 5000} y")
    assert [LostJob.parse(field) for field in others] == [None] * len(others)


def test_one_process_takes_a_lost_job_over(resque, db):
    table, later = LostJobTable(resque.core.keys), LOST._replace(seconds=1700000300)
    db.hset("resque:lost_jobs", str(LOST), RECORD)
    assert resque.run(table.all()) == {str(LOST): RECORD}
    assert resque.run(table.take_over(str(LOST), RECORD, later)) is True
    assert resque.run(table.take_over(str(LOST), RECORD, later)) is False
    assert db.hgetall("resque:lost_jobs") == {str(later).encode(): RECORD}


def test_where_the_hash_is_none_what_the_plugins_write_is_written(resque, db):
    db.set("resque:lost_jobs", "no hash")
    assert Lost(resque, db).run(PUSH) == (True, "", ())
    assert db.llen("resque:queue:again") == 1
