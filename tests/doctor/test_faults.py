"""Each planted fault is found with its evidence, and the command that is prescribed mends it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.doctor.checks import CHECKS
from tests.support.inventories import payload

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

BEAT = "2001-01-01T00:00:00+00:00"
DEAD = "far-away:4711:low"
NOW = int(time.time())


@dataclass(frozen=True)
class Fault:
    """A fault: what plants it, the evidence that must be told, and whether its commands are carried out here."""

    name: str
    plant: Callable[[redis.Redis], object]
    evidence: dict[str, Any] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    mended: bool = True


def queue(db: redis.Redis, name: str, *payloads: bytes) -> None:
    db.sadd("resque:queues", name)
    db.rpush(f"resque:queue:{name}", *payloads)


def listening(db: redis.Redis, *queues: str, beat: str | None = "") -> str:
    """Register a worker of another host that is alive."""
    worker = f"other:1:{','.join(queues or ('*',))}"
    db.sadd("resque:workers", worker)
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()) if beat == "" else beat
    if now is not None:
        db.hset("resque:workers:heartbeat", worker, now)
    return worker


def at_work(db: redis.Redis, job: bytes = payload("Known", 1), when: str = "") -> str:
    worker = listening(db, "low")
    stamp = when or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"queue": "low", "run_at": stamp, "payload": json.loads(job)}
    db.set(f"resque:worker:{worker}", json.dumps(record))
    return worker


def dead(db: redis.Redis) -> None:
    db.sadd("resque:workers", DEAD)
    db.hset("resque:workers:heartbeat", DEAD, BEAT)
    record = {
        "queue": "low",
        "run_at": "2001-01-01T00:00:00Z",
        "payload": {"class": "A", "args": []},
    }
    db.set(f"resque:worker:{DEAD}", json.dumps(record))


def delay(db: redis.Redis, at: int, job: bytes) -> None:
    db.rpush(f"resque:delayed:{at}", job)
    db.sadd(b"resque:timestamps:" + job, f"delayed:{at}")
    db.zadd("resque:delayed_queue_schedule", {str(at): at})


def leads(
    db: redis.Redis,
    holder: str = "other:9",
    key: str = "resque:resque:resque_scheduler_master_lock",
    ttl: int | None = 100,
) -> None:
    db.set(key, holder, ex=ttl)


def schedule(db: redis.Redis, name: str, config: object) -> None:
    leads(db)
    raw = config if isinstance(config, bytes) else json.dumps(config)
    db.hset("resque:persistent_schedules", name, raw)


def overdue(db: redis.Redis) -> None:
    leads(db)
    delay(db, NOW - 5000, payload("Known", 1))


def two_masters(db: redis.Redis) -> None:
    leads(db)
    db.set("resque:resque_scheduler_leader_lock", "node-host:99", ex=100)


def two_prefixes(db: redis.Redis) -> None:
    leads(db)
    leads(db, "third:3", "resque:resque:east:resque_scheduler_master_lock")


def route(db: redis.Redis, **rule: object) -> None:
    table = {"version": 3, "rules": [{"match": "Nobody", "to": "python", "percent": 100, **rule}]}
    db.set("resque:migrate:routes", json.dumps(table))


def html(db: redis.Redis) -> None:
    listening(db)
    queue(db, "low", b'{"class":"Known","args":["\\u003cb\\u003e"]}')


def undeclared(db: redis.Redis) -> None:
    listening(db)
    queue(db, "low", payload("Known", 1))
    db.set("resque:lock:Known-[1]", NOW + 90_000)


def persistent(db: redis.Redis, policy: str) -> None:
    db.config_set("maxmemory-policy", policy)


FAULTS = (
    Fault(
        "queue-without-worker",
        lambda db: queue(db, "alone", payload("Known", 1)),
        {"queues": {"alone": 1}, "count": 1, "jobs": 1},
        mended=False,
    ),
    Fault(
        "queue-not-listed",
        lambda db: db.rpush("resque:queue:lost", payload("A"), payload("B")),
        {"queues": {"lost": 2}, "jobs": 2, "key": "resque:queue:lost"},
    ),
    Fault(
        "queue-paused",
        lambda db: (queue(db, "-still", payload("A")), db.set("resque:pause:queue:-still", "true")),
        {"queues": {"-still": 1}, "key": "resque:pause:queue:-still"},
    ),
    Fault(
        "all-queues-paused", lambda db: db.set("resque:pause:all", "1"), {"key": "resque:pause:all"}
    ),
    Fault(
        "workers-paused",
        lambda db: db.set("resque:pause-all-workers", "true"),
        {"key": "resque:pause-all-workers"},
    ),
    Fault(
        "key-of-wrong-type",
        lambda db: (
            db.sadd("resque:queues", "text"),
            db.set("resque:queue:text", "x"),
            db.hset("resque:failed", "a", "b"),
        ),
        {
            "keys": {
                "resque:queue:text": {"is": "string", "should_be": "list"},
                "resque:failed": {"is": "hash", "should_be": "list"},
            },
            "count": 2,
        },
    ),
    Fault(
        "key-without-end",
        lambda db: db.set("resque:pruning_dead_workers_in_progress", "x"),
        {"keys": ["resque:pruning_dead_workers_in_progress"]},
    ),
    Fault(
        "payload-unreadable",
        lambda db: (
            queue(db, "low", b"\x1b[31m{'\xff", payload("A")),
            delay(db, NOW + 89_000, b"no job"),
        ),
        {"counts": {"queued": 1, "delayed": 1}},
    ),
    Fault(
        "failed-record-unreadable",
        lambda db: db.rpush("resque:failed", b'{"error":"x"'),
        {"counts": {"failed": 1}},
    ),
    Fault("encoder-other-than-ruby", html, {"dialect": "json_gem", "escaped": 1, "plain": 0}),
    Fault(
        "class-not-registered",
        lambda db: queue(db, "low", payload("Un::Known", 1)),
        args=("-A", "examined"),
        evidence={
            "classes": {
                "Un::Known": {"jobs": 1, "write": '@resque.job("Un::Known", ...)', "misfits": []}
            }
        },
        mended=False,
    ),
    Fault(
        "arguments-do-not-fit",
        lambda db: queue(db, "low", payload("Known", 1, 2)),
        args=("-A", "examined"),
        mended=False,
    ),
    Fault(
        "plugin-not-declared",
        undeclared,
        {"classes": {"Known": ["resque-lock"]}},
        args=("-A", "examined"),
        mended=False,
    ),
    Fault(
        "brake-pulled",
        lambda db: route(db, to="ruby", tripped="12% of 40 jobs failed"),
        {"classes": ["Nobody"], "tripped": "12% of 40 jobs failed"},
    ),
    Fault("route-to-nobody", route, {"classes": {"Nobody": "python"}}, args=("-A", "examined")),
    Fault(
        "routes-unreadable",
        lambda db: db.set("resque:migrate:routes", "{"),
        {"key": "resque:migrate:routes"},
    ),
    Fault("worker-silent", dead, {"workers": {DEAD: BEAT}, "with_a_job": [DEAD], "count": 1}),
    Fault(
        "worker-without-heartbeat",
        lambda db: listening(db, "x", beat=None),
        {"workers": ["other:1:x"]},
    ),
    Fault(
        "record-without-worker",
        lambda db: db.srem("resque:workers", at_work(db)),
        {"workers": ["other:1:low"], "key": "resque:worker:other:1:low"},
    ),
    Fault(
        "left-by-worker",
        lambda db: (
            db.hset("resque:workers:heartbeat", "gone:1:a", BEAT),
            db.set("resque:worker:old:2:b:started", "x"),
        ),
        {"heartbeats": ["gone:1:a"], "start_times": ["old:2:b"]},
    ),
    Fault(
        "worker-id-unreadable", lambda db: db.sadd("resque:workers", "what"), {"members": ["what"]}
    ),
    Fault(
        "no-scheduler",
        lambda db: delay(db, NOW + 90_000, payload("Known", 1)),
        {"key": "resque:resque:resque_scheduler_master_lock", "overdue_times": 0},
        mended=False,
    ),
    Fault("master-lock-without-end", lambda db: leads(db, ttl=None), {"holder": "other:9"}),
    Fault(
        "delayed-jobs-overdue",
        overdue,
        {"holder": "other:9", "overdue_times": 1, "first": NOW - 5000},
    ),
    Fault("two-masters", two_prefixes, {"holders": ["other:9", "third:3"]}),
    Fault(
        "schedule-wrong",
        lambda db: schedule(db, "bad", {"cron": "nonsense", "class": "A", "queue": "q"}),
        {"count": 1},
    ),
    Fault("schedule-wrong", lambda db: schedule(db, "bad", b"\xff"), {"count": 1}),
    Fault(
        "schedule-without-queue",
        lambda db: schedule(db, "it's", {"every": "1h", "class": "A", "args": ["é"]}),
        {"entries": {"it's": "no queue"}},
    ),
    Fault(
        "schedule-without-class",
        lambda db: schedule(db, "Daily", {"cron": "0 9 * * *", "queue": "q"}),
        {"entries": {"Daily": "no class"}},
    ),
    Fault(
        "schedule-never-runs",
        lambda db: schedule(db, "idle", {"class": "A", "queue": "q"}),
        {"entries": {"idle": "neither cron nor every"}},
    ),
    Fault(
        "delayed-not-scheduled",
        lambda db: db.rpush("resque:delayed:1900000000", payload("A")),
        {"times": {"1900000000": 1}, "jobs": 1},
    ),
    Fault(
        "mark-without-job",
        lambda db: db.set(f"resque:loners:queue:low:job:{'0' * 32}", "1"),
        {"gem": "resque-loner", "keys": [f"resque:loners:queue:low:job:{'0' * 32}"]},
    ),
    Fault(
        "mark-without-job",
        lambda db: db.set(f"resque:solo:queue:low:job:{'a' * 32}", "1"),
        {"gem": "resque_solo"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set('resque:lock:Sync-["x"]', NOW + 89_999),
        {"gem": "resque-lock", "keys": ['resque:lock:Sync-["x"]']},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("resque:queuelock:Sync-[1]", "2001-01-01"),
        {"gem": "resque-queue-lock"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("resque:lock:Sync:1-2", "true"),
        {"gem": "resque-lock-timeout"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("resque:loner:lock:Sync:1-2", "true"),
        {"gem": "resque-lock-timeout"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("resque:lonely_job:serial", NOW + 99_999),
        {"gem": "resque-lonely_job"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("resque:workerslock:Grid-[1]", "true", ex=900),
        {"gem": "resque-workers-lock"},
    ),
    Fault(
        "lock-without-job",
        lambda db: db.set("activejob_uniqueness:mail_job:no_arguments", "x", ex=900),
        {"gem": "activejob-uniqueness"},
    ),
    Fault(
        "retry-counter-without-job",
        lambda db: db.set(f"resque:resque-retry:Twice:{'b' * 40}", "2"),
        {"gem": "resque-retry", "count": 1},
    ),
    Fault(
        "eviction",
        lambda db: persistent(db, "allkeys-lru"),
        {"policy": "allkeys-lru", "maxmemory": 0},
    ),
    Fault("no-persistence", lambda db: None, {"appendonly": "no", "save": ""}),
)


@pytest.fixture
def server_as_before(db):
    """The settings of the server that faults change, as they were."""
    before = {
        name: db.config_get(name)[name]
        for name in ("maxmemory-policy", "maxmemory", "maxclients", "appendonly")
    }
    yield
    for name, value in before.items():
        db.config_set(name, value)


@pytest.mark.usefixtures("server_as_before")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_and_its_commands_mend_it(fault, db, found, carry_out):
    fault.plant(db)
    seen = found(*fault.args)
    assert fault.name in seen, seen
    one = seen[fault.name]
    assert one["evidence"].items() >= fault.evidence.items()
    assert one["why"]
    assert one["text"]
    assert one["mend"]
    if fault.mended:
        for line in one["mend"]:
            carry_out(line)
        assert fault.name not in found(*fault.args)


def test_every_kind_of_finding_has_a_name_of_its_own():
    names = [kind.name for check in CHECKS for kind in check.kinds]
    assert len(names) == len(set(names))


def test_at_least_twenty_kinds_are_planted():
    assert len({fault.name for fault in FAULTS}) > 30


def test_what_a_worker_that_has_left_told_of_itself_is_no_record(db, resque, found):
    keys = resque.core.keys
    for key in (keys.worker_note("other:1:low"), keys.worker_quit("other:1:low")):
        db.set(key, "{}", ex=100)
    assert "record-without-worker" not in found()
