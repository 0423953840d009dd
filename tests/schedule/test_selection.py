"""Passes over delayed jobs, and jobs at times that Ruby would not have written; on a real Redis."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.schedule.search import every
from pyresque.store.delayed_walk import SMALL, DelayedWalk
from pyresque.store.slices import REMOVED

AT = 1_900_000_000


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as client:
        yield client


def payload(at: int, name: str | None = None) -> bytes:
    made = {"class": name or "ABC"[at % 3], "args": [at], "queue": f"q{at % 2}"}
    return json.dumps(made, separators=(",", ":")).encode()


def delay(db, at, raws, member=None, score=None):
    raws = list(raws)
    member = at if member is None else member
    db.zadd("resque:delayed_queue_schedule", {str(member): at if score is None else score})
    db.rpush(f"resque:delayed:{at}", *raws)
    for raw in raws:
        db.sadd(b"resque:timestamps:" + raw, f"delayed:{at}")


@pytest.fixture
def full(db):
    """A time with many jobs between times with few, and one without any."""
    delay(db, AT, map(payload, range(3)))
    delay(db, AT + 1, [payload(at) for at in range(3, 3003)])
    db.zadd("resque:delayed_queue_schedule", {str(AT + 2): AT + 2})
    for at in range(3003, 3300):
        delay(db, AT + at, [payload(at)])
    return db


def waiting(db):
    keys = sorted(db.keys("resque:delayed:*"))
    return sorted(json.loads(raw)["args"][0] for key in keys for raw in db.lrange(key, 0, -1))


def queued(db, queue):
    return [json.loads(raw)["args"][0] for raw in db.lrange(f"resque:queue:{queue}", 0, -1)]


def test_all_payloads_are_seen_in_the_order_of_time_in_small_steps(resque, full):
    walk, seen, steps = DelayedWalk(resque.core.delayed.table), [], 0
    while (stretches := resque.run(walk.more())) is not None:
        steps += 1
        assert sum(len(stretch.payloads) for stretch in stretches) <= 1000
        seen += [json.loads(raw)["args"][0] for one in stretches for raw in one.payloads]
    assert seen == list(range(3300))
    assert steps < 10


def test_lists_of_large_payloads_are_read_a_few_at_a_time(resque, db):
    for at in range(40):
        delay(db, AT + at, [json.dumps({"class": "A", "args": ["x" * 300_000]}).encode()])
    walk, sizes = DelayedWalk(resque.core.delayed.table), []
    while (stretches := resque.run(walk.more())) is not None:
        sizes.append(len(stretches))
    assert max(sizes[1:], default=0) <= 4


def test_a_selection_is_removed_in_one_pass(resque, full):
    full.config_resetstat()
    assert resque.remove_delayed_selection(lambda args: args[0] % 2 == 0) == 1650
    assert waiting(full) == list(range(1, 3300, 2))
    assert full.info("commandstats")["cmdstat_lrem"]["calls"] < SMALL + 250
    assert full.keys('resque:timestamps:*"args":[[]2[]],*') == []


def test_a_selection_of_a_class_is_enqueued_in_one_pass_in_the_order_of_time(resque, full):
    assert resque.enqueue_delayed_selection(lambda args: True, "B") == 1100
    assert queued(full, "q0") == [at for at in range(1, 3300, 3) if at % 2 == 0]
    assert waiting(full) == [at for at in range(3300) if at % 3 != 1]


def test_others_may_take_jobs_while_a_selection_goes_on(resque, full):
    selection = resque.core.delayed.enqueueing(every)
    done, popped = 0, 0
    while (step := resque.run(selection.more())) is not None:
        done += step.done
        popped += full.lpop(f"resque:delayed:{AT + 1}") is not None
    assert waiting(full) == []
    assert (
        done + popped
        == 3300
        == full.llen("resque:queue:q0") + full.llen("resque:queue:q1") + popped
    )


def test_a_selection_that_is_given_up_leaves_the_others_waiting(resque, full):
    selection = resque.core.delayed.removing(every, clean=True)
    done = sum(resque.run(selection.more()).done for _ in range(3))
    assert 0 < done < 3300
    assert len(waiting(full)) == 3300 - done
    assert REMOVED not in full.lrange(f"resque:delayed:{AT + 1}", 0, -1)


def test_equal_payloads_of_one_time_are_all_removed_and_counted(resque, db):
    delay(db, AT, [payload(1)] * 450 + [payload(2)])
    assert resque.remove_delayed_selection(lambda args: args == [1]) == 450
    assert waiting(db) == [2]


def test_a_job_of_many_equal_copies_is_enqueued_as_often(resque, db):
    delay(db, AT, [payload(1), payload(2)] * 450)
    assert resque.enqueue_delayed("B", 1, queue="q1") == 450
    assert waiting(db) == [2] * 450


def test_a_payload_of_any_bytes_is_moved(resque, db):
    delay(db, AT, [b"marked", b"", b"\xff", payload(1)] * 60)
    assert resque.run(resque.core.delayed.enqueueing(every).whole()) == 240
    assert db.llen("resque:failed") == 180
    assert queued(db, "q1") == [1] * 60


#: What a client may have written: the member, its score, and what its list is named by.
FRACTIONS = [
    ("1795887832.5", 1795887832.5, "1795887832.5"),
    ("1795887832.5", 1795887832.5, "1795887832"),
    ("1795887832.0", 1795887832, "1795887832"),
    ("1795887832", 1795887832.5, "1795887832"),
    ("1795887832", 1795887832.5, "1795887832.5"),
    ("1.795887832e9", 1795887832, "1.795887832e9"),
    ("1.795887832e9", 1795887832, "1795887832"),
]


@pytest.mark.parametrize(("member", "score", "name"), FRACTIONS)
def test_a_job_at_a_time_with_a_fraction_is_moved_and_leaves_nothing_behind(
    resque, db, member, score, name
):
    delay(db, name, [payload(1), payload(3)], member, score)
    assert resque.move_due(1795887831) == 0
    assert resque.move_due(1795887833) == 2
    assert queued(db, "q1") == [1, 3]
    resque.move_due(1795887833)
    assert sorted(db.keys()) == [b"resque:queue:q1", b"resque:queues"]


@pytest.mark.parametrize(("member", "score", "name"), FRACTIONS)
def test_a_job_at_a_time_with_a_fraction_is_found_counted_and_removed(
    resque, db, member, score, name
):
    delay(db, name, [payload(1)], member, score)
    assert resque.count_all_scheduled_jobs() == 1
    assert [job.args for job in resque.find_delayed_selection(lambda args: True)] == [(1,)]
    rows, _ = resque.run(resque.core.delayed.delayed_rows(0, 5))
    assert rows == [(member, 1)]
    assert resque.remove_delayed_selection(lambda args: True) == 1
    assert resque.count_all_scheduled_jobs() == 0


def test_a_whole_second_beside_one_with_a_fraction_is_counted_once(resque, db):
    delay(db, 1795887832, [payload(1), payload(3)])
    db.zadd("resque:delayed_queue_schedule", {"1795887832.5": 1795887832.5})
    assert resque.count_all_scheduled_jobs() == 2
    assert len(resque.find_delayed_selection(lambda args: True)) == 2
    assert resque.move_due(1795887833) == 2
    assert resque.move_due(1795887833) == 0
    assert sorted(db.keys()) == [b"resque:queue:q1", b"resque:queues"]


def test_all_is_cleared_whatever_its_times_are_written_like(resque, db):
    for at, (member, score, name) in enumerate(FRACTIONS[:2]):
        delay(db, name, [payload(at)], member, score)
    assert resque.reset_delayed_queue() == 1
    assert resque.reset_delayed_queue() == 0
    assert db.keys() == []
