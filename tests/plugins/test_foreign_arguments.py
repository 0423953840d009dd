"""Arguments that cannot be written or compared, key functions that raise: no job is lost, no worker ends, no class is barred."""

from __future__ import annotations

import msgpack
import pytest

from pyresque import AsyncResque, JobKilled, Resque
from pyresque.errors import (
    DirtyExit,
    FailureHookError,
    JobArgumentError,
    JobOptionError,
    SettingsError,
)
from pyresque.job.perform import perform
from pyresque.plugins import Lock, LockTimeout, Loner, QueueLock, Retry, Status, WorkersLock
from pyresque.plugins.undeclared import UndeclaredPlugins
from pyresque.store.statuses import StatusTable

DIGEST = "a" * 32


def raising(*args: object) -> str:
    raise ZeroDivisionError("no key")


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url, executor="inline") as made:
        yield made


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("json", b'{"class":"Report","args":[1e999]}'),
        ("msgpack", msgpack.packb({"class": "Report", "args": [b"\xff"]})),
        ("msgpack", msgpack.packb({"class": "Report", "args": [{1: 2, "a": 3}]})),
    ],
)
def test_a_look_for_undeclared_plugins_passes_over_a_job_that_has_no_digest(
    redis_url, db, codec, payload
):
    db.set(f"resque:loners:queue:low:job:{DIGEST}", 1)
    db.rpush("resque:queue:low", payload)
    with Resque(redis_url, codec=codec) as resque:
        resque.job("Report", queue="low")(lambda *args: None)
        resque.run(_looker(resque).look())


def test_a_look_for_undeclared_plugins_that_fails_ends_no_worker(resque, db):
    class Report:
        @staticmethod
        def queue():
            raise ZeroDivisionError

        @staticmethod
        def perform(): ...

    resque.job("Report")(Report)
    db.set("resque:lock:Report-[1]", 1)
    looker = _looker(resque)
    resque.run(looker.look_if_due())
    assert looker.due_in() > 0


def _looker(resque):
    core = resque.core
    return UndeclaredPlugins(core.registry, core.active_job_classes, lambda queue: True)


def test_a_reserved_job_whose_mark_cannot_be_named_is_not_lost(resque, db):
    resque.job("Report", queue="low", plugins=[Loner(redis_key=raising)])(lambda *args: None)
    db.rpush("resque:queue:low", b'{"class":"Report","args":[1]}')
    job = resque.reserve("low")
    assert job.raw == b'{"class":"Report","args":[1]}'
    assert "ZeroDivisionError" in str(job.fault)
    with pytest.raises(type(job.fault)):
        resque.run(perform(resque.core.registry, job))


@pytest.mark.parametrize("plugin", [Loner(redis_key=raising), Lock(lock=raising)])
def test_a_job_whose_lock_cannot_be_named_keeps_no_other_one_in_its_queue(
    resque, db, plugin, caplog
):
    resque.job("Report", queue="low", plugins=[plugin])(lambda *args: None)
    payload = b'{"class":"Report","args":[1]}'
    db.rpush("resque:queue:low", payload, payload)
    assert resque.dequeue("Report") == 2
    assert "its lock or mark stays: the function" in caplog.text
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", payload)
    assert resque.remove_queue("low").held == 1


@pytest.mark.parametrize("plugin", [Lock(), QueueLock(), LockTimeout(loner=True), WorkersLock()])
def test_an_integer_of_thousands_of_digits_is_spelled_in_keys(resque, db, plugin):
    long = "1" * 5000
    done = []
    resque.job("Report", queue="low", plugins=[plugin])(done.append)
    db.rpush("resque:queue:low", f'{{"class":"Report","args":[{long}]}}')
    assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True
    assert [repr(one) for one in done] == [long]
    assert not [key for key in db.keys("*") if b"lock" in key]


def test_an_integer_of_thousands_of_digits_is_spelled_in_a_status(resque, db):
    resque.job("Report", queue="low", plugins=[Status()])(lambda number: None)
    handle = resque.enqueue("Report", 10**5000)
    assert resque.run(perform(resque.core.registry, resque.reserve("low"))) is True
    assert handle.status().name == f'Report({{"number"=>1{"0" * 5000}}})'


@pytest.mark.parametrize(
    ("plugin", "key"),
    [
        (LockTimeout(), "resque:lock:Report:1"),
        (WorkersLock(), "resque:workerslock:Report-[1]"),
    ],
    ids=["lock_timeout", "workers_lock"],
)
def test_a_failure_hook_that_raises_keeps_no_lock_of_a_job_whose_process_died(
    resque, db, plugin, key
):
    class Report:
        @staticmethod
        def on_failure_aaa(error, *args):
            raise ZeroDivisionError

        @staticmethod
        def perform(*args): ...

    resque.job("Report", queue="low", plugins=[plugin])(Report)
    db.set(key, "true")
    _unregistered(resque, db)
    assert not db.exists(key)
    assert db.llen("resque:failed") == 1


