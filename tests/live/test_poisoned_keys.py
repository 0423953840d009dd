"""One key that holds what it should not: nobody ends, nothing else is held up, and a message names the key."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from pyresque import Resque
from pyresque.cli.main import cli
from pyresque.errors import PyresqueError, WrongKey
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.scheduler import Scheduler
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.schedules import Claim
from tests.support.scripted_worker import Clock, ScriptedHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ME = "host:42:low,other"

#: Each key that a worker touches, by the type that it should be of.
WORKERS = {
    "resque:workers": "set",
    "resque:workers:heartbeat": "hash",
    f"resque:worker:{ME}": "string",
    f"resque:worker:{ME}:started": "string",
    "resque:worker:gone:1:low": "string",
    "resque:worker:gone:1:low:started": "string",
    "resque:pruning_dead_workers_in_progress": "string",
    "resque:pause-all-workers": "string",
    "resque:queue:other": "list",
    "resque:stat:processed": "string",
    "resque:stat:failed": "string",
    f"resque:stat:processed:{ME}": "string",
    f"resque:stat:failed:{ME}": "string",
    "resque:stat:processed:gone:1:low": "string",
    "resque:stat:failed:gone:1:low": "string",
    "resque:failed": "list",
    "resque:queues": "set",
}

#: Those that a worker writes anew, deletes or has no use for, without a word: they are its own, or a dead worker's.
WITHOUT_A_WORD = {
    f"resque:worker:{ME}:started",
    "resque:worker:gone:1:low:started",
    f"resque:stat:failed:{ME}",
    "resque:stat:processed:gone:1:low",
    "resque:stat:failed:gone:1:low",
    "resque:queues",
}

#: Each key that a scheduler touches.
SCHEDULERS = {
    "resque:delayed_queue_schedule": "zset",
    "resque:delayed:1772366400": "list",
    "resque:persistent_schedules": "hash",
    "resque:schedules_changed": "set",
    "resque:delayed:last_enqueued_at": "hash",
    "resque:queues": "set",
    "resque:queue:other": "list",
    "resque:failed_queues": "set",
    "resque:failed": "list",
}

TYPES = ["string", "list", "set", "zset", "hash", "stream"]

#: Values of the right type that make no sense.
NONSENSE = ["", "abc", "-1", "1.5", "9" * 30, "\udcff{", "9223372036854775807", "[]", '{"queue":7}']


def poison(db: redis.Redis, key: str, kind: str, value: str = "poison") -> None:
    db.delete(key)
    raw = value.encode("utf-8", "surrogateescape")
    if kind == "string":
        db.set(key, raw)
    elif kind == "list":
        db.rpush(key, raw)
    elif kind == "set":
        db.sadd(key, raw)
    elif kind == "zset":
        db.zadd(key, {raw: 1})
    elif kind == "hash":
        db.hset(key, raw, raw)
    else:
        db.xadd(key, {"field": raw})


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as made:
        yield made


def job(name: str, *args: object) -> str:
    return json.dumps({"class": name, "args": args})


def life(url: str, patterns: tuple[str, ...] = ("low", "other")) -> list[object]:
    """A worker's life: start, pruning, jobs of which one fails, leaving; what it performed."""
    performed: list[object] = []
    with Resque(url) as resque:

        @resque.job("Note", queue="low")
        def note(value: object) -> None:
            performed.append(value)

        @resque.job("Boom", queue="low")
        def boom() -> None:
            raise ValueError("boom")

        clock = Clock()
        clock.passed = 300_000_000  # a heartbeat of the server's today is of the past for nobody
        executor = InlineExecutor(resque.core.registry)
        one = Worker(
            resque.core,
            WorkerId("host", 42, ("low", "other")),
            QueueList.parse(list(patterns)),
            executor,
            ScriptedHost(clock),
        )
        resque.run(one.work(Interval.between(0.0)))
    return performed


def wrong_types(keys: dict[str, str]) -> list[tuple[str, str]]:
    return [(key, kind) for key, right in keys.items() for kind in TYPES if kind != right]


