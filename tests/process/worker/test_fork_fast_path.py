"""The fast path of forking workers: the fork server performs short plain jobs, and leaves everything as the worker does."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis as redis_py

from pyresque import Resque, TimeLimit
from pyresque.executor.fork.fast_path_process import ANSWERED, ENDED, LEFT, WORKING
from tests.support import kinds_of_jobs
from tests.support.fork_worker import ForkWorker, kinds, notes
from tests.support.queue_state import UNUSUAL, contents, push

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd


def test_short_jobs_that_follow_one_another_have_children_of_the_fork_server(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    made_stage = stage()
    key = f"resque:worker:{os.uname().nodename}:{os.getpid()}:low"
    for _ in range(20):
        push(db, "Me", key)
    worker = made_stage.work()
    assert key.endswith(worker.id)
    notes_taken = made_stage.notes_taken()
    assert len({pid for pid, _, _ in notes_taken}) == 20
    assert len({parent for _, parent, _ in notes_taken}) == 1
    assert os.getpid() not in {parent for _, parent, _ in notes_taken}
    for _, _, record in notes_taken:
        working = json.loads(record)
        assert working["queue"] == "low"
        assert working["payload"] == {"class": "Me", "args": [key]}
        assert working["run_at"].endswith("Z")
    # The first one was the worker's, and the last turn found nothing.
    assert [(end.kind, end.turns) for end in ends] == [(ANSWERED, 18)]
    assert db.get("resque:stat:processed") == b"20"
    assert db.keys("resque:worker:*") == []


def test_whatever_lies_between_plain_jobs_leaves_what_the_usual_way_leaves(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "pyresque.executor.fork.fast_path_handle.FEW", 0
    )  # so that short ones are tried again and again
    noted, left = [], []
    for ahead in ("auto", "always"):
        db.flushall()
        one = stage(fork_ahead=ahead)
        for number, unusual in enumerate(UNUSUAL):
            for again in range(3):
                push(db, "Note", number, {"a": [None, again]})
            db.rpush("resque:queue:low", unusual)
            push(db, "Note", "é\x00", 1.5)
            push(db, "Later", number)
            push(db, "Note", number)
            push(db, "Fail", f"no {number}")
            push(db, "Note", number)
            push(db, "Vanish", 0)
        one.work()
        noted.append(one.notes_taken())
        left.append(contents(db))
        if ahead == "auto":
            assert sum(end.turns for end in ends) >= 2 * len(UNUSUAL)
            assert {LEFT, ENDED} <= set(kinds(ends))
            ends.clear()
    assert ends == []  # always ahead: no fast path
    assert noted[0] == noted[1]
    assert _without_pids(left[0]) == _without_pids(left[1])
    assert left[0][b"resque:stat:processed"] == b"%d" % (10 * len(UNUSUAL))


@pytest.mark.parametrize("middleware", [False, True])
def test_jobs_of_every_kind_leave_what_the_usual_way_leaves(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
    middleware: bool,
) -> None:
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.FEW", 0)
    noted, left = [], []
    for ahead in ("auto", "always"):
        db.flushall()
        one = stage(fork_ahead=ahead)
        kinds_of_jobs.register(one.resque, one.take_note)
        if middleware:
            one.resque.middleware(lambda call_next, job: call_next(job))
        pushed = 0
        for number in range(3):
            notes(db, 3)
            pushed += kinds_of_jobs.push_all(db)
            for _ in range(3):
                push(db, "Hooked", number)
        one.work()
        noted.append(one.notes_taken())
        left.append(kinds_of_jobs.without_times(contents(db)))
        if ahead == "auto":
            assert sum(end.turns for end in ends) > pushed / 4
            ends.clear()
    assert len(noted[0]) > pushed
    assert noted[0] == noted[1]
    for key in left[0].keys() | left[1].keys():
        assert left[0].get(key) == left[1].get(key), key


def _without_pids(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """A job whose process vanished is recorded with that process's pid."""
    for record in found[b"resque:failed"]:
        record["error"] = record["error"].rpartition(": pid ")[0] or record["error"]
    return found


