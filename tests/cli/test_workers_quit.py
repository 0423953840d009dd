"""``pyresque workers quit``: a worker is asked by a key in Redis; one that does not look there is refused."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.store.worker_notes import WorkerNotes

ID = "host:12:low"


@pytest.fixture
def worker(redis_url, db):
    """A worker of another host that tells of itself."""
    with Resque(redis_url) as resque:
        db.sadd("resque:workers", ID)
        db.set(f"resque:worker:{ID}:started", "2026-11-29 10:00:00 +0000")
        resque.run(WorkerNotes(resque.core.keys).tell([ID], {"version": "1"}))


def test_a_worker_is_asked(run, redis_url, db, worker):
    told = run("workers", "quit", ID, "-u", redis_url)
    assert told.stdout == f"asked {ID} to quit\n"
    assert db.get(f"resque:worker:{ID}:quit") == b"2026-11-29 10:00:00 +0000"


def test_a_dry_run_asks_nobody(run, redis_url, db, worker):
    told = run("workers", "quit", ID, "--dry-run", "--json", "-u", redis_url)
    assert json.loads(told.stdout) == {"dry_run": True, "asked": [ID]}
    assert db.get(f"resque:worker:{ID}:quit") is None


def test_one_that_does_not_look_there_is_refused(run, redis_url, db, worker):
    db.sadd("resque:workers", "host:13:low")
    told = run("workers", "quit", ID, "host:13:low", "-u", redis_url)
    assert told.exit_code == 1
    assert "send its process the signal QUIT" in told.stderr
    assert db.get(f"resque:worker:{ID}:quit") is None


def test_one_that_is_not_registered_is_refused(run, redis_url, db, worker):
    told = run("workers", "quit", "host:14:low", "-u", redis_url)
    assert (told.exit_code, "no worker" in told.stderr) == (1, True)
