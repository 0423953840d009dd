"""The law that holds after any chaos: every job is done, or in the failed list with its payload; none began twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.eventually import eventually

if TYPE_CHECKING:
    import random

    import redis

    from tests.chaos.fleet import Fleet, Ledger


#: How Ruby, too, records what a dead process was performing.
DIRTY = frozenset({"Resque::DirtyExit", "Resque::PruneDeadWorkerDirtyExit"})


def enqueue(db: redis.Redis, rng: random.Random, jobs: int) -> None:
    """So many jobs, a few of which fail by themselves; each takes some milliseconds at most."""
    payloads = [
        json.dumps(
            {
                "class": "Chaos",
                "args": [number, round(rng.uniform(0, 6), 2), rng.random() < 0.05],
            },
            separators=(",", ":"),
        )
        for number in range(jobs)
    ]
    db.sadd("resque:queues", "chaos")
    db.rpush("resque:queue:chaos", *payloads)


def settle(db: redis.Redis, fleet: Fleet) -> None:
    """Let the fleet take what is left, and leave; whatever the dead held is recorded."""

    def empty() -> bool:
        fleet.revive()
        return db.llen("resque:queue:chaos") == 0

    eventually(empty)
    fleet.end()
    for _ in range(20):
        if not db.smembers("resque:workers"):
            return
        db.delete("resque:pruning_dead_workers_in_progress")
        fleet.end()


def check(db: redis.Redis, ledger: Ledger, jobs: int) -> None:
    """Compare Redis with the ledger."""
    began, done = ledger.counted("began"), ledger.counted("done")
    twice = sorted(number for number, times in began.items() if times > 1)
    assert twice == [], "performed twice"
    assert db.smembers("resque:workers") == set()
    assert db.llen("resque:queue:chaos") == 0
    records = [json.loads(record) for record in db.lrange("resque:failed", 0, -1)]
    failed = Counter(record["payload"]["args"][0] for record in records)
    assert [number for number, times in failed.items() if times > 1] == [], "recorded twice"
    lost = set(range(jobs)) - set(done) - set(failed)
    assert lost == set(), "neither done nor recorded"
    strange = [
        record
        for record in records
        if record["exception"] not in DIRTY
        and not (record["exception"] == "RuntimeError" and record["payload"]["args"][2])
    ]
    assert not strange, strange[:3]
