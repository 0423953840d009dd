"""One queue, ten classes in random order, workers of both sides: each class is performed where its route leads, each job once.

The other side is real Ruby Resque, or node-resque where Node is. PYRESQUE_SHARED_JOBS=20000 is the long form.
"""

from __future__ import annotations

import json
import os
import random
import signal

import pytest

from compat_tests.live.app import SHARED
from tests.support.eventually import eventually

JOBS = int(os.environ.get("PYRESQUE_SHARED_JOBS", "2000"))
CLASSES = [f"Shared::Job{letter}" for letter in "ABCDEFGHIJ"]
ONLY = {"RESQUE_ONLY_REGISTERED": "1"}
QUEUE = "resque:queue:shared"

#: What is routed where, one change after the other, while the workers work; the last but one takes the one before it back.
CHANGES = (
    ("Shared::JobA", "ruby"),
    ("Shared::JobF", "python"),
    ("Shared::Job[BC]", "ruby"),
    None,
    ("Shared::JobD", "python=25%"),
)


def fill(db, count, seed=7):
    """Jobs of random classes; each has its number."""
    chance = random.Random(seed)
    names = [chance.choice(CLASSES) for _ in range(count)]
    jobs = [json.dumps({"class": name, "args": [number]}) for number, name in enumerate(names)]
    db.sadd("resque:queues", "shared")
    for start in range(0, count, 1000):
        db.rpush(QUEUE, *jobs[start : start + 1000])
    return names


def route(resque, db, match, target):
    """Make a change, and note it among the jobs: before it is made if Python may perform from then on, else afterwards."""
    note = json.dumps(["route", match, target])
    if target != "ruby":
        db.rpush(SHARED, note)
    resque.routes.set(match, target)
    if target == "ruby":
        db.rpush(SHARED, note)


def change_routes(resque, db):
    """Each change comes when so many jobs more are done."""
    for number, change in enumerate(CHANGES, 1):
        done = number * JOBS // (len(CHANGES) + 1)
        eventually(lambda done=done: db.llen(SHARED), lambda seen, done=done: seen >= done)
        if change is None:
            before = resque.routes.show()
            db.rpush(SHARED, json.dumps(["route", "Shared::Job[BC]", "python"]))
            after = resque.routes.rollback()
            assert len(after.rules) == len(before.rules) - 1
        else:
            route(resque, db, *change)


def all_noted(db):
    changes = len(CHANGES) + 2
    eventually(lambda: db.llen(SHARED), lambda seen: seen >= JOBS + changes, within=120)
    return [json.loads(one) for one in db.lrange(SHARED, 0, -1)]


def matches(rule, name):
    return (
        rule in {"*", name}
        or (rule.endswith("[BC]") and name[-1] in "BC")
        or (rule.endswith("[A-E]") and name[-1] in "ABCDE")
    )


def check(noted, names, workers):
    """Each job once; of a class that is routed to the other side, Python performs no more than it had in hand when that was said."""
    jobs = [one for one in noted if one[0] != "route"]
    assert sorted(number for _, _, number in jobs) == list(range(JOBS))
    assert all(names[number] == name for _, name, number in jobs)
    of_ruby, after = dict.fromkeys(CLASSES, False), dict.fromkeys(CLASSES, 0)
    for side, name, target in noted:
        if side == "route":
            for each in CLASSES:
                if matches(name, each):
                    of_ruby[each], after[each] = target == "ruby", 0
        elif side == "python" and of_ruby[name]:
            after[name] += 1
            assert after[name] <= workers, f"{name} was routed to the other side"
    assert len({side for side, *_ in jobs}) == 2, "both sides performed some"
    assert not any(side == "python" and name[-1] in "GHIJ" for side, name, _ in jobs)


def in_order(noted):
    """Each side performs the jobs of one class in the queue's order."""
    last = {}
    for side, name, number in noted:
        if side != "route":
            assert last.get((side, name), -1) < number, f"{name} by {side}"
            last[side, name] = number


@pytest.fixture(params=["ruby", "node"])
def start_other(request):
    return request.getfixturevalue(f"{request.param}_worker")


def play(resque, db, start_other, python_worker, others, pythons, **env):
    names = fill(db, JOBS)
    route(resque, db, "*", "ruby")
    route(resque, db, "Shared::Job[A-E]", "python")
    ours = [python_worker("shared", **ONLY, **env) for _ in range(pythons)]
    eventually(lambda: b'["python"' in b"".join(db.lrange(SHARED, 0, -1)))
    theirs = [start_other("shared", FORK_PER_JOB="false") for _ in range(others)]
    change_routes(resque, db)
    noted = all_noted(db)
    for worker in theirs:
        worker.stop(signal.SIGQUIT)
    for worker in ours:
        assert worker.stop(signal.SIGQUIT) == 0
    assert [(one.exception, one.error, one.worker) for one in resque.failures.each()] == []
    assert db.llen(QUEUE) == 0
    assert resque.stat("processed") == JOBS
    assert db.smembers("resque:workers") == set()
    return noted, names


def test_one_worker_of_each_side_keeps_the_order_of_each_class(
    resque, db, start_other, python_worker
):
    noted, names = play(resque, db, start_other, python_worker, 1, 1, RESQUE_EXECUTOR="inline")
    check(noted, names, workers=1)
    in_order(noted)


def test_pools_of_both_sides_perform_each_job_once(resque, db, start_other, python_worker):
    noted, names = play(
        resque, db, start_other, python_worker, 3, 2, RESQUE_EXECUTOR="thread", COUNT="3"
    )
    check(noted, names, workers=6)


def test_children_perform_what_is_routed_here(resque, db, start_other, python_worker):
    noted, names = play(resque, db, start_other, python_worker, 1, 2)
    check(noted, names, workers=2)


def test_python_leaves_at_any_time_and_the_other_side_goes_on(
    resque, db, start_other, python_worker
):
    names = fill(db, JOBS)
    resque.routes.set("*", "python")
    ours = python_worker("shared", **ONLY, RESQUE_EXECUTOR="inline")
    eventually(lambda: db.llen(SHARED), lambda seen: seen > JOBS // 10)
    ours.stop(signal.SIGQUIT)
    left = [json.loads(one)["args"][0] for one in db.lrange(QUEUE, 0, -1)]
    assert left == list(range(JOBS - len(left), JOBS))
    start_other("shared", FORK_PER_JOB="false")
    eventually(lambda: db.llen(SHARED), lambda seen: seen == JOBS, within=60)
    noted = [json.loads(one) for one in db.lrange(SHARED, 0, -1)]
    assert [number for _, _, number in noted] == list(range(JOBS))
    assert [name for _, name, _ in noted] == names
    assert len({side for side, *_ in noted}) == 2
