"""An inventory of what the real node-resque has just written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.inventories import inventory

if TYPE_CHECKING:
    from compat_tests.live.peers import Peer


def test_a_job_of_node_resque_is_told_by_its_habit(node: Peer, redis_url: str) -> None:
    node.ask("enqueue", queue="from_node", class_="EchoJob", args=[1, {"a": None}])
    one = inventory(redis_url).classes.classes["EchoJob"]
    assert list(one.writers) == ["node-resque"]
    assert list(one.extra) == ["queue"]
    assert str(one.arguments) == "(integer, hash {a})"
    assert list(one.queues) == ["from_node"]
