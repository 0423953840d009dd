"""Classes that move to Python on a queue that real node-resque workers serve: the mover is ahead of them."""

from __future__ import annotations

import json
import random
import signal
import sys

import pytest

from compat_tests.live.peers import Program
from tests.support.eventually import eventually

QUEUE, ASIDE = "resque:queue:q", "resque:migrate:queue:q"


def payload(name, number):
    return json.dumps({"class": name, "queue": "q", "args": [number]}).encode()


@pytest.mark.parametrize("seed", range(2))
def test_node_performs_its_own_classes_in_order_and_python_the_others(
    node_worker, python_worker, programs, redis_server, resque, db, seed
):
    """Jobs are pushed under load; the mover is killed and started again. Each job is performed once, by its side, in order."""
    chosen = random.Random(seed)
    resque.routes.set("Deep::*", "python")
    jobs = [payload(chosen.choice(["EchoJob", "Deep::NestedJob"]), n) for n in range(3000)]
    db.sadd("resque:queues", "q")
    db.rpush(QUEUE, *jobs[:1500])

    def move():
        command = [
            sys.executable,
            "-m",
            "pyresque",
            "migrate",
            "move",
            "-q",
            "q",
            "--poll",
            "0.002",
        ]
        programs.append(Program(command, {"REDIS_URL": redis_server.url}))
        return programs[-1]

    mover = move()
    eventually(lambda: not any(b"Deep" in raw for raw in db.lrange(QUEUE, 0, -1)))
    mover.kill()
    assert db.lrange(ASIDE, 0, -1) == [raw for raw in jobs[:1500] if b"Deep" in raw]
    db.delete("resque:migrate:mover:q")
    mover = move()
    node = node_worker("q", interval=0.01)
    for start in range(1500, 3000, 100):  # behind enough of node's own that the mover comes first
        db.rpush(QUEUE, *jobs[start : start + 100])
    eventually(lambda: not db.exists(QUEUE))
    node.stop(signal.SIGTERM)
    echoed = [json.loads(raw)[0] for raw in db.lrange("live:echo", 0, -1)]
    failed = [json.loads(raw)["payload"]["args"][0] for raw in db.lrange("resque:failed", 0, -1)]
    mine = [json.loads(raw)["args"][0] for raw in jobs if b"EchoJob" in raw]
    assert echoed == mine
    pythons = [json.loads(raw)["args"][0] for raw in db.lrange(ASIDE, 0, -1)]
    # What node popped before the mover came is in the failed list: node has no guard.
    assert sorted(pythons + failed) == [n for n in range(3000) if n not in set(mine)]
    db.delete("live:echo")
    worker = python_worker("q", RESQUE_ONLY_REGISTERED="1", RESQUE_EXECUTOR="inline")
    eventually(lambda: db.llen("live:echo") == len(pythons))
    worker.stop(signal.SIGQUIT)
    mover.stop(signal.SIGTERM)
    assert [json.loads(raw)[0] for raw in db.lrange("live:echo", 0, -1)] == pythons
