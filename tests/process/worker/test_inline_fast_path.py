"""The fast path in place: everything as the worker does it without, whatever comes in between."""

from __future__ import annotations

import json
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.plugins import Retry
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.worker import build_worker
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support import kinds_of_jobs
from tests.support.queue_state import UNUSUAL, contents, push

if TYPE_CHECKING:
    import redis


BURST = Interval.between(0.0)


class Stage:
    def __init__(self, url: str, **settings: Any) -> None:
        self.resque = Resque(url, executor="inline", **settings)
        self.noted: list[Any] = []
        self.resque.job("Note", queue="low")(self.note)
        self.resque.job("Fail", queue="low")(self.fail)
        self.resque.job("Later", queue="low")(self.later)
        self.resque.job("Soon", queue="low")(self.soon)
        self.resque.job("Signal", queue="low")(self.signal)

    def note(self, *args: Any) -> None:
        self.noted.append(args)

    def fail(self, word: str) -> None:
        raise ValueError(word)

    async def later(self, *args: Any) -> str:
        self.noted.append(("later", *args))
        return "done"

    def soon(self, *args: Any) -> Any:
        return self.later(*args)

    def signal(self, name: str) -> None:
        os.kill(os.getpid(), signal.Signals[name])

    def work(self, *queues: str) -> Worker:
        """Work until every queue is empty; the worker."""
        posix = PosixHost()
        with self.resque as resque:
            worker = build_worker(resque, QueueList.parse(queues or ("low",)), posix)
            with posix.hearing(worker):
                resque.run(worker.work(BURST))
        posix.close()
        return worker


@pytest.fixture
def stage(redis_url: str) -> Stage:
    return Stage(redis_url)


