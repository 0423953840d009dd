"""What the fast path loses when its server dies, or its connection breaks: nothing, at whatever point that is."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.executor.fork.fast_path_handle import LOST, FastPathHandle
from pyresque.executor.fork.fast_path_process import BROKEN, FastPathRun
from pyresque.executor.fork.shared_page import FINISHED, SLOTS, SharedPage
from pyresque.process.host.client_count import EVERY, ClientCount
from pyresque.process.run.worker import lendable
from pyresque.store.reserve_raw import RawReserver
from tests.support.eventually import eventually
from tests.support.fork_worker import (
    ForkWorker,
    after,
    kinds,
    notes,
    server_of,
    short_jobs_then_one_that_holds,
)
from tests.support.live_worker import next_report, reported, worker
from tests.support.processes import children_of, command_line
from tests.support.queue_state import push
from tests.support.scripted_worker import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd


#: Jobs of a test: the server dies after some 20 of them.
MANY = 100


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.003, 0.01, 0.03])
def test_a_server_that_dies_leaves_its_job_to_the_worker(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], moment: float
) -> None:
    one = stage()
    notes(db, MANY)

    def deed() -> None:
        time.sleep(moment)
        os.kill(server_of(one), signal.SIGKILL)

    thread = after(one, 20, deed)
    one.work()
    thread.join()
    assert LOST in kinds(ends)
    assert [number for (number,) in one.notes_taken()] == [*range(MANY)]
    assert db.get("resque:stat:processed") == b"%d" % MANY
    assert db.llen("resque:failed") == 0


#: Where the server is when it dies: what it was about to do or has just done, and how often it had done that before.
POINTS = {
    "it has not begun": (FastPathRun, "run", "before", 1),
    "it has forked": (FastPathRun, "_wait", "before", 5),
    "its child has ended": (FastPathRun, "_wait", "after", 5),
    "a turn is not sent": (RawReserver, "reserve", "before", 5),
    "a turn is carried out": (RawReserver, "reserve", "after", 5),
    "a turn is not noted": (SharedPage, "set_turns", "before", 5),
    "a turn is noted": (SharedPage, "set_turns", "after", 5),
    "a job is not begun": (FastPathRun, "_fork", "before", 5),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_server_may_die_at_any_point(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    monkeypatch: pytest.MonkeyPatch,
    point: str,
) -> None:
    monkeypatch.setattr(
        "pyresque.executor.fork.fast_path_handle.FEW", 0
    )  # fast paths that soon end begin again and again
    owner, name, when, wanted = POINTS[point]
    usual, worker, calls = getattr(owner, name), os.getpid(), []

    def dying(self: Any, *args: Any) -> Any:
        if os.getpid() == worker:
            return usual(self, *args)
        calls.append(1)
        due = len(calls) == wanted
        if due and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = usual(self, *args)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    monkeypatch.setattr(owner, name, dying)
    one = stage()
    page = one.prepare().executor.page  # type: ignore[attr-defined]
    page._page[1:SLOTS] = bytes([FINISHED]) * (SLOTS - 1)  # as after thousands of jobs
    jobs = 8 * wanted
    notes(db, jobs)
    one.go()
    assert kinds(ends).count(LOST) > 2
    assert one.notes_taken() == [[number] for number in range(jobs)]
    assert db.get("resque:stat:processed") == b"%d" % jobs
    assert db.llen("resque:failed") == 0
    assert db.keys("resque:worker:*") == []


def test_a_server_that_dies_while_its_child_works_does_not_end_the_job(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    short_jobs_then_one_that_holds(db)
    push(db, "Note", 3)

    def deed() -> None:
        os.kill(server_of(one), signal.SIGKILL)
        eventually(lambda: ends)
        one.notes.rpush("release", 1)

    thread = after(one, 4, deed)
    one.work()
    thread.join()
    assert kinds(ends)[0] == LOST
    assert one.notes_taken()[3:] == [["holding", "it"], ["held", "it"], [3]]
    assert db.get("resque:stat:processed") == b"5"
    assert db.llen("resque:failed") == 0


def test_a_connection_that_breaks_ends_the_fast_path_and_costs_no_job(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    notes(db, MANY)

    def deed() -> None:
        for _ in range(5):
            for client in db.client_list():
                if client["cmd"] == "evalsha":
                    db.client_kill_filter(_id=client["id"])
            time.sleep(0.02)

    thread = after(one, 20, deed)
    one.work()
    thread.join()
    assert BROKEN in kinds(ends)
    assert [number for (number,) in one.notes_taken()] == [*range(MANY)]
    assert db.get("resque:stat:processed") == b"%d" % MANY
    assert db.llen("resque:failed") == 0


def test_a_worker_that_dies_ends_its_fast_path(
    db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    """Its child goes on to its end, as in Ruby; no other job is taken."""
    with worker(redis_url, "low", VVERBOSE="") as process:
        for number in range(3):
            push(db, "Note", number)
        push(db, "Hold", 1)
        push(db, "Note", 3)
        assert [next_report(db) for _ in range(4)][-1] == ["holding", 1]
        (server,) = (pid for pid in children_of(process.pid) if "forks for" in command_line(pid))
        process.signal("SIGKILL")
        process.ended()  # only then has its fork server another parent
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        eventually(lambda: not Path(f"/proc/{server}").exists())
    assert reported(db) == []
    assert db.llen("resque:queue:low") == 1


def test_a_server_with_too_many_connections_gives_none_for_the_fast_path(
    db: redis.Redis, redis_url: str
) -> None:
    before = db.config_get("maxclients")["maxclients"]
    with Resque(redis_url) as resque:
        resque.queues()
        db.config_set("maxclients", len(db.client_list()))
        try:
            connect = partial(lendable, resque, ClientCount(resque.core.clock))
            handle = FastPathHandle(None, SharedPage(), 0, connect)  # type: ignore[arg-type] # nothing is asked of it
            assert handle.connection() is None
        finally:
            db.config_set("maxclients", before)
        assert handle.connection() is not None
        handle.close()


def test_a_server_that_has_nearly_too_many_connections_gives_none_until_there_is_room(
    db: redis.Redis, redis_url: str
) -> None:
    before, clock = db.config_get("maxclients")["maxclients"], Clock()
    with Resque(redis_url) as resque:
        resque.queues()
        connected = len(db.client_list())
        clients = ClientCount(clock)
        try:
            db.config_set("maxclients", connected + 1)
            assert lendable(resque, clients) is None
            eventually(lambda: len(db.client_list()), lambda seen: seen == connected)
            db.config_set("maxclients", 10 * connected)
            assert lendable(resque, clients) is None  # not asked yet
            clock.passed += EVERY
            lent = lendable(resque, clients)
            assert lent is not None
            lent.close()
        finally:
            db.config_set("maxclients", before)


def test_a_user_who_may_not_do_all_that_the_fast_path_needs_has_none(
    db: redis.Redis, redis_url: str, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    commands = ["+@all", "-echo"]
    db.acl_setuser("lean", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=commands)
    try:
        one = stage(url=redis_url.replace("redis://", "redis://lean:any@"))
        notes(db, 5)
        one.work()
        assert one.notes_taken() == [[number] for number in range(5)]
        assert ends == []
    finally:
        db.acl_deluser("lean")