def test_jobs_come_from_several_queues_in_their_order(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    db.set("resque:queue:odd", "no list")
    for number in range(4):
        push(db, "Note", "high", number, queue="high")
        push(db, "Note", "low", number)
    one.work("high", "low")
    assert one.notes_taken() == [["high", n] for n in range(4)] + [["low", n] for n in range(4)]
    assert sum(end.turns for end in ends) == 6
    for number in range(4):
        push(db, "Note", "odd", number)
    two = stage()
    two.work("odd", "low")
    assert two.notes_taken()[8:] == [["odd", n] for n in range(4)]


def test_a_glob_is_the_workers_own_affair(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    notes(db, 4)
    one.work("l*")
    assert len(one.notes_taken()) == 4
    assert ends == []


@pytest.mark.parametrize(
    "settings",
    [
        {"jobs_per_child": 2},
        {"run_at_exit_hooks": True},
        {"max_child_memory": 500},
        {"codec": "msgpack"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_asks_for_more_than_a_child_for_each_job_has_no_fast_path(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    settings: dict[str, Any],
) -> None:
    one = stage(**settings)
    with Resque(one.resque.settings.url, codec=settings.get("codec", "json")) as client:
        for number in range(4):
            client.enqueue_to("low", "Note", number)
    one.work()
    assert [number for (number,) in one.notes_taken()] == [0, 1, 2, 3]
    assert ends == []


@pytest.mark.parametrize("hook", ["before_fork", "after_fork"])
def test_hooks_of_forks_are_called_for_every_job(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], hook: str
) -> None:
    one = stage()
    one.resque.hooks.add(hook, lambda *_: one.take_note(hook))
    notes(db, 4)
    one.work()
    assert one.notes_taken().count([hook]) == 4
    assert kinds(ends) == ([ANSWERED] if hook == "after_fork" else [])


def test_a_hard_limit_holds_for_a_job_that_the_fast_path_began(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    long_jobs: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyresque.job.plain.SHORTEST_LIMIT", 0.0)
    one = stage()
    one.resque.job("Stuck", queue="low", timeout=TimeLimit(hard=2.5))(
        lambda: (one.be_long(), time.sleep(60))
    )
    notes(db, 3)
    push(db, "Stuck")
    push(db, "Note", 3)
    started = time.monotonic()
    one.work()
    assert kinds(ends)[0] == WORKING
    assert 2.4 < time.monotonic() - started < 50
    assert one.notes_taken() == [[0], [1], [2], [3]]
    (record,) = db.lrange("resque:failed", 0, -1)
    assert "2.5" in json.loads(record)["error"]


def test_a_short_hard_limit_is_the_workers_own_affair(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    one.resque.job("Limited", queue="low", timeout=TimeLimit(hard=5))(lambda: None)
    notes(db, 3)
    push(db, "Limited")
    notes(db, 3)
    one.work()
    assert LEFT in kinds(ends)
    assert len(one.notes_taken()) == 6


def test_a_pause_key_ends_the_fast_path(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    one.resque.job("Pause", queue="low")(
        lambda: redis_py.Redis.from_url(one.resque.settings.url).set(
            "resque:pause-all-workers", "true"
        )
    )
    notes(db, 3)
    push(db, "Pause")
    push(db, "Note", 3)
    one.work()
    assert one.notes_taken() == [[0], [1], [2]]
    assert kinds(ends) == [ANSWERED]
    assert db.llen("resque:queue:low") == 1
    assert db.get("resque:stat:processed") == b"4"


def test_what_a_job_loads_is_loaded_for_the_next_fast_path(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    sys.modules.pop("colorsys", None)  # another test may have needed it
    one = stage()
    for _ in range(4):
        push(db, "Load", "colorsys")
    one.work()
    assert one.notes_taken()[-1] == ["colorsys", True]
    assert one.notes_taken().count(["colorsys", False]) == 1


def test_a_great_payload_is_performed_like_any_other(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    one.resque.job("Length", queue="low")(lambda text: one.take_note(len(text)))
    notes(db, 3)
    push(db, "Length", "x" * 20_000_000)
    push(db, "Note", 3)
    one.work()
    assert one.notes_taken() == [[0], [1], [2], [20_000_000], [3]]
    assert [end.turns for end in ends] == [3]


def test_what_a_job_prints_is_seen(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    capfd: pytest.CaptureFixture[str],
    ends: list[FastPathEnd],
) -> None:
    one = stage()
    for number in range(5):
        push(db, "Print", f"word {number}")
    one.work()
    assert capfd.readouterr().out.split("\n")[:-1] == [f"word {number}" for number in range(5)]
    assert [end.turns for end in ends] == [3]
