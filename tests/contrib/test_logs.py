"""The fields of a job while it runs: which, how long, and what a log record gets of them. docs/logs.md runs them in every executor."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys

import pytest
import structlog

from pyresque import AsyncResque, Resque
from pyresque.contrib.logs import JobFilter, bind_jobs, job_fields
from pyresque.job.job import read_job
from pyresque.job.perform import perform
from tests.support import ROOT


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url, inline=True) as made:
        yield made


def test_a_job_has_fields_while_it_runs_and_one_inside_it_its_own(resque):
    bind_jobs(resque)
    seen = []

    @resque.job("Outer", queue="low")
    def outer():
        seen.append(job_fields())
        resque.enqueue("Inner")
        seen.append(job_fields())

    @resque.job("Inner", queue="high")
    def inner():
        seen.append(job_fields())

    resque.enqueue(outer)
    whole = {"queue": "inline", "class": "Outer"}
    assert seen == [whole, {"queue": "inline", "class": "Inner"}, whole]
    assert job_fields() == {}


def test_a_second_call_binds_nothing_twice_and_may_add_structlog(resque, redis_url):
    bind_jobs(resque)
    bind_jobs(AsyncResque(redis_url, jobs=resque), structlog=True)
    bind_jobs(resque)
    assert len(resque.registry.middleware) == 1
    seen = []
    job = resque.job("Job", queue="low")(
        lambda: seen.append(structlog.contextvars.get_contextvars())
    )
    resque.enqueue(job)
    assert seen == [{"queue": "inline", "class": "Job"}]


def test_a_failed_job_leaves_none_and_structlog_keeps_what_was_bound_before(resque):
    bind_jobs(resque, structlog=True)
    seen = []

    @resque.job("Job", queue="low")
    def job():
        seen.append(structlog.contextvars.get_contextvars())
        raise ValueError(7)

    with structlog.contextvars.bound_contextvars(queue="mine", request=1):
        with pytest.raises(ValueError, match="7"):
            resque.enqueue(job)
        assert structlog.contextvars.get_contextvars() == {"queue": "mine", "request": 1}
    assert seen == [{"queue": "inline", "class": "Job", "request": 1}]
    assert job_fields() == {}


def test_without_structlog_it_is_not_asked(resque):
    bind_jobs(resque)
    seen = []
    resque.job("Job", queue="low")(lambda: seen.append(structlog.contextvars.get_contextvars()))
    resque.enqueue("Job")
    assert seen == [{}]


WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({"class": "Tracked", "args": ["0b5c", {"n": 1}]}, {"class": "Tracked", "job_id": "0b5c"}),
        ({"class": "Tracked", "args": [{"n": 1}]}, {"class": "Tracked"}),
        ({"class": "Tracked", "args": []}, {"class": "Tracked"}),
        ({"class": "Tracked", "args": {"n": 1}}, {"class": "Tracked"}),
        ({"class": "Tracked", "args": [7, {"n": 1}]}, {"class": "Tracked"}),
        ({"class": ["Tracked"], "args": []}, {}),
        (
            {"class": WRAPPER, "args": [{"job_class": "Mail", "job_id": "0b5c"}]},
            {"class": "Mail", "job_id": "0b5c"},
        ),
        ({"class": WRAPPER, "args": [{"job_class": "Mail", "job_id": 7}]}, {"class": "Mail"}),
        ({"class": WRAPPER, "args": []}, {"class": WRAPPER}),
    ],
)
def test_whatever_a_payload_holds_its_job_begins(resque, payload, fields):
    bind_jobs(resque)
    seen = []
    resque.job("Tracked", queue="low", tracked=True)(lambda n=0: None)

    @resque.middleware
    def look(call_next, job):
        seen.append(job_fields())
        call_next(job)

    core = resque.core
    job = read_job(core.codec, "low", json.dumps(payload).encode())
    with contextlib.suppress(Exception):  # of some payloads the job fails
        resque.run(perform(core.registry, job))
    assert seen == [{"queue": "low", **fields}]


def test_a_record_gets_attributes_and_keeps_its_own(resque):
    bind_jobs(resque)
    records = []

    @resque.job("Job", queue="low")
    def job():
        record = logging.makeLogRecord({"msg": "%s", "args": (1,), "queue": "own"})
        assert JobFilter().filter(record)
        records.append(record)

    resque.enqueue(job)
    assert vars(records[0]) | {"queue": "own", "class": "Job", "args": (1,)} == vars(records[0])


def test_no_name_from_redis_forges_a_line(resque):
    bind_jobs(resque)
    seen = []

    @resque.middleware
    def look(call_next, job):
        record = logging.makeLogRecord(
            {"fields": {"args": "[]\n", "class": "Evil\nLINE", "duration": 1}}
        )
        JobFilter().filter(record)
        seen.append((job_fields(), record.queue, vars(record)["class"], record.duration))

    payload = {"class": WRAPPER, "args": [{"job_class": "Mail", "job_id": "7\x1b[2J"}]}
    job = read_job(resque.core.codec, "evil\nLINE", json.dumps(payload).encode())
    with contextlib.suppress(Exception):
        resque.run(perform(resque.core.registry, job))
    fields = {"queue": r"evil\nLINE", "class": "Mail", "job_id": r"7\x1b[2J"}
    assert seen == [(fields, r"evil\nLINE", r"Evil\nLINE", 1)]


@pytest.mark.parametrize("fields", [None, 7, ["event"]])
def test_an_application_may_have_fields_of_another_kind(fields):
    record = logging.makeLogRecord({"fields": fields})
    before = dict(vars(record))
    assert JobFilter().filter(record)
    assert vars(record) == before


APP = """
import logging
from pyresque import Resque
from pyresque.contrib.logs import JobFilter, bind_jobs

resque = Resque()
bind_jobs(resque)
handler = logging.StreamHandler()
handler.addFilter(JobFilter())
handler.setFormatter(logging.Formatter("%(worker)s %(message)s", defaults={"worker": "-"}))
logging.basicConfig(level="INFO", handlers=[handler])

@resque.job("Job", queue="low")
def job():
    logging.info("the job")

"""
HOOK = """
@resque.before_fork
def hook(job): ...
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("more", "options"),
    [("", ["--count", "2"]), (HOOK, []), ("", ["--executor", "thread", "--count", "2"])],
    ids=["pool", "forked by the worker", "slots"],
)
def test_the_worker_is_that_of_its_own_lines(db, redis_url, tmp_path, more, options):
    (tmp_path / "logged_app.py").write_text(APP + more)
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", *[json.dumps({"class": "Job", "args": []})] * 4)
    command = ("worker", "-A", "logged_app:resque", "-q", "low,!other", "-v", "--burst", *options)
    done = subprocess.run(
        [sys.executable, "-m", "pyresque.cli", *command],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    own = sorted(re.findall(r"^(\S+) the job$", done.stderr, re.MULTILINE))
    got = sorted(re.findall(r"^(\S+) got: ", done.stderr, re.MULTILINE))
    assert own == got
    assert len(own) == 4
    assert all(re.fullmatch(r"[^:]+:\d+:low", one) for one in own)
