"""``failure_id`` of Resque 3.1: written by option, read and kept always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from uuid import UUID

import pytest

from pyresque import Resque
from pyresque.errors import DirtyExit
from pyresque.failure.base import Multiple
from tests.support import ROOT

#: What a record of Resque 3.0 bears, and one of 3.1 with ids switched off.
KEYS = ["failed_at", "payload", "exception", "error", "backtrace", "worker", "queue"]

APP = """
import os
from pyresque import Resque
resque = Resque()

@resque.job("Fails", queue="low")
def fails(n): raise ValueError(n)

@resque.job("Dies", queue="low")
def dies(n): os._exit(3)
"""


def work(tmp_path, url, *options, **env):
    (tmp_path / "ids_app.py").write_text(APP)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = [sys.executable, "-m", "pyresque.cli", "worker", "-A", "ids_app", "-q", "low"]
    subprocess.run(
        [*command, "--burst", *options],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": path, **env},
        check=True,
    )


def records(db, key="resque:failed"):
    return [json.loads(raw) for raw in db.lrange(key, 0, -1)]


def ids(found):
    """The ids, each a UUID of its own in the last place."""
    assert {tuple(record) for record in found} == {(*KEYS, "failure_id")}
    named = [record["failure_id"] for record in found]
    assert [str(UUID(one)) for one in named] == named
    assert len(set(named)) == len(named)
    return named


@pytest.mark.process
@pytest.mark.parametrize(
    ("options", "env"),
    [
        (("--failure-ids",), {}),
        ((), {"RESQUE_FAILURE_IDS": "true"}),
        (("--executor", "inline", "--failure-ids"), {}),
        (("--failure-ids", "--failure-backend", "redis_multi_queue"), {}),
    ],
)
def test_a_worker_that_is_asked_to_gives_each_failure_an_id(db, redis_url, tmp_path, options, env):
    jobs = [b'{"class":"Fails","args":[1]}', b'{"class":"Fails","args":[1]}', b"{bad"]
    if "inline" not in options:
        jobs.append(b'{"class":"Dies","args":[1]}')
    db.rpush("resque:queue:low", *jobs)
    db.sadd("resque:queues", "low")
    work(tmp_path, redis_url, *options, **env)
    key = "resque:low_failed" if "redis_multi_queue" in options else "resque:failed"
    assert len(ids(records(db, key))) == len(jobs)


@pytest.mark.process
def test_by_default_it_writes_what_resque_3_0_writes(db, redis_url, tmp_path):
    db.rpush("resque:queue:low", b'{"class":"Fails","args":[1]}')
    work(tmp_path, redis_url, RESQUE_FAILURE_IDS="")
    (record,) = records(db)
    assert list(record) == KEYS


def test_what_is_recorded_for_the_dead_and_by_the_scheduler_has_an_id_too(db, redis_url):
    db.sadd("resque:workers", "gone:1:low")
    on_it = {"queue": "low", "run_at": "now", "payload": {"class": "Fails", "args": [1]}}
    db.set("resque:worker:gone:1:low", json.dumps(on_it))
    with Resque(redis_url, failure_ids=True) as resque:
        resque.run(resque.core.lost_jobs.unregister("gone:1:low", DirtyExit("gone")))
        db.zadd("resque:delayed_queue_schedule", {"5": 5})
        db.rpush("resque:delayed:5", b"{bad")
        resque.move_due()
    assert len(ids(records(db))) == 2


class Tracker:
    """A backend of one's own that reports failures elsewhere."""

    def __init__(self):
        self.seen = []

    def save(self, failure):
        self.seen.append(failure.failure_id)


def test_all_backends_of_one_failure_have_the_same_id(db, redis_url):
    db.sadd("resque:workers", "gone:1:low")
    on_it = {"queue": "low", "run_at": "now", "payload": {"class": "Fails", "args": [1]}}
    db.set("resque:worker:gone:1:low", json.dumps(on_it))
    tracker = Tracker()
    with Resque(redis_url, failure_ids=True) as resque:
        resque.core.failures = Multiple([resque.core.default_failures, tracker])
        resque.run(resque.core.lost_jobs.unregister("gone:1:low", DirtyExit("gone")))
    assert tracker.seen == ids(records(db))


RUBYS = {
    "failed_at": "2026/09/20 12:00:00 UTC",
    "payload": {"class": "Mailer", "args": [1]},
    "exception": "RuntimeError",
    "error": "x",
    "backtrace": [],
    "worker": "ruby:1:low",
    "queue": "low",
    "failure_id": "4f1c6a5e-8a3f-4c86-9f0e-6d2a3b1c0d9e",
}

KEEPING = {
    "requeue of the record": lambda f: f.requeue(next(iter(f.each()))),
    "requeue of its place": lambda f: f.requeue(0),
    "requeue_all": lambda f: f.requeue_all(),
    "requeue_queue": lambda f: f.requeue_queue("low"),
    "requeue_selection": lambda f: f.requeue_selection(lambda record: record.queue == "low"),
    "requeue twice": lambda f: [f.requeue(0), f.requeue(0)],
}


@pytest.mark.parametrize("verb", KEEPING)
def test_an_id_that_ruby_wrote_is_read_and_kept_whatever_is_done_with_its_record(
    db, redis_url, verb
):
    db.rpush("resque:failed", json.dumps(RUBYS))
    with Resque(redis_url) as resque:
        (record,) = resque.failures.each()
        assert record.failure_id == RUBYS["failure_id"]
        KEEPING[verb](resque.failures)
        (now,) = records(db)
        assert now.pop("retried_at")
        assert now == RUBYS
        assert b"failure_id" not in db.lindex("resque:queue:low", 0)
        assert resque.failures.remove(record) == 1
    assert records(db) == []


@pytest.mark.process
def test_the_id_is_shown(db, redis_url):
    db.rpush("resque:failed", json.dumps(RUBYS))
    command = [sys.executable, "-m", "pyresque.cli", "failed", "show", "0"]
    env = {**os.environ, "REDIS_URL": redis_url}
    shown = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    assert f"failure id  {RUBYS['failure_id']}" in shown.stdout
    shown = subprocess.run(
        [*command, "--json"], env=env, check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout)["failure_id"] == RUBYS["failure_id"]
