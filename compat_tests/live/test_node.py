"""node-resque as a second, independent peer: jobs, removals and failures both ways."""

from __future__ import annotations

import json
import signal

import pytest

from compat_tests.live.app import BoomJob, EchoJob, HoldJob
from compat_tests.live.peers import echoed, noted, spelled
from compat_tests.live.shapes import FOR_NODE
from tests.support.eventually import eventually

WITH_ARGUMENTS = {name: args for name, args in FOR_NODE.items() if args}


def test_node_performs_what_python_enqueued(node_worker, resque, db):
    for args in FOR_NODE.values():
        resque.enqueue_to("from_python", "EchoJob", *args)
    worker = node_worker("from_python")
    assert spelled(echoed(db, len(FOR_NODE))) == spelled(list(FOR_NODE.values()))
    worker.stop(signal.SIGTERM)
    assert (resque.stat("processed"), resque.stat("failed")) == (len(FOR_NODE), 0)


@pytest.mark.parametrize("fork", ["true", "false"])
def test_python_performs_what_node_enqueued(node, python_worker, resque, db, fork):
    for args in FOR_NODE.values():
        node.ask("enqueue", queue="from_node", class_="EchoJob", args=args)
    worker = python_worker("from_node", FORK_PER_JOB=fork)
    assert spelled(echoed(db, len(FOR_NODE))) == spelled(list(FOR_NODE.values()))
    worker.stop(signal.SIGQUIT)
    assert (resque.stat("processed"), resque.stat("failed")) == (len(FOR_NODE), 0)
    assert node.ask("workers") == {}


@pytest.mark.parametrize("shape", WITH_ARGUMENTS)
def test_python_removes_what_node_enqueued_by_its_meaning(node, resque, db, shape):
    node.ask("enqueue", queue="echo", class_="EchoJob", args=WITH_ARGUMENTS[shape])
    node.ask("enqueue", queue="echo", class_="EchoJob", args=["another"])
    assert resque.dequeue(EchoJob, *WITH_ARGUMENTS[shape]) == 1
    assert [job.args for job in resque.peek("echo", 0, 9)] == [("another",)]


def test_both_sides_see_the_same_queues(node, resque, db):
    node.ask("enqueue", queue="a", class_="EchoJob", args=[1])
    resque.enqueue_to("b", "EchoJob", {"x": [None]})
    assert sorted(node.ask("queues")) == resque.queues() == ["a", "b"]
    assert node.ask("size", queue="b") == resque.size("a") == 1
    (job,) = node.ask("queued", queue="b")
    assert (job["class"], job["args"]) == ("EchoJob", [{"x": [None]}])


def test_node_reads_retries_and_removes_a_failure_of_python(node, python_worker, resque, db):
    args = ["caf\u00e9 \U0001f600 \u2028 </b>\n", 1.5, {"z": 1, "a": [None]}]
    resque.enqueue(BoomJob, *args)
    resque.enqueue(BoomJob, "second")
    worker = python_worker("boom")
    eventually(resque.failures.count, lambda count: count == 2)
    worker.stop(signal.SIGQUIT)
    failure, _ = node.ask("failed")
    assert failure["payload"] == {"class": "BoomJob", "args": args}
    assert (failure["exception"], failure["queue"]) == ("ValueError", "boom")
    node.ask("retry_first_failed")
    (job,) = resque.peek("boom", 0, 9)
    assert (job.class_name, list(job.args)) == ("BoomJob", args)
    node.ask("remove_first_failed")
    assert resque.failures.count() == 0


def test_python_reads_and_requeues_a_failure_of_node_and_performs_it(
    node, node_worker, python_worker, resque, db
):
    node.ask("enqueue", queue="boom", class_="BoomJob", args=[1, {"a": None}])
    queued = db.lindex("resque:queue:boom", 0)
    worker = node_worker("boom")
    eventually(resque.failures.count)
    worker.stop(signal.SIGTERM)
    (failure,) = resque.failures.each()
    assert (failure.class_name, failure.payload.args) == ("BoomJob", [1, {"a": None}])
    assert (failure.exception, failure.queue) == ("TypeError", "boom")
    assert failure.failed_at
    resque.failures.requeue(failure)
    assert json.loads(db.lindex("resque:queue:boom", 0)) == json.loads(queued)
    python_worker("boom")
    eventually(resque.failures.count, lambda count: count == 2)
    assert next(resque.failures.each()).error == 'boom [1, {"a": null}]'


def test_each_side_sees_the_others_workers_at_work(node, node_worker, python_worker, resque, db):
    ours, theirs = python_worker("hold"), node_worker("elsewhere")
    resque.enqueue(HoldJob, 1)
    noted(db, "live:started")
    assert {info.pid for info in resque.workers()} == {ours.pid, theirs.pid}
    (of_node,) = (info for info in resque.workers() if info.pid == theirs.pid)
    assert (of_node.queues, of_node.state) == (("elsewhere",), "idle")
    assert sorted(node.ask("workers").values()) == ["elsewhere", "hold"]
    working = [w for w in node.ask("all_working_on").values() if isinstance(w, dict)]
    assert [(w["queue"], w["payload"]["args"]) for w in working] == [("hold", [1])]


@pytest.mark.parametrize("heir", ["hold", "*"])
def test_a_node_worker_that_was_killed_is_cleared_by_a_python_worker(
    node_worker, python_worker, resque, db, heir
):
    lost = node_worker("hold")
    (name,) = (info.id for info in resque.workers())
    record = {
        "run_at": "Mon Nov 23 2026 23:00:00 GMT+0000 (Coordinated Universal Time)", "queue": "hold",
        "payload": {"class": "HoldJob", "queue": "hold", "args": [1]}, "worker": name,
    }  # fmt: skip
    lost.kill()
    db.set(f"resque:worker:{name}", json.dumps(record))  # as its own script writes it with a job
    db.delete("resque:pruning_dead_workers_in_progress")
    worker = python_worker(heir)
    assert [info.pid for info in resque.workers()] == [worker.pid]
    (failure,) = resque.failures.each()
    assert (failure.exception, failure.payload.args) == ("Resque::DirtyExit", [1])
    assert db.exists(f"resque:worker:{name}") == 0
