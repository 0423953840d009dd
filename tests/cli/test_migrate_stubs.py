"""``pyresque migrate stubs``: what it reads, writes and says."""

from __future__ import annotations

import json

import pytest

from pyresque.activejob.registry import WRAPPER


@pytest.fixture
def filled(resque, db):
    """A job of a class of its own in each place."""
    resque.enqueue_to("reports", "Reports::Monthly", 7, {"draft": True})
    resque.enqueue_at_with_queue("later", 4_000_000_000, "Later::Job", "x")
    arguments = [{"job_class": "SyncJob", "arguments": [1], "queue_name": "sync"}]
    resque.enqueue_to("sync", WRAPPER, *arguments)
    failed = {"payload": {"class": "Failed", "args": [None]}, "queue": "low", "exception": "X"}
    db.rpush("resque:failed", json.dumps(failed), b"{", b"[]")
    db.sadd("resque:workers", "host:1:low")
    record = {"queue": "low", "run_at": "2026-01-01", "payload": {"class": "Working", "args": []}}
    db.set("resque:worker:host:1:low", json.dumps(record))
    db.rpush("resque:queue:reports", b"{", b"[1]", b'{"args":[1]}')
    return resque


def test_a_handler_and_a_test_for_each_class_of_each_place(run, filled, environment, db):
    before = {key: db.dump(key) for key in db.scan_iter()}
    result = run("migrate", "stubs", "--out", "jobs")
    assert result.exit_code == 0, result.output
    there = {
        str(path.relative_to(environment / "jobs")) for path in (environment / "jobs").rglob("*.py")
    }
    assert there == {
        *("__init__.py", "app.py", "base.py", "tests/__init__.py", "tests/recorded.py"),
        *("reports/__init__.py", "reports/monthly.py", "later/__init__.py", "later/job.py"),
        *("tests/reports/__init__.py", "tests/reports/test_monthly.py", "tests/later/__init__.py"),
        *("tests/later/test_job.py", "sync_job.py", "tests/test_sync_job.py", "failed.py"),
        *("tests/test_failed.py", "working.py", "tests/test_working.py"),
    }
    assert "wrote jobs/reports/monthly.py" in result.stdout
    assert 'queue="later"' in (environment / "jobs/later/job.py").read_text()
    assert "5 classes" in result.stdout
    assert "1 job left out" in result.stdout
    assert {key: db.dump(key) for key in db.scan_iter()} == before


def test_files_of_the_user_are_kept(run, filled, environment):
    assert run("migrate", "stubs", "--out", "jobs", "--class", "Reports::*").exit_code == 0
    mine = environment / "jobs/reports/monthly.py"
    mine.write_text("# mine\n")
    result = run("migrate", "stubs", "--out", "jobs")
    assert "kept jobs/reports/monthly.py: it differs; --force writes it anew" in result.stdout
    assert mine.read_text() == "# mine\n"
    found = json.loads(run("migrate", "stubs", "--out", "jobs", "--force", "--json").stdout)
    outcomes = {one["path"]: one["outcome"] for one in found["files"]}
    assert (outcomes["jobs/reports/monthly.py"], outcomes["jobs/app.py"]) == ("wrote", "same")


def test_what_cannot_be_done_is_said(run, resque, environment):
    assert run("migrate", "stubs", "--out", "my-jobs").exit_code == 2
    assert run("migrate", "stubs", "--out", "class").exit_code == 2
    result = run("migrate", "stubs", "--out", "")
    assert (result.exit_code, "--out is empty" in result.stderr) == (2, True)
    result = run("migrate", "stubs", "--out", "jobs")
    assert (result.exit_code, "no job of such a class" in result.stderr) == (1, True)
    assert not (environment / "jobs").exists()
    resque.enqueue_to("low", "Reports::Monthly")
    (environment / "jobs").mkdir()
    (environment / "jobs/reports").write_text("")
    assert run("migrate", "stubs", "--out", "jobs").exit_code == 1


def test_keys_of_wrong_types_are_passed_over(run, resque, db, environment):
    resque.enqueue_to("low", "Fine")
    db.sadd("resque:queues", "wrong")
    for key in ("queue:wrong", "failed", "failed_queues", "delayed_queue_schedule"):
        db.set(f"resque:{key}", "x")
    assert run("migrate", "stubs", "--out", "jobs").exit_code == 0
    assert (environment / "jobs/fine.py").exists()


def test_marks_in_redis_become_lines_of_the_registration(run, resque, db, environment):
    resque.enqueue_to("low", "Locked", 7)
    db.set("resque:lock:Locked-[7]", "true")
    assert run("migrate", "stubs", "--out", "jobs").exit_code == 0
    assert "plugins=[Lock()]" in (environment / "jobs/locked.py").read_text()


def test_a_long_queue_gives_the_same_files_each_time(run, resque, environment):
    for n in range(3000):
        resque.enqueue_to("low", "Long", n, "x" * (n % 7))
    assert run("migrate", "stubs", "--out", "jobs", "--sample", "100").exit_code == 0
    again = json.loads(run("migrate", "stubs", "--out", "jobs", "--sample", "100", "--json").stdout)
    assert {one["outcome"] for one in again["files"]} == {"same"}
