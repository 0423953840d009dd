"""A selective worker takes what a mover has put aside before what stands in the queue, although it has read the queue before that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.moving import ASIDE, QUEUE, payload
from tests.support.scripted_worker import ScriptedHost

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture
def resque(redis_url: str, db: redis.Redis) -> Iterator[Resque]:
    with Resque(redis_url, only_registered=True) as made:
        made.job("P", queue="low")(lambda *_: None)
        made.routes.set("P", "python")
        yield made


def taken(resque: Resque, worker: Worker) -> object:
    """The number of the next job; the one before is finished."""
    job = resque.run(worker.reserve())
    if job is None:
        return None
    resque.run(worker.done_working())
    return job.args[0]


@pytest.mark.parametrize("others", [0, 3])
def test_what_is_moved_meanwhile_comes_first(resque: Resque, db: redis.Redis, others: int) -> None:
    db.rpush(QUEUE, *(payload("P", n) for n in range(6)))
    if others:
        db.rpush(ASIDE, *(payload("Others", n) for n in range(others)))
    core = resque.core
    queues = QueueList.parse(["low"])
    executor = InlineExecutor(core.registry)
    worker = Worker(core, WorkerId("here", 1, ("low",)), queues, executor, ScriptedHost(core.clock))
    assert taken(resque, worker) == 0
    for number in (1, 2):  # as a mover does
        db.lrem(QUEUE, 1, payload("P", number))
        db.rpush(ASIDE, payload("P", number))
    assert [taken(resque, worker) for _ in range(6)] == [1, 2, 3, 4, 5, None]
    assert db.llen(ASIDE) == others
    assert db.get("resque:stat:processed") == b"6"
