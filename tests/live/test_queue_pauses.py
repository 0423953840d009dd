"""Paused queues and workers of every kind: nothing is taken, nobody spins, other queues go on, and a resume is noticed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.process.worker.idle import PAUSED_LOOK
from tests.support.eventually import eventually
from tests.support.idle_worker import HOUR, armed, calls, note, stopped
from tests.support.live_worker import next_report, reported, worker
from tests.support.redis_server import waits_begun

if TYPE_CHECKING:
    import redis

EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])


def fed(db: redis.Redis, queue: str, *marks: int) -> None:
    db.rpush(f"resque:queue:{queue}", *map(note, marks))


@EVERY
def test_other_queues_are_served_and_a_resume_is_noticed(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    with (
        Resque(redis_url) as resque,
        worker(redis_url, "high", "low", INTERVAL=HOUR, RESQUE_EXECUTOR=executor) as process,
    ):
        armed(db, 2)
        resque.pause_queue("high")
        fed(db, "high", 1, 2)
        fed(db, "low", 3)
        assert next_report(db) == ["note", 3]
        eventually(lambda: db.info("clients")["blocked_clients"], lambda seen: seen == 1)
        before, looks = waits_begun(db), calls(db, "evalsha")
        time.sleep(2 * PAUSED_LOOK)
        assert waits_begun(db) == before, "nobody waits for a job of the paused queue"
        assert calls(db, "evalsha") - looks <= 4, "one look a second"
        fed(db, "low", 4)
        assert next_report(db) == ["note", 4], "the other queue still calls"
        assert db.llen("resque:queue:high") == 2
        resumed = time.monotonic()
        assert resque.resume_queue("high") is True
        assert [next_report(db), next_report(db)] == [["note", 1], ["note", 2]]
        assert time.monotonic() - resumed < PAUSED_LOOK + 2
        armed(db, 2)
        stopped(process)


@EVERY
def test_a_pause_holds_between_two_jobs(db: redis.Redis, redis_url: str, executor: str) -> None:
    """The jobs follow one another on the fast path; what is paused among them stays, to the job."""
    with (
        Resque(redis_url) as resque,
        worker(
            redis_url,
            "low",
            INTERVAL=HOUR,
            RESQUE_EXECUTOR=executor,
            VVERBOSE="",
        ) as process,
    ):
        fed(db, "low", *range(3000))
        eventually(lambda: reported(db), bool)
        resque.pause_queue("low")
        left = db.llen("resque:queue:low")
        assert 0 < left < 3000
        eventually(process.title, lambda title: title.endswith("Paused"))
        assert db.llen("resque:queue:low") in {left, left - 1}, "one may have been on its way"
        seen = db.llen("live:reports")
        assert seen + db.llen("resque:queue:low") == 3000
        db.ltrim("resque:queue:low", -5, -1)
        resque.resume_queue("low")
        eventually(lambda: db.llen("live:reports"), lambda found: found == seen + 5)
        stopped(process)


@pytest.mark.parametrize("queue", ["low", "*", "l*,!none"])
def test_all_queues_at_once(db: redis.Redis, redis_url: str, queue: str) -> None:
    with (
        Resque(redis_url) as resque,
        worker(redis_url, queue, INTERVAL="0.1") as process,
    ):
        resque.pause_all_queues()
        resque.push("low", {"class": "Note", "args": [1]})
        eventually(process.title, lambda title: title.endswith("Paused"))
        time.sleep(0.5)
        assert db.llen("resque:queue:low") == 1
        assert resque.queue_paused("low")
        assert resque.paused_queues() == ["low"]
        resque.resume_all_queues()
        assert next_report(db) == ["note", 1]
        stopped(process)


@pytest.mark.parametrize("kind", ["list", "hash", "set", "zset", "stream"])
def test_a_pause_key_of_another_type_pauses_nothing_as_in_ruby(
    db: redis.Redis, redis_url: str, kind: str
) -> None:
    write = {
        "list": lambda key: db.rpush(key, "x"),
        "hash": lambda key: db.hset(key, "x", "y"),
        "set": lambda key: db.sadd(key, "x"),
        "zset": lambda key: db.zadd(key, {"x": 1}),
        "stream": lambda key: db.xadd(key, {"x": "y"}),
    }[kind]
    for key in ("resque:pause:queue:high", "resque:pause:queue:low", "resque:pause:all"):
        write(key)
    with (
        Resque(redis_url) as resque,
        worker(redis_url, "high", "low", INTERVAL=HOUR) as process,
    ):
        armed(db, 2)
        fed(db, "low", 1)
        assert next_report(db) == ["note", 1]
        fed(db, "high", 2)
        assert next_report(db) == ["note", 2]
        assert not resque.queue_paused("high")
        resque.pause_queue("high")
        assert resque.queue_paused("high"), "whatever stood there"
        stopped(process)


@pytest.mark.parametrize("text", ["", "false", "0", "\xff"])
def test_a_text_of_any_value_pauses(db: redis.Redis, redis_url: str, text: str) -> None:
    db.set("resque:pause:queue:lö", text.encode("latin-1"))
    with Resque(redis_url) as resque:
        resque.push("lö", {"class": "Note", "args": [1]})
        assert resque.queue_paused("lö")
        assert resque.reserve("lö") is None
        assert resque.remove_queue("lö") == (1, 1)
        assert resque.queue_paused("lö")
        resque.resume_queue("lö")
        assert resque.resume_queue("lö") is False


def test_many_queues_of_which_every_third_is_paused(db: redis.Redis, redis_url: str) -> None:
    names = [f"q{number}" for number in range(9000)]
    with Resque(redis_url) as resque:
        core = resque.core
        from pyresque.store.reserve import RecordTemplate, Reserver

        reserver = Reserver(core.keys, "h:1:q")
        reserver.set_queues(tuple(names), RecordTemplate((b'{"payload":',) * len(names)))
        for name in names[1::3]:
            db.set(f"resque:pause:queue:{name}", "true")
        fed(db, names[-2], 1)
        fed(db, names[1], 2)
        found = resque.run(reserver.reserve(b""))
        assert found.queue is None
        assert found.paused_queues == tuple(names[1::3])
        fed(db, names[-1], 3)
        found = resque.run(reserver.reserve(b""))
        assert (found.queue, found.raw) == (names[-1], note(3))
        db.sadd("resque:queues", *names)
        assert sorted(resque.paused_queues()) == sorted(names[1::3])
