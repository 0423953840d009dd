"""Workers of jobs with plugins are killed at seeded moments: no lock outlives its job, no job is performed twice, each attempt counts."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from pyresque import Resque
from pyresque.plugins import Lock, LockTimeout, Loner, Status
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.processes import in_group

JOBS, KILLS = 40, 5
PLUGINS = {
    "Unique": Loner,
    "Locked": lambda: LockTimeout(timeout=60),
    "LockedToo": Lock,
}


def start(redis_url, executor, *flags):
    command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "app", "-q", "low")
    path = os.pathsep.join([str(ROOT / "tests" / "plugins"), str(ROOT)])
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path}
    line = (*command, "--executor", executor, *flags)
    return subprocess.Popen(line, env=env, start_new_session=True)


def end(worker, db):
    """Kill a worker and its children; what they have sent is carried out when this returns."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    eventually(lambda: not in_group(worker.pid))
    for _ in range(
        2
    ):  # Redis reads from every connection that holds something before it reads from one twice
        db.ping()


SEEDS = [1, pytest.param(2, marks=pytest.mark.whole_matrix)]


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize("name", PLUGINS)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_outlives_killed_workers(redis_url, db, name, executor, seed):
    chance = random.Random(f"{name} {executor} {seed}")
    with Resque(redis_url) as resque:
        resque.declare(name, queue="low", plugins=[PLUGINS[name]()])
        for number in range(JOBS):
            assert resque.enqueue(name, f"note{number}") is True
        for _ in range(KILLS):
            worker = start(redis_url, executor)
            time.sleep(chance.uniform(0.2, 1.2))
            worker.kill()
            worker.wait()
            # A child that was at work goes on, as in Ruby.
            eventually(lambda worker=worker: not in_group(worker.pid))
        db.delete("resque:pruning_dead_workers_in_progress")
        assert start(redis_url, executor, "--burst").wait(60) == 0
        done = Counter(db.lrange("resque:seen", 0, -1))
        failed = db.llen("resque:failed")
        assert set(done.values()) <= {1}
        # A killed job may have noted itself already.
        assert JOBS <= len(done) + failed <= JOBS + KILLS
        left = [key for key in db.keys("*") if b"lock" in key or b"loner" in key]
        assert left == []
        assert resque.enqueue(name, "note0") is True


#: How often a job of ``Again`` is tried: once, and three times again.
TRIES = 4


class Hit:
    """A job that a killed worker had in hand, and what stood in Redis then."""

    def __init__(self, db, record):
        (self.what,) = json.loads(record)["payload"]["args"]
        digest = hashlib.sha1(self.what.encode(), usedforsecurity=False).hexdigest()
        counter = db.get(f"resque:resque-retry:Again:{digest}")
        seen = db.lrange("resque:seen", 0, -1).count(self.what.encode())
        #: Whether the attempt was counted, and the job had not said yet that it was tried.
        self.unsaid = 0 if counter is None else int(counter) + 1 - seen


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_attempt_counts_once_and_no_counter_is_left(redis_url, db, executor, seed):
    chance = random.Random(f"retry {executor} {seed}")
    names = [f"job{number}" for number in range(25)]
    hits, known = {}, set()
    with Resque(redis_url) as resque:
        for name in names:
            assert resque.enqueue_to("low", "Again", name) is True
        for _ in range(KILLS):
            before = db.llen("resque:seen")
            worker = start(redis_url, executor)
            eventually(lambda before=before: db.llen("resque:seen") > before)
            time.sleep(chance.uniform(0, 0.3))
            end(worker, db)  # a child that goes on would handle the failure, too
            found = {key: db.get(key) for key in db.keys("resque:worker:*:low")}
            new = [Hit(db, found[key]) for key in found.keys() - known]
            hits |= {hit.what: hit for hit in new}
            known |= found.keys()
        db.delete("resque:pruning_dead_workers_in_progress")
        assert start(redis_url, executor, "--burst").wait(60) == 0
        assert resque.queue_sizes() == {"low": 0}
        assert db.keys("*resque-retry*") == db.keys("resque:worker:*:low") == []
        seen = Counter(what.decode() for what in db.lrange("resque:seen", 0, -1))
        records = Counter(record.payload.args[0] for record in resque.failures.each())
    assert hits
    untouched = set(names) - hits.keys()
    assert {seen[name] for name in untouched} == {records[name] for name in untouched} == {TRIES}
    for what, hit in hits.items():
        assert seen[what] == TRIES - hit.unsaid
        # A job that died before its attempt was counted has one failure more.
        assert records[what] in {TRIES, TRIES + 1}


@pytest.mark.parametrize("executor", ["fork", "inline"])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_tracked_job_ends_in_a_status(redis_url, db, executor, seed):
    chance = random.Random(f"tracked {executor} {seed}")
    with Resque(redis_url) as resque:
        resque.declare("Tracked", queue="low", plugins=[Status()])
        handles = [resque.enqueue("Tracked", what=f"note{number}") for number in range(JOBS)]
        for number in range(KILLS):
            worker = start(redis_url, executor)
            handles[number * JOBS // KILLS].cancel()  # if it has not ended yet
            time.sleep(chance.uniform(0.2, 1.2))
            end(worker, db)
        db.delete("resque:pruning_dead_workers_in_progress")
        cancelled = resque.enqueue("Tracked", what="for no worker that is killed")
        assert cancelled.cancel() is True
        assert start(redis_url, executor, "--burst").wait(60) == 0
        ended = Counter(handle.status().status for handle in handles)
        assert set(ended) <= {"completed", "failed", "killed"}
        assert ended["failed"] <= KILLS
        assert cancelled.status().status == "killed"
        for number, handle in enumerate(handles):
            found = handle.status()
            if found.status == "completed":
                assert handle.result() == f"note{number}"
        assert db.exists("resque:_kill") == 0
        assert resque.statuses.count() == JOBS + 1
