"""Killed, stopped, cut off: whatever happens at whatever moment, no job is lost and none is performed twice.

``make chaos`` tries every combination. CHAOS_SEEDS says how many seeds, CHAOS_KILLS how often something is killed in the long run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chaos.fleet import Fleet, Ledger
from tests.chaos.law import check, enqueue, settle
from tests.support.eventually import eventually
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "1")))
KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
JOBS = 120
BLOWS = 8

seeded = pytest.mark.parametrize("seed", SEEDS)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Redis with an append-only file, so that a crash takes nothing that was answered."""
    made = RedisServer(tmp_path, durable=True)
    yield made
    made.kill()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def kill_child(rng: random.Random, fleet: Fleet, _server: RedisServer) -> bool:
    pid = fleet.any_child(rng)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_worker(rng: random.Random, fleet: Fleet, _server: RedisServer) -> bool:
    os.kill(fleet.any_worker(rng), signal.SIGKILL)
    return True


def kill_group(rng: random.Random, fleet: Fleet, _server: RedisServer) -> bool:
    os.killpg(fleet.any_worker(rng), signal.SIGKILL)
    return True


def kill_redis(rng: random.Random, _fleet: Fleet, server: RedisServer) -> bool:
    server.kill()
    threading.Event().wait(rng.uniform(0, 0.2))
    server.start()
    return True


def stop_redis(rng: random.Random, _fleet: Fleet, server: RedisServer) -> bool:
    server.signal(signal.SIGSTOP)
    threading.Event().wait(rng.uniform(0.05, 0.5))
    server.signal(signal.SIGCONT)
    return True


BLOW = {
    "a child is killed": (kill_child,),
    "a worker, or a pool's master, is killed": (kill_worker,),
    "one is killed with all below it": (kill_group,),
    "Redis is killed": (kill_redis,),
    "Redis stands still": (stop_redis,),
    "anything": (kill_child, kill_worker, kill_group, kill_redis, stop_redis),
}


def storm(
    rng: random.Random,
    fleet: Fleet,
    server: RedisServer,
    blows: tuple[Callable[..., bool], ...],
    times: int,
) -> None:
    """Strike so often, each time after some progress and at no particular moment."""
    struck = 0
    while struck < times:
        fleet.revive()
        wanted = fleet.ledger.length() + rng.randint(1, 12)

        def further(wanted: int = wanted) -> bool:
            fleet.revive()
            with server.client() as db:
                left = db.llen("resque:queue:chaos")
            return not left or fleet.ledger.length() >= wanted

        eventually(further)
        threading.Event().wait(rng.uniform(0, 0.01))
        struck += rng.choice(blows)(rng, fleet, server)
        with server.client() as db:
            if not db.llen("resque:queue:chaos"):
                return


#: How jobs get their processes, and who runs them.
CHILDREN = {"a child each": {}, "fast path": {"VERBOSE": ""}, "seven": {"JOBS_PER_FORK": "7"}}
RUNNERS = {"two workers": {}, "two pools of two": {"COUNT": "2"}}

#: Each blow with each kind of children and each kind of runners. Half of them have each pair of these in them.
THREES = [
    pytest.param(
        name,
        children,
        runners,
        marks=() if (one + two + three) % 2 == 0 else pytest.mark.whole_matrix,
    )
    for (one, name), (two, children), (three, runners) in product(
        enumerate(BLOW), enumerate(CHILDREN), enumerate(RUNNERS)
    )
]


@seeded
@pytest.mark.parametrize(("name", "children", "runners"), THREES)
def test_no_job_is_lost_and_none_begins_twice_when(
    name: str,
    children: str,
    runners: str,
    seed: int,
    server: RedisServer,
    ledger: Ledger,
) -> None:
    rng = random.Random(f"{name} {seed}")
    with server.client() as db:
        enqueue(db, rng, JOBS)
    fleet = Fleet(ledger, server.url, 2, **CHILDREN[children], **RUNNERS[runners])
    try:
        storm(rng, fleet, server, BLOW[name], BLOWS)
        with server.client() as db:
            settle(db, fleet)
            check(db, ledger, JOBS)
    finally:
        fleet.close()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verbose", ["1", ""], ids=["a child each", "fast path"])
