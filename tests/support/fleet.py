"""Many workers in Redis, registered by the code with which a worker registers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.clock import local
from pyresque.driver.sync import SyncDriver
from pyresque.ops import Batch
from pyresque.ruby import time as ruby_time
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import redis

    from pyresque import Resque
    from pyresque.ops import Command, Request

#: A record of a job.
RECORD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'


def ids(count: int, host: str = "box") -> list[str]:
    """Ids of that many workers, twenty on each host."""
    return [f"{host}{number // 20}:{1000 + number}:high,low" for number in range(count)]


def register(resque: Resque, worker_ids: Sequence[str], *, beat: str = "") -> None:
    """Register these workers with a heartbeat: that of now, or this text."""
    resque.run(_register(resque, worker_ids, beat))


async def _register(resque: Resque, worker_ids: Sequence[str], beat: str) -> None:
    core = resque.core
    table = core.worker_registry.table
    now = local(core.clock)
    for start in range(0, len(worker_ids), 300):
        some = worker_ids[start : start + 300]
        beating = table.beating(beat or ruby_time.heartbeat(now), *some)
        starting = (table.starting(one, ruby_time.to_s(now)) for one in some)
        await Batch((beating, table.entering(*some), *starting))


def employ(db: redis.Redis, worker_ids: Iterable[str], record: bytes = RECORD) -> None:
    """Write a job's record for each of these workers."""
    with db.pipeline(transaction=False) as together:
        for one in worker_ids:
            together.set(b"resque:worker:" + to_bytes(one), record)
        together.execute()


def calls(db: redis.Redis) -> dict[str, int]:
    """How often each command was sent since CONFIG RESETSTAT; those that look at this are left out."""
    stats = db.info("commandstats")
    found = {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}
    return {
        name: count for name, count in found.items() if name not in {"info", "config|resetstat"}
    }


class CountingDriver(SyncDriver):
    """A driver that counts round trips."""

    trips = 0

    def _ask(self, command: Command[Any]) -> object:
        self.trips += 1
        return super()._ask(command)

    def answer(self, request: Request) -> Any:
        """Do what one request asks for."""
        self.trips += isinstance(request, Batch)
        return super().answer(request)
