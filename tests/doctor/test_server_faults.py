"""Faults of the server, of this host and of clocks, planted in what the checks read."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.doctor.checkup import Checkup
from pyresque.ops import Command, rewrite
from pyresque.process.host.this_host import ThisHost
from tests.support.inventories import payload
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from pyresque.doctor.finding import Finding


@dataclass
class Pretended:
    """A host whose processes are those named."""

    name: str = "here"
    lines: dict[int, str] | None = field(default_factory=dict)

    def command_lines(self) -> dict[int, str] | None:
        return self.lines


class Late:
    """A clock that is so many seconds off."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def time(self) -> float:
        return time.time() + self.seconds

    def monotonic(self) -> float:
        return time.monotonic()


def examined(resque: Resque, **options: Any) -> dict[str, Finding]:
    report = resque.run(Checkup(resque.core, **options).examine())
    return {one.kind.name: one for one in report.findings}


def told(resque: Resque, **fields: object) -> dict[str, Finding]:
    """What is found if INFO says this, too."""

    def change(request: Any) -> Any:
        if isinstance(request, Command) and request.args == ("INFO",):
            lines = "".join(f"{name}:{value}\r\n" for name, value in fields.items())
            return Command(("ECHO", lines), request.read)
        return request

    report = resque.run(rewrite(Checkup(resque.core).examine(), change))
    return {one.kind.name: one for one in report.findings}