def test_whatever_lies_between_plain_jobs_leaves_what_the_usual_way_leaves(
    db: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, left = [], []
    for usual in (False, True):
        db.flushall()
        if usual:
            monkeypatch.setattr(
                Worker, "fast_path", property(lambda _: None, lambda _, __: None), raising=False
            )
        stage = Stage(redis_url)
        for number, unusual in enumerate(UNUSUAL):
            push(db, "Note", number, {"a": None})
            db.rpush("resque:queue:low", unusual)
            push(db, "Fail", f"no {number}")
            push(db, "Later", number)
            push(db, "Soon", number)
        stage.work()
        noted.append(stage.noted)
        left.append(contents(db))
    assert len(noted[0]) > 3 * len(UNUSUAL)
    assert noted[0] == noted[1]
    assert left[0] == left[1]
    assert left[0][b"resque:stat:processed"] == b"%d" % (5 * len(UNUSUAL))


def test_jobs_follow_one_another_without_the_general_way_unless_the_worker_must_act(
    db: redis.Redis, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[str] = []
    usual = Worker._perform

    async def seen(self: Worker, job: Any) -> Any:
        ways.append(job.class_name)
        return await usual(self, job)

    monkeypatch.setattr(Worker, "_perform", seen)
    for number in range(5):
        push(db, "Note", number)
    stage.resque.job("Hooked", queue="low")(Hooked)
    stage.resque.job("Limited", queue="low", timeout=30)(lambda: None)
    stage.resque.job("Again", queue="low", on_dirty_exit="requeue")(lambda: None)
    stage.resque.active_job("ActiveJob", queue="low")(lambda *args: stage.noted.append(args))
    push(db, "Hooked")
    push(db, "Limited")
    push(db, "Again")
    push(db, "Note", 5)
    stage.resque.active_job("ActiveJob").set(queue="low").enqueue(6)
    stage.work()
    assert stage.noted == [(number,) for number in range(7)]
    assert ways == ["Again"]


class Hooked:
    @staticmethod
    def before_perform_nothing(*args: Any) -> None:
        """A hook makes a job one that is not plain."""

    @staticmethod
    def perform(*args: Any) -> None:
        """Do nothing."""


def test_jobs_of_globs_and_several_queues_follow_one_another_in_the_queues_order(
    db: redis.Redis, stage: Stage
) -> None:
    for queue in ("b", "a", "c"):
        for number in range(3):
            push(db, "Note", queue, number, queue=queue)
    stage.work("a", "b*", "*")
    assert stage.noted == [(queue, number) for queue in "abc" for number in range(3)]
    stage.noted.clear()
    for queue in ("b", "a"):
        push(db, "Note", queue, queue=queue)
    Stage.work(stage, "b", "a")
    assert stage.noted == [("b",), ("a",)]


def test_a_queue_that_comes_up_meanwhile_is_seen_by_the_next_step(
    db: redis.Redis, stage: Stage
) -> None:
    stage.resque.job("Push", queue="z")(lambda: push(db, "Note", "first", queue="a"))
    push(db, "Push", queue="z")
    push(db, "Note", "last", queue="z")
    stage.work("*")
    assert stage.noted == [("first",), ("last",)]


@pytest.mark.parametrize("signal_name", ["SIGQUIT", "SIGUSR2"])
def test_a_signal_within_a_job_ends_the_fast_path_and_leaves_the_rest(
    db: redis.Redis, stage: Stage, signal_name: str
) -> None:
    push(db, "Note", 1)
    push(db, "Signal", signal_name)
    push(db, "Note", 2)
    push(db, "Note", 3)
    stage.work()
    assert stage.noted == [(1,)]
    assert db.llen("resque:queue:low") == 2
    assert db.get("resque:stat:processed") == b"2"
    assert db.keys("resque:worker:*") == []


def test_a_term_ends_the_job_that_runs_and_it_is_recorded(db: redis.Redis, redis_url: str) -> None:
    stage = Stage(redis_url, term_child=True)
    push(db, "Note", 1)
    push(db, "Signal", "SIGTERM")
    push(db, "Note", 2)
    stage.work()
    (failed,) = map(json.loads, db.lrange("resque:failed", 0, -1))
    assert failed["exception"] == "Resque::TermException"
    assert (stage.noted, db.llen("resque:queue:low")) == ([(1,)], 1)


def test_a_break_between_two_jobs_loses_none_and_repeats_none(
    db: redis.Redis, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cut(number: int) -> None:
        stage.noted.append((number,))
        db.client_kill_filter(_type="normal", skipme=True)

    stage.resque.job("Cut", queue="low")(cut)
    for number in range(6):
        push(db, "Cut", number)
    monkeypatch.setattr("pyresque.process.worker.redis_retry.FIRST_WAIT", 0.01)
    stage.work()
    assert stage.noted == [(number,) for number in range(6)]
    assert db.get("resque:stat:processed") == b"6"
    assert "trying again" in caplog.text


def test_a_script_that_was_flushed_is_called_again(db: redis.Redis, stage: Stage) -> None:
    stage.resque.job("Flush", queue="low")(db.script_flush)
    for _ in range(3):
        push(db, "Flush")
    push(db, "Note", 1)
    stage.work()
    assert stage.noted == [(1,)]
    assert db.get("resque:stat:processed") == b"4"


def test_a_log_that_wants_its_lines_gets_them(
    db: redis.Redis, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyresque")
    push(db, "Note", 1)
    push(db, "Note", 2)
    stage.work()
    for number in (1, 2):
        assert f"got: (Job{{low}} | Note | [{number}])" in caplog.messages
        assert f"done: (Job{{low}} | Note | [{number}]) in" in caplog.text


def test_what_is_being_performed_stands_in_redis_and_in_the_title(
    db: redis.Redis, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    monkeypatch.setattr("pyresque.process.host.posix.setproctitle", titles.append)
    seen: list[Any] = []

    def look(number: int) -> None:
        (key,) = [
            key for key in db.keys("resque:worker:*") if not key.endswith((b":started", b":note"))
        ]
        seen.append(json.loads(db.get(key)))

    stage.resque.job("Look", queue="low")(look)
    for number in range(3):
        push(db, "Look", number)
    stage.work()
    assert [record["payload"]["args"] for record in seen] == [[0], [1], [2]]
    assert {record["queue"] for record in seen} == {"low"}
    assert any("Processing low since" in title and "[Look]" in title for title in titles)


def test_jobs_of_every_kind_leave_what_the_usual_way_leaves(
    db: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, left = [], []
    for usual in (False, True):
        db.flushall()
        if usual:
            monkeypatch.setattr(
                Worker, "fast_path", property(lambda _: None, lambda _, __: None), raising=False
            )
        stage = Stage(redis_url)
        kinds_of_jobs.register(stage.resque, stage.note)
        pushed = sum(kinds_of_jobs.push_all(db) for _ in range(2))
        stage.work()
        noted.append(stage.noted)
        left.append(kinds_of_jobs.without_times(contents(db)))
    assert len(noted[0]) > pushed
    assert noted[0] == noted[1]
    assert left[0] == left[1]


def test_a_job_that_fails_where_redis_has_lost_the_script_is_retried_once(
    db: redis.Redis, stage: Stage
) -> None:
    def fail(number: int) -> None:
        stage.note(number)
        raise ValueError(number)

    stage.resque.job("Attempt", queue="low", plugins=[Retry(limit=1)])(fail)
    db.script_flush()
    push(db, "Attempt", 1)
    stage.work()
    assert stage.noted == [(1,), (1,)]
    assert (db.llen("resque:failed"), db.keys("resque:resque-retry:*")) == (2, [])
