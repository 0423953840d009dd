"""What plugins write at a job's end happens once, although its worker is killed before it is written, and another one prunes it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timezone

import pytest

from pyresque import Resque
from pyresque.activejob import RetryOn
from pyresque.errors import DirtyExit, PruneDeadWorkerDirtyExit
from pyresque.executor.inline import InlineExecutor
from pyresque.failure.interrupted import finish_prunings
from pyresque.job.job import read_job
from pyresque.job.job_end import JobEnd
from pyresque.job.perform import perform
from pyresque.job.worker_registry import WorkerId
from pyresque.plugins import History, JobStats, LonelyJob, Loner, Restriction, Retry, WorkersLock
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.lost_jobs import LostJob
from pyresque.store.settle import carry_out
from tests.support.scripted_worker import ScriptedHost

WORKER = "elsewhere:42:low"
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
LOST = PruneDeadWorkerDirtyExit(WORKER, "Job")


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


def boom(*_):
    raise ValueError("boom")


def well(*_):
    return None


def taken(resque, db):
    """The first job, as a worker has it in hand."""
    raw = db.lpop("resque:queue:low")
    job = read_job(resque.core.codec, "low", raw)
    registry = resque.core.worker_registry
    record = registry.record(job, NOON)
    db.sadd("resque:workers", WORKER)
    resque.run(registry.table.set_record(WORKER, record))
    return job


def performed(resque, job):
    """Perform a job; return what waits for its end."""
    end = JobEnd()
    with suppress(ValueError):
        resque.run(perform(resque.core.registry, job, end))
    return end


def inline_worker(resque):
    """A worker of the queue, which performs jobs here."""
    core = resque.core
    host, queue_list = ScriptedHost(core.clock), QueueList.parse(["low"])
    return Worker(
        core, WorkerId("here", 1, ("low",)), queue_list, InlineExecutor(core.registry), host
    )


def prune(resque):
    return resque.run(resque.core.lost_jobs.unregister(WORKER, LOST))


def killed_before_the_turn(resque, db):
    """A worker performs the first job, and dies before it writes how that went; another one prunes it."""
    end = performed(resque, taken(resque, db))
    prune(resque)
    assert not db.exists("resque:lost_jobs")
    return end


@pytest.mark.parametrize("delay", [0, 60])
@pytest.mark.parametrize("perform", [boom, well], ids=["failed", "done"])
def test_a_job_is_retried_once_by_whoever_prunes(resque, db, perform, delay):
    resque.job("Job", queue="low", plugins=[Retry(limit=3, delay=delay)])(perform)
    resque.enqueue("Job", 1)
    assert killed_before_the_turn(resque, db)
    assert resque.size("low") + resque.count_all_scheduled_jobs() == 1
    (counter,) = db.keys("resque:resque-retry:*")
    assert db.get(counter) == b"0"


def test_a_job_that_was_given_up_is_given_up_again(resque, db):
    asked = []
    retry = Retry(limit=1, on_give_up=lambda error, number: asked.append(type(error).__name__))
    resque.job("Job", queue="low", plugins=[retry])(boom)
    resque.enqueue("Job", 1)
    resque.run(carry_out(performed(resque, taken(resque, db)).commands))
    killed_before_the_turn(resque, db)
    assert asked == ["ValueError", "PruneDeadWorkerDirtyExit"]
    assert resque.size("low") == 0
    assert db.keys("resque:resque-retry:*") == []


def test_a_kept_failure_waits_with_the_retry(resque, db):
    resque.job("Job", queue="low", plugins=[Retry(limit=3, delay=60, suppress=True)])(boom)
    resque.enqueue("Job", 1)
    end = performed(resque, taken(resque, db))
    assert end.keeps_failure
    assert db.keys("resque:failure-resque-retry:*") == []
    prune(resque)
    (kept,) = db.keys("resque:failure-resque-retry:*")
    assert json.loads(db.get(kept))["exception"] == "Resque::PruneDeadWorkerDirtyExit"
    assert db.llen("resque:failed") == 1


def test_a_retry_with_a_mark_is_pushed_once(resque, db):
    resque.job("Job", queue="low", plugins=[Loner(), Retry(limit=3)])(boom)
    resque.enqueue("Job", 1)
    killed_before_the_turn(resque, db)
    assert resque.size("low") == 1
    assert len(db.keys("resque:loners:*")) == 1


def test_a_job_is_counted_once(resque, db):
    resque.job("Job", queue="low", plugins=[JobStats(), History()])(well)
    resque.enqueue("Job", 1)
    killed_before_the_turn(resque, db)
    assert not db.exists("resque:stats:jobs:Job:performed", "resque:stats:jobs:Job:duration")
    assert db.get("resque:stats:jobs:Job:failed") == b"1"
    assert [json.loads(raw)["error"] for raw in db.lrange("resque:resque_history", 0, -1)] == [
        str(LOST)
    ]


def test_a_place_of_a_limit_is_given_back_once(resque, db):
    resque.job("Job", queue="low", plugins=[Restriction(concurrent=3)])(well)
    for number in range(2):
        resque.enqueue("Job", number)
    at_work = performed(resque, read_job(resque.core.codec, "low", db.lpop("resque:queue:low")))
    assert db.get("resque:restriction:Job:*") == b"2"
    killed_before_the_turn(resque, db)
    assert db.get("resque:restriction:Job:*") == b"2"
    resque.run(carry_out(at_work.commands))
    assert db.get("resque:restriction:Job:*") == b"3"


@pytest.mark.parametrize(
    ("plugin", "key", "value"),
    [
        (LonelyJob(requeue_interval=0), "resque:lonely_job:low", 2**40),
        (WorkersLock(requeue_delay=60), "resque:workerslock:Job-[1]", "true"),
        (Restriction(concurrent=1), "resque:restriction:Job:*", 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_job_that_may_not_be_performed_now_goes_back_at_its_end(resque, db, plugin, key, value):
    resque.job("Job", queue="low", plugins=[plugin])(boom)
    resque.enqueue("Job", 1)
    db.set(key, value)
    end = performed(resque, taken(resque, db))
    places = ("resque:queue:low", "resque:queue:restriction_low", "resque:delayed_queue_schedule")
    assert not db.exists(*places)
    resque.run(carry_out(end.commands))
    assert db.exists(*places) == 1


def test_an_active_job_is_retried_at_its_end(resque, db):
    rule = RetryOn((ValueError,), wait=60)
    resque.enqueue(resque.active_job("TidyJob", queue="low", retry_on=[rule])(boom), 1)
    end = performed(resque, taken(resque, db))
    assert resque.count_all_scheduled_jobs() == 0
    resque.run(carry_out(end.commands))
    assert resque.count_all_scheduled_jobs() == 1


# -- the process that prunes dies, too


def unregistered(resque, db, *, dies=True):
    """Unregister the worker; the process dies before the plugins run."""
    lost_jobs = resque.core.lost_jobs
    run_plugins = lost_jobs.run_plugins

    async def dead(*_):
        return None

    lost_jobs.run_plugins = dead if dies else run_plugins
    prune(resque)
    lost_jobs.run_plugins = run_plugins


def prune_again(resque, db, seconds):
    """Another worker prunes; so many seconds have passed since."""
    for field, record in db.hgetall("resque:lost_jobs").items():
        lost = LostJob.parse(field.decode())
        db.hdel("resque:lost_jobs", field)
        db.hset("resque:lost_jobs", str(lost._replace(seconds=lost.seconds - seconds)), record)
    db.delete("resque:pruning_dead_workers_in_progress")
    resque.run(finish_prunings(resque.core.lost_jobs, 300))


def test_where_the_pruner_dies_another_one_retries_the_job(resque, db):
    resque.job("Job", queue="low", plugins=[Loner(), Retry(limit=3)])(well)
    resque.enqueue("Job", 1)
    taken(resque, db)
    unregistered(resque, db)
    assert db.llen("resque:failed") == 1
    prune_again(resque, db, 200)
    assert resque.size("low") == 0, "its pruner may be at it"
    prune_again(resque, db, 200)
    assert resque.size("low") == 1
    prune_again(resque, db, 600)
    assert (resque.size("low"), db.llen("resque:failed")) == (1, 1)
    assert not db.exists("resque:lost_jobs")


def test_a_redelivered_job_gets_its_mark_by_another_pruner(resque, db):
    resque.job("Job", queue="low", plugins=[Loner()], on_dirty_exit="requeue")(well)
    resque.enqueue("Job", 1)
    taken(resque, db)
    (mark,) = db.keys("resque:loners:*")
    db.delete(mark)
    unregistered(resque, db)
    assert (resque.size("low"), db.exists(mark)) == (1, 0)
    prune_again(resque, db, 600)
    assert (resque.size("low"), db.get(mark)) == (1, b"1")
    assert not db.exists("resque:lost_jobs")


def test_a_class_that_is_not_registered_here_is_left_to_others(resque, db, redis_url):
    resque.job("Job", queue="low", plugins=[Retry()])(well)
    resque.enqueue("Job", 1)
    taken(resque, db)
    unregistered(resque, db)
    with Resque(redis_url) as other:
        other.declare("Another", queue="low", plugins=[Retry()])
        prune_again(other, db, 600)
    assert db.hlen("resque:lost_jobs") == 1
    assert resque.size("low") == 0


def test_a_field_that_nobody_here_wrote_stays(resque, db):
    db.hset("resque:lost_jobs", "what", "is this")
    resque.declare("Job", queue="low", plugins=[Retry()])
    resque.run(finish_prunings(resque.core.lost_jobs, 0))
    assert db.hlen("resque:lost_jobs") == 1


def test_a_job_without_plugins_is_noted_nowhere(resque, db):
    resque.job("Job", queue="low")(well)
    resque.enqueue("Job", 1)
    taken(resque, db)
    unregistered(resque, db)
    assert not db.exists("resque:lost_jobs")


def test_what_redis_refuses_of_a_pruned_job_is_told(resque, db, caplog):
    resque.job("Job", queue="low", plugins=[Retry(queue="other")])(well)
    db.set("resque:queue:other", "no list")
    resque.enqueue("Job", 1)
    taken(resque, db)
    resque.run(resque.core.lost_jobs.unregister(WORKER, DirtyExit("gone")))
    assert "what its plugins write is refused" in caplog.text
    assert db.keys("resque:resque-retry:*") == []
    assert not db.exists("resque:lost_jobs")


# -- in a cluster: all keys of a script are in one slot


def test_in_a_cluster_a_job_is_retried_by_its_worker_and_by_whoever_prunes(cluster):
    retry = [
        Loner(),
        Retry(limit=5, suppress=True),
        JobStats(),
        History(),
        Restriction(concurrent=3),
    ]
    with Resque(cluster.url, namespace="{at_end}") as resque:
        resque.job("Job", queue="low", plugins=retry)(boom)
        resque.enqueue("Job", 1)
        one = inline_worker(resque)
        for _ in range(2):
            assert resque.run(one.work_one_job()) is True
            assert resque.size("low") == 1
        assert resque.redis.get("stat:failed") == b"2"
        table = resque.core.worker_registry.table
        job = resque.reserve("low")
        resque.run(table.set_record(WORKER, resque.core.worker_registry.record(job, NOON)))
        prune(resque)
        assert resque.size("low") == 1
        (counter,) = resque.redis.keys("resque-retry:*")
        assert resque.redis.get(counter) == b"1"
        assert resque.redis.exists("lost_jobs") == 0
