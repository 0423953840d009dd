"""Jobs that a child performs directly: which those are, and that they leave what the usual way leaves, whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque, TimeLimit, descriptors, lent_connection
from pyresque.activejob import Resume, RetryOn
from pyresque.executor.fork.fast_path_handle import LOST
from pyresque.executor.fork.fast_path_process import ANSWERED, ENDED, WORKING
from pyresque.executor.fork.job_call import JobCall
from pyresque.job.direct import direct_job
from pyresque.job.job import read_job
from pyresque.plugins import JobStats, Lock, Loner, Retry, Status
from tests.support.fork_worker import ForkWorker, kinds, notes, release_when_the_worker_watches
from tests.support.kinds_of_jobs import WRAPPER, envelope
from tests.support.queue_state import push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd

COUNTERS = "resque:resque-retry:*"


def before_perform_x(*args: object) -> None:
    pass


def after_perform_x(*args: object) -> None:
    pass


def always_x(*args: object) -> None:
    pass


def on_failure_x(*args: object) -> None:
    pass


async def before_perform_awaited(*args: object) -> None:
    pass


def around_perform_x(*args: object) -> Iterator[None]:
    yield


def with_another_hook() -> Retry:
    """A plugin one of whose hooks was replaced, in this object alone."""
    plugin = Retry()
    vars(plugin)["before_perform_retry"] = before_perform_awaited
    return plugin


DIRECT: list[tuple[bool, dict[str, Any]]] = [
    (True, {"hooks": [before_perform_x, after_perform_x, on_failure_x]}),
    (False, {"hooks": [before_perform_x, always_x]}),
    (False, {"hooks": [before_perform_awaited]}),
    (False, {"hooks": [around_perform_x]}),
    (False, {"hooks": [before_perform_x], "timeout": 30}),
    (False, {"hooks": [before_perform_x], "timeout": TimeLimit(hard=30)}),
    (False, {"hooks": [before_perform_x], "kwargs": True}),
    (False, {"hooks": [before_perform_x], "on_dirty_exit": "requeue"}),
    (True, {"plugins": [Retry()]}),
    (True, {"plugins": [Retry(limit=3, delay=[1, 2], retry_on=[ValueError], suppress=True)]}),
    (False, {"plugins": [Retry(identifier=lambda *_: "x")]}),
    (False, {"plugins": [Retry(expire=60)]}),
    (False, {"plugins": [Retry()], "hooks": [before_perform_x]}),
    (False, {"plugins": [Retry(), JobStats()]}),
    (False, {"plugins": [Lock()]}),
    (True, {"plugins": [Loner()]}),
    (False, {"plugins": [with_another_hook()]}),
    (False, {"plugins": [type("Own", (Retry,), {})()]}),
    (False, {"plugins": [Status()]}),
]


@pytest.mark.parametrize(("direct", "options"), DIRECT)
def test_a_job_is_performed_directly_if_all_that_it_needs_is_known(
    direct: bool, options: dict[str, Any]
) -> None:
    with Resque("redis://nowhere:1/0") as resque:
        resque.job("Work", queue="low", **options)(lambda *_: None)
        job = read_job(resque.core.codec, "low", b'{"class":"Work","args":[1]}')
        assert (direct_job(resque.core.registry, job) is not None) is direct
        hash_of_args = read_job(resque.core.codec, "low", b'{"class":"Work","args":{"a":1}}')
        assert direct_job(resque.core.registry, hash_of_args) is None
        resque.middleware(lambda call_next, job: call_next(job))
        assert direct_job(resque.core.registry, job) is None


ACTIVE: list[tuple[bool, dict[str, Any], list[Any]]] = [
    (True, {}, [1, "x", None, True, 0.5]),
    (True, {"bind": True}, [1]),
    (True, {"hooks": [before_perform_x, after_perform_x, on_failure_x]}, [1]),
    (True, {"retry_on": [RetryOn((ValueError,))]}, [1]),
    (False, {}, [[1]]),
    (False, {}, [{"_aj_globalid": "gid://app/User/1"}]),
    (False, {"hooks": [always_x]}, [1]),
    (False, {"hooks": [around_perform_x]}, [1]),
    (False, {"timeout": 30}, [1]),
    (False, {"unique": "until_executed"}, [1]),
    (False, {"tracked": True}, [1]),
    (False, {"resume": Resume()}, [1]),
]


@pytest.mark.parametrize(("direct", "options", "arguments"), ACTIVE)
def test_so_is_an_active_job_whose_arguments_need_no_reading(
    direct: bool, options: dict[str, Any], arguments: list[Any]
) -> None:
    with Resque("redis://nowhere:1/0") as resque:
        resque.active_job("Work", queue="low", **options)(lambda *_: None)
        payload = {"class": WRAPPER, "args": [envelope("Work", *arguments)]}
        job = read_job(resque.core.codec, "low", json.dumps(payload).encode())
        assert (direct_job(resque.core.registry, job) is not None) is direct


def attempts(
    one: ForkWorker, work: Callable[[int], object], db: redis.Redis, jobs: int = 8
) -> None:
    """Work off jobs with Retry that note what ``work`` gives."""

    def job(number: int) -> None:
        one.take_note(number, work(number))

    one.resque.job("Attempt", queue="low", plugins=[Retry(limit=2)])(job)
    for number in range(jobs):
        push(db, "Attempt", number)
    one.work()


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, redis_url: str, db: redis.Redis) -> None:
    """Count the jobs that children perform in the usual way."""
    perform = JobCall.perform

    def counted(call: JobCall, job: Any) -> bool:
        with Resque(redis_url) as another:
            another.redis.incr("usual")
        return perform(call, job)

    monkeypatch.setattr(JobCall, "perform", counted)


def count(db: redis.Redis) -> int:
    return int(db.get("resque:usual") or 0)


def test_a_counter_is_there_while_the_job_runs_and_gone_afterwards(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()
    attempts(one, lambda _: [db.get(key) == b"0" for key in db.keys(COUNTERS)].count(True), db)
    assert one.notes_taken() == [[number, 1] for number in range(8)]
    assert db.keys(COUNTERS) == []
    assert kinds(ends) == [ANSWERED]
    assert 0 < count(db) < 4  # the worker's own, before the fast path


def test_a_job_uses_the_connection_after_it_was_counted(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()
    attempts(one, lambda _: one.resque.redis.incr("counted"), db)
    assert one.notes_taken() == [[number, number + 1] for number in range(8)]
    assert (db.keys(COUNTERS), db.llen("resque:failed"), kinds(ends)) == ([], 0, [ANSWERED])


def test_a_server_without_the_script_is_sent_it_by_the_usual_way(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()
    attempts(one, lambda number: db.script_flush() if number == 4 else None, db)
    assert [number for number, _ in one.notes_taken()] == list(range(8))
    assert (db.keys(COUNTERS), db.llen("resque:failed")) == ([], 0)
    assert db.get("resque:stat:processed") == b"8"


def test_the_counter_of_a_job_that_the_worker_takes_over_goes_with_it(
    db: redis.Redis,
    stage: Callable[..., ForkWorker],
    ends: list[FastPathEnd],
    usual: None,
    long_jobs: None,
) -> None:
    """A job that takes its time: the worker calls the fast path back, and waits for the child itself."""
    one = stage()

    def hold(number: int) -> None:
        if number == 4:
            one.wait_for_release()

    thread = release_when_the_worker_watches(one, ends, 4)
    attempts(one, hold, db)
    thread.join()
    assert WORKING in kinds(ends)
    assert (db.keys(COUNTERS), db.llen("resque:failed")) == ([], 0)
    assert db.get("resque:stat:processed") == b"8"


def test_the_counter_goes_although_the_fork_server_is_killed(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()

    def strike(number: int) -> None:
        if number == 4:
            os.kill(os.getppid(), signal.SIGKILL)

    attempts(one, strike, db)
    assert LOST in kinds(ends)
    assert (db.keys(COUNTERS), db.llen("resque:failed")) == ([], 0)
    assert db.get("resque:stat:processed") == b"8"


def test_a_worker_that_is_told_to_stop_while_the_job_works_deletes_its_counter(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()
    worker = os.getpid()

    def quit_then_end(number: int) -> None:
        if number == 4:
            os.kill(worker, signal.SIGQUIT)

    attempts(one, quit_then_end, db)
    assert kinds(ends)[-1] in {ENDED, WORKING}
    assert (db.keys(COUNTERS), db.llen("resque:failed"), db.llen("resque:queue:low")) == ([], 0, 3)


def test_each_attempt_counts_once_and_the_last_gives_up(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd], usual: None
) -> None:
    one = stage()

    def fail(number: int) -> None:
        one.take_note(number)
        if number % 2:
            raise ValueError(number)

    one.resque.job("Attempt", queue="low", plugins=[Retry(limit=2)])(fail)
    for number in range(8):
        push(db, "Attempt", number)
    one.work()
    taken = [number for (number,) in one.notes_taken()]
    assert {number: taken.count(number) for number in range(8)} == {
        number: 3 if number % 2 else 1 for number in range(8)
    }
    assert db.llen("resque:failed") == 4 * 3
    assert db.keys(COUNTERS) == []


def test_a_job_whose_counter_cannot_be_counted_fails_and_is_retried(
    db: redis.Redis, stage: Callable[..., ForkWorker], ends: list[FastPathEnd]
) -> None:
    """The connection breaks between the turn and the count: whether Redis counted is unknown."""
    one = stage()
    one.resque.job("Attempt", queue="low", plugins=[Retry(limit=2)])(one.take_note)
    count = JobCall._count

    def cut(call: JobCall, command: Any) -> int | None:
        loan = lent_connection.offered
        if loan is not None and db.incr("cut") == 2:
            os.dup2(os.open(os.devnull, os.O_RDONLY), loan.descriptor)
            loan._mark = descriptors.mark(loan.descriptor)
        return count(call, command)

    JobCall._count = cut  # type: ignore[method-assign]
    try:
        notes(db, 3)
        for number in range(4):
            push(db, "Attempt", number)
        one.work()
    finally:
        JobCall._count = count  # type: ignore[method-assign]
    done = [number for (number,) in one.notes_taken()[3:]]
    failures = [json.loads(raw)["payload"]["args"][0] for raw in db.lrange("resque:failed", 0, -1)]
    assert sorted(done) == [0, 1, 2, 3]
    assert len(failures) == 1
    assert db.keys(COUNTERS) == []
