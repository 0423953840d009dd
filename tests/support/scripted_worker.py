"""A worker whose Redis, clock and process are the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.core import Core
from pyresque.executor.base import DONE, Outcome
from pyresque.job.hooks import WorkerHooks
from pyresque.job.registry import Registry
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.settings import Settings

if TYPE_CHECKING:
    from pyresque.job.job import Job

ID = "host:42:low"
NOON = 1772366400


class Clock:
    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        return NOON + self.passed

    def monotonic(self) -> float:
        return self.passed


class Surroundings:
    """A process that only takes notes; sleeping lets the clock run."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.titles: list[str] = []
        self.slept: list[float] = []
        self.waits: list[tuple[tuple[str, ...], float, float]] = []
        #: After how many seconds a queue calls, wait by wait.
        self.calls: list[float] = []

    def title(self, text: str) -> None:
        self.titles.append(text)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.passed += seconds

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        self.waits.append((queues, look, most))
        if queues and self.calls:
            self.clock.passed += self.calls.pop(0)
            return True
        self.clock.passed += min(look, most)
        return look <= most

    def worker_pids(self) -> frozenset[int] | None:
        return None


class Performer:
    """An executor that performs nothing; its outcomes were laid out beforehand."""

    isolated = True

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.jobs: list[Job] = []

    async def run(self, job: Job, tend: Any, title: Any, doing: str = "") -> Outcome:
        self.jobs.append(job)
        return self.outcomes.pop(0) if self.outcomes else DONE

    def kill(self) -> None:
        self.jobs.clear()

    def stop(self) -> None:
        """Nobody looks."""

    def rest(self) -> None:
        """Nothing is left of a job."""

    def close(self) -> None:
        """Nothing to let go of."""

    def terminate(self) -> None:
        self.jobs.clear()


def worker(*outcomes: Outcome, **settings: Any) -> Worker:
    clock = Clock()
    core = Core(Settings(**settings), Registry(), WorkerHooks(), clock)
    queue_list = QueueList.parse(["low"])
    return Worker(
        core, WorkerId("host", 42, ("low",)), queue_list, Performer(*outcomes), Surroundings(clock)
    )
