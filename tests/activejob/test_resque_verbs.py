"""Registered active jobs given to Resque's own verbs: by function, by name, at a command line and in a schedule."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pyresque import AsyncResque, Resque
from pyresque.activejob.registry import WRAPPER
from pyresque.cli.main import cli
from pyresque.errors import JobArgumentError, NoQueueError

AT = 4102444800


def make(url, **settings):
    resque = Resque(url, **settings)
    resque.performed = []

    @resque.active_job("SyncAccountJob", queue="sync")
    def sync_account(*args, **kwargs):
        resque.performed.append((args, kwargs))

    resque.sync_account = sync_account
    return resque


def envelope(raw):
    payload = json.loads(raw)
    assert payload["class"] == WRAPPER
    (job,) = payload["args"]
    return job


ENQUEUED = {
    "enqueue": lambda r, job: r.enqueue(job, 7) is True,
    "enqueue_to": lambda r, job: r.enqueue_to("sync", job, 7) is True,
    "enqueue_to its own queue": lambda r, job: r.enqueue_to(None, job, 7) is True,
    "enqueue_many": lambda r, job: r.enqueue_many([(job, 7)]) == 1,
    "create": lambda r, job: r.create("sync", job, 7) == (1, 1),
    "enqueue_at, due already": lambda r, job: r.enqueue_at(5, job, 7) is True,
    "enqueue_many_at, due already": lambda r, job: r.enqueue_many_at([(5, job, 7)]) == 1,
    "enqueue_from_config": lambda r, job: r.enqueue_from_config({"class": job, "args": [7]}),
}
DELAYED = {
    "enqueue_at": lambda r, job: r.enqueue_at(AT, job, 7) is True,
    "enqueue_at_with_queue": lambda r, job: r.enqueue_at_with_queue("sync", AT, job, 7) is True,
    "enqueue_in": lambda r, job: r.enqueue_in(10**9, job, 7) is True,
    "enqueue_in_with_queue": lambda r, job: r.enqueue_in_with_queue("sync", 10**9, job, 7) is True,
    "enqueue_many_at": lambda r, job: r.enqueue_many_at([(AT, job, 7)]) == 1,
    "delay_or_enqueue_at": lambda r, job: r.delay_or_enqueue_at(AT, job, 7) == 1,
    "delay_or_enqueue_in": lambda r, job: r.delay_or_enqueue_in(10**9, job, 7) == 1,
}
NAMED = [lambda r: r.sync_account, lambda _: "SyncAccountJob", lambda _: "::SyncAccountJob"]


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("verb", ENQUEUED)
def test_every_verb_that_enqueues_writes_the_envelope(db, redis_url, verb, named):
    with make(redis_url) as resque:
        assert ENQUEUED[verb](resque, named(resque))
    (raw,) = db.lrange("resque:queue:sync", 0, -1)
    job = envelope(raw)
    assert (job["job_class"], job["queue_name"], job["arguments"]) == (
        "SyncAccountJob",
        "sync",
        [7],
    )


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("verb", DELAYED)
def test_every_verb_that_delays_writes_the_envelope_and_a_move_brings_it_in(
    db, redis_url, verb, named
):
    with make(redis_url) as resque:
        assert DELAYED[verb](resque, named(resque))
        (at,) = resque.scheduled_at(named(resque), 7)
        (raw,) = db.lrange(f"resque:delayed:{at}", 0, -1)
        job = envelope(raw)
        assert (job["job_class"], job["arguments"]) == ("SyncAccountJob", [7])
        assert job["scheduled_at"] is not None
        assert resque.move_due(at + 1) == 1
        (raw,) = db.lrange("resque:queue:sync", 0, -1)
        assert envelope(raw) == job


def test_verbs_that_look_for_a_job_find_it_in_its_envelope_by_its_arguments(db, redis_url):
    with make(redis_url) as resque:
        job = resque.sync_account
        for number in (7, 7, 8):
            resque.enqueue(job, number, deep=True)
        resque.enqueue_to("sync", "Other", 7)
        assert resque.dequeue(job, 7) == 0
        assert resque.dequeue(job, 7, deep=True) == 2
        assert resque.destroy("sync", job) == 1
        assert resque.size("sync") == 1
        for number in (7, 7, 8, 9):
            resque.enqueue_at(AT + number, job, number)
        assert resque.is_delayed(job, 8)
        assert resque.remove_delayed(job, 7) == 2
        assert len(resque.find_delayed_selection(lambda args: args == [8], job)) == 1
        assert resque.remove_delayed_job_from_timestamp(AT + 8, job, 8) == 1
        assert resque.delay_or_enqueue_at(AT + 20, job, 9) == 1
        assert resque.scheduled_at(job, 9) == [AT + 20]
        assert resque.enqueue_delayed(job, 9) == 1
        assert resque.count_all_scheduled_jobs() == 0
        resque.validate(job)
        with pytest.raises(NoQueueError):
            resque.validate("NobodysJob")


def test_what_active_job_returns_is_told_to_have_an_enqueue_of_its_own(redis_url):
    with make(redis_url) as resque:
        words = r"has an enqueue of its own, active_job\('TidyJob'\)\.enqueue"
        with pytest.raises(NoQueueError, match=words):
            resque.enqueue(resque.active_job("TidyJob", queue="low"), 7)


def test_a_hook_of_the_job_may_keep_it_out_whatever_the_verb(db, redis_url):
    with make(redis_url) as resque:
        job = resque.sync_account
        job.before_enqueue_no = lambda *_args: False
        assert resque.enqueue(job, 7) is None
        assert resque.enqueue_many([(job, 7)]) == 0
        assert resque.enqueue_at(AT, job, 7) is None
        assert resque.enqueue_many_at([(AT, job, 7)]) == 0
        assert db.keys("resque:queue:*") == db.keys("resque:delayed*") == []
        assert resque.create("sync", job, 7) == (1, 1)


def test_failed_records_cannot_be_asked_for_by_it_and_the_verbs_say_so(redis_url):
    with make(redis_url) as resque:
        for given in (resque.sync_account, "SyncAccountJob"):
            with pytest.raises(JobArgumentError, match="bear its wrapper's class"):
                resque.failures.count(class_name=given)
            with pytest.raises(JobArgumentError, match="bear its wrapper's class"):
                resque.failures.each(class_name=given)
        assert resque.failures.count(class_name=WRAPPER) == 0


def test_inline_it_is_performed(redis_url):
    with make(redis_url, inline=True) as resque:
        resque.enqueue(resque.sync_account, 7, deep=True)
        resque.enqueue("SyncAccountJob", 8)
        resque.enqueue_many([(resque.sync_account, 9)])
        assert resque.performed == [((7,), {"deep": True}), ((8,), {}), ((9,), {})]


async def test_awaited_it_is_the_same(db, redis_url):
    made = make(redis_url)
    async with AsyncResque(redis_url, jobs=made) as resque:
        assert await resque.enqueue(made.sync_account, 7) is True
    assert envelope(db.lindex("resque:queue:sync", 0))["arguments"] == [7]


def test_a_name_that_is_registered_as_a_plain_job_too_is_the_plain_one(db, redis_url):
    with make(redis_url) as resque:
        resque.job("SyncAccountJob", queue="plain")(lambda n: n)
        resque.enqueue("SyncAccountJob", 7)
    assert db.lrange("resque:queue:plain", 0, -1) == [b'{"class":"SyncAccountJob","args":[7]}']


APP = """
from pyresque import Resque
resque = Resque()

