"""``pyresque workers``: who works, and clearing away who does not."""

from __future__ import annotations

import json
import os
import re
import signal
import socket

import pytest

HOST = socket.gethostname()
RECORD = '{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"Archive","args":[35]}}'


@pytest.fixture
def two(db):
    """A worker elsewhere that works, and one on this host whose process is gone."""
    db.sadd("resque:workers", "box:1:low", f"{HOST}:4999999:low")
    db.set("resque:worker:box:1:low", RECORD)
    db.set("resque:worker:box:1:low:started", "2026-03-01 12:00:00 +0000")
    db.set("resque:stat:processed:box:1:low", "7")
    db.set(f"resque:worker:{HOST}:4999999:low", RECORD)
    return db


def test_workers_alone_lists_them_with_what_they_do(run, two):
    output = run("workers").stdout
    assert "box:1:low" in output
    assert "Archive [35]" in output


def test_list_prints_json_for_programs(run, two):
    shown = {one["id"]: one for one in json.loads(run("workers", "--json").stdout)}["box:1:low"]
    assert shown == {
        "id": "box:1:low",
        "host": "box",
        "pid": 1,
        "queues": ["low"],
        "state": "working",
        "paused": False,
        "started": "2026-03-01T12:00:00+00:00",
        "started_in_redis": "2026-03-01 12:00:00 +0000",
        "heartbeat": None,
        "heartbeat_in_redis": None,
        "processed": 7,
        "failed": 0,
        "job": {
            "queue": "low",
            "class": "Archive",
            "args": [35],
            "run_at": "2026-03-01T12:00:00+00:00",
            "run_at_in_redis": "2026-03-01T12:00:00Z",
        },
    }


def test_only_those_that_work_are_listed_when_asked_for(run, db):
    db.sadd("resque:workers", "box:2:low")
    assert run("workers", "--working").stdout == "no workers\n"


def test_unreadable_ids_and_records_are_listed_too(run, db):
    db.sadd("resque:workers", "odd", "box:2:low")
    db.set("resque:worker:box:2:low", "{bad")
    result = run("workers")
    assert result.exit_code == 0
    assert "(no job)" in result.stdout
    assert run("workers", "show", "odd").exit_code == 0


def test_show_reports_one_worker(run, two):
    assert "Archive [35]" in run("workers", "show", "box:1:low").stdout


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_a_worker_nobody_knows_is_a_failure(run, two, verb):
    result = run("workers", verb, "box:9:low")
    assert (result.exit_code, result.stderr) == (
        1,
        "pyresque: no worker 'box:9:low' is registered\n",
    )


def test_prune_clears_away_who_has_no_process_and_keeps_its_job_as_a_failure(run, two):
    result = run("workers", "prune", "--yes")
    assert (result.exit_code, result.stdout) == (0, f"pruned {HOST}:4999999:low\n")
    assert two.smembers("resque:workers") == {b"box:1:low"}
    (failed,) = two.lrange("resque:failed", 0, -1)
    assert json.loads(failed)["payload"] == {"class": "Archive", "args": [35]}


def test_prune_clears_away_who_has_not_beaten_for_long(run, two):
    two.hset("resque:workers:heartbeat", "box:1:low", "2026-03-01T12:00:00+00:00")
    shown = json.loads(run("workers", "prune", "--yes", "--json").stdout)
    assert set(shown["pruned"]) == {"box:1:low", f"{HOST}:4999999:low"}
    exceptions = {json.loads(raw)["exception"] for raw in two.lrange("resque:failed", 0, -1)}
    assert exceptions == {"Resque::PruneDeadWorkerDirtyExit", "Resque::DirtyExit"}


def test_a_dry_prune_changes_nothing(run, two):
    result = run("workers", "prune", "--dry-run")
    assert result.stdout == f"would prune {HOST}:4999999:low\n"
    assert two.scard("resque:workers") == 2
    assert two.exists("resque:pruning_dead_workers_in_progress") == 0


def test_prune_without_a_terminal_wants_a_yes(run, two):
    assert run("workers", "prune").exit_code == 2
    assert two.scard("resque:workers") == 2


def test_prune_with_nobody_dead_asks_nothing(run):
    assert run("workers", "prune").stdout == "no worker is dead\n"


