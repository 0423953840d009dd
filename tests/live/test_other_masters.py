"""Jobs while another server becomes the master, or a slot moves: each is performed once, and those that are not are counted.

``PYRESQUE_MANY=5000`` is the long form: so many jobs each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis

from pyresque import Resque
from pyresque.errors import RedisUnavailable
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.redis_sets import MASTER, Cluster, SentinelSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.redis_server import RedisServer

MANY = int(os.environ.get("PYRESQUE_MANY", "600"))

#: Seconds without another job after which no more is expected.
QUIET = 12.0

#: Redis says of a connection that it closed, and of a command that it refused, nothing that tells whether it was carried out.
EXECUTORS = {"fork": "Counted", "async": "CountedLater"}


class Storm:
    """Workers and an enqueuer on a URL; ``numbers`` were performed, ``unsure`` enqueued with an error."""

    def __init__(self, url: str, namespace: str, executor: str, folder: Path) -> None:
        self.counted = folder / "counted"
        self.counted.touch()
        self.log = folder / "log"
        self.name = EXECUTORS[executor]
        self.unsure: list[int] = []
        #: How many have been sent, whatever the answer.
        self.sent = MANY // 2
        self.resque = Resque(url, namespace=namespace)
        for number in range(MANY // 2):
            self.resque.enqueue_to("count", self.name, number)
        settings = {
            "REDIS_URL": url,
            "RESQUE_NAMESPACE": namespace,
            "COUNTED": str(self.counted),
            "PYTHONPATH": str(ROOT),
            "QUEUE": "count",
        }
        more = ["--count", "5"] if executor == "async" else []
        words = ["worker", "-A", "tests.live.counting_app", "--executor", executor, *more]
        with self.log.open("w") as log:
            self.workers = [
                subprocess.Popen(
                    [sys.executable, "-m", "pyresque", *words],
                    env={**os.environ, **settings},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                for _ in range(2)
            ]
        self.thread = threading.Thread(target=self._enqueue)
        eventually(lambda: self.numbers)
        self.thread.start()

    def _enqueue(self) -> None:
        for number in range(MANY // 2, MANY):
            try:
                self.resque.enqueue_to("count", self.name, number)
            except RedisUnavailable:
                self.unsure.append(number)  # it may be there: nobody enqueues it again
                time.sleep(0.1)
            self.sent = number + 1
            time.sleep(0.002)

    @property
    def numbers(self) -> list[int]:
        return [int(line) for line in self.counted.read_text().splitlines()]

    def over(self) -> None:
        """Wait until every job is performed, or none was for long."""
        self.thread.join()
        last, since = 0, time.monotonic()
        while last < MANY and time.monotonic() - since < QUIET:
            performed = len(set(self.numbers) & set(range(MANY)))
            if performed != last:
                last, since = performed, time.monotonic()
            time.sleep(0.1)
        time.sleep(0.3)

    def going_on(self) -> float:
        """Seconds until the next job is performed; one more is enqueued if all may have been performed already."""
        began, before = time.monotonic(), len(self.numbers)
        if not self.thread.is_alive():
            self.resque.enqueue_to("count", self.name, MANY + 1)
        eventually(lambda: len(self.numbers) > before)
        return time.monotonic() - began

    @property
    def lost(self) -> list[int]:
        """What was acknowledged and not performed."""
        return sorted(set(range(MANY)) - set(self.numbers) - set(self.unsure))

    @property
    def twice(self) -> list[int]:
        return [number for number, times in Counter(self.numbers).items() if times > 1]

    def close(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(60)
        self.resque.close()

    def report(self, what: str, **more: Any) -> None:
        """Print one line of measurements; ``pytest -s`` shows it."""
        print(
            f"\n{what}: performed {len(set(self.numbers))} of {MANY}, lost {len(self.lost)}, twice {len(self.twice)}, "
            f"unsure {len(self.unsure)} {more or ''}"
        )


@pytest.fixture
def storm(tmp_path: Path) -> Iterator[Callable[..., Storm]]:
    with ExitStack() as stack:

        def started(url: str, namespace: str, executor: str) -> Storm:
            made = Storm(url, namespace, executor, tmp_path)
            stack.callback(made.close)
            return made

        yield started


@pytest.fixture
def flushed(sentinel_set: SentinelSet) -> Iterator[SentinelSet]:
    sentinel_set.mend()
    with sentinel_set.master() as client:
        client.flushall()
    yield sentinel_set
    sentinel_set.mend()


def led_by_another(among: SentinelSet, before: int) -> RedisServer:
    """Wait until the Sentinels name another master."""
    return eventually(among.leader, lambda leader: leader.port != before)


def half(storm: Storm) -> None:
    """Wait until some jobs are performed while others are enqueued."""
    before = len(storm.numbers)
    eventually(lambda: len(storm.numbers) > before + MANY // 20, within=60)


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_coordinated_failover_loses_nothing_and_does_nothing_twice(
    flushed: SentinelSet, storm: Callable[..., Storm], executor: str
) -> None:
    running = storm(flushed.url, "resque", executor)
    one, other = flushed.leader(), flushed.replicas()[0]
    after = []
    # There and back within the time that Sentinels take for a fault: they go on with the master that they know.
    for before, to in ((one, other), (other, one)):
        half(running)
        with before.client() as master, to.client() as client:
            master.execute_command("FAILOVER", "TO", "127.0.0.1", to.port)
            eventually(lambda client=client: client.role()[0] == b"master")
        after.append(round(running.going_on(), 2))
    running.over()
    running.report(f"FAILOVER there and back, {executor}", going_on_after=after)
    assert (running.lost, running.twice) == ([], [])
    assert set(running.numbers) | set(running.unsure) == set(range(MANY))


def heard_by(server: RedisServer) -> set[int]:
    """The numbers of the jobs that a server has in the queue; one that is promoted cuts off its clients."""
    for _ in range(2):
        with suppress(redis.ConnectionError), server.client() as client:
            found = client.lrange("resque:queue:count", 0, -1)
            return {json.loads(raw)["args"][0] for raw in found}
    raise AssertionError("it cut us off twice")


def leads(server: RedisServer) -> bool:
    with suppress(redis.ConnectionError), server.client() as client:
        return bool(client.role()[0] == b"master")
    return False


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_where_a_master_is_killed_only_what_its_replica_had_not_heard_is_lost_or_done_twice(
    flushed: SentinelSet, storm: Callable[..., Storm], executor: str
) -> None:
    running = storm(flushed.url, "resque", executor)
    before, replicas = flushed.leader(), flushed.replicas()
    half(running)
    before.kill()
    # The replicas stay as they are until one of them is promoted.
    heard = {server.port: heard_by(server) for server in replicas}
    acknowledged = set(range(running.sent)) - set(running.unsure)
    leader = led_by_another(flushed, before.port)
    performed = set(running.numbers)
    after = running.going_on()
    running.over()
    unheard = acknowledged - performed - heard[leader.port]
    repeated = performed & heard[leader.port]
    running.report(
        f"kill -9, {executor}",
        going_on_after=round(after, 2),
        not_replicated=len(unheard),
        replicated_late=len(repeated),
    )
    assert set(running.lost) <= unheard, "lost is what the promoted replica had not heard of"
    assert set(running.twice) <= repeated, "twice is what it had not heard was taken"


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_master_that_answers_nobody_for_a_while_costs_no_job(
    flushed: SentinelSet, storm: Callable[..., Storm], executor: str
) -> None:
    running = storm(flushed.url, "resque", executor)
    half(running)
    with flushed.master() as client:
        client.execute_command("CLIENT", "PAUSE", 700, "ALL")
    after = running.going_on()
    running.over()
    running.report(f"CLIENT PAUSE 700 ms, {executor}", going_on_after=round(after, 2))
    assert (running.lost, running.twice) == ([], [])


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_sentinels_demote_a_master_after_they_promoted_another(
    flushed: SentinelSet, storm: Callable[..., Storm], executor: str
) -> None:
    """Between the two the old one takes jobs and gives them out: what it does then is undone, as by any client of Sentinels."""
    running = storm(flushed.url, "resque", executor)
    before, replicas = flushed.leader(), flushed.replicas()
    half(running)
    with flushed.sentinels[0].client() as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", MASTER)
    (promoted,) = eventually(lambda: [one for one in replicas if leads(one)])
    heard, then = heard_by(promoted), running.sent
    led_by_another(flushed, before.port)
    after = running.going_on()
    running.over()
    running.report(
        f"SENTINEL FAILOVER, {executor}",
        going_on_after=round(after, 2),
        left_at_promotion=len(heard),
    )
    since = set(range(then - MANY // 20, MANY))
    assert set(running.lost) <= since, "lost is what was enqueued after the promotion"
    assert set(running.twice) <= heard | since, (
        "twice is what the promoted replica did not hear was taken"
    )
    running.resque.enqueue_to("count", running.name, MANY)
    eventually(lambda: MANY in running.numbers)


@pytest.mark.chaos
@pytest.mark.parametrize("executor", EXECUTORS)
def test_while_a_slot_moves_there_and_back_nothing_is_lost_or_done_twice(
    cluster: Cluster, storm: Callable[..., Storm], executor: str
) -> None:
    cluster.flush()
    space = "{resque}"
    running = storm(cluster.url, space, executor)
    at = cluster.owner(space)
    for to in ((at + 1) % 3, at):
        half(running)
        for _ in cluster.move(space, to):
            time.sleep(0.05)
    running.over()
    running.report(f"slot there and back, {executor}")
    assert (running.lost, running.twice, running.unsure) == ([], [], [])


@pytest.mark.chaos
def test_an_enqueue_that_replicas_acknowledged_outlives_the_master(flushed: SentinelSet) -> None:
    """The replica that is promoted is the one that has heard most: what all of them have is in its queue."""
    with Resque(flushed.url, enqueue_replicas=2) as resque:
        for number in range(MANY // 4):
            resque.enqueue_to("kept", "Counted", number)
        before = flushed.leader()
        before.kill()
        led_by_another(flushed, before.port)
        assert eventually(lambda: size_of(resque, "kept")) == MANY // 4


def size_of(resque: Resque, queue: str) -> int:
    try:
        return resque.size(queue)
    except RedisUnavailable:
        return 0


@pytest.mark.chaos
def test_a_waiting_worker_and_a_scheduler_find_the_new_master(
    flushed: SentinelSet, tmp_path: Path
) -> None:
    counted, log = tmp_path / "counted", tmp_path / "log"
    counted.touch()
    settings = {
        "REDIS_URL": flushed.url,
        "COUNTED": str(counted),
        "PYTHONPATH": str(ROOT),
        "QUEUE": "count",
        "RESQUE_SCHEDULER_INTERVAL": "0.2",
        "VVERBOSE": "1",
    }
    with Resque(flushed.url) as resque, log.open("w") as out:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "pyresque", *words, "-A", "tests.live.counting_app"],
                env={**os.environ, **settings},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            for words in (["worker"], ["scheduler"])
        ]
        try:
            resque.enqueue_to("count", "Counted", 1)
            eventually(lambda: counted.read_text() == "1\n")
            before = flushed.leader()
            before.kill()
            led_by_another(flushed, before.port)
            eventually(lambda: size_of(resque, "none") == 0 and not resque.find_worker("none"))
            began = time.monotonic()
            resque.enqueue_to("count", "Counted", 2)
            eventually(lambda: counted.read_text().endswith("2\n"))
            worker = time.monotonic() - began
            resque.enqueue_in_with_queue("count", 1, "Counted", 3)
            eventually(lambda: counted.read_text().endswith("3\n"))
            print(f"\nthe waiting worker went on after {worker:.2f} s")
        except BaseException:
            print(flushed.described(), log.read_text(), sep="\n")
            raise
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)
