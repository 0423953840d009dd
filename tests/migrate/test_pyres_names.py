from __future__ import annotations

import sys

import pytest

from pyresque.client import Resque
from pyresque.process.run.worker import run_worker
from tests.support.inventories import payload


@pytest.fixture
def app(redis_url):
    with Resque(redis_url) as resque:
        resque.configure(queues=("*",), executor="inline")
        yield resque


def test_a_job_of_pyres_is_performed_by_an_alias_whatever_keys_it_has(app, queue, db):
    performed = []

    @app.job("Parse", queue="q", aliases=["__main__.parse", "jobs.Parse"])
    def parse(*args):
        performed.append(args)

    queue(
        "q",
        payload("__main__.parse", 1, enqueue_timestamp=1772366400.5),
        payload("jobs.Parse", "x", queue="q", first_attempt="2026-03-01 12:00:00"),
    )
    run_worker(app, burst=True)
    assert performed == [(1,), ("x",)]
    assert db.llen("resque:failed") == 0


def test_a_dotted_name_is_looked_up_and_never_imported(app, queue, db, tmp_path, monkeypatch):
    (tmp_path / "pyres_trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    queue("q", payload("pyres_trap.Job"), payload("os.system", "true"))
    run_worker(app, burst=True)
    assert "pyres_trap" not in sys.modules
    assert db.llen("resque:failed") == 2
    assert b"NameError" in db.lindex("resque:failed", 0)
