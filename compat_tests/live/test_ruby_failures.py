"""Failures: each side reads, requeues and removes the records that the other wrote."""

from __future__ import annotations

import json
import signal

import pytest

from compat_tests.live.app import BoomJob, EchoJob, KillJob
from compat_tests.live.peers import PeerError, echoed
from compat_tests.live.shapes import ARGUMENTS
from compat_tests.live.unreadable import UNREADABLE
from tests.support.eventually import eventually

BACKENDS = ["redis", "redis_multi_queue"]
JOB = b'{"class":"BoomJob","args":["caf\xc3\xa9 \xf0\x9f\x98\x80",1.0,{"z":1,"a":[null]}]}'
ARGS = ["caf\u00e9 \U0001f600", 1.0, {"z": 1, "a": [None]}]
KEYS = ["failed_at", "payload", "exception", "error", "backtrace", "worker", "queue"]


def failure_queue(backend):
    return None if backend == "redis" else "boom_failed"


def failures_key(backend):
    return f"resque:{failure_queue(backend) or 'failed'}"


@pytest.mark.parametrize("backend", BACKENDS)
def test_ruby_reads_requeues_and_removes_a_failure_of_python(
    ruby, python_worker, resque, db, backend
):
    ruby.ask("configure", failure_backend=backend)
    where = {} if backend == "redis" else {"queue": "boom_failed"}
    db.rpush("resque:queue:boom", JOB)
    worker = python_worker("boom", FAILURE_BACKEND=backend)
    eventually(lambda: db.llen(failures_key(backend)))
    worker.stop(signal.SIGQUIT)
    (failure,) = ruby.ask("failures", **where)
    assert list(failure) == KEYS
    assert failure["payload"] == {"class": "BoomJob", "args": ARGS}
    assert failure["exception"] == "ValueError"
    assert failure["error"].startswith('boom ["caf\u00e9')
    assert all(":in `" in line for line in failure["backtrace"])
    assert failure["worker"].endswith(f":{worker.pid}:boom")
    ruby.ask("failures_requeue", index=0, **where)
    assert db.lrange("resque:queue:boom", 0, -1) == [JOB]
    assert resque.stat("failed") == 1
    ruby.ask("failures_remove", index=0, **where)
    assert db.llen(failures_key(backend)) == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_python_reads_requeues_and_removes_a_failure_of_ruby(ruby, ruby_worker, faces, db, backend):
    resque = faces(failure_backend=backend)
    db.rpush("resque:queue:boom", JOB)
    worker = ruby_worker("boom", FAILURE_BACKEND=backend)
    eventually(lambda: db.llen(failures_key(backend)))
    worker.stop(signal.SIGQUIT)
    assert resque.failures.count() == 1
    (failure,) = resque.failures.all(0, 1, failure_queue(backend))
    assert list(failure.fields) == KEYS
    assert (failure.class_name, failure.payload.args) == ("BoomJob", ARGS)
    assert (failure.exception, failure.queue) == ("ArgumentError", "boom")
    assert failure.worker.endswith(f":{worker.pid}:boom")
    resque.failures.requeue(0, failure_queue(backend))
    assert db.lrange("resque:queue:boom", 0, -1) == [JOB]
    ruby.ask("configure", failure_backend=backend)
    where = {} if backend == "redis" else {"queue": "boom_failed"}
    assert "retried_at" in ruby.ask("failures", **where)[0]
    assert resque.failures.remove(0, failure_queue(backend)) == 1
    assert ruby.ask("failures_count", **where) == 0


def test_both_sides_write_the_same_record_but_for_their_own_words(
    ruby, ruby_worker, python_worker, db
):
    def failed_by(start):
        ruby.ask("enqueue", class_="BoomJob", args=[1])
        worker = start("boom")
        line = eventually(lambda: db.lpop("resque:failed"))
        worker.stop(signal.SIGQUIT)
        record = json.loads(line)
        for own in ("failed_at", "exception", "error", "backtrace"):
            assert record.pop(own)
        record["worker"] = record["worker"].replace(str(worker.pid), "PID")
        return record

    assert failed_by(python_worker) == failed_by(ruby_worker)
    assert [int(db.get(f"resque:stat:{name}")) for name in ("processed", "failed")] == [2, 2]


