"""A pool's waiting connections: the master's end on a real Redis, and the workers' ends, in one process."""

from __future__ import annotations

import os
import socket
from contextlib import closing, suppress

import pytest

from pyresque.clock import SystemClock
from pyresque.driver.sync import SyncDriver
from pyresque.process.host.queue_watch import QueueWatch
from pyresque.process.host.waiter import ready
from pyresque.process.pool import shared_watch
from pyresque.process.pool.shared_watch import AGAIN, GRACE, RENEW, PoolWaits, WatchByMaster
from tests.support.eventually import eventually
from tests.support.redis_server import waits_begun
from tests.support.scripted_worker import Clock

LOW, HIGH = "resque:queue:low", "resque:queue:high"


class Pool:
    """A master and its workers. ``turn`` is one round of the master."""

    def __init__(self, url, clock=None):
        self.driver = SyncDriver(url)
        self.waits = PoolWaits(QueueWatch(self.driver.open_connection, SystemClock()))
        self.clock = clock or SystemClock()
        self.workers = []

    def worker(self, most=8):
        ours, theirs = socket.socketpair()
        self.waits.add(ours, len(self.workers))
        made = WatchByMaster(theirs, self.clock, most)
        self.workers.append(made)
        return made

    def turn(self, seconds=0.01):
        watched, due = self.waits.begin()
        self.waits.end(ready(watched, min(due, seconds)))

    def until(self, what):
        def turned():
            self.turn()
            return what()

        return eventually(turned)

    def close(self):
        self.waits.close()
        for worker in self.workers:
            worker.close()
        self.driver.close()


@pytest.fixture
def pool(redis_url, db):
    db.config_resetstat()
    with closing(Pool(redis_url)) as made:
        yield made


def reported(pool, *keys):
    """Which workers, by their places, have been told of a job in these queues."""
    return [place for place, one in enumerate(pool.workers) if one.take_ready(keys)]


def answered(worker):
    """Whether the master has answered that it watches the queues."""
    assert worker.take_ready((LOW, HIGH)) == []
    return worker._answered


def settled(pool, db, count=1):
    pool.until(lambda: db.info("clients")["blocked_clients"] == count)
    pool.until(lambda: all(answered(one) for one in pool.workers if one._asked))


def test_many_workers_share_one_connection_and_one_job_wakes_one_of_them(pool, db):
    for _ in range(20):
        pool.worker().arm((LOW,))
    settled(pool, db)
    assert all(one.all_armed((LOW,)) for one in pool.workers)
    pool.waits._waits.rewatch_delay = 3600.0  # no second report
    db.rpush(LOW, "job")
    assert pool.until(lambda: reported(pool, LOW)) == [0]
    pool.turn()
    assert reported(pool, LOW) == []
    assert waits_begun(db) == 1
    assert not pool.workers[0].all_armed((LOW,))
    pool.workers[0].arm((LOW,))
    assert pool.workers[0].all_armed((LOW,)), "it waits again"


def test_a_job_that_the_woken_one_leaves_alone_wakes_more_and_more(pool, db):
    for _ in range(7):
        pool.worker().arm((LOW,))
    settled(pool, db)
    db.rpush(LOW, "job")
    woken = set()
    pool.until(lambda: woken.update(reported(pool, LOW)) or len(woken) == 7)


def test_each_worker_is_told_of_its_own_queues_and_of_which(pool, db):
    low, both = pool.worker(), pool.worker()
    low.arm((LOW,))
    both.arm((HIGH, LOW))
    settled(pool, db, 2)
    db.rpush(HIGH, "job")
    assert pool.until(lambda: both.take_ready((HIGH, LOW))) == [HIGH]
    assert low.take_ready((LOW,)) == []


def test_who_no_longer_waits_is_not_woken(pool, db):
    gone, here = pool.worker(), pool.worker()
    for one in (gone, here):
        one.arm((LOW,))
    settled(pool, db)
    gone.leave()
    pool.turn()
    db.rpush(LOW, "job")
    assert pool.until(lambda: reported(pool, LOW)) == [1]
    assert gone.take_ready((LOW,)) == []


