"""The Node drivers at work by themselves, and with Ruby: a second peer on the same keys, shown without pyresque."""

from __future__ import annotations

import signal

from compat_tests.live.peers import echoed, spelled
from compat_tests.live.shapes import FOR_NODE
from tests.support.eventually import eventually


def test_a_node_worker_performs_what_node_enqueued(node, node_worker, db):
    for args in FOR_NODE.values():
        node.ask("enqueue", queue="echo", class_="EchoJob", args=args)
    worker = node_worker("echo")
    assert spelled(echoed(db, len(FOR_NODE))) == spelled(list(FOR_NODE.values()))
    worker.stop(signal.SIGTERM)
    assert db.smembers("resque:workers") == set()


def test_a_failure_of_node_is_written_down(node, node_worker, db):
    node.ask("enqueue", queue="boom", class_="BoomJob", args=[1])
    node_worker("boom")
    (failure,) = eventually(lambda: node.ask("failed"))
    assert (failure["exception"], failure["error"]) == ("TypeError", "boom [1]")


def test_ruby_performs_what_node_enqueued_and_the_other_way_round(
    ruby, ruby_worker, node, node_worker, db
):
    for args in FOR_NODE.values():
        node.ask("enqueue", queue="from_node", class_="EchoJob", args=args)
    ruby_worker("from_node")
    assert spelled(echoed(db, len(FOR_NODE))) == spelled(list(FOR_NODE.values()))
    for args in FOR_NODE.values():
        ruby.ask("enqueue", queue="from_ruby", class_="EchoJob", args=args)
    node_worker("from_ruby")
    assert spelled(echoed(db, len(FOR_NODE))) == spelled(list(FOR_NODE.values()))
