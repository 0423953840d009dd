"""Users of Redis with the rights that docs/connections.md names: each role can do what it does, and needs no less."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque, plugins
from pyresque.errors import DirtyExit, NotReplicated
from pyresque.failure.interrupted import finish_prunings
from pyresque.handles import Handle
from pyresque.job.job import read_job
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import perform
from pyresque.job.plugin import moment
from pyresque.store.settle import carry_out
from tests.support import ROOT
from tests.support.acl import PAGE, roles
from tests.support.eventually import eventually
from tests.support.verb_story import STORY, left, mailer, seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.support.redis_server import RedisServer

AT = 4102444800

#: What the page names and a role sends seldom: to tell a wrong key, after a lost connection, for a job that has moved, for paused
#: queues, where a push was denied.
SELDOM = {
    "enqueuer": set(),
    "worker": {
        *("echo", "type", "hmget", "lpush", "mget", "lrange"),
        *("blpop", "zcard", "zscore", "zrem", "zremrangebyscore"),  # among more than 16 workers
    },
    "scheduler": {"lrem", "lset", "hdel", "incr"},
    "dashboard": {"zscore"},
    "mover": set(),
    "operator": {"exists", "expire", "hscan", "incr", "lpush", "sscan", "wait", "zscore"},
}


@contextmanager
def process(url: str, *words: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A command of pyresque's as this user; what it logs is shown where the block fails."""
    started = subprocess.Popen(
        [sys.executable, "-m", "pyresque", *words, "-A", "tests.live.roles_app"],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT), "VERBOSE": "1", **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield started
    finally:
        started.terminate()
        said, _ = started.communicate(timeout=60)
        print(said)
        assert "NOPERM" not in said
        assert "permission" not in said.lower()


def enqueuer(url: str, db: redis.Redis) -> None:
    with Resque(url, enqueue_replicas=1, enqueue_replica_timeout=0.001) as resque:
        resque.job("Mailer", queue="mail")(mailer)
        for verb in (
            lambda: resque.enqueue(mailer, 1),
            lambda: resque.enqueue_to("mail", "Other"),
            lambda: resque.enqueue_many([(mailer, 1), (mailer, 2)]),
            lambda: resque.create("mail", mailer),
            lambda: resque.push("mail", {"a": 1}),
            lambda: resque.enqueue_at(AT, mailer),
            lambda: resque.enqueue_many_at([(AT, mailer)]),
            lambda: resque.delayed_push(AT, {"class": "X", "args": []}),
            lambda: resque.active_job("Welcome", queue="mail").enqueue(),
            lambda: resque.active_job("Welcome", queue="mail").set(wait_until=AT).enqueue(),
        ):
            with pytest.raises(NotReplicated):
                verb()