@pytest.mark.parametrize(
    ("key", "kind", "globs"),
    [
        (key, kind, globs)
        for key, kind in wrong_types(WORKERS)
        for globs in (False, True)
        if not (globs and key == "resque:queues")  # it finds no queue then: the next test
    ],
)
def test_a_worker_goes_on_beside_a_key_of_a_wrong_type_and_names_it(
    db: redis.Redis, redis_url: str, key: str, kind: str, globs: bool, caplog
) -> None:
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", job("Note", 1), job("Boom"), job("Note", 2))
    db.sadd("resque:workers", "gone:1:low", "gone:2:low")
    for gone in ("gone:1:low", "gone:2:low"):
        db.hset("resque:workers:heartbeat", gone, "2020-01-01 00:00:00 +0000")
    poison(db, key, kind)
    caplog.set_level(logging.WARNING, "pyresque")
    assert life(redis_url, ("l*", "o*") if globs else ("low", "other")) == [1, 2]
    assert db.llen("resque:queue:low") == 0
    failed = "resque:failed_aside" if key == "resque:failed" else "resque:failed"
    assert [json.loads(one)["error"] for one in db.lrange(failed, 0, -1)] == ["boom"]
    if key not in WITHOUT_A_WORD and not (globs and key == "resque:queue:other"):
        assert key in caplog.text
    assert "Traceback" not in caplog.text
    if key not in {"resque:workers", "resque:workers:heartbeat", *PRUNING}:
        assert db.smembers("resque:workers") == set()


#: Where nothing is pruned until the key has come to its end.
PRUNING = {"resque:pruning_dead_workers_in_progress"}


def test_a_worker_of_globs_that_cannot_read_the_queues_goes_on_and_names_the_key(
    db: redis.Redis, redis_url: str, caplog
) -> None:
    db.set("resque:queues", "poison")
    assert life(redis_url, ("*",)) == []
    assert "resque:queues" in caplog.text


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("key", [key for key, kind in WORKERS.items() if kind == "string"])
def test_a_worker_goes_on_beside_a_value_without_sense(
    db: redis.Redis, redis_url: str, key: str, value: str
) -> None:
    db.rpush("resque:queue:low", job("Note", 1), job("Boom"), job("Note", 2))
    db.sadd("resque:workers", "gone:1:low", "gone:2:low")
    for gone in ("gone:1:low", "gone:2:low"):
        db.hset("resque:workers:heartbeat", gone, "2020-01-01 00:00:00 +0000")
    poison(db, key, "string", value)
    assert life(redis_url) == [1, 2]
    assert db.llen("resque:queue:low") == 0
    assert b"boom" in b"".join(db.lrange("resque:failed", 0, -1))
    if key not in PRUNING:
        assert db.smembers("resque:workers") == set()


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize(
    "place", ["heartbeat", "worker id", "last run", "schedule", "delayed", "timestamp"]
)
def test_nonsense_in_a_set_or_hash_holds_nobody_else_up(
    db: redis.Redis, redis_url: str, place: str, value: str
) -> None:
    raw = value.encode("utf-8", "surrogateescape")
    db.rpush("resque:queue:low", job("Note", 1))
    db.sadd("resque:workers", "gone:2:low")
    db.hset("resque:workers:heartbeat", "gone:2:low", "2020-01-01 00:00:00 +0000")
    if place == "heartbeat":
        db.hset("resque:workers:heartbeat", "gone:1:low", raw)
    elif place == "worker id":
        db.sadd("resque:workers", raw)
        db.hset("resque:workers:heartbeat", raw, "2020-01-01 00:00:00 +0000")
    elif place == "last run":
        db.hset("resque:delayed:last_enqueued_at", "tick", raw)
    elif place == "schedule":
        db.hset("resque:persistent_schedules", "bad", raw)
    elif place == "delayed":
        db.zadd("resque:delayed_queue_schedule", {"1772366000": 1772366000})
        db.rpush("resque:delayed:1772366000", raw)
    else:
        db.zadd("resque:delayed_queue_schedule", {raw: 1772366000})
    assert scheduled(redis_url) == {"Later", "Tick"}
    db.ltrim("resque:queue:low", 0, 0)
    assert life(redis_url) == [1]
    assert not db.sismember("resque:workers", "gone:2:low")
    assert db.hget("resque:workers:heartbeat", "gone:2:low") is None


