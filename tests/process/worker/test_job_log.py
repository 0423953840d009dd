from __future__ import annotations

import json
import logging

import pytest

from pyresque.failure.report import ErrorReport
from pyresque.job.job import Job, Payload
from pyresque.job.registry import Registry
from pyresque.printable import MOST_IN_LINE
from pyresque.process.start.log_format import JsonFormatter, LogfmtFormatter, TextFormatter
from pyresque.process.worker.job_log import JobLog
from pyresque.store.workers import Redelivery
from tests.support.scripted_worker import Clock

PLAIN = Job("low", Payload("Archive", [35, "a b"]), b"raw")
STAMPED = Job("low", Payload("Archive", [35], {"enqueued_at": "2026-03-01T11:59:58.500Z"}), b"raw")
ACTIVE = Job(
    "mailers",
    Payload(
        "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper",
        [
            {
                "job_class": "SyncJob",
                "job_id": "0b5c",
                "arguments": [7],
                "enqueued_at": "2026-03-01T11:59:58.500Z",
            }
        ],
    ),
    b"raw",
)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def jobs(clock):
    return JobLog(clock, "host:42:low", Registry())


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="pyresque")
    return caplog


def test_a_done_job_reports_how_long_it_took(jobs, clock, lines):
    jobs.got(PLAIN)
    clock.passed = 0.25
    jobs.done(PLAIN)
    text = TextFormatter(very_verbose=False)
    assert [text.format(line) for line in lines.records] == [
        "*** got: (Job{low} | Archive | [35, 'a b'])",
        "*** done: (Job{low} | Archive | [35, 'a b']) in 0.250 s",
    ]


def test_an_active_job_reports_how_long_it_waited_too(jobs, clock, lines):
    jobs.got(ACTIVE)
    clock.passed = 2.0
    jobs.done(ACTIVE)
    line = TextFormatter(very_verbose=False).format(lines.records[-1])
    assert line == "*** done: (Job{mailers} | SyncJob(7)) in 2.000 s, waited 1.500 s"


def test_json_has_the_same_as_fields(jobs, clock, lines):
    jobs.got(ACTIVE)
    clock.passed = 2.0
    jobs.done(ACTIVE)
    fields = json.loads(JsonFormatter().format(lines.records[-1]))
    assert fields.pop("timestamp")
    assert fields.pop("pid") > 0
    assert fields == {
        "level": "info",
        "message": "done: (Job{mailers} | SyncJob(7)) in 2.000 s, waited 1.500 s",
        "event": "done",
        "queue": "mailers",
        "class": "SyncJob",
        "job_id": "0b5c",
        "args": "7",
        "worker": "host:42:low",
        "duration": 2.0,
        "queue_time": 1.5,
    }


def test_logfmt_has_them_too_and_of_a_plain_job_no_queue_time(jobs, clock, lines):
    jobs.got(PLAIN)
    clock.passed = 0.25
    jobs.failed(PLAIN, ErrorReport("ValueError", "not so"))
    line = LogfmtFormatter().format(lines.records[-1])
    assert "level=error" in line
    assert " event=failed queue=low class=Archive" in line
    assert " duration=0.25 " in line
    assert 'exception=ValueError error="not so"' in line
    assert "queue_time" not in line


def test_a_plain_job_whose_payload_tells_reports_how_long_it_waited(jobs, clock, lines):
    jobs.got(STAMPED)
    clock.passed = 2.0
    jobs.done(STAMPED)
    assert json.loads(JsonFormatter().format(lines.records[-1]))["queue_time"] == 1.5


def test_a_job_that_goes_back_says_for_which_time(jobs, lines):
    jobs.got(PLAIN)
    jobs.redelivered(PLAIN, Redelivery("low", b"raw", 2, 3), RuntimeError("gone"))
    fields = json.loads(JsonFormatter().format(lines.records[-1]))
    assert (fields["event"], fields["redelivery"], fields["error"]) == ("put back", 2, "gone")
    assert fields["message"].endswith("goes back into its queue (2 of 3): gone")


def test_a_clock_behind_that_of_the_enqueuer_gives_no_negative_wait(jobs, clock, lines):
    clock.passed = -60
    jobs.got(ACTIVE)
    assert json.loads(JsonFormatter().format(lines.records[-1]))["queue_time"] == 0.0


def test_an_error_of_megabytes_is_cut_and_what_to_do_about_it_is_not(jobs, lines):
    jobs.got(PLAIN)
    jobs.failed(PLAIN, ErrorReport("ValueError", "x" * 8_000_000), "name the module by -A")
    record = lines.records[-1]
    assert record.getMessage().endswith(" more characters) (name the module by -A)")
    assert len(record.getMessage()) < MOST_IN_LINE
    assert len(record.fields["error"]) < MOST_IN_LINE
