"""Statuses of tracked jobs: one text a job, a sorted set of their ids, a set of ids to be killed (resque-status).

A key of the wrong type is warned of once; the job goes on as if it held nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.queues import to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Statuses in one round trip.
PAGE: Final = 500

#: Old ids that ``trim`` looks at.
SAMPLE: Final = 200


def found_text(reply: Any) -> bytes | None:
    """Return the bytes of a reply to GET, or None."""
    return reply if isinstance(reply, bytes) else None


class StatusTable:
    """The statuses below one namespace. An id is any text; ``ttl`` is in seconds, None keeps a status for ever."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.wrong_key_log = WrongKeyLog()

    def _key(self, job_id: str) -> bytes:
        return to_bytes(self.keys.status(job_id))

    def _set(self, job_id: str, status: bytes, ttl: int | None) -> Command[Any]:
        lasting = () if ttl is None else ("EX", ttl)
        return Command(("SET", self._key(job_id), status, *lasting))

    def _unkill(self, job_id: str) -> Command[Any]:
        return Command(("SREM", self.keys.status_kills, to_bytes(job_id)))

    async def _sent(self, *commands: Command[Any]) -> list[Any]:
        return self.wrong_key_log.replies_or(await Batch(commands, lenient=True))

    # -- one job

    async def create(self, job_id: str, status: bytes, at: int, ttl: int | None) -> None:
        """Write the status of a new job, and list its id."""
        listed: Command[Any] = Command(("ZADD", self.keys.statuses, at, to_bytes(job_id)))
        await self._sent(self._set(job_id, status, ttl), listed)

    async def write(
        self, job_id: str, status: bytes, ttl: int | None, *, ended: bool = False
    ) -> None:
        """Write a status; of a job that has ended forget that it was to be killed."""
        written = self._set(job_id, status, ttl)
        await self._sent(written, *([self._unkill(job_id)] if ended else ()))

    async def read(self, job_id: str) -> bytes | None:
        """Return a status; None if there is none."""
        replies = await self._sent(Command(("GET", self._key(job_id)), found_text))
        found: bytes | None = replies[0]
        return found

    async def read_and_look(self, job_id: str) -> tuple[bytes | None, bool]:
        """Return a status, and whether its job is to be killed."""
        looked: Command[Any] = Command(("SISMEMBER", self.keys.status_kills, to_bytes(job_id)))
        replies = await self._sent(Command(("GET", self._key(job_id)), found_text), looked)
        return replies[0], bool(replies[1])

    async def kill(self, job_id: str) -> None:
        """Say that a job is to be killed at its next step."""
        await Command(("SADD", self.keys.status_kills, to_bytes(job_id)))

    async def unkill(self, job_id: str) -> None:
        """Forget that a job was to be killed."""
        await self._unkill(job_id)

    async def remove(self, ids: Sequence[str]) -> int:
        """Delete statuses, and take their ids off the list; return how many there were. That they are to be killed stays, as in Ruby."""
        if not ids:
            return 0
        deleted = await in_chunks(Command(("DEL", self._key(one)), int) for one in ids)
        await self._sent(Command(("ZREM", self.keys.statuses, *map(to_bytes, ids))))
        return sum(deleted)

    # -- all

    async def count(self) -> int:
        """Return how many ids are listed."""
        return await Command(("ZCARD", self.keys.statuses), int)

    async def ids(self, start: int, count: int | None) -> list[str]:
        """Return listed ids, the latest first."""
        stop = -1 if count is None else start + count - 1
        if count is not None and count <= 0:
            return []
        command: Command[list[bytes]] = Command(("ZREVRANGE", self.keys.statuses, start, stop))
        return [one.decode("utf-8", "surrogateescape") for one in await command]

    async def read_many(self, ids: Sequence[str]) -> list[bytes | None]:
        """Return the status of each id; None for one that has none."""
        found: list[bytes | None] = []
        for at in range(0, len(ids), PAGE):
            keys = map(self._key, ids[at : at + PAGE])
            page: Command[list[bytes | None]] = Command(("MGET", *keys))
            found += await page
        return found

    async def trim(self, before: int, fraction: float) -> None:
        """Take ids off the list that were enqueued before a time, if their statuses have gone. Looks at some of them only.

        ``fraction``: where to begin among them, from 0 up to 1, so that statuses that stay for ever bar none behind them.
        """
        old = ("-inf", f"({before}")
        (number,) = await self._sent(Command(("ZCOUNT", self.keys.statuses, *old), int))
        if not number:
            return
        offset = int(max(number - SAMPLE, 0) * fraction)
        limit = ("LIMIT", offset, SAMPLE)
        (ids,) = await self._sent(Command(("ZRANGEBYSCORE", self.keys.statuses, *old, *limit)))
        if not ids:
            return
        keys = (to_bytes(self.keys.status("")) + one for one in ids)
        there = await Batch(tuple(Command(("EXISTS", key), bool) for key in keys))
        gone = [one for one, is_there in zip(ids, there, strict=True) if not is_there]
        if gone:
            await self._sent(Command(("ZREM", self.keys.statuses, *gone)))
