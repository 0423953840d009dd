"""Several workers in one process, in threads and in a loop: their ids, their signals, and what becomes of their jobs."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support.eventually import eventually
from tests.support.live_worker import WorkerProcess, burst, next_report, reported, worker

if TYPE_CHECKING:
    import redis

    from pyresque.failure.record import FailedRecord

EITHER = pytest.mark.parametrize("executor", ["thread", "async"])
#: What holds until it is let go, and hears signals: a plain function in a thread, in a thread beside the loop, in the loop.
HOLDING = pytest.mark.parametrize(
    ("executor", "name"),
    [("thread", "Spin"), ("async", "Spin"), ("async", "AsyncHold"), ("thread", "AsyncHold")],
)


def push(db: redis.Redis, name: str, *marks: object) -> None:
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", *(json.dumps({"class": name, "args": [mark]}) for mark in marks))


def failed(url: str) -> list[FailedRecord]:
    with Resque(url) as resque:
        return list(resque.failures.each(order="asc"))


def nothing_left(db: redis.Redis) -> bool:
    return not db.keys("resque:worker*")


def holding(db: redis.Redis, count: int) -> list[int]:
    """Wait until so many jobs hold at once; their marks."""
    seen = [next_report(db) for _ in range(count)]
    assert [words for words, _ in seen] == ["holding"] * count
    return sorted(mark for _, mark in seen)


def ids(db: redis.Redis, process: WorkerProcess, count: int) -> list[str]:
    own = f":{process.pid}:".encode()
    found = eventually(
        lambda: [one for one in db.smembers("resque:workers") if own in one],
        lambda seen: len(seen) == count,
    )
    return sorted(one.decode() for one in found)


@HOLDING
def test_each_slot_is_a_worker_of_its_own_id_with_a_job_of_its_own(
    db: redis.Redis, redis_url: str, executor: str, name: str
) -> None:
    push(db, name, 1, 2, 3, 4)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="3") as process:
        assert holding(db, 3) == [1, 2, 3]
        hosts = [one.partition(":")[0] for one in ids(db, process, 3)]
        plain = hosts[0]
        assert hosts == [plain, f"{plain}~2", f"{plain}~3"]
        with Resque(redis_url) as resque:
            assert sorted(one.working_on.job.args[0] for one in resque.working()) == [1, 2, 3]
        assert sorted(db.hkeys("resque:workers:heartbeat")) == sorted(db.smembers("resque:workers"))
        title = eventually(process.title, lambda seen: "Processing 3 of 3 jobs" in seen)
        assert re.search(r"resque-[0-9]", title)
        db.rpush("live:release", 1, 1, 1)
        eventually(lambda: db.get("resque:stat:processed"), lambda seen: seen == b"3")
        process.signal("SIGQUIT")
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert nothing_left(db)
    assert failed(redis_url) == []


@HOLDING
def test_term_child_raises_in_every_running_job(
    db: redis.Redis, redis_url: str, executor: str, name: str
) -> None:
    push(db, name, 1, 2, 3)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2", TERM_CHILD="1") as process:
        assert holding(db, 2) == [1, 2]
        process.signal("SIGTERM")
        assert process.ended() == 0
    assert sorted(reported(db)) == [["terminated", 1], ["terminated", 2]]
    records = failed(redis_url)
    assert {(one.exception, one.error) for one in records} == {("Resque::TermException", "SIGTERM")}
    assert len(records) == 2
    assert all(one.backtrace for one in records)
    assert db.llen("resque:queue:low") == 1
    assert nothing_left(db)


@pytest.mark.parametrize(
    ("executor", "name"), [("thread", "Hold"), ("async", "Hold"), ("async", "Frozen")]
)
@pytest.mark.parametrize("term_child", [{}, {"TERM_CHILD": "1"}], ids=["", "TERM_CHILD"])
def test_a_job_that_does_not_end_in_time_is_recorded_and_the_process_ends(
    db: redis.Redis, redis_url: str, executor: str, name: str, term_child: dict[str, str]
) -> None:
    push(db, name, 1)
    env = {"RESQUE_TERM_TIMEOUT": "0.5", "COUNT": "2", **term_child}
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        assert holding(db, 1) == [1]
        # It stands in C, where it hears nothing.
        eventually(lambda: "blpop" in [client["cmd"] for client in db.client_list()])
        process.signal("SIGTERM")
        assert process.ended() == 0
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"
    assert (record.class_name, record.payload.args) == (name, [1])
    assert nothing_left(db)


@EITHER
def test_without_term_child_a_job_may_end_by_itself_within_the_time(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    push(db, "Spin", 1, 2)
    env = {"RESQUE_TERM_TIMEOUT": "20"}
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        assert holding(db, 1) == [1]
        process.signal("SIGTERM")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert failed(redis_url) == []
    assert db.llen("resque:queue:low") == 1


@HOLDING
def test_usr1_ends_the_jobs_and_the_workers_go_on(
    db: redis.Redis, redis_url: str, executor: str, name: str
) -> None:
    push(db, name, 1, 2)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2", TERM_CHILD="1") as process:
        assert holding(db, 2) == [1, 2]
        process.signal("SIGUSR1")
        eventually(lambda: db.llen("resque:failed"), lambda seen: seen == 2)
        db.delete("live:reports")
        push(db, "Note", 3)
        assert next_report(db) == ["note", 3]
        process.signal("SIGQUIT")
        assert process.ended() == 0


@EITHER
def test_usr2_pauses_all_and_cont_sends_all_to_work(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2") as process:
        ids(db, process, 2)
        process.signal("SIGUSR2")
        eventually(lambda: process.title().endswith(": Paused"))
        push(db, "Spin", 1, 2)
        process.signal("SIGCONT")
        assert holding(db, 2) == [1, 2]
        db.rpush("live:release", 1, 1)
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert nothing_left(db)


@EITHER
def test_what_a_killed_process_had_is_recorded_by_the_next_worker_of_the_host(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    push(db, "Spin", 1, 2, 3)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="3") as process:
        assert holding(db, 3) == [1, 2, 3]
        dead = ids(db, process, 3)
        process.signal("SIGKILL")
        assert process.ended() == -signal.SIGKILL
    db.delete("resque:pruning_dead_workers_in_progress")
    burst(redis_url, "low")
    records = failed(redis_url)
    assert sorted(str(one.worker) for one in records) == dead
    assert {one.exception for one in records} == {"Resque::DirtyExit"}
    assert nothing_left(db)


@EITHER
def test_one_heartbeat_enters_all_that_were_struck_out_by_mistake(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    env = {"RESQUE_HEARTBEAT_INTERVAL": "0.3", "COUNT": "3"}
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        all_three = ids(db, process, 3)
        db.delete("resque:workers", "resque:workers:heartbeat")
        assert ids(db, process, 3) == all_three
        eventually(lambda: db.hlen("resque:workers:heartbeat"), lambda seen: seen == 3)
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert nothing_left(db)


@EITHER
@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGQUIT", "SIGINT"])
def test_nothing_is_lost_or_done_twice_when_it_is_stopped_amid_many_jobs(
    db: redis.Redis, redis_url: str, executor: str, signal_name: str
) -> None:
    push(db, "Note", *range(20_000))
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="4") as process:
        eventually(lambda: db.llen("live:reports"), lambda seen: seen > 20)
        process.signal(signal_name)
        assert process.ended() == 0
    done = [mark for _, mark in reported(db)]
    left = [json.loads(one)["args"][0] for one in db.lrange("resque:queue:low", 0, -1)]
    assert Counter(done + left) == Counter(range(20_000))
    assert left
    assert db.get("resque:stat:processed") == str(len(done)).encode()
    assert nothing_left(db)


@EITHER
def test_failures_bear_the_backtrace_of_the_job(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    push(db, "Boom", 1)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2")
    (record,) = failed(redis_url)
    assert (record.exception, record.error) == ("RuntimeError", "boom (1,)")
    assert record.backtrace[0].endswith("in `boom'")


@EITHER
def test_a_soft_limit_holds_in_each_slot(db: redis.Redis, redis_url: str, executor: str) -> None:
    push(db, "AsyncSlow", 1, 2)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2")
    assert sorted(reported(db)) == [["cleaning up", 1], ["cleaning up", 2]]
    assert {one.exception for one in failed(redis_url)} == {"Timeout::Error"}


def test_each_job_in_the_loop_has_a_context_of_its_own(db: redis.Redis, redis_url: str) -> None:
    push(db, "Context", 1, 2)
    push(db, "Thread", 3)
    burst(redis_url, "low", RESQUE_EXECUTOR="async")
    assert reported(db) == [["context", 1, None], ["context", 2, None], ["thread", 3, "loop"]]


@EITHER
def test_the_hooks_of_the_process_run_once(db: redis.Redis, redis_url: str, executor: str) -> None:
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="3", HOOKS="1") as process:
        ids(db, process, 3)
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert reported(db) == [["before_first_fork"], ["on_shutdown"], ["worker_exit"]]


@EITHER
def test_an_error_that_is_no_jobs_ends_the_process_when_the_other_jobs_have_ended(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    push(db, "Spin", 1)
    push(db, "Note", 2)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, COUNT="2", BAD_HOOK="1") as process:
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 1
        assert "ValueError" in process.log
    assert sorted(reported(db)) == [["held", 1], ["holding", 1], ["note", 2]]
    assert failed(redis_url) == []
    assert nothing_left(db)
