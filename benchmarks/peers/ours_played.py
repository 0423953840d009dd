"""Many workers played by one process: the worker's own code, with connections of its own for each, but no jobs are performed.

A process for each of a thousand workers would not fit into this machine. Here the operations of all workers take turns: one runs until it
waits, then the next. What they send is what a thousand processes would send.

Words: how many, the number of the first, how the queue is watched ("share" or "all"). It prints a line when all wait for a job, and
one for each job that begins: "job", its mark, the time.
"""

from __future__ import annotations

import os
import select
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.core import Core
from pyresque.driver.sync import SyncDriver
from pyresque.errors import PyresqueError
from pyresque.executor.base import DONE
from pyresque.job.hooks import WorkerHooks
from pyresque.job.registry import Registry
from pyresque.job.worker_registry import WorkerId
from pyresque.ops import Sleep
from pyresque.plugins.undeclared import UndeclaredPlugins
from pyresque.process.host.queue_watch import QueueWatch
from pyresque.process.host.waiter import waiting
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.settings import Settings
from pyresque.store.waiting import WaitingTable
from pyresque.user_errors import thrown

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyresque.executor.base import Outcome
    from pyresque.job.job import Job

QUEUE = "bench"


class PlayedExecutor:
    """Notes that a job began. A mark below 0 is a job that lasts until this process ends."""

    isolated = True

    def __init__(self) -> None:
        self.forever = False

    async def run(self, job: Job, upkeep: Any, set_title: Any, child_title: str = "") -> Outcome:
        mark = job.payload.args[0]
        print("job", mark, time.time(), flush=True)
        if mark < 0:
            await Sleep(3600.0)
        return DONE

    def idle(self) -> None:
        """Nothing to do."""

    close = stop = kill = terminate = idle


class Played:
    """One worker: its operation, its connections, and what it waits for now."""

    def __init__(self, core: Core, number: int, share: bool) -> None:
        self.driver = SyncDriver(core.settings.url)
        self.watch = QueueWatch(
            self.driver.open_connection,
            core.clock,
            waiting=WaitingTable(core.keys, str(number)) if share else None,
        )
        queues = QueueList.parse([QUEUE])
        worker_id = WorkerId(f"played{number // 50}", number, queues.patterns)
        self.worker = Worker(core, worker_id, queues, PlayedExecutor(), self)
        self.worker.upkeep.undeclared = UndeclaredPlugins(
            core.registry, core.active_job_classes, queues.takes
        )
        self.operation = self.worker.work()
        self.steps: Generator[tuple[float, list[int]], None, bool] | None = None
        self.until = 0.0
        self.watched: list[int] = []

    # -- as a Host

    def title(self, text: str) -> None:
        """Nobody looks."""

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError  # ``go_on`` sees to it

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        raise NotImplementedError

    def busy(self) -> None:
        self.watch.leave()

    def worker_pids(self) -> None:
        return None

    # -- as an operation

    def go_on(self) -> None:
        """Run until the worker waits for a time or for a job."""
        answer: Any = None
        step = self.operation.send
        while True:
            if self.steps is not None:
                try:
                    parked = next(self.steps)
                except StopIteration as end:
                    self.steps, answer = None, end.value
                else:
                    self._park(parked)
                    return
            request = step(answer)
            step, answer = self.operation.send, None
            call = getattr(request, "function", None)
            if isinstance(request, Sleep) or getattr(call, "func", None) == self.sleep:
                seconds = request.seconds if isinstance(request, Sleep) else call.args[0]
                self._park((seconds, []))
                return
            if isinstance(call, partial) and call.func == self.wait_for_jobs:
                self.steps = waiting(self.watch, *call.args)
                continue
            try:
                answer = self.driver.answer(request)
            except PyresqueError as error:
                step, answer = self.operation.throw, thrown(error)

    def _park(self, wait: tuple[float, list[int]]) -> None:
        self.until, self.watched = time.monotonic() + wait[0], wait[1]


def main() -> None:
    count, first, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    settings = Settings.load(url=os.environ["BENCH_URL"])
    core = Core(settings, Registry(), WorkerHooks())
    fleet = [Played(core, first + number, how == "share") for number in range(count)]
    sys.stdin.readline()
    for one in fleet:
        one.go_on()
    print("waiting", flush=True)
    owners: dict[int, Played] = {}
    poll = select.poll()
    while True:
        for number in owners:
            poll.unregister(number)
        owners = {number: one for one in fleet for number in one.watched}
        for number in owners:
            poll.register(number, select.POLLIN)
        now = time.monotonic()
        seconds = min(one.until for one in fleet) - now
        ready = {owners[number] for number, _ in poll.poll(max(0.0, seconds) * 1000)}
        now = time.monotonic()
        for one in fleet:
            if one in ready or one.until <= now:
                one.go_on()


if __name__ == "__main__":
    main()