@pytest.mark.parametrize(
    ("fields", "name", "severity", "evidence", "mend"),
    [
        (
            {"maxmemory_policy": "volatile-ttl", "maxmemory": 1000},
            "eviction",
            "error",
            {"policy": "volatile-ttl", "maxmemory": 1000},
            "CONFIG SET maxmemory-policy noeviction",
        ),
        (
            {"maxmemory": 1000, "used_memory": 850},
            "memory-nearly-full",
            "warning",
            {"used_memory": 850},
            "CONFIG SET maxmemory 2000",
        ),
        (
            {"maxmemory": 1000, "used_memory": 990},
            "memory-nearly-full",
            "error",
            {"used_memory": 990},
            "CONFIG SET maxmemory 2000",
        ),
        (
            {"maxclients": 100, "connected_clients": 90},
            "clients-nearly-full",
            "warning",
            {"connected_clients": 90, "maxclients": 100},
            "CONFIG SET maxclients 200",
        ),
        (
            {"rdb_last_bgsave_status": "err"},
            "persistence-fails",
            "error",
            {"says": {"rdb_last_bgsave_status": "err"}},
            "BGSAVE",
        ),
        (
            {"redis_version": "5.0.3"},
            "redis-too-old",
            "warning",
            {"version": "5.0.3"},
            "redis-server",
        ),
        (
            {"role": "slave", "master_host": "main", "master_port": 6380},
            "redis-is-a-replica",
            "error",
            {"master": "main:6380"},
            "export REDIS_URL=redis://main:6380/0",
        ),
        (
            {
                "role": "master",
                "connected_slaves": 1,
                "slave0": "ip=a,port=1,state=online,offset=1,lag=60",
            },
            "replica-lags",
            "warning",
            {"replica": {"ip": "a", "port": "1", "state": "online", "offset": "1", "lag": "60"}},
            "INFO replication",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_redis_tells_of_itself(resque, fields, name, severity, evidence, mend):
    one = told(resque, **fields)[name]
    assert (one.severity, one.evidence | evidence) == (severity, one.evidence)
    assert one.mend[0].endswith(mend)


def test_the_numbers_of_a_server_that_is_well_are_no_findings(resque):
    fields = {
        "maxmemory_policy": "noeviction",
        "maxmemory": 1000,
        "used_memory": 100,
        "aof_enabled": 1,
        "maxclients": 100,
        "connected_clients": 10,
        "redis_version": "7.2.4",
        "role": "master",
        "connected_slaves": 0,
    }
    assert told(resque, **fields) == {}


def test_clients_near_the_limit_are_found_and_the_command_gives_room(
    redis_server, db, found, carry_out
):
    before = db.config_get("maxclients")["maxclients"]
    others = [redis_server.client() for _ in range(40)]
    try:
        for one in others:
            one.ping()
        db.config_set("maxclients", db.info("clients")["connected_clients"] + 5)
        one = found()["clients-nearly-full"]
        assert one["evidence"]["connected_clients"] > 40
        carry_out(one["mend"][0])
        assert "clients-nearly-full" not in found()
    finally:
        db.config_set("maxclients", before)
        for one in others:
            one.close()


def test_replicas_that_are_waited_for_and_not_there(found, carry_out, monkeypatch):
    monkeypatch.setenv("RESQUE_ENQUEUE_REPLICAS", "2")
    one = found()["too-few-replicas"]
    assert one["evidence"] == {"connected": 0, "wanted": 2}
    carry_out(one["mend"][0])
    assert "too-few-replicas" not in found()


@pytest.mark.parametrize(("seconds", "where"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_of_this_host_that_differs(redis_url, db, seconds, where):
    with Resque(redis_url, clock=Late(seconds)) as resque:
        one = examined(resque)["clock-skew"]
    assert abs(one.evidence["seconds"] - seconds) <= 2
    assert where in one.text
    assert one.mend == ("sudo timedatectl set-ntp true",)


def test_workers_that_write_times_of_the_future(resque, db):
    db.sadd("resque:workers", "web-1:5:low", "web-2:6:low")
    db.hset("resque:workers:heartbeat", "web-1:5:low", "2099-01-01T00:00:00+00:00")
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    db.hset("resque:workers:heartbeat", "web-2:6:low", now)
    db.set(
        "resque:worker:web-2:6:low",
        '{"queue":"low","run_at":"2098-01-01T00:00:00Z","payload":{"class":"A","args":[]}}',
    )
    one = examined(resque)["clock-skew"]
    assert set(one.evidence["hosts"]) == {"web-1", "web-2"}
    assert one.mend == tuple(f"ssh web-{at} sudo timedatectl set-ntp true" for at in (1, 2))


def alive(db: redis.Redis, worker: str) -> None:
    db.sadd("resque:workers", worker)
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    db.hset("resque:workers:heartbeat", worker, now)


def test_a_worker_of_this_host_without_a_process(resque, db):
    alive(db, "here:77:low")
    alive(db, "here~2:78:low")
    alive(db, "there:77:low")
    alive(db, "here:79:low")
    host = Pretended(lines={79: "resque-2.6.0: Waiting for low"})
    one = examined(resque, host=host)["worker-without-process"]
    assert one.evidence["workers"] == ["here:77:low", "here~2:78:low"]
    assert one.mend == ("pyresque workers prune --yes",)


def test_a_worker_that_lives_without_heartbeats_is_not_to_be_removed(resque, db):
    db.sadd("resque:workers", "here:79:low", "there:79:low")
    host = Pretended(lines={79: "resque-1.25.2: Waiting for low"})
    one = examined(resque, host=host)["worker-without-heartbeat"]
    assert one.mend == ("pyresque workers remove --yes there:79:low",)


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("node worker.js --queue low", "(exec -a 'resque-1: 77' node worker.js --queue low)"),
        ("resque-web resque-1: Waiting", "unset RESQUE_PROCLINE_PREFIX"),
    ],
)
def test_a_process_that_ruby_does_not_take_for_a_worker(resque, db, line, mend):
    alive(db, "here:77:low")
    one = examined(resque, host=Pretended(lines={77: line}))["worker-title"]
    assert (one.evidence["pid"], one.evidence["title"]) == (77, line)
    assert one.mend == ("kill -QUIT 77", mend)


def test_the_titles_of_our_own_processes_are_those_that_ruby_looks_for(resque, db):
    alive(db, f"here:{os.getpid()}:low")
    lines = {os.getpid(): "pyresque-1.0.0: Waiting for low"}
    assert not {"worker-title", "worker-without-process"} & set(
        examined(resque, host=Pretended(lines=lines))
    )


def test_an_old_ruby_worker(resque, db):
    host = Pretended(lines={5: "resque-1.25.2: Waiting for *", 6: "resque-2.0.0: Waiting for *"})
    one = examined(resque, host=host)["ruby-too-old"]
    assert list(one.evidence["versions"].values()) == [[5]]


def test_a_master_lock_of_a_process_that_has_ended(resque, db, found, carry_out):
    holder = f"{ThisHost().name}:4194304"
    db.set("resque:resque:resque_scheduler_master_lock", holder, ex=100)
    one = found()["master-lock-of-the-dead"]
    assert one["evidence"]["holder"] == holder
    carry_out(one["mend"][0])
    assert "master-lock-of-the-dead" not in found()


@pytest.mark.parametrize("pid", ["9" * 5000, "x", ""])
def test_a_master_lock_that_names_no_process_is_not_looked_for_among_them(db, doctor, pid):
    db.set("resque:resque:resque_scheduler_master_lock", f"{ThisHost().name}:{pid}", ex=100)
    report = doctor()
    assert "master-lock-of-the-dead" not in {one["finding"] for one in report["findings"]}
    assert report["not_looked_at"] == []


def test_node_resques_scheduler_beside_the_other_one(resque, db):
    db.set("resque:resque:resque_scheduler_master_lock", "a:1", ex=100)
    db.set("resque:resque_scheduler_leader_lock", "node-1:99", ex=100)
    one = examined(resque)["two-masters"]
    assert (one.severity, one.evidence["holders"]) == ("error", ["a:1", "node-1:99"])
    assert one.mend[0] == "ssh node-1 kill -TERM 99"
    here = examined(resque, host=Pretended(name="node-1"))["two-masters"]
    assert here.mend[0] == "kill -TERM 99"


@pytest.mark.parametrize("holder", ["node-1:0", "node-1:1", "-oProxyCommand=x:99", "a b:99", "x"])
def test_no_command_ends_what_is_no_scheduler(resque, db, holder):
    db.set("resque:resque:resque_scheduler_master_lock", "a:1", ex=100)
    db.set("resque:resque_scheduler_leader_lock", holder, ex=100)
    (mend,) = examined(resque)["two-masters"].mend
    assert mend.startswith("redis-cli ")


def test_a_scheduler_of_another_prefix_or_of_node_alone_is_no_finding(resque, db):
    resque.enqueue_in(3600, "A", queue="q")
    assert "no-scheduler" in examined(resque)
    db.set("resque:resque:east:resque_scheduler_master_lock", "a:1", ex=100)
    assert not {"no-scheduler", "two-masters"} & set(examined(resque))
    db.delete("resque:resque:east:resque_scheduler_master_lock")
    db.set("resque:resque_scheduler_leader_lock", "node-1:99", ex=100)
    assert not {"no-scheduler", "two-masters"} & set(examined(resque))


def test_jobs_that_were_read_in_part_judge_no_mark(resque, db):
    db.sadd("resque:queues", "long")
    db.rpush("resque:queue:long", *(payload("A", at) for at in range(3000)))
    db.set(f"resque:loners:queue:long:job:{'0' * 32}", "1")
    report = resque.run(Checkup(resque.core).examine())
    assert "mark-without-job" not in {one.kind.name for one in report.findings}
    assert any(one.check == "locks" and "long" in one.because for one in report.unseen)
    assert (report.jobs_read, report.jobs, report.whole) == (1000, 3000, False)
    report = resque.run(Checkup(resque.core, whole=True).examine())
    assert "mark-without-job" in {one.kind.name for one in report.findings}
    assert (report.jobs_read, report.unseen, report.whole) == (3000, [], True)


@pytest.fixture
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("kept"), durable=True)
    yield made
    made.kill()


def test_of_an_empty_redis_that_keeps_its_data_nothing_is_said(other_server, monkeypatch, doctor):
    monkeypatch.setenv("REDIS_URL", other_server.url)
    report = doctor()
    assert (report["exit_code"], report["findings"], report["not_looked_at"]) == (0, [], [])
