"""Workers that wait for jobs, and how Redis sees them wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.eventually import eventually

if TYPE_CHECKING:
    import redis

    from tests.support.live_worker import WorkerProcess

#: An interval so long that nothing but Redis can tell the worker of a job.
HOUR = "3600"


def note(mark: int) -> bytes:
    """The payload of a job that reports this number."""
    return b'{"class":"Note","args":[%d]}' % mark


def armed(client: redis.Redis, count: int = 1) -> None:
    """Wait until so many connections wait for a job."""
    eventually(lambda: client.info("clients")["blocked_clients"], lambda seen: seen == count)


def calls(client: redis.Redis, command: str) -> int:
    """How often the server was sent this command."""
    stats: dict[str, Any] = client.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])


def stopped(process: WorkerProcess) -> None:
    """Let the worker leave."""
    process.signal("SIGQUIT")
    assert process.ended() == 0
