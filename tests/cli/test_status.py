"""``pyresque status``: list, show, wait, cancel, clear; and the id that ``pyresque enqueue`` prints."""

from __future__ import annotations

import json

import pytest

from pyresque.job.perform import perform


@pytest.fixture
def handles(resque, db):
    """A job that has completed, one that has failed, and one that waits; of each its handle."""

    @resque.job("Report", queue="low", tracked=True)
    def report(n):
        if n == 2:
            raise ValueError("no \x1b[31mrows")
        return {"rows": n}

    made = [resque.enqueue(report, n) for n in (1, 2, 3)]
    for _ in range(2):
        job = resque.reserve("low")
        try:
            resque.run(perform(resque.core.registry, job))
        except ValueError:
            continue
    return made


def test_statuses_are_listed(run, handles):
    listed = run("status").stdout.splitlines()
    assert listed[0].split() == ["ID", "STATUS", "DONE", "JOB", "MESSAGE"]
    assert {line.split()[1] for line in listed[1:]} == {"completed", "failed", "queued"}
    rows = json.loads(run("status", "list", "--only", "completed", "--json").stdout)
    assert [(row["uuid"], row["result"], row["pct_complete"]) for row in rows] == [
        (handles[0].id, {"rows": 1}, 100)
    ]
    assert "\x1b" not in run("status", "list").stdout


def test_one_is_shown(run, handles):
    shown = run("status", "show", handles[0].id).stdout
    assert "completed" in shown
    assert '{"rows": 1}' in shown
    assert json.loads(run("status", "show", handles[2].id, "--json").stdout)["options"] == {"n": 3}
    missing = run("status", "show", "nothing")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "job nothing has no status" in missing.stderr


def test_waiting_ends_with_the_job(run, handles):
    assert run("status", "wait", handles[0].id).exit_code == 0
    failed = run("status", "wait", handles[1].id, "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["status"] == "failed"
    assert "The task failed because of an error: no" in failed.stderr
    late = run("status", "wait", handles[2].id, "--timeout", "0")
    assert late.exit_code == 1
    assert late.stderr == f"pyresque: job {handles[2].id} is still queued after 0 seconds\n"
    assert run("status", "wait", "x", "--timeout", "-1").exit_code == 2


def test_a_job_is_cancelled(run, handles, db):
    assert run("status", "cancel", handles[2].id).stdout == "it ends at its next step\n"
    assert db.smembers("resque:_kill") == {handles[2].id.encode()}
    assert run("status", "cancel", handles[0].id).stdout == "it has ended already\n"
    assert json.loads(run("status", "cancel", handles[2].id, "--json").stdout) == {
        "cancelled": True
    }
    cancelled = run("status", "wait", handles[0].id, "--json")
    assert cancelled.exit_code == 0


def test_statuses_are_cleared(run, handles, db):
    assert run("status", "clear", "--dry-run").stdout == "would delete 3 statuses\n"
    assert "add --yes" in run("status", "clear").stderr
    only = run("status", "clear", "--only", "failed", "--yes").stdout
    assert only == "deleted 1 failed status\n"
    cleared = json.loads(run("status", "clear", "--yes", "--json").stdout)
    assert cleared == {"dry_run": False, "cleared": 2}
    assert db.keys("*status*") == []
    assert run("status").stdout == "no statuses\n"
    assert run("status", "clear").stdout == "deleted 0 statuses\n"


def test_what_cannot_be_read_is_shown_as_that(run, handles, db):
    db.set(f"resque:status:{handles[0].id}", b"\xff{")
    assert "unreadable" in run("status").stdout
    assert f"the status of job {handles[0].id}" in run("status", "show", handles[0].id).stderr
    db.delete("resque:_statuses")
    db.set("resque:_statuses", "x")
    wrong = run("status")
    assert (wrong.exit_code, len(wrong.stderr.splitlines())) == (1, 1)


def test_enqueue_prints_the_id(run, db, tmp_path, monkeypatch):
    (tmp_path / "tracked.py").write_text(
        "from pyresque import Resque\nresque = Resque()\n"
        "resque.job('Report', queue='low', tracked=True)(lambda n: None)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    printed = run("enqueue", "Report", "44", "-A", "tracked").stdout
    (key,) = db.keys("resque:status:*")
    job_id = key.decode().rpartition(":")[2]
    assert printed.rstrip().endswith(f"id {job_id}")
    assert "id" in json.loads(run("enqueue", "Report", "44", "-A", "tracked", "--json").stdout)
