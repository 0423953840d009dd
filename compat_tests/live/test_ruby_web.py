"""The real resque-web on data that Python wrote: every page answers, every button works."""

from __future__ import annotations

import json
import signal

import pytest

from compat_tests.live.app import BoomJob, EchoJob, HoldJob, KillJob, OddlyBoomJob
from compat_tests.live.peers import TABS, echoed, failing, noted
from compat_tests.live.shapes import ARGUMENTS
from compat_tests.live.unreadable import UNREADABLE
from pyresque.executor.inline import InlineExecutor
from pyresque.job.job import read_job
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.eventually import eventually

BACKENDS = ["redis", "redis_multi_queue"]
# The overview of failure queues sorts by class: one that is no text breaks it, whoever wrote the record.
UNSORTABLE = {"class a number", "class a list"}


class Elsewhere:
    """The host of a worker that is only registered in Redis."""

    def title(self, text):
        """Set no title."""

    def sleep(self, seconds):
        """Do not wait."""

    def worker_pids(self):
        """Its host is not looked at."""
        return


def enlisted(resque, number, queue):
    """A worker of another host that has begun and taken a job, as ours do it, and stays so."""
    queues = QueueList.parse([queue])
    worker_id = WorkerId("far-host", number, queues.patterns)
    executor = InlineExecutor(resque.core.registry)
    worker = Worker(resque.core, worker_id, queues, executor, Elsewhere())
    resque.run(worker.startup())
    resque.run(worker.reserve())
    return worker.id


def worked(worker, resque, count):
    """Let a worker fail so many jobs, and leave."""
    eventually(lambda: resque.stat("processed"), lambda done: done == count)
    assert worker.stop(signal.SIGQUIT) == 0


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_every_page_answers_while_our_workers_wait_work_and_rest(
    ruby_web, python_worker, resque, db, executor
):
    for args in ARGUMENTS.values():
        resque.enqueue(EchoJob, *args)
    resque.enqueue_to("caf\u00e9", "Deep::NestedJob", "<b>")
    for name in ("trailing options", "unicode", "markup"):
        resque.enqueue(HoldJob, *ARGUMENTS[name])
    workers = [python_worker("hold", RESQUE_EXECUTOR=executor) for _ in range(3)]
    noted(db, "live:started", 3)
    workers += [python_worker("low,high_*,!high_x"), python_worker("*,!hold,!echo,!caf\u00e9")]
    workers[-1].send(signal.SIGUSR2)
    web = ruby_web()
    pages = web.crawl(*TABS)
    assert failing(pages) == {}
    assert "3 of 5 Workers Working" in pages["/working"].body
    for worker in workers:
        assert f":{worker.pid}" in pages["/workers"].body
        assert any(f":{worker.pid}:" in path for path in pages)
    assert "resque.working=3" in pages["/stats.txt"].body
    assert "HoldJob" in pages["/working"].body
    assert "/queues/echo" in pages
    assert failing({path: web.get(path) for path in ("/overview.poll", "/workers.poll")}) == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_page_of_the_failed_answers_with_records_of_every_kind(
    ruby_web, python_worker, faces, db, backend
):
    resque = faces(failure_backend=backend)
    ways = ["silent", "cause", "exit", "text"]
    for args in ARGUMENTS.values():
        resque.enqueue(BoomJob, *args)
    for way in ways:
        resque.enqueue(OddlyBoomJob, way)
    resque.enqueue(KillJob, "SEGV")
    db.sadd("resque:queues", "odd")
    odd = [UNREADABLE[name] for name in UNREADABLE if backend == "redis" or name not in UNSORTABLE]
    db.rpush("resque:queue:odd", *odd)
    total = len(ARGUMENTS) + len(ways) + 1 + len(odd)
    worker = python_worker("boom,kill,odd", FAILURE_BACKEND=backend)
    worked(worker, resque, total)
    assert resque.failures.count() == total
    terminated = python_worker("hold", FAILURE_BACKEND=backend, TERM_CHILD="1")
    resque.enqueue(HoldJob, "term")
    noted(db, "live:started")
    terminated.stop(signal.SIGTERM)
    resque.enqueue(HoldJob, "lost")
    resque.remove_worker(enlisted(resque, 1, "hold"))
    assert resque.failures.count() == total + 2
    web = ruby_web(FAILURE_BACKEND=backend)
    pages = web.crawl(*TABS)
    assert failing(pages) == {}
    shown = "".join(page.body for path, page in pages.items() if path.startswith("/failed"))
    for word in ("Resque::DirtyExit", "Resque::TermException", "ValueError", "NameError", "Silent",
                 "SystemExit", "DecodeException", "TypeError"):  # fmt: skip
        assert f"<code>{word}</code>" in shown.replace("Resque::Helpers::", "")
    assert "could not be parsed" not in shown


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_worker_that_has_just_taken_an_unreadable_payload_breaks_no_page_and_no_ruby(
    ruby, web, resque, db, name
):
    db.sadd("resque:queues", "odd")
    db.rpush("resque:queue:odd", UNREADABLE[name])
    worker_id = enlisted(resque, 7, "odd")
    assert len(ruby.ask("working")) == len(resque.working()) == 1
    assert resque.working()[0].working_on.job.raw == UNREADABLE[name]
    paths = ["/overview", "/working", "/workers", f"/working/{worker_id}", f"/workers/{worker_id}"]
    assert failing({path: web.get(path) for path in paths}) == {}
    ruby.ask("unregister", id=worker_id)
    assert resque.workers() == []
    assert failing({"/failed": web.get("/failed")}) == {}
    (failure,) = resque.failures.all(0, 9)
    resque.failures.requeue(failure)
    (back,), as_it_was = resque.peek("odd"), read_job(resque.core.codec, "odd", UNREADABLE[name])
    # Ruby wrote this record, and writes a payload anew that it can read.
    assert back.raw == UNREADABLE[name] or (
        back.payload == as_it_was.payload and not as_it_was.fault
    )