@resque.active_job("NightlyJob")
def nightly(n): ...
"""


@pytest.fixture
def app(tmp_path, monkeypatch, redis_url):
    (tmp_path / "active_app.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("more", [(), ("-q", "default"), ("--at", "5")])
def test_the_command_enqueue_writes_the_envelope(app, db, more):
    done = CliRunner().invoke(cli, ["enqueue", "NightlyJob", "5", "-A", "active_app", *more])
    assert done.exit_code == 0, done.output
    assert "enqueued NightlyJob [5] on default" in done.output
    assert envelope(db.lindex("resque:queue:default", 0))["arguments"] == [5]


def test_an_entry_of_a_schedule_enqueues_the_envelope(db, redis_url):
    with make(redis_url) as resque:
        config = {"class": "SyncAccountJob", "args": [7], "every": "1h"}
        assert resque.enqueue_from_config(config) is True
        assert resque.enqueue_from_config({**config, "queue": "other"}) is True
        running = resque.core.recurring.enqueuer.identity(config)
        assert resque.run(resque.core.recurring.overlap.is_queued(running))
        another = resque.core.recurring.enqueuer.identity({**config, "args": [8]})
        assert not resque.run(resque.core.recurring.overlap.is_queued(another))
    assert envelope(db.lindex("resque:queue:sync", 0))["arguments"] == [7]
    assert envelope(db.lindex("resque:queue:other", 0))["queue_name"] == "other"