def test_kill_anything_again_and_again(verbose: str, server: RedisServer, ledger: Ledger) -> None:
    """25 jobs for each blow: 200 blows over 5,000 jobs in the long run."""
    rng = random.Random(KILLS)
    jobs = 25 * KILLS
    with server.client() as db:
        enqueue(db, rng, jobs)
    fleet = Fleet(ledger, server.url, 3, VERBOSE=verbose)
    try:
        storm(rng, fleet, server, (kill_child, kill_worker, kill_group, kill_redis), KILLS)
        with server.client() as db:
            settle(db, fleet)
            check(db, ledger, jobs)
    finally:
        fleet.close()


@seeded
def test_connections_that_break_before_or_after_what_they_carried(
    seed: int, server: RedisServer, ledger: Ledger
) -> None:
    rng = random.Random(seed)
    with server.client() as db:
        enqueue(db, rng, JOBS)

    def cut(_request: bytes) -> str | None:
        return rng.choice(("before", "after")) if rng.random() < 0.04 else None

    with Proxy(server.port, cut) as proxy:
        fleet = Fleet(ledger, proxy.url, 2)
        try:
            with server.client() as db:
                settle(db, fleet)
                check(db, ledger, JOBS)
            assert proxy.cuts > 0
        finally:
            fleet.close()


@seeded
def test_a_replica_takes_over_while_jobs_are_performed(
    seed: int, server: RedisServer, ledger: Ledger, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    (tmp_path / "other").mkdir()
    other = RedisServer(tmp_path / "other", durable=True)
    try:
        with server.client() as first, other.client() as second:
            enqueue(first, rng, JOBS)
            second.replicaof("127.0.0.1", server.port)
            eventually(lambda: second.info()["master_link_status"] == "up")
            with Proxy(server.port, lambda _request: None) as proxy:
                fleet = Fleet(ledger, proxy.url, 2)
                try:
                    wanted = rng.randint(10, JOBS)
                    eventually(lambda: ledger.length() >= wanted)
                    first.client_pause(10_000, all=False)
                    eventually(lambda: in_step(first, second))
                    second.replicaof("NO", "ONE")
                    first.replicaof("127.0.0.1", other.port)
                    first.client_unpause()
                    proxy.lead_to(other.port)
                    settle(second, fleet)
                    check(second, ledger, JOBS)
                finally:
                    fleet.close()
    finally:
        other.kill()


def in_step(first, second) -> bool:
    return (
        first.info("replication")["master_repl_offset"]
        == second.info("replication")["slave_repl_offset"]
    )


def test_a_hundred_workers_that_start_at_once_share_the_jobs(
    server: RedisServer, ledger: Ledger
) -> None:
    rng = random.Random(100)
    fleet = Fleet(ledger, server.url, 0)
    together = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("app.py")), "100"],
        env=fleet.env,
        stdout=fleet.log,
        stderr=fleet.log,
        start_new_session=True,
    )
    try:
        with server.client() as db:
            eventually(lambda: db.scard("resque:workers") == 100)
            enqueue(db, rng, 3 * JOBS)
            eventually(lambda: processed(db) == 3 * JOBS)
            os.killpg(together.pid, signal.SIGQUIT)
            eventually(lambda: not db.scard("resque:workers"))
            check(db, ledger, 3 * JOBS)
    finally:
        os.killpg(together.pid, signal.SIGKILL)
        together.wait(60)
        fleet.close()


@pytest.mark.parametrize("skew", ["600", "-600"])
def test_a_host_whose_clock_is_wrong_prunes_nobody_and_is_not_pruned(
    skew: str, server: RedisServer, ledger: Ledger
) -> None:
    rng = random.Random(skew)
    right = Fleet(ledger, server.url, 1, RESQUE_PRUNE_INTERVAL="20")
    wrong = Fleet(ledger, server.url, 1, RESQUE_PRUNE_INTERVAL="20", SKEW=skew)
    try:
        with server.client() as db:
            eventually(lambda: db.scard("resque:workers") == 2)
            known = db.smembers("resque:workers")
            beats = db.hgetall("resque:workers:heartbeat")
            eventually(lambda: all_changed(beats, db.hgetall("resque:workers:heartbeat")))
            enqueue(db, rng, JOBS)
            eventually(lambda: processed(db) == JOBS)
            assert db.smembers("resque:workers") == known
            wrong.end()
            right.end()
            check(db, ledger, JOBS)
        assert b"pruning dead worker" not in ledger.path.with_suffix(".log").read_bytes()
    finally:
        right.close()
        wrong.close()


def processed(db) -> int:
    return int(db.get("resque:stat:processed") or 0)


def all_changed(before: dict[bytes, bytes], now: dict[bytes, bytes]) -> bool:
    return len(now) == 2 and all(now[key] != text for key, text in before.items())
