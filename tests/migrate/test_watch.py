from __future__ import annotations

import json

import pytest

from pyresque.migrate.inventory import Inventory
from pyresque.migrate.watch import Watch, _after, _gone
from tests.support.inventories import payload


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1772366400.0


@pytest.fixture
def watch(resque):
    resque.core.clock = Clock()
    return Watch(resque.core, Inventory(resque.core).found)


@pytest.fixture
def look(resque, watch):
    def call() -> None:
        resque.run(watch.look())
        resque.core.clock.now += 10

    return call


def rates(watch):
    return {one.name: one.rate for one in watch.found.classes if one.rate is not None}


def working(db, worker, name, at):
    record = {"queue": "q", "run_at": f"2026-03-01T12:00:0{at}Z", "payload": {"class": name}}
    db.sadd("resque:workers", worker)
    db.set(f"resque:worker:{worker}", json.dumps(record))


def test_jobs_that_start_and_are_enqueued_between_two_looks_are_counted(
    db, queue, resque, watch, look
):
    queue("q", payload("A", 1), payload("A", 2), payload("B", 0))
    working(db, "h:1:q", "A", 1)
    db.set("resque:stat:processed", 5)
    look()
    queue("q", payload("A", 3), payload("B", 1))
    db.lpop("resque:queue:q", 2)
    queue("new", payload("B", 2))
    working(db, "h:1:q", "A", 2)
    working(db, "h:2:q", "C", 2)
    db.set("resque:stat:processed", 45)
    look()
    look()
    watch.end()
    found = rates(watch)
    assert {name: (one.taken, one.started, one.enqueued) for name, one in found.items()} == {
        "A": (2, 1, 1),
        "B": (0, 0, 2),
        "C": (0, 1, 0),
    }
    assert watch.found.watched == {"seconds": 20.0, "performed": 40, "seen": 3}
    assert sum(one.per_second for one in found.values()) == 2.0
    assert found["A"].low < found["A"].per_second < found["A"].high
    assert (found["B"].per_second, found["B"].enqueued_per_second) == (0, 0.1)


def test_jobs_of_every_length_are_counted_alike_where_they_wait(db, queue, watch, look):
    queue("q", *(payload("Short" if at % 2 else "Long", at) for at in range(60)))
    look()
    for _ in range(3):
        db.lpop("resque:queue:q", 20)
        db.incrby("resque:stat:processed", 20)
        look()
    watch.end()
    found = rates(watch)
    assert (found["Short"].per_second, found["Long"].per_second) == (1.0, 1.0)
    assert watch.found.watched["seen"] == 60


def test_the_first_look_counts_nothing(db, queue, watch, look):
    queue("q", payload("A"))
    working(db, "h:1:q", "A", 1)
    look()
    watch.end()
    assert rates(watch) == {}


@pytest.mark.parametrize("key", ["queues", "queue:q", "workers", "worker:h:1:q", "stat:processed"])
def test_keys_of_wrong_types_are_passed_over(db, queue, watch, look, key):
    queue("q", payload("A"))
    working(db, "h:1:q", "A", 1)
    db.delete(f"resque:{key}")
    db.hset(f"resque:{key}", "x", "1")
    look()
    look()
    watch.end()


@pytest.mark.parametrize(
    ("known", "now", "index"),
    [
        ([], [1, 2], 0),
        ([1, 2], [1, 2], 2),
        ([1, 2], [1, 2, 3], 2),
        ([1, 2], [2, 3], 1),
        ([1, 2], [3, 4], 0),
        ([1, 2], [], 0),
        ([2, 2], [2, 2, 2, 3], 3),
    ],
)
def test_what_follows_the_last_known_elements_is_new(known, now, index):
    assert _after(known, now) == index


@pytest.mark.parametrize(
    ("known", "now", "count"),
    [
        ([], [1], 0),
        ([1, 2], [1, 2, 3], 0),
        ([1, 2, 3], [2, 3, 4], 1),
        ([1, 2, 3], [2], 1),
        ([1, 2], [3], 2),
        ([1, 2], [], 2),
        ([1, 1, 1], [1, 1], 0),
    ],
)
def test_what_stood_before_the_first_element_is_gone(known, now, count):
    assert _gone(known, now) == count
