"""The hooks ``child_exit`` and ``job_lost``: what runs at a child's end, and after its death."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.process.worker.pruning import Pruner
from pyresque.process.worker.queue_list import QueueList
from tests.live.forking_worker import FORKING, command
from tests.support.eventually import eventually
from tests.support.processes import is_alive
from tests.support.queue_state import push

if TYPE_CHECKING:
    import redis

    from pyresque.failure.record import FailedRecord

CHILDREN = pytest.mark.parametrize("executor", FORKING)


def work(url: str, executor: str, **env: str) -> str:
    line, given = command(url, executor, "--burst")
    line = [word.replace("forking_app", "exit_app") for word in line]
    done = subprocess.run(
        line, env={**given, **env}, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def notes(db: redis.Redis) -> list[str]:
    return [note.decode() for note in db.lrange("resque:notes", 0, -1)]


def failed(url: str) -> list[FailedRecord]:
    with Resque(url) as resque:
        return list(resque.failures.each(order="asc"))


@CHILDREN
def test_each_child_calls_the_hooks_before_it_ends(db: redis.Redis, redis_url: str, executor: str):
    for number in range(4):
        push(db, "Note", number)
    push(db, "Fail")
    work(redis_url, executor, PATIENT="1")
    children = 1 if executor == "a child for many jobs" else 5
    found = notes(db)
    assert found.count("second") >= children  # a child that was forked ahead may have had no job
    assert found.count("exit ") == found.count("second")
    assert [note for note in found if note.startswith("job")] == [f"job {n}" for n in range(4)]
    assert [record.exception for record in failed(redis_url)] == ["ValueError"]
    assert db.get("resque:stat:processed") == b"5"


@pytest.mark.parametrize("executor", ["fork without a server", "fast path"])
def test_a_hook_that_raises_is_logged_and_the_others_run(
    db: redis.Redis, redis_url: str, executor: str
):
    for number in range(3):
        push(db, "Note", number)
    log = work(redis_url, executor, END="raises", PATIENT="1")
    assert "of the hook" in log
    assert notes(db).count("second") == notes(db).count("exit raises") > 0
    assert failed(redis_url) == []


@pytest.mark.parametrize(
    ("executor", "alarm"),
    [
        ("fork", "blocked"),
        ("fork without a server", ""),
        ("a child for many jobs", "ignored"),
        ("fast path", "blocked"),
        ("fast path", "ignored"),
        ("fast path", "called off"),
    ],
)
def test_a_hook_that_does_not_return_is_ended_whatever_it_does_to_the_alarm_and_the_job_is_done(
    db: redis.Redis, redis_url: str, executor: str, alarm: str
):
    for number in range(2):
        push(db, "Note", number)
    work(redis_url, executor, END="hangs", ALARM=alarm)
    assert db.get("resque:hung_in")
    assert "second" not in notes(db)
    assert failed(redis_url) == []
    assert db.get("resque:stat:processed") == b"2"
    assert db.keys("resque:worker*") == []


@CHILDREN
def test_a_hook_that_stops_its_process_holds_no_worker_and_the_process_does_not_stay(
    db: redis.Redis, redis_url: str, executor: str
):
    push(db, "Note", "first")
    push(db, "Fail")
    push(db, "Note", "last")
    work(redis_url, executor, END="stops")
    assert [note for note in notes(db) if note.startswith("job")] == ["job first", "job last"]
    assert [record.exception for record in failed(redis_url)] == ["ValueError"]
    assert db.get("resque:stat:processed") == b"3"
    stopped = [int(pid) for pid in db.smembers("resque:stopped")]
    assert stopped
    eventually(lambda: not any(map(is_alive, stopped)))


@pytest.mark.parametrize("executor", ["inline", "thread"])
def test_other_executors_call_none(db: redis.Redis, redis_url: str, executor: str):
    push(db, "Note", 1)
    work(redis_url, executor)
    assert notes(db) == ["job 1"]


@pytest.mark.parametrize("executor", ["fork", "fast path"])
def test_a_job_whose_process_died_is_told_unless_it_goes_back_and_the_hook_knows_of_its_retry(
    db: redis.Redis, redis_url: str, executor: str
):
    for name in ("Note", "Note", "Note"):
        push(db, name, 0)
    for name in ("Die", "DieAndRetry", "DieAndGoBack"):
        push(db, name)
    log = work(redis_url, executor)
    assert sorted(note for note in notes(db) if note.startswith("lost")) == [
        "lost Die DirtyExit False",
        "lost DieAndGoBack DirtyExit False",
        "lost DieAndRetry DirtyExit False",
        "lost DieAndRetry DirtyExit True",
    ]
    assert log.count("a job_lost hook failed for") == 4
    assert len(failed(redis_url)) == 4


def test_whoever_prunes_a_dead_worker_tells_of_its_job(db: redis.Redis, redis_url: str):
    resque = Resque(redis_url)
    told = []
    resque.job("Die", queue="low")(lambda: None)
    resque.job_lost(lambda job, error: told.append((job.class_name, type(error).__name__)))
    db.sadd("resque:workers", "gone:1:low", "gone:2:low")
    db.hset("resque:workers:heartbeat", "gone:1:low", "2020-01-01T00:00:00Z")
    db.hset("resque:workers:heartbeat", "gone:2:low", "2020-01-01T00:00:00Z")
    for number, name in ((1, "Die"), (2, "Unknown")):
        db.set(
            f"resque:worker:gone:{number}:low",
            json.dumps(
                {
                    "queue": "low",
                    "run_at": "2020-01-01T00:00:00Z",
                    "payload": {"class": name, "args": []},
                }
            ),
        )
    with resque:
        queues = QueueList.parse(("low",))
        pruned = resque.run(Pruner(resque.core, "me:3:low", queues, lambda: None).prune())
    assert sorted(pruned or ()) == ["gone:1:low", "gone:2:low"]
    assert told == [("Die", "PruneDeadWorkerDirtyExit")]
