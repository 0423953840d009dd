"""Jobs of Rails on the command line: their own class and a call one can read, wherever a job is shown."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.support.processes import command_line

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
JOB = {
    "job_class": "SyncAccountJob",
    "job_id": "11111111-2222-4333-8444-555555555555",
    "queue_name": "low",
    "arguments": [
        {"_aj_globalid": "gid://shop/Account/7"},
        {"force": True, "_aj_ruby2_keywords": ["force"]},
    ],
}
CALL = "SyncAccountJob(gid://shop/Account/7, force: true)"
ARGUMENTS = "gid://shop/Account/7, force: true"


@pytest.fixture
def waiting(resque):
    resque.push("low", {"class": WRAPPER, "args": [JOB]})


@pytest.fixture
def failed(fail, waiting):
    fail()


def no_wrapper(output: str) -> str:
    assert "JobWrapper" not in output
    return output


def test_a_queue_shows_the_class_and_the_arguments_of_its_jobs(run, waiting):
    line = no_wrapper(run("queues", "peek", "low").stdout).splitlines()[1]
    assert "SyncAccountJob" in line
    assert ARGUMENTS in line
    assert CALL in no_wrapper(run("queues", "show", "low").stdout)


def test_the_failed_list_shows_the_class_and_finds_jobs_by_it(run, failed):
    assert "SyncAccountJob" in no_wrapper(run("failed").stdout)
    assert len(json.loads(run("failed", "--class", "SyncAccountJob", "--json").stdout)) == 1


def test_a_failed_job_is_shown_as_a_call_beside_what_it_was(run, failed):
    output = run("failed", "show", "0").stdout
    assert re.search(rf"^call +{re.escape(CALL)}$", output, re.MULTILINE)
    assert JOB["job_id"] in output


def test_a_worker_is_shown_with_the_call_it_performs(run, db):
    record = {"queue": "low", "run_at": "2026-03-01T12:00:00Z", "payload": {"class": WRAPPER}}
    record["payload"]["args"] = [JOB]
    db.sadd("resque:workers", "box:1:low")
    db.set("resque:worker:box:1:low", json.dumps(record))
    assert CALL in no_wrapper(run("workers").stdout)
    assert CALL in no_wrapper(run("info").stdout)


def test_delayed_jobs_are_shown_by_their_class_and_arguments(run, resque):
    at = int(time.time()) + 3600
    resque.enqueue_at_with_queue("low", at, WRAPPER, JOB)
    line = no_wrapper(run("delayed", "peek", str(at)).stdout)
    assert "SyncAccountJob" in line
    assert ARGUMENTS in line


def test_a_worker_starts_for_an_application_that_has_active_jobs_alone(
    run, environment, waiting, db
):
    (environment / "app_rails.py").write_text(
        "from pyresque import Resque\n\nresque = Resque()\n\n"
        "@resque.active_job('SyncAccountJob')\ndef sync(account, *, force): ...\n"
    )
    result = run("worker", "-A", "app_rails:resque", "-q", "low", "--executor", "inline", "--burst")
    assert result.exit_code == 0
    assert db.get("resque:stat:processed") == b"1"
    assert not db.exists("resque:failed")


def test_the_log_and_the_process_title_bear_the_class(start, resque, db, environment):
    with (environment / "myapp.py").open("a") as jobs:
        jobs.write('\nresque.active_job("HoldJob")(Hold.perform)\n')
    resque.push("low", {"class": WRAPPER, "args": [{"job_class": "HoldJob", "arguments": []}]})
    process = start("worker", "-A", "myapp:resque", "-q", "low", "--burst", "--verbose")
    _, pid = db.blpop("holding", 60)
    assert "HoldJob" in no_wrapper(command_line(int(pid)))
    db.rpush("release", 1)
    assert "HoldJob()" in no_wrapper("".join(process.communicate(timeout=60)))
