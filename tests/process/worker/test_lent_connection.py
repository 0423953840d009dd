"""The connection that the fork server lends to its children: used where that is safe, given back as it was, or given up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.errors import RedisUnavailable
from pyresque.executor.fork.fast_path_process import ANSWERED, ENDED, WORKING
from tests.support.fork_worker import ForkWorker, kinds, release_when_the_worker_watches
from tests.support.queue_state import push

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd

#: Jobs of a test: the first one is the worker's, the others are the fork server's.
JOBS = 8


def connections(db: redis.Redis) -> int:
    """How many connections Redis was sent so far."""
    return int(db.info("stats")["total_connections_received"])


def stage_with(one: ForkWorker, work: Callable[[Resque, int], object]) -> None:
    """Register a job that does that with the worker's Resque and notes what comes of it."""

    def job(number: int) -> None:
        one.take_note(number, work(one.resque, number))

    one.resque.job("Work", queue="low")(job)


def work(db: redis.Redis, one: ForkWorker, jobs: int = JOBS) -> None:
    for number in range(jobs):
        push(db, "Work", number)
    one.work()


def test_jobs_send_their_commands_on_the_connection_that_waits_for_them(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    made = []
    for jobs in (JOBS, 3 * JOBS):
        db.flushall()
        one = stage()
        stage_with(
            one,
            lambda resque, number: (
                resque.redis.incr("count") + int(resque.enqueue_to("other", "Note", number) or 0)
            ),
        )
        before = connections(db)
        work(db, one, jobs)
        made.append(connections(db) - before)
        assert one.notes_taken()[-jobs:] == [[number, number + 2] for number in range(jobs)]
        assert db.llen("resque:queue:other") == jobs
    assert kinds(ends) == [ANSWERED, ANSWERED]
    assert made[1] - made[0] == 2 * JOBS  # the notes': each child has one for them


@pytest.mark.parametrize(
    "command",
    [("SELECT", 1), ("MULTI",), ("CLIENT", "SETNAME", "mine"), ("WATCH", "key"), (b"select", b"1")],
    ids=lambda command: str(command[0]),
)
def test_a_command_that_changes_its_connection_is_sent_on_one_of_the_jobs_own(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    command: tuple[Any, ...],
) -> None:
    one = stage()

    def change(resque: Resque, number: int) -> object:
        before = resque.redis.execute_command("GET", "unknown")
        resque.redis.execute_command(*command)
        again = resque.redis.execute_command("GET", "unknown")
        return [before, again.decode() if isinstance(again, bytes) else again]

    stage_with(one, change)
    work(db, one)
    expected = "QUEUED" if command == ("MULTI",) else None
    assert one.notes_taken() == [[number, [None, expected]] for number in range(JOBS)]
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.llen("resque:failed") == 0
    assert kinds(ends) == [ANSWERED]
    assert one.notes.keys("resque:*") == []


def test_a_batch_that_changes_its_connection_is_sent_on_one_of_the_jobs_own(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()

    def change(resque: Resque, number: int) -> object:
        with resque.redis.pipeline() as pipeline:
            pipeline.execute_command("SELECT", 1)
            pipeline.execute_command("SET", "there", number)
            return len(pipeline.execute())

    stage_with(one, change)
    work(db, one)
    assert [noted for _, noted in one.notes_taken()] == [2] * JOBS
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.get("there") is None
    assert kinds(ends) == [ANSWERED]


def close_all(resque: Resque, number: int) -> object:
    os.closerange(3, 64)
    return resque.redis.incr("count")


def close_after(resque: Resque, number: int) -> object:
    answer = resque.redis.incr("count")
    os.closerange(3, 64)
    return answer


def reuse(resque: Resque, number: int) -> object:
    """A file gets the number of the lent descriptor."""
    os.closerange(3, 64)
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(20)]
    answer = resque.redis.incr("count")
    for file in files:
        os.close(file)
    return answer


def occupy(resque: Resque, number: int) -> object:
    """Files that stay open get the numbers of all descriptors, the pipe's for the result too."""
    os.closerange(3, 64)
    for _ in range(60):
        os.open(os.devnull, os.O_RDWR)
    return resque.redis.incr("count")


def close(resque: Resque, number: int) -> object:
    answer = resque.redis.incr("count")
    resque.close()
    return answer + resque.redis.incr("count") - resque.redis.incr("count") + 1


def in_a_thread(resque: Resque, number: int) -> object:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(resque.redis.incr("count")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(answers)


def in_a_copy(resque: Resque, number: int) -> object:
    pid = os.fork()
    if not pid:
        resque.redis.incr("count")
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def in_a_program(resque: Resque, number: int) -> object:
    script = "import os; print(sum(os.readlink(f'/proc/self/fd/{n}').startswith('socket:') for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
    return int(
        subprocess.run(
            [sys.executable, "-c", script], close_fds=False, capture_output=True, check=True
        ).stdout
    )


def fail_inside(resque: Resque, number: int) -> object:
    resque.redis.incr("count")
    raise ValueError("after a command")


def refused(resque: Resque, number: int) -> object:
    try:
        resque.redis.lpush("resque:stat:processed", 1)
        resque.redis.execute_command("NO", "SUCH")
    except Exception as error:  # noqa: BLE001 - the reply is what counts
        return type(error).__name__
    return None


@pytest.mark.parametrize(
    "deed",
    [
        close_all,
        close_after,
        reuse,
        occupy,
        close,
        in_a_thread,
        in_a_copy,
        in_a_program,
        refused,
        fail_inside,
    ],
    ids=lambda deed: deed.__name__,
)
def test_whatever_a_job_does_with_its_descriptors_every_job_is_performed_once(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    deed: Callable[[Resque, int], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.FEW", 0)
    one = stage()
    done = []

    def work_and_note(resque: Resque, number: int) -> object:
        return deed(resque, number)

    stage_with(one, work_and_note)
    done = JOBS
    for number in range(JOBS):
        push(db, "Work", number)
        push(db, "Note", number)
    one.work()
    assert db.get("resque:stat:processed") == b"%d" % (2 * JOBS)
    failed = deed is fail_inside
    assert db.llen("resque:failed") == (done if failed else 0)
    taken = [number for number, *_ in one.notes_taken()]
    assert sorted(taken) == sorted([*range(JOBS)] * (1 if failed else 2))
    if deed is in_a_program:
        assert {noted for _, *rest in one.notes_taken() for noted in rest} <= {
            0,
            1,
        }  # one: the test's own
    assert db.keys("resque:worker:*") == []


@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_a_connection_that_is_left_in_the_middle_of_a_reply_is_given_up(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], how: str
) -> None:
    one = stage()

    def wait(resque: Resque, number: int) -> object:
        if number != 3:
            return resque.redis.incr("count")
        if how == "killed":
            threading.Timer(0.2, lambda: os.kill(os.getpid(), 9)).start()
            resque.redis.execute_command("BLPOP", "nothing", 5)
        try:
            with_timer(0.2)
            resque.redis.execute_command("BLPOP", "nothing", 5)
        except KeyError:
            return "interrupted"
        return "not interrupted"

    stage_with(one, wait)
    work(db, one)
    wrong = 1 if how == "killed" else 0
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.llen("resque:failed") == wrong
    assert len(one.notes_taken()) == JOBS - wrong
    assert ENDED in kinds(ends)


def with_timer(seconds: float) -> None:
    """Raise KeyError in the main thread after so long."""
    import signal

    def fire(*_: object) -> None:
        raise KeyError

    signal.signal(signal.SIGALRM, fire)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def test_a_long_job_keeps_the_connection_while_the_worker_watches_it(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    long_jobs: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.FEW", 0)
    one = stage()

    def work_long(resque: Resque, number: int) -> object:
        for step in range(30 if number % 4 == 3 else 1):
            if step == 15:
                one.wait_for_release()
            resque.redis.incr("count")
        return None

    stage_with(one, work_long)
    thread = release_when_the_worker_watches(one, ends, 3, jobs=2)
    work(db, one)
    thread.join()
    assert WORKING in kinds(ends)
    assert [number for number, _ in one.notes_taken()] == [*range(JOBS)]
    assert db.get("resque:count") == b"%d" % (6 + 60)
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.llen("resque:failed") == 0


def test_another_applications_driver_is_lent_nothing(
    db: redis.Redis, redis_url: str, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()
    other = Resque(f"{redis_url.rpartition('/')[0]}/1", namespace="other")
    stage_with(one, lambda resque, number: other.redis.incr("count") + resque.redis.incr("count"))
    work(db, one)
    assert one.notes_taken() == [[number, 2 * (number + 1)] for number in range(JOBS)]
    assert db.get("resque:count") == b"%d" % JOBS
    assert kinds(ends) == [ANSWERED]


def test_a_redis_that_hangs_up_in_a_job_costs_no_job(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    one = stage()

    def lose(resque: Resque, number: int) -> object:
        if number == 3:
            one.notes.client_kill_filter(_type="normal", skipme=True)
        for _ in range(20):
            try:
                return resque.redis.incr("count")
            except RedisUnavailable:
                time.sleep(0.05)
        return None

    stage_with(one, lose)
    work(db, one)
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.lrange("resque:failed", 0, -1) == []
    assert len(one.notes_taken()) == JOBS
    assert ENDED in kinds(ends)
