"""A recorded worker scenario at play: its world with its host, and the verbs of the recorder's Ruby."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from compat_tests.golden import data, scenarios
from compat_tests.worker_stage import Host
from compat_tests.world import FixedClock
from pyresque.clock import local
from pyresque.job.job import Job, JsonCodec, read_job
from pyresque.job.worker_registry import WorkingOn

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeAlias

    from compat_tests.world import World
    from pyresque.process.worker.worker import Worker

    Calls: TypeAlias = "dict[str, Callable[[Play], Any]]"

SCENARIOS = scenarios("worker")

ID = "golden-host:4242:high,low"

#: Ruby answers with what its last command returned, or with the object; ours has nothing to say.
NOTHING = object()


class At(dict[int, Any]):
    """Ruby's list has these values at these places; what stands at the others has no like in Python."""


class Play:
    """A scenario's world with its host, and the verbs of the recorder's Ruby."""

    def __init__(self, world: World, executor: str = "") -> None:
        self.world = world
        self.core = world.resque.core
        self.executor = executor or self.core.settings.executor
        self.host = Host(world, 4242)
        self.note = world.events.note
        self.table = self.core.worker_registry.table

    def run(self, awaited: Any) -> Any:
        """Carry an operation or a single request."""

        async def carried() -> Any:
            return await awaited

        return self.world.resque.run(carried())

    def worker(self, *queues: str, **identity: Any) -> Worker:
        """Ruby: ``golden_worker``."""
        wakeup = self.host.posix.wakeup
        return self.world.worker(
            *queues or ("high", "low"),
            executor=self.executor,
            stage=self.host,
            wakeup=wakeup,
            **identity,
        )

    def settings(self, **changes: Any) -> None:
        """Ruby: ``Resque.heartbeat_interval =`` and its kin."""
        self.core.settings = self.core.settings.replace(**changes)

    def pruner(self) -> Worker:
        """A worker on a host where these two processes live."""
        self.host.alive = frozenset({111, 222})
        return self.worker(*PRUNING_QUEUES.get(self.world.scenario.name, ()))

    def info(self, worker_id: str = ID) -> Any:
        """Ruby: ``Worker.find``."""
        return self.run(self.core.worker_registry.find(worker_id))


PRUNING_QUEUES = {
    "prune_star_worker_prunes_any_queues": ("*",),
    "prune_queue_name_with_colon": ("a:b",),
    "prune_skip_queue_worker": ("high", "!low"),
}


def value(it: Any) -> Any:
    """A value as the recordings write it."""
    if isinstance(it, WorkingOn):
        return {"queue": it.job.queue, "run_at": it.run_at, "payload": json.loads(it.job.raw)}
    if isinstance(it, (list, tuple)):
        return [value(one) for one in it]
    return data(it)


def job(queue: str, class_name: str, *args: Any) -> Job:
    """Ruby: ``Resque::Job.new``."""
    return read_job(
        JsonCodec(), queue, JsonCodec().encode({"class": class_name, "args": list(args)})
    )


def worker_of(text: str) -> dict[str, str]:
    """A worker as the recordings write it, from its id."""
    return {"worker": text}


def now() -> datetime:
    """The recorded moment in the scenario's zone."""
    return local(FixedClock())