def test_a_job_that_failed_in_python_succeeds_in_ruby_and_the_other_way_round(
    ruby, ruby_worker, python_worker, resque, db
):
    args = {name: a for name, a in ARGUMENTS.items() if name not in {"a long text", "many"}}
    for shape in args.values():
        resque.enqueue_to("mixed", "OnlyRubyKnows", *shape)
    worker = python_worker("mixed")
    eventually(resque.failures.count, lambda count: count == len(args))
    worker.stop(signal.SIGQUIT)
    before = [json.dumps(job["payload"]) for job in ruby.ask("failures")]
    ruby.ask("failures_requeue_all")
    assert [json.dumps(job) for job in ruby.ask("peek", queue="mixed", count=99)] == before
    worker = ruby_worker("mixed")
    eventually(resque.failures.count, lambda count: count == 2 * len(args))
    worker.stop(signal.SIGQUIT)
    assert {f.exception for f in resque.failures.each()} == {"NameError"}
    of_ruby = resque.failures.all(len(args), len(args))
    errors = {f.error.splitlines()[0] for f in of_ruby}  # Ruby's error_highlight adds lines below
    assert errors == {f.error for f in resque.failures.all(0, len(args))}
    assert errors == {"uninitialized constant OnlyRubyKnows"}
    for failure in of_ruby:
        resque.failures.requeue(failure)
    assert [json.dumps(job) for job in ruby.ask("peek", queue="mixed", count=99)] == before


def test_requeue_all_puts_each_sides_jobs_back_for_the_other_to_perform(
    ruby, ruby_worker, python_worker, resque, db
):
    record = {
        "failed_at": "2026/03/01 12:00:00 UTC", "exception": "E", "error": "e", "backtrace": [],
        "worker": "host:1:echo", "queue": "echo",
    }  # fmt: skip
    for args in ([1], [{"a": 2}], []):
        db.rpush(
            "resque:failed", json.dumps({**record, "payload": {"class": "EchoJob", "args": args}})
        )
    assert resque.failures.requeue_all() == 3
    worker = ruby_worker("echo")
    assert echoed(db, 3) == [[1], [{"a": 2}], []]
    worker.stop(signal.SIGQUIT)
    ruby.ask("failures_requeue_all")
    python_worker("echo")
    assert echoed(db, 3) == [[1], [{"a": 2}], []]
    assert resque.failures.clear_retried() == 3
    assert ruby.ask("failures_count") == 0


def test_each_side_removes_by_queue_and_by_place_what_the_other_left(
    ruby, python_worker, resque, db
):
    for number in range(3):
        resque.enqueue(BoomJob, number)
    resque.enqueue_to("other", "BoomJob", 9)
    python_worker("boom,other")
    eventually(resque.failures.count, lambda count: count == 4)
    ruby.ask("failures_remove", index=1)
    assert [f.payload.args for f in resque.failures.each(order="asc")] == [[0], [2], [9]]
    ruby.ask("failures_remove_queue", queue="other")
    assert [f.payload.args for f in resque.failures.each()] == [[2], [0]]
    assert ruby.ask("failures_count", class_="BoomJob") == resque.failures.count(None, "BoomJob")
    assert resque.failures.remove_queue("boom") == 2
    assert ruby.ask("failures") == []


def test_a_job_killed_in_its_child_reads_alike_on_both_sides(
    ruby, ruby_worker, python_worker, resque, db
):
    def dirty(start):
        resque.enqueue(KillJob, "KILL")
        worker = start("kill")
        eventually(lambda: ruby.ask("failures_count"))
        worker.stop(signal.SIGQUIT)
        (failure,) = ruby.ask("failures")
        ruby.ask("failures_clear")
        words = [word for word in failure["error"].split() if not word.isdigit()]
        return failure["exception"], words, failure["payload"], failure["queue"]

    of_python = dirty(python_worker)
    assert of_python == dirty(ruby_worker)
    assert of_python[0] == "Resque::DirtyExit"


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_ruby_reads_every_failure_of_an_unreadable_payload_and_python_puts_back_its_very_bytes(
    ruby, python_worker, resque, db, executor
):
    db.rpush("resque:queue:odd", *UNREADABLE.values())
    resque.enqueue_to("odd", EchoJob, "the last")
    worker = python_worker("odd", RESQUE_EXECUTOR=executor)
    assert echoed(db) == [["the last"]]
    worker.stop(signal.SIGQUIT)
    failures = ruby.ask("failures")
    assert len(failures) == len(UNREADABLE)
    assert {tuple(failure) for failure in failures} == {tuple(KEYS)}
    for failure in failures:
        assert failure["payload"] is None or isinstance(failure["payload"], (dict, str))
    assert resque.failures.requeue_all() == len(UNREADABLE)
    put_back = db.lrange("resque:queue:odd", 0, -1)
    assert dict(zip(UNREADABLE, put_back, strict=True)) == UNREADABLE


def test_ruby_names_the_failures_that_it_cannot_put_back(ruby, python_worker, resque, db):
    db.rpush("resque:queue:odd", b"{bad")
    worker = python_worker("odd")
    eventually(lambda: ruby.ask("failures_count"))
    worker.stop(signal.SIGQUIT)
    with pytest.raises(PeerError, match="Jobs must be given a class"):
        ruby.ask("failures_requeue", index=0)
    assert resque.failures.requeue(0) == (1, 1)
    assert db.lrange("resque:queue:odd", 0, -1) == [b"{bad"]
