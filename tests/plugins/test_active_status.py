"""Tracked active jobs: the status of each under its job_id."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.activejob import DiscardOn, RetryOn
from pyresque.errors import DirtyExit, DontPerform, JobOptionError
from pyresque.handles import Handle
from pyresque.job.perform import perform

AT = 4102444800


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


def work(resque, queue="low"):
    """Take a job and perform it; its error, if it raised one."""
    job = resque.reserve(queue)
    try:
        resque.run(perform(resque.core.registry, job))
    except BaseException as error:  # noqa: BLE001 - a job may raise anything
        return error
    return None


def test_an_active_job_is_tracked_by_its_job_id(resque, db):
    job = resque.active_job("ReportJob", queue="low", tracked=True)

    @job
    def report(number, style="plain"):
        resque.status().at(1, 2, "half")
        return [number, style]

    envelope = job.enqueue(44, style="bold")
    handle = resque.handle(envelope.job_id)
    assert (handle.status().status, handle.status().options[0]) == ("queued", 44)
    assert 86_000 < db.ttl(f"resque:status:{envelope.job_id}") <= 86_400
    assert json.loads(db.lindex("resque:queue:low", 0))["args"][0]["job_id"] == envelope.job_id
    assert work(resque) is None
    assert handle.result(1) == [44, "bold"]
    assert handle.status().name.startswith("ReportJob(44, {")
    assert (handle.status().num, resque.statuses.count()) == (1, 1)


def test_resques_own_verbs_give_a_handle(resque):
    @resque.active_job("ReportJob", queue="low", tracked=True)
    def report(number): ...

    handle = resque.enqueue(report, 1)
    assert isinstance(handle, Handle)
    assert handle.status().status == "queued"
    assert resque.enqueue_many([(report, 2)]) == 1
    assert resque.dequeue(report, 1) == 1
    assert handle.status().message.startswith("Dequeued at")
    assert resque.statuses.count() == 2


def test_a_job_that_waits_is_queued_and_one_that_is_refused_has_none(resque, db):
    class Report:
        perform = staticmethod(lambda n: None)
        before_enqueue_check = staticmethod(lambda n: n > 0)

    job = resque.active_job("ReportJob", queue="low", tracked=True)
    job(Report)
    assert resque.handle(job.set(wait_until=AT).enqueue(1).job_id).status().status == "queued"
    resque.enqueue_at(AT, Report, 2)
    assert (job.enqueue(0), resque.enqueue(Report, 0)) == (None, None)
    assert resque.statuses.count() == 2

    @resque.enqueue_middleware
    def refuse(call_next, job): ...

    assert (job.enqueue(3), resque.enqueue(Report, 4)) == (None, None)
    assert len(db.keys("resque:status:*")) == 2


def test_a_retried_job_is_queued_again_and_a_given_up_one_has_failed(resque):
    job = resque.active_job(
        "ReportJob",
        queue="low",
        tracked=True,
        retry_on=[RetryOn((ValueError,), wait=0, attempts=2)],
    )

    @job
    def report(n):
        raise ValueError("no rows")

    handle = resque.handle(job.enqueue(1).job_id)
    assert work(resque) is None
    assert handle.status().status == "queued"
    resque.move_due(AT)
    assert isinstance(work(resque), ValueError)
    assert handle.status().message == "The task failed because of an error: no rows"
    assert resque.statuses.count() == 1


def test_a_discarded_job_and_one_that_a_hook_leaves_undone_have_failed(resque):
    def leave(n):
        raise DontPerform

    class Report:
        perform = staticmethod(lambda n: 1 // n)

    job = resque.active_job(
        "ReportJob", queue="low", tracked=True, discard_on=[DiscardOn((ZeroDivisionError,))]
    )
    job(Report)
    handle = resque.handle(job.enqueue(0).job_id)
    assert work(resque) is None
    assert handle.status().status == "failed"
    Report.before_perform_no = staticmethod(leave)
    handle = resque.handle(job.enqueue(1).job_id)
    assert work(resque) is None
    assert handle.status().message == "The task was not performed: a hook left it undone"


def test_arguments_that_the_job_does_not_take_fail_it(resque):
    job = resque.active_job("ReportJob", queue="low", tracked=True)
    job(lambda n: n)
    handle = resque.handle(job.enqueue(1, 2).job_id)
    assert work(resque) is not None
    assert handle.status().status == "failed"


def test_a_cancelled_job_ends(resque, db):
    job = resque.active_job("ReportJob", queue="low", tracked=True)
    job(lambda: resque.handle(resque.status().id).cancel() and resque.status().tick())
    handle = resque.handle(job.enqueue().job_id)
    assert work(resque) is None
    assert (handle.status().status, db.exists("resque:_kill")) == ("killed", 0)


def test_a_job_whose_process_died_has_failed(resque):
    job = resque.active_job("ReportJob", queue="low", tracked=True)
    job(lambda: None)
    handle = resque.handle(job.enqueue().job_id)
    found = resque.reserve("low")
    resque.run(resque.core.lost_jobs.run_hooks(found, DirtyExit("killed")))
    assert handle.status().message == "The task failed because of an error: killed"
    resque.run(resque.core.lost_jobs.returned(found))
    assert handle.status().status == "queued"


def test_what_rails_enqueued_is_tracked_from_its_beginning_on(resque, db):
    job = resque.active_job("ReportJob", queue="low", tracked=True, unique="until_executed")
    job(lambda n: n + 1)
    envelope = job.enqueue(1)
    db.delete(f"resque:status:{envelope.job_id}")
    assert work(resque) is None
    assert resque.handle(envelope.job_id).result(1) == 2


@pytest.mark.parametrize("inside", ['{"job_class":"ReportJob","arguments":[]}', '{"job_class":5}', "7", '{"job_class":"ReportJob","job_id":5,"arguments":[]}'])  # fmt: skip
def test_an_envelope_of_any_shape_ends_and_bars_nothing(resque, db, inside):
    job = resque.active_job("ReportJob", queue="low", tracked=True)
    job(lambda: None)
    name = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    db.rpush("resque:queue:low", f'{{"class":"{name}","args":[{inside}]}}')
    found = resque.reserve("low")
    resque.run(resque.core.lost_jobs.run_hooks(found, DirtyExit("killed")))
    db.rpush("resque:queue:low", found.raw)
    work(resque)
    assert resque.handle(job.enqueue().job_id).status().status == "queued"
    assert work(resque) is None


def test_other_active_jobs_are_not_tracked(resque, db):
    resque.active_job("ReportJob", queue="low", tracked=True)(lambda: None)
    job = resque.active_job("PlainJob", queue="low")
    job(lambda: None)
    job.enqueue()
    assert work(resque) is None
    assert db.keys("resque:status:*") == []


def test_tracked_takes_true_or_false(resque):
    with pytest.raises(JobOptionError, match="tracked=60 of ReportJob: give True"):
        resque.active_job("ReportJob", queue="low", tracked=60)
