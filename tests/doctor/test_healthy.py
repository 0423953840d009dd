"""On a healthy Redis, as real workers and a real scheduler leave it, the doctor finds nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.process.host.owned_process import OwnedProcess
from pyresque.process.start.load_app import load_app
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from pyresque.client import Resque

APP = """
import os, redis
from pyresque import Resque
from pyresque.plugins import (
    JobStats, LockTimeout, Lock, LonelyJob, Loner, QueueLock, Restriction, Retry, Solo, Status, WorkersLock,
)

resque = Resque()


def note(name, value="x"):
    with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None) as client:
        client.rpush(name, value)
        if name == "holding":
            client.blpop("release", 60)


@resque.job("Hold", queue="serial", plugins=[LonelyJob(), WorkersLock(), LockTimeout(timeout=600, loner=True)])
def hold(who, options): note("holding")

@resque.job("Fails", queue="low", plugins=[Retry(limit=3, delay=3600, suppress=True)])
def fails(*args): raise ValueError("<no> & again")

@resque.job("FailsForGood", queue="low")
def fails_for_good(*args): raise KeyError("gone")

@resque.job("Quick", queue="low", plugins=[Loner(), JobStats(), Restriction(per_hour=100_000)], tracked=True)
def quick(*args): note("done")

@resque.job("Once", queue="low", plugins=[Solo(ttl=3600)])
def once(*args): note("done")

@resque.job("Piled", queue="low", plugins=[QueueLock()])
def piled(*args): note("done")

@resque.job("Locked", queue="low", plugins=[Lock()])
def locked(*args): note("done")

@resque.active_job("MailJob", queue="low", unique="until_executed")
def mail(address): note("done")

@resque.active_job("DigestJob", queue="low", unique="until_expired")
def digest(address): note("done")
"""

ENTRY = {"cron": "0 4 1 1 *", "class": "Quick", "queue": "low", "args": ["yearly"]}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that keeps its data."""
    made = RedisServer(tmp_path_factory.mktemp("healthy"), durable=True)
    yield made
    made.kill()


@pytest.fixture
def client(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    monkeypatch.setenv("REDIS_URL", server.url)
    with server.client() as made:
        yield made


@pytest.fixture
def started(environment: Path, client: redis.Redis) -> Iterator[Callable[..., OwnedProcess]]:
    """Start commands of pyresque's; they end with the test."""
    (environment / "healthy.py").write_text(APP)
    running: list[OwnedProcess] = []

    def call(*words: str, **env: str) -> OwnedProcess:
        line = [sys.executable, "-m", "pyresque", *words, "-A", "healthy"]
        running.append(OwnedProcess(line, env={**os.environ, **env}))
        return running[-1]

    yield call
    for process in running:
        process.end(signal.SIGKILL)
    sys.modules.pop("healthy", None)


@pytest.fixture
def app(started: object) -> Iterator[Resque]:
    made = load_app("healthy")
    yield made
    made.close()


def nothing(found: dict[str, Any], *, but: str = "") -> bool:
    assert [one["text"] for one in found["findings"] if not but or but not in one["text"]] == []
    return found["exit_code"] == 0 and found["not_looked_at"] == []


def test_nothing_is_found_while_real_workers_and_a_scheduler_work(started, app, client, doctor):
    started("worker", "-q", "serial,low", INTERVAL="0.1")
    started("scheduler", "--dynamic", RESQUE_SCHEDULER_INTERVAL="0.2")
    app.enqueue("FailsForGood", "a & b")
    app.enqueue("Fails", 1, [2, {"three": 4}])
    for number in range(5):
        app.enqueue("Quick", number)
    app.enqueue("DigestJob", "ann@example.com")
    app.enqueue_in(1, "Quick", "soon")
    app.set_schedule("yearly", ENTRY, persist=True)
    eventually(lambda: client.llen("done") == 7)
    eventually(lambda: client.llen("resque:failed") == 1)
    eventually(lambda: client.exists("resque:resque:resque_scheduler_master_lock"))
    # what is there while a job runs, others wait under their marks, and one is to be tried again
    app.enqueue("Hold", "ann", {"one": 1.5})
    eventually(lambda: client.llen("holding") == 1)
    app.enqueue("Quick", "waits", {"with": "a hash"})
    app.enqueue("Once", 1)
    app.enqueue("Piled", "x", None)
    app.enqueue("Locked", {"a": [1, "b"]})
    app.enqueue("MailJob", "ann@example.com")
    app.enqueue_in(3600, "Quick", "later")
    app.enqueue_in(3600, "MailJob", "bob@example.com")
    assert client.exists("resque:lonely_job:serial", 'resque:loner:lock:Hold:ann-{"one"=>1.5}') == 1
    assert nothing(doctor("-A", "healthy"))
    assert nothing(doctor("-A", "healthy", "--whole"))
    # without the application nobody knows that a lock is kept on purpose
    assert nothing(doctor("--whole"), but="unless its strategy is until_expired")
    client.rpush("release", "go")
    eventually(lambda: client.llen("done") == 11)
    assert nothing(doctor("-A", "healthy"))


def test_jobs_that_come_and_go_under_their_marks_are_no_findings(started, app, client, doctor):
    started("worker", "-q", "serial,low", INTERVAL="0.1")
    eventually(lambda: client.scard("resque:workers") == 1)
    for turn in range(15):
        for name in ("Quick", "Once", "Piled", "Locked"):
            app.enqueue(name, "again")
        assert nothing(doctor("-A", "healthy")), turn


def test_a_worker_that_was_killed_is_found_with_its_job_and_pruned(
    started, app, client, doctor, carry_out, monkeypatch
):
    worker = started("worker", "-q", "serial", INTERVAL="0.1")
    app.enqueue("Hold", "ann", {})
    eventually(lambda: client.llen("holding") == 1)
    client.delete("resque:pruning_dead_workers_in_progress")
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    (one,) = doctor()["findings"]
    assert (one["finding"], one["severity"]) == ("worker-without-process", "error")
    assert one["evidence"]["count"] == len(one["evidence"]["with_a_job"]) == 1
    (line,) = one["mend"]
    done = subprocess.run(
        [sys.executable, "-m", *line.split()], capture_output=True, check=True, env=dict(os.environ)
    )
    assert b"pruned" in done.stdout
    assert json.loads(client.lindex("resque:failed", 0))["payload"]["class"] == "Hold"
    assert not any(one["finding"] == "worker-without-process" for one in doctor()["findings"])