def worker(url: str, db: redis.Redis) -> None:
    seed(db, "resque")
    db.hset("resque:workers:heartbeat", "host:1:mail", "2020-01-01T00:00:00Z")
    with Resque(url.replace(url[8 : url.index("@") + 1], "")) as all_rights:
        for executor, more in (
            ("fork", ()),
            ("inline", ()),
            ("thread", ("--count", "2")),
            ("async", ()),
        ):
            for _ in range(20):
                all_rights.enqueue_to("low", "Note", 1)
            for name in ("Boom", "Later", "Nowhere"):
                all_rights.enqueue_to("low", name)
            if executor == "fork":
                all_rights.enqueue_to("low", "Dies")
            all_rights.active_job("Welcome", queue="low").enqueue()
            processed = int(db.get("resque:stat:processed") or 0)
            with process(url, "worker", "-q", "low", "--executor", executor, *more):
                eventually(lambda: db.llen("resque:queue:low") == 0)
                eventually(lambda: not db.keys("resque:worker:*[^d]") or not all_rights.working())
                eventually(
                    lambda was=processed: int(db.get("resque:stat:processed") or 0) > was + 20
                )
                eventually(lambda: db.info("clients")["blocked_clients"])
                all_rights.enqueue_to("low", "Note", 1)  # Valkey counts a BLMOVE when it ends
                eventually(lambda: db.llen("resque:queue:low") == 0)
            with process(url, "worker", "-q", "*", "--executor", executor, "--burst", *more) as one:
                one.wait(60)
        # A worker that is killed leaves its job, which the next one puts back.
        all_rights.enqueue_to("slow", "Slow")
        with process(url, "worker", "-q", "slow", "--executor", "inline") as killed:
            eventually(lambda: db.keys("resque:worker:*:slow"))
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        for dead in db.smembers("resque:workers"):
            db.hset("resque:workers:heartbeat", dead, "2020-01-01T00:00:00Z")
        db.delete("resque:pruning_dead_workers_in_progress")  # held for a minute by the one before
        with process(url, "worker", "-q", "low", "--executor", "inline"):
            eventually(lambda: db.llen("resque:queue:slow"))
        # A worker that a signal stops at once puts its job back unperformed, or records it.
        with process(url, "worker", "-q", "slow"):
            eventually(lambda: db.keys("resque:worker:*:slow"))


def scheduler(url: str, db: redis.Redis) -> None:
    schedule = ROOT / "tests" / "live" / "roles_schedule.yml"
    db.rpush("resque:delayed:100", '{"class":"Note","args":[1],"queue":"low"}', '{"class":"Gone"}')
    db.zadd("resque:delayed_queue_schedule", {"100": 100, "200": 200})
    with process(
        url,
        "scheduler",
        "--schedule",
        str(schedule),
        "--dynamic-schedule",
        "--scheduler-interval",
        "0.1",
    ):
        eventually(lambda: db.llen("resque:queue:low") > 2)
        db.hset(
            "resque:persistent_schedules", "often", '{"every":"1s","class":"Note","queue":"low"}'
        )
        db.sadd("resque:schedules_changed", "often")
        eventually(lambda: db.hexists("resque:delayed:last_enqueued_at", "often"))


def mover(url: str, db: redis.Redis) -> None:
    rule = {"match": "Note", "to": "python", "brake": 5, "least": 1, "since": 0}
    db.set("resque:migrate:routes", json.dumps({"version": 1, "rules": [rule]}))
    db.rpush("resque:queue:low", '{"class":"Note","args":[1]}', '{"class":"Other","args":[]}')
    db.sadd("resque:queues", "low")
    with process(url, "migrate", "move", "-q", "*"):
        eventually(lambda: db.llen("resque:migrate:queue:low") == 1)
        hour = datetime.fromtimestamp(time.time(), timezone.utc)
        for key in (f"{hour:%Y-%m-%dT%H}", f"{hour + timedelta(hours=1):%Y-%m-%dT%H}"):
            failed = {f"{at:02}:python:failed": 9 for at in range(60)}
            db.hset(f"resque:migrate:lately:{key}:Note", mapping=failed)
        db.hset("resque:migrate:last", "python:Note", 1)
        eventually(lambda: not db.exists("resque:migrate:queue:low"))  # its brake has tripped


READING = {
    *("queues", "size", "queue_sizes", "queue_lengths", "peek", "sample_queues", "list_range"),
    *("delayed_queue_peek", "delayed_queue_schedule_size", "delayed_timestamp_size"),
    *("delayed_timestamp_peek", "next_delayed_timestamp", "count_all_scheduled_jobs"),
    *("find_delayed_selection", "scheduled_at", "is_delayed", "schedule", "fetch_schedule"),
    *("next_runs", "get_last_enqueued_at", "master_lock", "workers", "working", "find_worker"),
    *(
        "all_paused",
        "stat",
        "failures.count",
        "failures.queues",
        "failures.all",
        "retries.count",
        "info",
        "all_keys",
    ),
    *("statuses.count", "statuses.get", "statuses.all", "statuses.wait", "statuses.result"),
    *("queue_paused", "paused_queues", "all_queues_paused", "queue_latency"),
}