@pytest.fixture
def web(ruby_web):
    return ruby_web()


def test_only_the_page_of_a_queue_that_ruby_cannot_read_breaks(ruby_web, db):
    for number, raw in enumerate(UNREADABLE.values()):
        db.sadd("resque:queues", f"odd{number}")
        db.rpush(f"resque:queue:odd{number}", raw)
    broken = failing(ruby_web().crawl(*TABS))
    assert {path.rstrip("0123456789") for path in broken} <= {"/queues/odd"}


def test_the_retry_and_remove_of_one_failure_work_on_our_records(
    ruby_web, python_worker, resque, db
):
    payload = b'{"class":"BoomJob","args":["caf\xc3\xa9",1.0,{"z":1,"a":null}]}'
    db.rpush("resque:queue:boom", payload)
    worker = python_worker("boom")
    worked(worker, resque, 1)
    web = ruby_web()
    assert web.get("/failed/requeue/0").status == 302
    assert db.lrange("resque:queue:boom", 0, -1) == [payload]
    (failure,) = resque.failures.all(0, 9)
    assert failure.retried_at
    assert failing({"/failed": web.get("/failed")}) == {}
    assert "Retried" in web.get("/failed").body
    assert web.get("/failed/remove/0").status == 302
    assert resque.failures.count() == 0


def test_ours_marks_a_retry_so_that_the_page_shows_it_and_clears_it(
    ruby_web, python_worker, resque
):
    resque.enqueue(BoomJob, 1)
    resque.enqueue(BoomJob, 2)
    worked(python_worker("boom"), resque, 2)
    resque.failures.requeue(0)
    web = ruby_web()
    assert web.get("/failed").body.count("class='retried'") == 1
    assert web.post("/failed/clear_retried").status == 303
    assert [f.payload.args for f in resque.failures.all(0, 9)] == [[2]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_retry_all_and_clear_work_on_our_records(ruby_web, python_worker, faces, db, backend):
    resque = faces(failure_backend=backend)
    tab = "/failed" if backend == "redis" else "/failed/echoes_failed"
    for number in range(3):
        resque.enqueue_to("echoes", "Only::Ruby::Knows", number)
    worked(python_worker("echoes", FAILURE_BACKEND=backend), resque, 3)
    web = ruby_web(FAILURE_BACKEND=backend)
    assert web.get(tab).body.count("<dt>Worker</dt>") == 3
    assert web.post(f"{tab}/requeue/all").status in (302, 303)
    waiting = [json.loads(raw)["args"] for raw in db.lrange("resque:queue:echoes", 0, -1)]
    assert sorted(waiting) == [[0], [1], [2]]
    assert web.post(f"{tab}/clear").status in (302, 303)
    assert resque.failures.count() == 0
    assert web.post("/queues/echoes/remove").status in (302, 303)
    assert resque.queues() == []


def test_what_the_page_puts_back_is_performed_by_either_side(
    ruby_web, python_worker, ruby_worker, resque, db
):
    record = {
        "failed_at": "2026/03/01 12:00:00 UTC", "payload": {"class": "EchoJob", "args": [1.0]},
        "exception": "E", "error": "e", "backtrace": [], "worker": "h:1:echo", "queue": "echo",
    }  # fmt: skip
    db.rpush("resque:failed", json.dumps(record))
    web = ruby_web()
    for start in (python_worker, ruby_worker):
        web.get("/failed/requeue/0")
        worker = start("echo")
        assert echoed(db) == [[1.0]]
        worker.stop(signal.SIGQUIT)
