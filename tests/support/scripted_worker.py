"""A worker whose clock, host and executor are scripted by the test."""

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
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        return NOON + self.passed

    def monotonic(self) -> float:
        return self.passed


class ScriptedHost:
    """A host that notes titles, sleeps and waits; sleeping moves the clock on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.titles: list[str] = []
        self.slept: list[float] = []
        self.waits: list[tuple[tuple[str, ...], float, float]] = []
        #: For each wait, the seconds after which a job arrives.
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

    def busy(self) -> None:
        """Nothing waits for jobs."""

    def worker_pids(self) -> frozenset[int] | None:
        return None


class ScriptedExecutor:
    """An executor that performs no job and returns the outcomes it was given, in their order."""

    isolated = True
    performing = False

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.jobs: list[Job] = []

    async def run(self, job: Job, upkeep: Any, set_title: Any, child_title: str = "") -> Outcome:
        self.jobs.append(job)
        return self.outcomes.pop(0) if self.outcomes else DONE

    def kill(self) -> None:
        self.jobs.clear()

    def stop(self) -> None:
        """No job is running."""

    def idle(self) -> None:
        """No job leaves anything behind."""

    def close(self) -> None:
        """There is nothing to close."""

    def terminate(self) -> None:
        self.jobs.clear()


def worker(*outcomes: Outcome, **settings: Any) -> Worker:
    """A worker of the queue ``low`` with these settings."""
    clock = Clock()
    core = Core(Settings(**settings), Registry(), WorkerHooks(), clock)
    queue_list = QueueList.parse(["low"])
    return Worker(
        core,
        WorkerId("host", 42, ("low",)),
        queue_list,
        ScriptedExecutor(*outcomes),
        ScriptedHost(clock),
    )