def test_a_plugin_that_fails_keeps_no_other_one_from_releasing_its_lock(resque, db):
    plugins = [Loner(redis_key=raising), Lock()]
    resque.job("Report", queue="low", plugins=plugins)(lambda *args: None)
    db.set("resque:lock:Report-[1]", 9_999_999_999)
    _unregistered(resque, db)
    assert not db.exists("resque:lock:Report-[1]")


def _unregistered(resque, db):
    """Let a worker that had a job in hand be unregistered."""
    record = (
        b'{"queue":"low","run_at":"2020-01-01T00:00:00Z","payload":{"class":"Report","args":[1]}}'
    )
    db.sadd("resque:workers", "gone:1:low")
    db.set("resque:worker:gone:1:low", record)
    resque.run(resque.core.lost_jobs.unregister("gone:1:low", DirtyExit("gone")))


def test_a_tracked_job_that_ends_itself_as_killed_works_no_longer(resque, db):
    def give_up():
        raise JobKilled

    resque.job("Report", queue="low", tracked=True)(give_up)
    handle = resque.enqueue("Report")
    resque.run(perform(resque.core.registry, resque.reserve("low")))
    assert handle.status().status == "killed"
    assert handle.status().message.startswith("Killed at ")


@pytest.mark.parametrize(
    "retry",
    [
        Retry(limit=3, delay=lambda *args: float("nan")),
        Retry(limit=3, args=lambda error, *args: "abc"),
        Retry(limit=3, args=lambda error, *args: 5),
        Retry(limit=3, args=lambda error, *args: {"a": 1}),
    ],
)
def test_a_function_of_a_retry_that_returns_nonsense_leaves_no_counter(resque, db, retry):
    resque.job("Report", queue="low", plugins=[retry])(raising)
    resque.enqueue("Report", 1)
    with pytest.raises(FailureHookError, match=r"nan is no number|the function args= returned"):
        resque.run(perform(resque.core.registry, resque.reserve("low")))
    assert not db.keys("resque:resque-retry:*")
    assert db.llen("resque:queue:low") == 0


def leaving(*args: object) -> str:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (Loner(redis_key=leaving), "redis_key= raised SystemExit"),
        (Lock(lock=leaving), "lock= raised SystemExit"),
        (Status(new_id=lambda: 5.5), "new_id= returned 5.5"),
    ],
)
def test_a_function_that_leaves_or_makes_no_id_is_named(resque, db, plugin, said):
    resque.declare("Report", queue="low", plugins=[plugin])
    with pytest.raises(JobOptionError, match=said):
        resque.enqueue("Report")
    assert db.keys("*") == []


def test_one_name_of_a_lock_that_is_no_text_is_named(resque, db):
    resque.job("Report", queue="low", plugins=[WorkersLock(lock_workers=lambda *args: 5)])(print)
    resque.enqueue("Report", 1)
    with pytest.raises(JobOptionError, match="returned 5: it must return names of locks"):
        resque.run(perform(resque.core.registry, resque.reserve("low")))


@pytest.mark.parametrize("given", [None, 5, b"x", ""])
def test_a_handle_is_made_of_an_id(given):
    for face in (Resque, AsyncResque):
        with pytest.raises(JobArgumentError, match="is no id of a job"):
            face("redis://nowhere:1").handle(given)


def test_a_cancel_that_comes_as_the_job_ends_leaves_no_mark(resque, db, monkeypatch):
    resque.job("Report", queue="low", tracked=True)(lambda: None)
    handle = resque.enqueue("Report")
    kill = StatusTable.kill

    async def ends_before(self, job_id):
        db.set(f"resque:status:{job_id}", b'{"status":"completed"}')
        await kill(self, job_id)

    monkeypatch.setattr(StatusTable, "kill", ends_before)
    assert handle.cancel() is False
    assert not db.exists("resque:_kill")


def test_a_time_that_redis_cannot_take_is_refused_before_anything_is_enqueued():
    with pytest.raises(SettingsError, match="enqueue_replica_timeout"):
        Resque("redis://nowhere:1", enqueue_replicas=1, enqueue_replica_timeout=1e30)


@pytest.mark.parametrize(
    ("plugin", "key"),
    [
        (LockTimeout(), "resque:lock:Report:1"),
        (WorkersLock(), "resque:workerslock:Report-[1]"),
    ],
    ids=["lock_timeout", "workers_lock"],
)
def test_a_job_that_goes_back_unperformed_takes_no_lock_from_an_equal_one_at_work(
    resque, db, plugin, key
):
    resque.job("Report", queue="low", plugins=[plugin])(lambda *args: None)
    db.rpush("resque:queue:low", b'{"class":"Report","args":[1]}')
    job = resque.reserve("low")
    db.set(key, "true")
    resque.run(resque.core.lost_jobs.returned(job))
    assert db.exists(key)
    record = b'{"queue":"low","run_at":"2020-01-01T00:00:00Z"}'
    resque.run(resque.core.lost_jobs.returned(job, record))
    assert not db.exists(key)
