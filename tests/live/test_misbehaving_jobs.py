"""What jobs may do to the process they run in: each has one true record, the next is performed, and the worker obeys."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from tests.live.misbehaving_app import KINDS, LEFT_IN_THE_LOOP, OF_THE_LOOP
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.processes import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

#: The executors, and for each the flags of a worker.
EXECUTORS = {
    "fork": [],
    "a child for many jobs": ["--jobs-per-child", "100"],
    "inline": ["--executor", "inline"],
    "thread": ["--executor", "thread", "-c", "2"],
    "async": ["--executor", "async", "-c", "2"],
}
TOGETHER = ("thread", "async")
CLOSING = ("closes its descriptors", "closes all descriptors")
FATAL = ("exits", "is killed", "becomes another program")

#: Python lets the main thread alone do these.
OF_THE_MAIN_THREAD = (
    "ignores signals",
    "handles signals",
    "handles signals as usual",
    "changes the wake-up",
)


def push(db: redis.Redis, name: str, *args: Any) -> None:
    db.rpush("resque:queue:low", json.dumps({"class": name, "args": args}))


@contextmanager
def worker(url: str, executor: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "pyresque.cli", "worker", "-A", "tests.live.misbehaving_app"]
    env = {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*line, "-q", "low", *EXECUTORS[executor], *flags], env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def all_registered(db: redis.Redis, executor: str) -> None:
    """Wait until each of its workers is: one that is killed before leaves a heartbeat, which goes when it is too old."""
    count = 2 if executor in TOGETHER else 1
    eventually(lambda: db.scard("resque:workers"), lambda seen: seen == count)


def shows(process: subprocess.Popen[bytes], text: str) -> None:
    """Wait until the worker's title says that."""
    eventually(lambda: command_line(process.pid), lambda seen: text in seen)


def processed(db: redis.Redis, count: int) -> None:
    """Wait until so many jobs are counted."""
    eventually(lambda: int(db.get("resque:stat:processed") or 0), lambda seen: seen == count)


def notes(db: redis.Redis) -> list[str]:
    return [note.decode() for note in db.lrange("notes", 0, -1)]


def failed(url: str) -> list[tuple[str | None, Any]]:
    with Resque(url) as resque:
        return [
            (record.exception, record.payload.args[0])
            for record in resque.failures.each(order="asc")
        ]


def harms(executor: str) -> list[tuple[str, str]]:
    """The jobs that a worker of this kind survives: class and argument."""
    kinds = [kind for kind in KINDS if executor != "async" or kind not in CLOSING]
    found = [("Harm", kind) for kind in kinds]
    if executor == "async":
        found += [("HarmAwaiting", kind) for kind in kinds]
    found += [("HarmLoop", kind) for kind in OF_THE_LOOP]
    if executor not in {*TOGETHER, "inline"}:
        found += [("Fatal", kind) for kind in FATAL]
    return found


def reported_as(executor: str, name: str, kind: str) -> str | None:
    """The exception under which a job is recorded as failed; None where it is done."""
    if name == "Fatal":
        return "Resque::DirtyExit"
    if executor in TOGETHER and kind in OF_THE_MAIN_THREAD:
        return "ValueError"
    if kind == "closes the loop":
        return "RuntimeError"
    if kind == "stops the loop" and executor != "async":
        return "RuntimeError"
    return None


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_goes_on_and_obeys_whatever_jobs_do_to_their_process(
    db: redis.Redis, redis_url: str, executor: str
):
    jobs = harms(executor)
    with worker(redis_url, executor) as process:
        shows(process, "Waiting for low")
        for number, (name, kind) in enumerate(jobs):
            push(db, name, kind)
            processed(db, 2 * number + 1)
            shows(process, "Waiting for low")
            process.send_signal(signal.SIGUSR2)
            shows(process, "Paused")
            push(db, "Next", number)
            process.send_signal(signal.SIGCONT)
            processed(db, 2 * number + 2)
        shows(process, "Waiting for low")
        process.send_signal(signal.SIGQUIT)
        assert process.wait(60) == 0
    expected = [f"next {number}" for number in range(len(jobs))]
    assert sorted(notes(db)) == sorted([*expected, *(kind for _, kind in jobs)])
    expected = [(reported_as(executor, *job), job[1]) for job in jobs]
    assert failed(redis_url) == [one for one in expected if one[0]]
    assert db.keys("resque:worker*") == []


@pytest.mark.parametrize("name", ["QUIT", "TERM"])
@pytest.mark.parametrize("kind", ["ignores signals", "closes all descriptors"])
def test_a_signal_to_stop_is_obeyed_after_a_job_in_the_workers_own_process(
    db: redis.Redis, redis_url: str, kind: str, name: str
):
    with worker(redis_url, "inline") as process:
        push(db, "Harm", kind)
        processed(db, 1)
        shows(process, "Waiting for low")
        process.send_signal(signal.Signals[f"SIG{name}"])
        assert process.wait(60) == 0
    assert db.keys("resque:worker*") == []
    assert failed(redis_url) == []


def test_jobs_of_one_class_that_follow_one_another_do_not_keep_the_worker_deaf(
    db: redis.Redis, redis_url: str
):
    push(db, "Harm", "ignores signals")
    for number in range(40):
        push(db, "Nap", number)
    with worker(redis_url, "inline") as process:
        eventually(lambda: "nap 1" in notes(db))
        process.send_signal(signal.SIGQUIT)
        assert process.wait(60) == 0
    assert len(notes(db)) < 40
    assert db.keys("resque:worker*") == []


@pytest.mark.parametrize("kind", FATAL)
@pytest.mark.parametrize("executor", ["inline", *TOGETHER])
def test_a_job_that_ends_its_workers_process_is_recorded_by_the_next_worker(
    db: redis.Redis, redis_url: str, executor: str, kind: str
):
    with worker(redis_url, executor) as process:
        all_registered(db, executor)
        push(db, "Fatal", kind)
        assert process.wait(60) != 0
    push(db, "Next", 1)
    db.delete("resque:pruning_dead_workers_in_progress")  # held for a heartbeat interval
    with worker(redis_url, executor, "--burst") as process:
        assert process.wait(60) == 0
    assert failed(redis_url) == [("Resque::DirtyExit", kind)]
    assert notes(db) == [kind, "next 1"]
    assert db.keys("resque:worker*") == []


@pytest.mark.parametrize("name", ["Harm", "HarmAwaiting"])
@pytest.mark.parametrize("kind", CLOSING)
def test_a_job_that_closes_what_its_event_loop_waits_at_is_recorded_and_the_process_ends(
    db: redis.Redis, redis_url: str, kind: str, name: str
):
    with worker(redis_url, "async") as process:
        all_registered(db, "async")
        push(db, name, kind)
        assert process.wait(60) != 0
    push(db, "Next", 1)
    db.delete("resque:pruning_dead_workers_in_progress")  # as above
    with worker(redis_url, "async", "--burst") as process:
        assert process.wait(60) == 0
    assert failed(redis_url) == [("Resque::DirtyExit", kind)]
    assert notes(db) == [kind, "next 1"]
    assert db.keys("resque:worker*") == []


@pytest.mark.parametrize("kind", LEFT_IN_THE_LOOP)
def test_what_a_job_leaves_in_the_event_loop_does_not_keep_the_process(
    db: redis.Redis, redis_url: str, kind: str
):
    with worker(redis_url, "async") as process:
        push(db, "HarmLoop", kind)
        processed(db, 1)
        process.send_signal(signal.SIGQUIT)
        assert process.wait(60) == 0
    assert failed(redis_url) == []
    assert db.keys("resque:worker*") == []
