"""``pyresque retries``: list, run and cancel."""

from __future__ import annotations

import json

import pytest

from pyresque.plugins import Retry
from pyresque.process.run.worker import run_worker


@pytest.fixture
def waiting(resque, db):
    """Three jobs that have failed once."""
    resque.configure(queues=("*",), executor="inline")

    def failing(number):
        raise ValueError(f"no file {number}\x1b[2J")

    for name in ("Import", "Export"):
        given = Retry(limit=3, delay=3600, suppress=name == "Export")
        resque.job(name, queue="low", plugins=[given])(failing)
    for name, number in (("Import", 1), ("Import", 2), ("Export", 3)):
        resque.enqueue(name, number)
    run_worker(resque, burst=True)
    return {one.job.args[0]: one for one in resque.retries.each()}


def test_list_shows_what_waits(run, waiting):
    shown = run("retries").stdout
    assert shown == run("retries", "list").stdout
    assert all(one.id in shown for one in waiting.values())
    assert "ValueError: no file 3" in shown
    assert "\x1b" not in shown
    assert "and more: --start 2" in run("retries", "list", "--count", "2").stdout
    assert run("retries", "list", "--start", "3").stdout == "no retries\n"
    rows = json.loads(run("retries", "list", "--class", "Export", "--json").stdout)
    (row,) = rows
    assert (row["id"], row["attempts"], row["class"]) == (waiting[3].id, 1, "Export")
    assert row["payload"] == {"class": "Export", "args": [3], "queue": "low"}
    assert row["timestamp"] == waiting[3].at


def test_nothing_waits(run, db):
    assert run("retries").stdout == "no retries\n"
    assert run("retries", "run", "--all").stdout == "no retry is meant\n"
    assert json.loads(run("retries", "cancel", "--all", "--yes", "--json").stdout) == {
        "dry_run": False,
        "cancelled": [],
        "count": 0,
    }


def test_run_enqueues_the_jobs_now(run, resque, waiting):
    assert run("retries", "run", waiting[1].id, "--dry-run").stdout == (
        f"would run {waiting[1].id}: Import [1]\n"
    )
    assert resque.size("low") == 0
    assert run("retries", "run", waiting[1].id).stdout == f"run {waiting[1].id}: Import [1]\n"
    assert resque.size("low") == 1
    made = json.loads(run("retries", "run", "--class", "Export", "--json").stdout)
    assert [one["id"] for one in made["run"]] == [waiting[3].id]
    assert made["count"] == 1
    assert run("retries", "run", "--all").exit_code == 0
    assert resque.size("low") == 3
    assert resque.retries.count() == 0


def test_cancel_asks_first(run, resque, waiting):
    refused = run("retries", "cancel", "--all")
    assert refused.exit_code == 2
    assert "nothing was done: --dry-run shows more; add --yes to cancel 3 retries" in refused.stderr
    assert run("retries", "cancel", "--all", "--dry-run").stdout.count("would cancel ") == 3
    assert resque.retries.count() == 3
    assert resque.failures.count() == 2
    assert run("retries", "cancel", "--class", "Export", "--yes").stdout == (
        f"cancelled {waiting[3].id}: Export [3]\n"
    )
    assert resque.failures.count() == 3
    assert run("retries", "cancel", waiting[1].id, waiting[2].id, "--yes").exit_code == 0
    assert resque.retries.count() == resque.count_all_scheduled_jobs() == 0


def test_an_id_that_is_no_retry_is_named(run, resque, waiting):
    result = run("retries", "cancel", waiting[1].id, "Import:none", "--yes")
    assert result.exit_code == 1
    assert "there is no retry Import:none" in result.stderr
    assert resque.retries.count() == 2


@pytest.mark.parametrize(
    "args", [(), ("--all", "--class", "Import"), ("Import:1", "--all"), ("x", "--class", "y")]
)
@pytest.mark.parametrize("verb", ["run", "cancel"])
def test_which_retries_must_be_said_once(run, verb, args):
    result = run("retries", verb, *args)
    assert result.exit_code == 2
    assert "say which retries" in result.stderr