def scheduled(url: str) -> set[str]:
    """A scheduler's life beside what stands there: the classes that it queued."""
    clock = Clock()
    with Resque(url, clock=clock, dynamic_schedule=True) as resque:
        resque.core.recurring.memory["tick"] = {
            "every": "1h",
            "class": "Tick",
            "queue": "low",
        }
        try:
            resque.enqueue_at_with_queue("low", int(clock.time()) + 30, "Later", 1)
        except WrongKey as error:
            assert "resque:delayed_queue_schedule" in str(error)  # noqa: PT017 - where that key is wrong
        scheduler = Scheduler(resque.core, Claim("host:1", "a"), ScriptedHost(clock))
        for seconds in (0, 60, 3600, 60):
            clock.passed += seconds
            resque.run(scheduler.turn())
            resque.run(scheduler.turn())
        resque.run(scheduler.release_master())
        return {one.class_name for one in resque.peek("low", 0, 100)} - {"Note", None, ""}


#: Keys that these jobs do not need, or that a scheduler deletes as it takes the lead.
UNSEEN = {
    *("resque:queues", "resque:queue:other", "resque:failed_queues", "resque:failed"),
    "resque:schedules_changed",
}


@pytest.mark.parametrize(("key", "kind"), wrong_types(SCHEDULERS))
def test_a_scheduler_goes_on_beside_a_key_of_a_wrong_type_and_names_it(
    db: redis.Redis, redis_url: str, key: str, kind: str, caplog
) -> None:
    caplog.set_level(logging.WARNING, "pyresque")
    if key.startswith("resque:delayed:1"):
        db.zadd("resque:delayed_queue_schedule", {"1772366400": 1772366400})
    poison(db, key, kind)
    expected = {"Tick"} if key == "resque:delayed_queue_schedule" else {"Later", "Tick"}
    assert scheduled(redis_url) == expected
    if key not in UNSEEN:
        assert key.removeprefix("resque:delayed:") in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "string"])
def test_a_scheduler_whose_lock_is_of_a_wrong_type_waits_and_names_it(
    db: redis.Redis, redis_url: str, kind: str, caplog
) -> None:
    key = "resque:resque:resque_scheduler_master_lock"
    poison(db, key, kind)
    assert scheduled(redis_url) == set()
    assert caplog.text.count(key) == 1 or key in caplog.text
    db.delete(key)
    assert scheduled(redis_url) == {"Later", "Tick"}


#: What lists or counts, with the keys that it looks at.
LISTINGS: dict[str, tuple[str, ...]] = {
    "info": (
        *("resque:queues", "resque:queue:other", "resque:workers", "resque:workers:heartbeat"),
        *(f"resque:worker:{ME}", "resque:stat:processed", "resque:failed"),
    ),
    "queues list": ("resque:queue:other",),
    "workers list": (
        *("resque:workers:heartbeat", f"resque:worker:{ME}", f"resque:worker:{ME}:started"),
        *(f"resque:stat:processed:{ME}", f"resque:stat:failed:{ME}"),
    ),
    "workers prune --yes": (
        *("resque:workers", "resque:workers:heartbeat", f"resque:worker:{ME}"),
        f"resque:stat:processed:{ME}",
    ),
    "delayed list": ("resque:delayed:1772366400",),
    "schedule list": ("resque:delayed:last_enqueued_at", "resque:persistent_schedules"),
    "schedule next": ("resque:delayed:last_enqueued_at", "resque:persistent_schedules"),
}


