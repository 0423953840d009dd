"""Workers, children, or both, are killed at seeded moments on the whole way of jobs that are retried and have locks.

Each attempt counts once, nothing is queued twice, nothing is lost, and no lock, mark or counter outlives its job.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from pyresque import Resque
from pyresque.plugins import JobStats, Lock, LockTimeout, Loner, Retry
from tests.support import ROOT

#: How often a failing job is tried: once, and three times again.
TRIES = 4

#: Jobs of each run that are killed, most of them once.
JOBS = 14

PRUNING = "resque:pruning_dead_workers_in_progress"
PLUGINS = {
    "Doomed": [],
    "DoomedLoner": [Loner()],
    "DoomedLock": [Lock()],
    "DoomedLockTimeout": [LockTimeout(timeout=3600)],
}

#: The class that has no hooks, and no statistics.
DIRECT = "DoomedDirect"

#: The moments of a job, by who runs them: the job's process, or its worker.
OF_THE_JOB = {
    "failing": ("before", "counted", "said", "failed", "decided"),
    "fine": ("before", "counted", "said", "performed", "done"),
}
OF_THE_WORKER = ("told", "turned")

#: The moments at which a process finds that another one has died.
OF_THE_FINDER = ("lost", "lost_and_decided")


def start(redis_url, executor):
    line = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "doomed", "-q", "low", "--burst")
    path = os.pathsep.join([str(ROOT / "tests" / "chaos"), str(ROOT)])
    env = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path, "RESQUE_PRUNE_INTERVAL": "1"}
    return subprocess.Popen((*line, "--executor", executor), env=env, start_new_session=True)


def a_kill(chance, kind, name, executor):
    """One kill; of a job's process, its worker, or both."""
    tried = TRIES if kind == "failing" else 1
    number = chance.randint(1, tried)
    if chance.random() < 0.25:
        return [f"{chance.choice(OF_THE_WORKER)}.{number}.worker"]
    target = chance.choice(("worker", "child", "both")) if executor == "fork" else "both"
    moments = ("said",) if name == DIRECT else OF_THE_JOB[kind]
    kills = [f"{chance.choice(moments)}.{number}.{target}"]
    if name != DIRECT and chance.random() < 0.25:
        kills.append(f"{chance.choice(OF_THE_FINDER)}.1.worker")
    return kills


class Law:
    """What must be seen of a job that was hit by these kills."""

    def __init__(self, kind, kills):
        self.seen = TRIES if kind == "failing" else 1
        #: One for each attempt that has failed.
        self.records = TRIES if kind == "failing" else 0
        for kill in kills:
            moment, _, target = kill.split(".")
            if moment == "turned" or moment.startswith("lost"):
                continue
            if moment == "reserved":
                self.records += 1
                continue
            # The child of a killed worker goes on, as in Ruby.
            goes_on = target == "worker" and moment in {"before", "counted"}
            if kind == "fine":
                self.records += 1
                self.seen += goes_on or moment not in {"before", "counted"}
            elif moment == "counted" and not goes_on:
                self.seen -= 1
            elif moment == "before" and not goes_on:
                self.records += 1


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.whole_matrix) for n in (2, 3, 4))]
)
@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_kill_at_any_moment_neither_doubles_nor_loses_a_job(redis_url, db, executor, seed):
    chance = random.Random(f"doomed {executor} {seed}")
    jobs = {}
    with Resque(redis_url) as resque:
        for name, plugins in PLUGINS.items():
            given = [*plugins, Retry(limit=3), JobStats(["performed", "failed"])]
            resque.declare(name, queue="low", plugins=given)
        resque.declare(DIRECT, queue="low", plugins=[Retry(limit=3)])
        for number in range(3 * JOBS):
            kind, name = chance.choice(("failing", "fine")), chance.choice([*PLUGINS, DIRECT])
            # Behind each of them are two that are not killed, so that jobs follow one another fast.
            kills = [] if number % 3 else a_kill(chance, kind, name, executor)
            what = " ".join([f"{kind}{number}", *kills])
            jobs[what] = (kind, name)
            assert resque.enqueue(name, what) is True
        alive, deaths = True, 0
        while alive or db.exists("resque:lost_jobs"):
            db.delete(PRUNING)
            code = start(redis_url, executor).wait(60)
            alive, deaths = code != 0, deaths + (code != 0)
            assert deaths <= 2 * JOBS
            held = [
                json.loads(raw)["payload"] for raw in map(db.get, db.keys("resque:worker:*:low"))
            ]
            queued = [json.loads(raw) for raw in db.lrange("resque:queue:low", 0, -1)]
            copies = Counter(payload["args"][0] for payload in (*held, *queued))
            assert set(copies.values()) <= {1}, "a job is there twice"
        seen = Counter(what.decode() for what in db.lrange("seen", 0, -1))
        records = Counter(record.payload.args[0] for record in resque.failures.each())
        done = [kill.decode() for kill in db.smembers("kills")]
        for what, (kind, _) in jobs.items():
            name = what.split(" ")[0]
            law = Law(kind, [kill.split(" ")[1] for kill in done if kill.split(" ")[0] == name])
            assert (seen[what], records[what]) == (law.seen, law.records), (what, done)
        for name in PLUGINS:
            own = [(what, kind) for what, (kind, of) in jobs.items() if of == name]
            stats = f"resque:stats:jobs:{name}:"
            counted = [int(value or 0) for value in db.mget(stats + "performed", stats + "failed")]
            fine = sum(kind == "fine" for _, kind in own)
            assert counted == [fine, sum(records[what] for what, _ in own)]
        # A worker that was killed at its start has a heartbeat, which goes when it is too old.
        ours = {"seen", "kills", "reached", PRUNING, "resque:workers:heartbeat"}
        left = {key.decode() for key in db.keys("*")} - ours
        left -= {key for key in left if key.startswith("resque:stats:jobs:")}
        assert left == {
            "resque:queues",
            "resque:failed",
            "resque:stat:processed",
            "resque:stat:failed",
        }
        print(len(done), "kills", deaths, "deaths")
        assert len(done) >= JOBS // 2
        for what, (_, name) in jobs.items():
            assert resque.enqueue(name, what) is True