def dashboard(url: str, db: redis.Redis) -> None:
    """What only looks; the buttons of a dashboard need the operator's rights."""
    seed(db, "resque")
    with Resque(url) as resque:
        before = left(db, "resque")
        for name, verb in STORY:
            if name in READING:
                verb(resque)
        list(resque.failures.each())
        assert left(db, "resque") == before


def operator(url: str, db: redis.Redis) -> None:
    seed(db, "resque")
    with Resque(url) as resque:
        resque.job("Mailer", queue="mail")(mailer)
        for name, verb in STORY:
            answer = verb(resque)
            if name in {"failures.each", "retries.each"}:
                answer.close()
        resque.failures.clear()


ROLES: dict[str, Any] = {
    each.__name__: each for each in (enqueuer, worker, scheduler, dashboard, operator, mover)
}


def called(db: redis.Redis) -> set[str]:
    """Every command that the server has carried out, those of scripts too."""
    return {name.removeprefix("cmdstat_").partition("|")[0] for name in db.info("commandstats")}


def url_of(db: redis.Redis, server: RedisServer, *rights: str) -> str:
    words = ("reset", "on", ">pw", "resetkeys", "~resque:*", "-@all")
    db.execute_command("ACL", "SETUSER", "role", *words, *rights)
    return f"redis://role:pw@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("role", ROLES)
def test_a_user_with_the_rights_of_its_role_can_do_what_it_does_and_needs_no_less(
    db: redis.Redis, redis_server: RedisServer, role: str
) -> None:
    named = roles()[role]
    url = url_of(db, redis_server, *named)
    db.execute_command("ACL", "LOG", "RESET")
    db.script_flush()  # a server that knows every script is sent no EVAL
    db.config_resetstat()
    try:
        ROLES[role](url, db)
        used = {f"+{command}" for command in called(db)}
        refused = [(entry["object"], entry["context"]) for entry in db.acl_log()]
    finally:
        db.acl_deluser("role")
    assert refused == []
    assert named - used <= {f"+{command}" for command in SELDOM[role]}, "the page names too many"


def test_tracked_jobs_need_the_rights_that_the_page_names(
    db: redis.Redis, redis_server: RedisServer
) -> None:
    (named,) = re.findall(r"Tracked jobs\]\(results.md\) need `([^`]+)`", PAGE.read_text())
    rights = set(named.split())
    own = {"+sadd", "+rpush"}  # to enqueue
    db.config_resetstat()
    try:
        with Resque(url_of(db, redis_server, *rights, *own)) as resque:
            resque.job("Report", queue="low", tracked=True)(lambda n: resque.status().tick() or n)
            kept = resque.enqueue("Report", 1)
            assert isinstance(kept, Handle)
            job = read_job(resque.core.codec, "low", db.lpop("resque:queue:low"))
            resque.run(perform(resque.core.registry, job))
            assert kept.result(1) == 1
            resque.statuses.remove(kept.id)
            db.zadd("resque:_statuses", {"gone": 1})
            resque.run(resque.core.statuses.table.trim(5, 0.0))
        used = {f"+{command}" for command in called(db)}
    finally:
        db.acl_deluser("role")
    assert db.exists("resque:_statuses") == 0
    assert rights <= used, "the page names too many"