@pytest.mark.parametrize(
    ("command", "key", "kind"),
    [
        (command, key, kind)
        for command, keys in LISTINGS.items()
        for key, kind in wrong_types({**WORKERS, **SCHEDULERS})
        if key in keys
    ],
)
def test_a_command_reports_what_it_can_beside_a_key_of_a_wrong_type(
    db: redis.Redis, redis_url: str, command: str, key: str, kind: str, monkeypatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    db.sadd("resque:queues", "low", "other")
    db.rpush("resque:queue:low", job("Note", 1))
    db.sadd("resque:workers", ME)
    db.zadd("resque:delayed_queue_schedule", {"1772366400": 1772366400, "1772366460": 1772366460})
    db.rpush("resque:delayed:1772366460", job("Later"))
    poison(db, key, kind)
    done = CliRunner().invoke(cli, command.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    if command == "delayed list":
        assert "1 job" in done.output or "2026-03-01" in done.output


VERBS: dict[str, tuple[str, Any]] = {
    "enqueue": ("resque:queue:low", lambda resque: resque.enqueue_to("low", "A")),
    "size": ("resque:queue:low", lambda resque: resque.size("low")),
    "pop": ("resque:queue:low", lambda resque: resque.pop("low")),
    "peek": ("resque:queue:low", lambda resque: resque.peek("low", 0, 5)),
    "reserve": ("resque:queue:low", lambda resque: resque.reserve("low")),
    "destroy": ("resque:queue:low", lambda resque: resque.destroy("low", "A")),
    "queues": ("resque:queues", lambda resque: resque.queues()),
    "failures": ("resque:failed", lambda resque: resque.failures.count()),
    "failures.all": ("resque:failed", lambda resque: resque.failures.all(0, 5)),
    "delayed": (
        "resque:delayed_queue_schedule",
        lambda resque: resque.enqueue_at_with_queue("low", 1772366400, "A"),
    ),
    "delayed size": (
        "resque:delayed:1772366400",
        lambda resque: resque.delayed_timestamp_peek(1772366400, 0, 1),
    ),
    "next": ("resque:delayed_queue_schedule", lambda resque: resque.next_delayed_timestamp()),
    "fetch": ("resque:persistent_schedules", lambda resque: resque.fetch_schedule("x")),
    "lock": (
        "resque:resque:resque_scheduler_master_lock",
        lambda resque: resque.master_lock(),
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_needs_the_key_names_it(db: redis.Redis, resque: Resque, verb: str) -> None:
    key, call = VERBS[verb]
    poison(db, key, "stream")
    try:
        call(resque)
    except PyresqueError as error:
        assert key in str(error)  # noqa: PT017 - a verb may also do without


def test_what_was_put_in_its_queue_is_enqueued_although_the_set_of_names_is_none(
    db: redis.Redis, resque: Resque, caplog
) -> None:
    db.set("resque:queues", "poison")
    assert resque.enqueue_to("low", "A") is True
    assert db.llen("resque:queue:low") == 1
    assert "resque:queues" in caplog.text


def test_a_delayed_job_is_moved_although_the_set_of_names_is_none(
    db: redis.Redis, resque: Resque
) -> None:
    resque.enqueue_at_with_queue("low", 4_000_000_000, "A")
    db.set("resque:queues", "poison")
    assert resque.move_due(4_000_000_001) == 1
    assert db.llen("resque:queue:low") == 1


def test_a_dead_worker_whose_record_is_of_a_wrong_type_keeps_no_other_one_registered(
    db: redis.Redis, resque: Resque, monkeypatch, redis_url
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    db.sadd("resque:workers", "gone0:1:q", "gone1:1:q")
    db.rpush("resque:worker:gone0:1:q", "x")
    db.set("resque:worker:gone1:1:q", '{"queue":"q","payload":{"class":"Lost","args":[1]}}')
    for gone in ("gone0:1:q", "gone1:1:q"):
        db.hset("resque:workers:heartbeat", gone, "2020-01-01 00:00:00 +0000")
    done = CliRunner().invoke(cli, ["workers", "prune", "--yes"], catch_exceptions=False)
    assert done.exit_code == 0
    assert db.smembers("resque:workers") == set()
    assert db.llen("resque:failed") == 1