def test_prune_right_after_another_says_why_it_does_nothing(run, two):
    two.set("resque:pruning_dead_workers_in_progress", "box:1:low")
    result = run("workers", "prune", "--yes")
    assert result.exit_code == 1
    assert "another worker pruned within the last 60 s" in result.stderr
    assert two.scard("resque:workers") == 2


def test_a_worker_that_lives_is_not_pruned_and_one_that_was_killed_is(start, run, db, eventually):
    run("enqueue", "Hold", "-q", "low")
    worker = start("worker", "-A", "myapp", "-q", "low")
    eventually(lambda: db.llen("holding"))
    assert run("workers", "prune", "--dry-run").stdout == "no worker is dead\n"
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    db.delete("resque:pruning_dead_workers_in_progress")
    assert run("workers", "prune", "--yes").stdout == f"pruned {HOST}:{worker.pid}:low\n"
    assert db.llen("resque:failed") == 1


def test_remove_unregisters_and_keeps_the_job_as_a_failure(run, two):
    assert run("workers", "remove", "box:1:low").exit_code == 2
    assert run("workers", "remove", "box:1:low", "--dry-run").stdout == "would remove box:1:low\n"
    assert run("workers", "remove", "box:1:low", "--yes").stdout == "removed box:1:low\n"
    assert two.smembers("resque:workers") == {f"{HOST}:4999999:low".encode()}
    assert two.llen("resque:failed") == 1


def test_pause_and_resume_write_the_key_that_ruby_reads(run, db):
    assert run("workers", "pause").exit_code == 0
    assert db.get("resque:pause-all-workers") == b"true"
    assert json.loads(run("workers", "resume", "--json").stdout) == {"paused": False}
    assert db.exists("resque:pause-all-workers") == 0


def test_a_paused_worker_takes_nothing(finish, run, db):
    run("enqueue", "Note", "1", "-q", "low")
    run("workers", "pause")
    code, _, errors = finish("worker", "-A", "myapp", "-q", "low", "--burst")
    assert (code, errors) == (0, "")
    assert db.llen("resque:queue:low") == 1


def test_a_pause_is_seen_in_every_list_of_workers(run, two):
    assert "paused" not in run("workers").stdout
    run("workers", "pause")
    two.sadd("resque:workers", "box:2:low")
    listed = run("workers").stdout
    assert re.search(r"^box:1:low .*working, then paused", listed, re.MULTILINE)
    assert re.search(r"^box:2:low +paused", listed, re.MULTILINE)
    assert listed.endswith("paused: no worker takes a job until `pyresque workers resume`\n")
    assert {one["paused"] for one in json.loads(run("workers", "--json").stdout)} == {True}
    assert "working, then paused" in run("workers", "show", "box:1:low").stdout
    assert json.loads(run("workers", "show", "box:2:low", "--json").stdout)["paused"] is True


@pytest.mark.parametrize("options", [(), ("--executor", "thread", "-c", "3")])
def test_a_worker_logs_a_pause_and_its_end_once(start, run, db, eventually, environment, options):
    logfile = environment / "worker.log"

    def lines(word):
        return [line for line in logfile.read_text().splitlines() if word in line]

    worker = start(
        *("worker", "-A", "myapp", "-q", "low", "--interval", "0.1", "--logfile", str(logfile)),
        *("--wait", "poll", *options),
    )
    eventually(lambda: db.scard("resque:workers") == (3 if options else 1))
    run("workers", "pause")
    (line,) = eventually(lambda: lines("paused"))
    assert "resque:pause-all-workers in Redis pauses every worker" in line
    run("enqueue", "Note", "1", "-q", "low")
    run("workers", "resume")
    eventually(lambda: db.llen("noted"))
    eventually(lambda: lines("no longer paused"))
    worker.send_signal(signal.SIGUSR2)
    eventually(lambda: lines("USR2 came"))
    worker.send_signal(signal.SIGCONT)
    eventually(lambda: len(lines("no longer paused")) == 2)
    assert len(lines("paused")) == 4


def test_a_burst_that_is_paused_says_why_it_does_nothing(finish, run, db):
    run("workers", "pause")
    _, output, _ = finish("worker", "-A", "myapp", "-q", "low", "--burst")
    assert "paused: resque:pause-all-workers in Redis" in output
