"""A job may fork: only the process that was given the job tells how it ended, and what it forks is no worker."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.live.forking_worker import (
    EVERY,
    FORKING,
    command,
    failed,
    notes,
    short_ones,
    shorts,
    work,
)
from tests.support.eventually import eventually
from tests.support.processes import is_alive
from tests.support.queue_state import push

if TYPE_CHECKING:
    import redis


HELPERS = {"returns": 0, "raises": 1, "exits": 3, "is killed": -15, "execs": 0}


@EVERY
def test_a_job_that_is_done_is_done_however_its_helpers_end(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    for name in ("Fork", "AsyncFork", "Limited"):
        for helper in HELPERS:
            push(db, name, helper, "is done")
    log = work(redis_url, executor)
    found = [note for note in notes(db) if note.startswith("the")]
    ends = [f"the helper {n}" for n in HELPERS.values()]
    assert found == sorted([*["the job is done"] * 5, *ends] * 3)
    assert failed(redis_url) == []
    assert db.get("resque:stat:processed") == str(15 + shorts(executor)).encode()
    assert db.get("resque:stat:failed") is None
    assert log.count("ValueError: the helper failed") == 3, log
    assert db.keys("resque:worker*") == []


@EVERY
def test_a_job_that_fails_is_failed_however_its_helpers_end(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    for helper in HELPERS:
        push(db, "Fork", helper, "raises")
    work(redis_url, executor)
    assert [(record.exception, record.error) for record in failed(redis_url)] == [
        ("KeyError", "'the job failed'")
    ] * 5
    assert db.get("resque:stat:processed") == str(5 + shorts(executor)).encode()
    assert db.get("resque:stat:failed") == b"5"


@pytest.mark.parametrize("executor", FORKING)
def test_a_job_that_is_killed_is_a_dirty_exit_however_its_helpers_end(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    for helper in HELPERS:
        push(db, "Fork", helper, "is killed")
    work(redis_url, executor)
    records = failed(redis_url)
    assert [record.exception for record in records] == ["Resque::DirtyExit"] * 5
    assert all("SIGKILL (signal 9)" in str(record.error) for record in records)
    assert db.get("resque:stat:processed") == str(5 + shorts(executor)).encode()


@EVERY
def test_the_hooks_of_a_job_are_run_once_and_by_its_own_process(
    db: redis.Redis, redis_url: str, executor: str
):
    places = ("inside", "before", "around", "after its yield")
    for where in places:
        for helper in ("returns", "raises", "exits"):
            push(db, "Hooked", helper, "is done", where)
    work(redis_url, executor)
    found = notes(db)
    assert found.count("after") == found.count("the job is done") == 3 * len(places)
    assert [note for note in found if note.startswith("on failure")] == []
    assert failed(redis_url) == []


@EVERY
def test_a_thread_of_a_job_may_fork(db: redis.Redis, redis_url: str, executor: str):
    for helper in ("returns", "raises", "exits"):
        push(db, "Threaded", helper, "is done")
    work(redis_url, executor)
    assert notes(db).count("the job is done") == 3
    assert failed(redis_url) == []
    assert db.get("resque:stat:processed") == b"3"


@EVERY
def test_what_a_job_forks_has_pythons_own_signals(db: redis.Redis, redis_url: str, executor: str):
    short_ones(db, executor)
    push(db, "Handlers")
    push(db, "Handlers")
    work(redis_url, executor)
    assert [note for note in notes(db) if "handlers" in note] == ["handlers nothing"] * 2


@pytest.mark.parametrize("executor", [*FORKING, "inline"])
def test_a_handler_that_a_job_sets_is_inherited_by_what_it_forks(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    push(db, "OwnHandler")
    work(redis_url, executor)
    assert [note for note in notes(db) if "own" in note] == ["own handler 7"]


@EVERY
def test_what_a_job_starts_ends_by_term(db: redis.Redis, redis_url: str, executor: str):
    short_ones(db, executor)
    kinds = ("os.fork", "subprocess", "fork", "spawn", "forkserver")
    expected = []
    for kind in kinds:
        for name in ("SIGTERM", "SIGINT") if kind == "os.fork" else ("SIGTERM",):
            push(db, "Signal", kind, name)
            expected.append(f"{kind} {name} in time")
    work(redis_url, executor)
    assert [note for note in notes(db) if "SIG" in note] == sorted(expected)
    assert failed(redis_url) == []


@pytest.mark.parametrize("executor", [*FORKING, "thread", "async"])
def test_what_a_job_forks_and_ends_at_once_ends_by_term(
    db: redis.Redis, redis_url: str, executor: str
):
    short_ones(db, executor)
    push(db, "TermAtOnce", 10)
    work(redis_url, executor)
    assert [note for note in notes(db) if "at once" in note] == ["at once -15"]


@EVERY
def test_a_job_may_have_pools_of_processes(db: redis.Redis, redis_url: str, executor: str):
    short_ones(db, executor)
    for number in range(5):
        # Under ``inline`` a TERM that comes to a process before it has begun is lost (docs/executors.md).
        push(db, "Pool", number, executor == "inline")
    push(db, "Futures")
    work(redis_url, executor)
    found = [note for note in notes(db) if "pool" in note or "futures" in note]
    assert found == ["futures 1 2"] + ["left the pool"] * 5
    assert failed(redis_url) == []


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if is_alive(pid)]


@pytest.mark.parametrize("executor", FORKING)
@pytest.mark.parametrize("flags", [["--process-group"], []], ids=["a group", "none"])
def test_a_child_that_is_killed_takes_its_process_group_along_where_it_has_one(
    db: redis.Redis, redis_url: str, executor: str, flags: list[str]
):
    short_ones(db, executor)
    push(db, "Family")
    line, env = command(redis_url, executor, *flags)
    with subprocess.Popen(line, env=env) as worker:
        found = eventually(lambda: [note for note in notes(db) if "family" in note])
        pids = [int(pid) for pid in found[0].split()[1:]]
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert len(failed(redis_url)) == 1
    if flags:
        eventually(lambda: alive(pids), lambda found: not found)
    else:
        assert alive(pids) == pids
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: alive(pids), lambda found: not found)
