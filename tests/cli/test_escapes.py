"""Hostile text in every field that is printed: no command gives the terminal a command, or prints a line that is not its own."""

from __future__ import annotations

import base64
import json
import logging

import pytest

from pyresque.errors import PyresqueError
from tests.cli.every_command import lines, missing
from tests.support.hostile_text import EVIL, RAW, payload


@pytest.fixture
def hostile(db, caplog) -> dict[str, str]:
    """A Redis in which every text is hostile; the names of a queue, a worker, a job and an entry of the schedule."""
    caplog.set_level(
        logging.CRITICAL, "pyresque"
    )  # what it warns of is no text that test runners exchange
    worker = f"{EVIL}:7:{EVIL}"
    wrapper = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    inside = {
        "job_class": EVIL,
        "job_id": EVIL,
        "queue_name": EVIL,
        "arguments": [EVIL],
        "locale": EVIL,
        "timezone": EVIL,
        "enqueued_at": EVIL,
        "priority": EVIL,
    }
    active = json.dumps({"class": wrapper, "args": [inside]}).encode()
    failed = {
        "failed_at": EVIL,
        "payload": {"class": EVIL, "args": [EVIL]},
        "exception": EVIL,
        "error": EVIL,
        "backtrace": [EVIL, EVIL],
        "worker": EVIL,
        "queue": EVIL,
        "retried_at": EVIL,
    }
    for queue in (EVIL.encode(), RAW):
        db.sadd("resque:queues", queue)
        raws = (payload(), active, RAW, b"[" + RAW, json.dumps(EVIL).encode(), payload(queue=EVIL))
        db.rpush(b"resque:queue:" + queue, *raws)
    for id_ in (worker.encode(), RAW, b"h:1:" + RAW):
        db.sadd("resque:workers", id_)
        db.set(
            b"resque:worker:" + id_,
            json.dumps({"queue": EVIL, "run_at": EVIL, "payload": json.loads(payload())}),
        )
        db.set(b"resque:worker:" + id_ + b":started", RAW)
        db.hset("resque:workers:heartbeat", id_, RAW)
    db.rpush(
        "resque:failed", json.dumps(failed), RAW, b'{"payload":' + json.dumps(EVIL).encode() + b"}"
    )
    db.rpush("resque:delayed:1", payload(queue=EVIL), RAW, active)
    db.zadd("resque:delayed_queue_schedule", {"1": 1})
    entry = {"class": EVIL, "queue": EVIL, "args": [EVIL], "description": EVIL, "every": "1h"}
    db.hset("resque:schedules", EVIL, json.dumps(entry))
    db.hset("resque:schedules", "bad", json.dumps({**entry, "every": EVIL, "cron": EVIL}))
    db.hset("resque:schedules", "no JSON", RAW)
    db.hset("resque:delayed:last_enqueued_at", EVIL, RAW)
    status = {"uuid": EVIL, "status": EVIL, "name": EVIL, "message": EVIL, "options": {EVIL: EVIL}}
    db.zadd("resque:_statuses", {EVIL: 1, RAW: 2})
    db.set(f"resque:status:{EVIL}", json.dumps(status))
    db.set(b"resque:status:" + RAW, RAW)
    db.set(f"resque:resque-retry:{EVIL}:{'0' * 40}", "1")
    db.set(b"resque:" + RAW, RAW)
    db.set("resque:resque_scheduler_master_lock", RAW)
    db.set("resque:pause-all-workers", RAW)
    db.set("resque:stat:processed", "7")
    return {"queue": EVIL.replace("\x00", ""), "worker": worker, "job": EVIL, "entry": EVIL}


def harmless(text: str) -> bool:
    """Whether a terminal shows it as it is, each line one of the command's own."""
    split = text.split("\n")
    return all(line.isprintable() and not line.startswith("*** forged") for line in split)


def test_every_command_has_a_line():
    assert missing() == set()


@pytest.mark.process
def test_no_command_prints_what_commands_a_terminal(run, hostile, environment):
    doc = f"{json.dumps(EVIL)}:\n  every: {json.dumps(EVIL)}\n  class: {json.dumps(EVIL)}\n"
    (environment / "schedule.yml").write_text(doc)
    tried = 0
    for line in lines(**hostile):
        result = run(*line)
        assert harmless(result.stdout), (line, result.stdout)
        assert harmless(result.stderr), (line, result.stderr)
        assert result.exception is None or isinstance(result.exception, SystemExit), line
        if line[-1] == "--json" and result.stdout:
            json.loads(result.stdout)
        tried += 1
    assert tried > 90


@pytest.mark.parametrize("option", ["-A", "-u", "-n", "--codec", "--failure-backend"])
def test_no_option_is_repeated_as_it_was(run, option):
    result = run("failed", "list", option, EVIL)
    assert harmless(result.stdout + result.stderr), result.stderr


def test_no_error_of_pyresques_is_reported_as_it_is():
    from pyresque.cli.errors import complaint

    message = complaint(PyresqueError(EVIL)).message
    assert message.isprintable()
    assert "forged" in message


def test_no_unread_bytes_are_printed(run, db):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", base64.b64decode("G1szMW3/AAo="))
    result = run("queues", "peek", "low")
    assert harmless(result.stdout)
