"""Movers and workers that count, for tests of routing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.mover import Mover
from pyresque.process.worker.fast_path import InlineFastPath
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.moved import MovedTable
from tests.support.scripted_worker import NOON, Clock, ScriptedHost

if TYPE_CHECKING:
    from pyresque import Resque

QUEUE, ASIDE = "resque:queue:low", "resque:migrate:queue:low"

#: The hour of NOON.
TWELVE = datetime.fromtimestamp(NOON, timezone.utc)


def payload(name: str, number: int) -> bytes:
    return f'{{"class":"{name}", "args":[{number}]}}'.encode()  # a blank that no encoder writes


def mover(resque: Resque, *queues: str, name: str = "here", ahead: int = 10_000) -> Mover:
    clock = Clock()
    resque.core.clock = clock
    table = MovedTable(resque.core.keys, name)
    queue_list = QueueList.parse(queues or ("low",))
    return Mover(resque.core, table, queue_list, ScriptedHost(clock), ahead=ahead)


def turn(resque: Resque, made: Mover) -> None:
    """Turn until there is nothing to do."""
    while resque.run(made.turn()):
        pass


def counting_worker(resque: Resque) -> Worker:
    core = resque.core
    queue_list, executor = QueueList.parse(["low"]), InlineExecutor(core.registry)
    made = Worker(
        core, WorkerId("here", 1, ("low",)), queue_list, executor, ScriptedHost(core.clock)
    )
    made.fast_path = InlineFastPath(made, executor)
    made.current_job.performed = core.performed_counter()
    return made


def work(resque: Resque, worker: Worker) -> None:
    while resque.run(worker.perform_jobs()):  # a retry may be pushed by the turn that found no job
        pass
