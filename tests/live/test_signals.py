"""Real signals to a real worker process: what each does, and what becomes of the job that runs."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from tests.support.eventually import eventually
from tests.support.live_worker import burst, next_report, reported, worker
from tests.support.processes import children_of, command_line

if TYPE_CHECKING:
    import redis

    from pyresque.failure.record import FailedRecord

HOLD = b'{"class":"Hold","args":[1]}'
NOTE = b'{"class":"Note","args":[2]}'
BOTH = pytest.mark.parametrize("executor", ["fork", "inline"])
EVERY = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])


def failed(url: str) -> list[FailedRecord]:
    with Resque(url) as resque:
        return list(resque.failures.each(order="asc"))


def nothing_left(db: redis.Redis) -> bool:
    return not db.keys("resque:worker*")


@EVERY
@pytest.mark.parametrize(
    ("signal_name", "env"),
    [("SIGQUIT", {}), ("SIGTERM", {"GRACEFUL_TERM": "1"})],
    ids=["QUIT", "TERM"],
)
def test_a_graceful_signal_lets_the_job_end_and_takes_no_other(
    db: redis.Redis, redis_url: str, executor: str, signal_name: str, env: dict[str, str]
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, **env) as process:
        assert next_report(db) == ["holding", 1]
        process.signal(signal_name)
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert nothing_left(db)
    assert db.get("resque:stat:processed") == b"1"
    assert failed(redis_url) == []


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_a_signal_to_stop_at_once_kills_the_job_and_records_it(
    db: redis.Redis, redis_url: str, signal_name: str
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["holding", 1]
        process.signal(signal_name)
        assert process.ended() == 0
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"
    assert record.error is not None
    assert record.error.startswith("Child process received unhandled signal pid ")
    assert record.error.endswith("SIGKILL (signal 9)")
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert nothing_left(db)


@BOTH
def test_term_child_raises_in_the_job_which_may_clean_up(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, TERM_CHILD="1") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGTERM")
        assert process.ended() == 0
    assert reported(db) == [["terminated", 1]]
    (record,) = failed(redis_url)
    assert (record.exception, record.error) == ("Resque::TermException", "SIGTERM")
    assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
    assert nothing_left(db)


@EVERY
def test_term_child_reaches_a_job_that_was_freeing_an_object(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Freeing","args":[1]}')
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, TERM_CHILD="1") as process:
        assert next_report(db) == ["freeing", 1]
        process.signal("SIGTERM")
        assert process.ended() == 0
    assert reported(db) == [["terminated", 1]]
    (record,) = failed(redis_url)
    assert (record.exception, record.error) == ("Resque::TermException", "SIGTERM")


def test_a_job_that_resists_is_killed_after_the_term_timeout(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Stubborn","args":[1]}')
    with worker(redis_url, "low", TERM_CHILD="1", RESQUE_TERM_TIMEOUT="3") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGTERM")
        assert process.ended() == 0
    assert reported(db) == [["resisted", 1]]
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"


def test_a_job_has_the_pre_shutdown_time_to_end_by_itself(db: redis.Redis, redis_url: str) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low", TERM_CHILD="1", RESQUE_PRE_SHUTDOWN_TIMEOUT="15") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGTERM")
        eventually(lambda: "exiting..." in process.log)
        db.rpush("live:release", 1)
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert failed(redis_url) == []


def test_usr1_ends_the_job_and_the_worker_goes_on(db: redis.Redis, redis_url: str) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGUSR1")
        assert next_report(db) == ["note", 2]
        assert len(failed(redis_url)) == 1
        process.signal("SIGQUIT")
        assert process.ended() == 0


@EVERY
def test_usr2_pauses_after_the_job_and_cont_goes_on(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    db.rpush("resque:queue:low", HOLD, NOTE)
    with worker(redis_url, "low", RESQUE_EXECUTOR=executor, HOOKS="1") as process:
        assert next_report(db) == ["before_first_fork"]
        assert next_report(db) == ["holding", 1]
        process.signal("SIGUSR2")
        assert next_report(db) == ["pausing"]
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        eventually(lambda: process.title().endswith(": Paused"))
        assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
        process.signal("SIGCONT")
        assert next_report(db) == ["note", 2]
        process.signal("SIGTERM")
        assert process.ended() == 0


def test_the_pause_key_pauses_and_its_removal_goes_on(db: redis.Redis, redis_url: str) -> None:
    with Resque(redis_url) as resque:
        resque.pause_all()
        db.rpush("resque:queue:low", NOTE)
        with worker(redis_url, "low") as process:
            eventually(lambda: process.title().endswith(": Paused"))
            assert db.lrange("resque:queue:low", 0, -1) == [NOTE]
            resque.unpause_all()
            assert next_report(db) == ["note", 2]


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_an_idle_worker_with_a_long_interval_leaves_at_once(
    db: redis.Redis, redis_url: str, signal_name: str
) -> None:
    with worker(redis_url, "low", INTERVAL="600") as process:
        process.ready(db)
        eventually(lambda: process.title().endswith("Waiting for low"))
        process.signal(signal_name)
        assert process.ended() == 0
    assert nothing_left(db)


def test_a_worker_that_is_killed_leaves_its_job_where_the_next_worker_finds_it(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", HOLD)
    with worker(redis_url, "low") as process:
        dead = process.ready(db)
        assert next_report(db) == ["holding", 1]
        process.signal("SIGKILL")
        assert process.ended() == -signal.SIGKILL
        db.rpush("live:release", 1)
    assert db.get(f"resque:worker:{dead}") is not None
    db.delete("resque:pruning_dead_workers_in_progress")
    burst(redis_url, "low")
    (record,) = failed(redis_url)
    assert (record.exception, record.worker) == ("Resque::DirtyExit", dead)
    assert record.class_name == "Hold"
    assert nothing_left(db)


def test_a_job_that_fails_when_its_worker_was_killed_says_so_in_a_line(
    db: redis.Redis, redis_url: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1,true]}')
    with worker(redis_url, "low") as process:
        assert next_report(db) == ["holding", 1]
        process.signal("SIGKILL")
        assert process.ended() == -signal.SIGKILL
        db.rpush("live:release", 1)
        eventually(lambda: "RuntimeError: it was to fail" in process.log)
        assert "the worker of a job is gone" in process.log
    assert "Traceback" not in process.log


@pytest.mark.parametrize("status", [0, 7])
def test_a_child_that_ends_without_a_word_is_a_dirty_exit(
    db: redis.Redis, redis_url: str, status: int
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Vanish","args":[%d]}' % status, NOTE)
    burst(redis_url, "low")
    (record,) = failed(redis_url)
    assert record.exception == "Resque::DirtyExit"
    assert f"status {status} " in str(record.error)
    assert reported(db) == [["vanishing", status], ["note", 2]]


@pytest.mark.parametrize("env", [{"RUN_AT_EXIT_HOOKS": "1"}, {}], ids=["asked for", "not"])
def test_exit_functions_run_in_a_child_only_where_asked_for(
    db: redis.Redis, redis_url: str, env: dict[str, str]
) -> None:
    db.rpush("resque:queue:low", b'{"class":"LastWords","args":[]}')
    burst(redis_url, "low", **env)
    assert reported(db) == ([["last words"]] if env else [])
    assert failed(redis_url) == []


@EVERY
def test_a_worker_struck_out_by_mistake_is_entered_again_by_its_heartbeat(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    """Also while a job runs: a forking parent beats itself, the others in a thread."""
    db.rpush("resque:queue:low", HOLD)
    with worker(
        redis_url, "low", RESQUE_EXECUTOR=executor, RESQUE_HEARTBEAT_INTERVAL="0.3"
    ) as process:
        worker_id = process.ready(db)
        assert next_report(db) == ["holding", 1]
        db.srem("resque:workers", worker_id)
        db.hdel("resque:workers:heartbeat", worker_id)
        eventually(lambda: db.sismember("resque:workers", worker_id))
        eventually(lambda: db.hexists("resque:workers:heartbeat", worker_id))
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", 1]
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert nothing_left(db)


def test_titles_are_rubys_words_and_rubys_ps_check_finds_them(
    db: redis.Redis, redis_url: str
) -> None:
    with worker(redis_url, "low", "high", RESQUE_PROCLINE_PREFIX="mine: ") as process:
        eventually(lambda: process.title().endswith("Waiting for low,high"))
        assert process.title().startswith("mine: pyresque-")
        db.rpush("resque:queue:low", HOLD)
        assert next_report(db) == ["holding", 1]
        assert ": Forked " in eventually(process.title, lambda title: "Forked" in title)
        db.rpush("live:release", 1)


@pytest.mark.parametrize("ahead", ["always", "never"])
def test_each_job_is_in_the_title_of_its_own_process(
    db: redis.Redis, redis_url: str, ahead: str
) -> None:
    with worker(redis_url, "low", RESQUE_FORK_AHEAD=ahead) as process:
        for mark in (1, 2, 3):
            db.rpush("resque:queue:low", b'{"class":"Title","args":[%d]}' % mark)
            said, title = next_report(db)
            assert said == mark
            assert re.fullmatch(r"pyresque-\S+: Processing low since \d+ \[Title\]", title)
        (server,) = children_of(process.pid)
        assert command_line(server) == f"pyresque: forks for {process.pid}"
        process.signal("SIGQUIT")
        assert process.ended() == 0


@pytest.mark.parametrize("ahead", ["always", "never"])
def test_an_idle_worker_leaves_no_child_unreaped(
    db: redis.Redis, redis_url: str, ahead: str
) -> None:
    with worker(redis_url, "low", RESQUE_FORK_AHEAD=ahead) as process:
        for number in range(5):
            db.rpush("resque:queue:low", b'{"class":"Note","args":[%d]}' % number)
            next_report(db)
        eventually(lambda: process.title().endswith(": Waiting for low"))
        (server,) = children_of(process.pid)
        eventually(lambda: len(children_of(server)) == (ahead == "always"))
        process.signal("SIGQUIT")
        assert process.ended() == 0


def test_a_daemon_writes_its_pid_and_works(
    db: redis.Redis, redis_url: str, tmp_path: object
) -> None:
    pidfile, logfile = f"{tmp_path}/pid", f"{tmp_path}/log"
    with worker(redis_url, "low", BACKGROUND="1", PIDFILE=pidfile, LOGFILE=logfile) as process:
        assert process.ended() == 0
        (worker_id,) = eventually(lambda: db.smembers("resque:workers"))
        pid = int(worker_id.split(b":")[1])
        try:
            with open(pidfile, encoding="ascii") as written:  # noqa: PTH123 - one line to read
                assert int(written.read()) == pid
            db.rpush("resque:queue:low", NOTE)
            assert next_report(db) == ["note", 2]
        finally:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: nothing_left(db))