#: Every kind of plugin, with the options that send other commands.
PLUGINS = {
    "Loner": plugins.Loner(),
    "Longer": plugins.Loner(lock_after_execution=5),
    "Solo": plugins.Solo(),
    "Lock": plugins.Lock(),
    "QueueLock": plugins.QueueLock(),
    "LockTimeout": plugins.LockTimeout(loner=True),
    "Void": plugins.LockTimeout(loner=True, timeout=9),
    "LonelyJob": plugins.LonelyJob(),
    "WorkersLock": plugins.WorkersLock(),
    "Restriction": plugins.Restriction(per_hour=2, concurrent=2),
    "Throttle": plugins.Throttle(),
    "JobStats": plugins.JobStats(),
    "History": plugins.History(),
    "Retry": plugins.Retry(limit=1),
    "Suppress": plugins.Retry(limit=1, delay=5, suppress=True, expire=5),
    "Meta": plugins.Meta(),
}


def with_plugins(url: str) -> Resque:
    """A Resque with a class for each plugin, whose jobs fail if they are told to."""
    resque = Resque(url)
    for name, plugin in PLUGINS.items():

        @resque.job(name, queue="low", plugins=[plugin])
        def job(*words: str) -> None:
            assert "fail" not in words

    resque.active_job("Tidy", queue="low", unique="until_and_while_executing")(lambda *_: None)
    return resque


def test_jobs_with_plugins_need_the_rights_that_the_page_names(
    db: redis.Redis, redis_server: RedisServer
) -> None:
    (named,) = re.findall(r"Plugins\]\(plugins.md\) need `([^`]+)`", PAGE.read_text())
    rights, of_role = set(named.split()), roles()
    (keys,) = re.findall(r"and the keys `(~\S+)`", PAGE.read_text())
    db.execute_command("ACL", "LOG", "RESET")
    db.script_flush()
    db.config_resetstat()
    try:
        with with_plugins(url_of(db, redis_server, keys, *rights, *of_role["enqueuer"])) as resque:
            for name in PLUGINS:
                resque.enqueue(name)
                resque.enqueue_at(AT, name, "fail")
            resque.run(PLUGINS["Meta"].enqueue(resque, "Meta"))
            resque.enqueue("Tidy")
        with with_plugins(url_of(db, redis_server, keys, *rights, *of_role["scheduler"])) as resque:
            resque.move_due(AT)
        mine = of_role["worker"] | of_role["enqueuer"]
        with with_plugins(url_of(db, redis_server, keys, *rights, *mine)) as resque:
            while job := resque.reserve("low"):
                entry, end = resque.core.registry.with_plugins_of(job), JobEnd()
                with suppress(AssertionError):
                    resque.run(perform(resque.core.registry, job, end))
                resque.run(carry_out(end.with_record(b"{}")))
                if entry is not None:
                    resque.run(moment(entry, "lost", DirtyExit("killed")))
            resque.run(finish_prunings(resque.core.lost_jobs, 0))
        used = {f"+{command}" for command in called(db)}
        refused = [(entry["object"], entry["context"]) for entry in db.acl_log()]
    finally:
        db.acl_deluser("role")
    assert refused == []
    assert rights <= used, "the page names too many"


def test_a_worker_that_trims_failed_lists_needs_the_rights_that_the_page_names(
    db: redis.Redis, redis_server: RedisServer
) -> None:
    (named,) = re.findall(r"`([^`]+)` for limits of failed lists", PAGE.read_text())
    rights = set(named.split())
    db.rpush(
        "resque:failed", *(f'{{"failed_at":"2020/01/0{day} 00:00:00 UTC"}}' for day in range(1, 6))
    )
    db.execute_command("ACL", "LOG", "RESET")
    db.config_resetstat()
    try:
        url = url_of(db, redis_server, *rights, *roles()["worker"])
        for limits, left_over in (({"failed_max_count": 3}, 3), ({"failed_max_age": 60}, 0)):
            with Resque(url, **limits) as resque:
                resque.run(resque.core.retention.trim_after_failure())
            assert db.llen("resque:failed") == left_over
        used = {f"+{command}" for command in called(db)}
        refused = [(entry["object"], entry["context"]) for entry in db.acl_log()]
    finally:
        db.acl_deluser("role")
    assert refused == []
    assert rights <= used, "the page names too many"