def test_only_a_wait_for_all_of_the_queues_is_left(pool, db):
    one = pool.worker()
    one.arm((LOW, HIGH))
    settled(pool, db, 2)
    one.leave({LOW})
    assert one.all_armed((LOW, HIGH))
    one.leave({LOW, HIGH})
    assert not one.all_armed((LOW, HIGH))


@pytest.mark.parametrize("how", ["it closes", "it is reaped"])
def test_a_worker_that_died_is_forgotten(pool, db, how):
    dead, here = pool.worker(), pool.worker()
    for one in (dead, here):
        one.arm((LOW,))
    settled(pool, db)
    if how == "it closes":
        dead.close()
    else:
        pool.waits.remove(0)
    pool.turn()
    db.rpush(LOW, "job")
    assert pool.until(lambda: here.take_ready((LOW,))) == [LOW]


def test_a_late_word_of_an_earlier_wait_counts_for_nothing(pool, db):
    one = pool.worker()
    one.arm((LOW,))
    settled(pool, db)
    db.rpush(LOW, "job")
    pool.until(lambda: ready(one.watched(()), 0))
    one.arm((HIGH,))  # before it has read the report
    assert one.take_ready((HIGH, LOW)) == []
    pool.until(lambda: answered(one))
    assert one.all_armed((HIGH,))


def test_what_cannot_be_watched_is_looked_for_by_the_workers_who_ask_again_later(
    redis_url, db, pool
):
    pool.clock = Clock()
    one, other = pool.worker(), pool.worker()
    db.set(LOW, "no list")
    one.arm((LOW,))
    other.arm((HIGH,))
    pool.until(lambda: one.take_ready((LOW,)) == [] and not one.all_armed((LOW,)))
    pool.until(lambda: answered(other))
    assert one.due((LOW,)) == AGAIN
    one.arm((LOW,))
    assert not one.all_armed((LOW,)), "not yet"
    pool.clock.passed += AGAIN
    one.arm((LOW,))
    assert one.all_armed((LOW,)), "it has asked"
    pool.until(lambda: one.take_ready((LOW,)) == [] and not one.all_armed((LOW,)))


def test_a_master_that_does_not_answer_is_waited_for_no_longer_than_a_while(pool):
    pool.clock = Clock()
    one = pool.worker()
    one.arm((LOW,))
    assert one.due((LOW,)) == GRACE
    assert one.all_armed((LOW,))
    pool.clock.passed += GRACE + 0.1
    assert not one.all_armed((LOW,))
    assert one.due((LOW,)) == RENEW
    pool.clock.passed = RENEW
    one.arm((LOW,))
    assert one.all_armed((LOW,)), "it has asked again"
    pool.until(lambda: answered(one))
    assert one.due((LOW,)) == 2 * RENEW


def test_without_a_master_nothing_is_watched(pool):
    one = pool.worker()
    pool.waits.close()
    one.arm((LOW,))
    assert one.take_ready((LOW,)) == []
    assert not one.all_armed((LOW,))
    assert one.watched((LOW,)) == []
    assert one.due((LOW,)) == float("inf")
    one.arm((LOW,))
    one.leave()


def test_a_worker_of_more_queues_than_it_may_wait_for_asks_nobody(pool, db):
    one = pool.worker(most=1)
    one.arm((LOW, HIGH))
    pool.turn()
    assert not one.all_armed((LOW, HIGH))
    assert waits_begun(db) == 0


def test_a_worker_that_reads_nothing_holds_nobody_up(pool, db, monkeypatch):
    monkeypatch.setattr(shared_watch, "PIECE", 1)  # the master reads byte by byte, too
    deaf, here = pool.worker(), pool.worker()
    for one in (deaf, here):
        one.arm((LOW, HIGH))
    settled(pool, db, 2)
    (full,) = [worker for worker in pool.waits._workers.values() if worker.pid == 0]
    with suppress(BlockingIOError):
        while full.line.send(b"\0" * 1000):
            continue
    db.rpush(LOW, "job")
    assert pool.until(lambda: here.take_ready((LOW, HIGH))) == [LOW]


def test_a_socket_that_a_job_has_closed_is_forgotten(pool):
    one = pool.worker()
    number = one.watched(())[0]
    os.close(number)
    other = os.open(os.devnull, os.O_RDONLY)
    assert other == number
    one.let_go_of_closed()
    assert one.watched(()) == []
    os.close(other)  # still open: it was not ours
