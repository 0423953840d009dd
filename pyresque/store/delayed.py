"""Delayed payloads as Redis holds them: a list for each timestamp, a sorted set of the timestamps, and for each payload the set of its lists.

Mirrors resque-scheduler's ``DelayingExtensions``. Every change is one atomic step, so that nothing can happen between the
three keys of a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Arg, Batch, Command
from pyresque.store.queues import integer, some_bytes, text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.wrong import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyresque.store.keys import Keys

#: Timestamps, or elements of one list, read at a time where everything is gone through.
PAGE: Final = 500

#: Answers of ``move``: what became of each job.
GONE, MOVED, NO_LIST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Head:
    """A timestamp and its first payloads; none: its jobs were removed."""

    timestamp: str
    payloads: list[bytes]


@dataclass(frozen=True, slots=True)
class Destination:
    """A list that a delayed job may be moved to; its ``name`` is remembered in ``queues`` or, when ``failed``, in ``failed_queues``.

    An empty name is remembered nowhere when ``failed``.
    """

    key: bytes
    name: bytes
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """One delayed payload and what becomes of it: ``pushed`` goes to ``to``; None drops it."""

    payload: bytes
    to: Destination | None = None
    pushed: bytes = b""


@dataclass(frozen=True, slots=True)
class Due:
    """The first jobs that are due, and the timestamps whose key is no list, which nothing can be done about."""

    heads: list[Head]
    stuck: list[str]


class DelayedTable:
    """The delayed jobs of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    # -- in

    async def add(self, jobs: Iterable[tuple[int, bytes]]) -> int:
        """Enter payloads, each with its timestamp, in one transaction; how many timestamps are new."""
        answers: list[int] = await Batch(self.adding(jobs), atomic=True)
        return answers[-1]

    def adding(self, jobs: Iterable[tuple[int, bytes]]) -> tuple[Command[int], ...]:
        """The commands of ``add``, the timestamps last."""
        lists: dict[int, list[bytes]] = {}
        sets: dict[bytes, dict[int, None]] = {}
        for timestamp, payload in jobs:
            lists.setdefault(timestamp, []).append(payload)
            sets.setdefault(payload, {})[timestamp] = None
        prefix = self.keys.timestamps(b"")
        members: list[Arg] = []
        for timestamp in lists:
            members += (timestamp, timestamp)
        return (
            *(Command(("RPUSH", self.keys.delayed(at), *found)) for at, found in lists.items()),
            *(
                Command(("SADD", prefix + payload, *(f"delayed:{at}" for at in found)))
                for payload, found in sets.items()
            ),
            Command(("ZADD", self.keys.delayed_schedule, *members), int),
        )

    def removing(self, jobs: Iterable[tuple[str, bytes]]) -> tuple[Command[int], ...]:
        """Commands that take every copy of payloads out of their lists, for a transaction."""
        commands: list[Command[int]] = []
        for timestamp, payload in jobs:
            name = to_bytes(f"delayed:{timestamp}")
            commands += (
                Command(("LREM", self._list(timestamp), 0, payload), int),
                Command(("SREM", self.keys.timestamps(payload), name), int),
            )
        return tuple(commands)

    # -- out

    async def due(self, latest: int | None, count: int) -> Due:
        """Up to ``count`` payloads that are due, in the order of their timestamps; ``latest`` None means all there are."""
        *found, stuck = await script("due_heads").call(
            (self.keys.delayed_schedule,),
            ("+inf" if latest is None else latest, count, self.keys.delayed("")),
            list,
        )
        return Due([Head(text(at), payloads) for at, payloads in found], [text(at) for at in stuck])

    async def move(
        self, moves: Sequence[tuple[str, Sequence[Move]]], *, clean: bool = True
    ) -> list[int]:
        """Move these jobs of these timestamps, those that are still there: GONE, MOVED or NO_LIST for each.

        ``clean`` forgets timestamps that have no jobs left.
        """
        places: dict[Destination, int] = {}
        told: list[Arg] = []
        counts: list[Arg] = []
        sets: list[bytes] = []
        prefix = self.keys.timestamps(b"")
        for timestamp, jobs in moves:
            counts += (to_bytes(timestamp), len(jobs))
            for job in jobs:
                sets.append(prefix + job.payload)
                place = 0 if job.to is None else places.setdefault(job.to, len(places) + 1)
                told += (job.payload, place, job.pushed)
        named: list[Arg] = []
        for to in places:
            remembered = b"" if to.failed and not to.name else b"3" if to.failed else b"2"
            named += (remembered, to.name)
        return await script("move_delayed").call(
            (
                self.keys.delayed_schedule,
                self.keys.queues,
                self.keys.failed_queues,
                *(to.key for to in places),
                *(self._list(timestamp) for timestamp, _ in moves),
                *sets,
            ),
            ("1" if clean else "", len(places), len(moves), *named, *counts, *told),
            list,
        )

    async def take(self, timestamp: int, payload: bytes) -> bool:
        """Take one copy of a payload out of a timestamp's list, if it is still there."""
        return await self.move(((str(timestamp), (Move(payload),)),)) == [MOVED]

    async def drop(self, heads: Sequence[Head]) -> None:
        """Delete these payloads."""
        await self.move([(head.timestamp, [Move(raw) for raw in head.payloads]) for head in heads])

    async def remove(self, jobs: Sequence[tuple[str, bytes]], *, clean: bool = False) -> int:
        """Remove every copy of these payloads from these timestamps' lists; how many.

        Ruby leaves the timestamp where it is, for the scheduler to clean up; ``clean`` forgets one without jobs at once.
        """
        removed = 0
        for start in range(0, len(jobs), PAGE):
            page = jobs[start : start + PAGE]
            keys: list[bytes] = []
            args: list[bytes] = []
            for timestamp, payload in page:
                keys += (self._list(timestamp), self.keys.timestamps(payload))
                args += (to_bytes(timestamp), payload)
            removed += await script("remove_delayed").call(
                (self.keys.delayed_schedule, *keys), ("1" if clean else "", *args), int
            )
        return removed

    # -- looking

    async def places(self, payloads: Iterable[bytes]) -> list[tuple[str, bytes]]:
        """Where these very payloads wait, by the sets that tell it: timestamp and payload, in the order of time."""
        asked = list(payloads)
        found: list[list[bytes]] = await Batch(
            tuple(Command(("SMEMBERS", self.keys.timestamps(payload)), list) for payload in asked),
            lenient=True,
        )
        found = Told().sound(found, [])
        places = [
            (text(name).removeprefix("delayed:"), payload)
            for payload, names in zip(asked, found, strict=True)
            for name in names
        ]
        return sorted(places, key=lambda place: (seconds(place[0]), place[1]))

    async def peek(self, start: int, stop: int) -> list[int]:
        """The timestamps from one rank to another, both included."""
        command: Command[list[bytes]] = Command(
            ("ZRANGE", self.keys.delayed_schedule, start, stop), list
        )
        return [seconds(text(member)) for member in await command]

    async def next_timestamp(self, latest: int) -> int | None:
        """The first timestamp that is due, or None."""
        command: Command[list[bytes]] = Command(
            ("ZRANGEBYSCORE", self.keys.delayed_schedule, "-inf", latest, "LIMIT", 0, 1), list
        )
        found = await command
        return seconds(text(found[0])) if found else None

    async def timestamps(self, after: str) -> tuple[list[str], str]:
        """One page of timestamps, and what to ask for the next one by; ``-inf`` asks for the first."""
        command: Command[list[bytes]] = Command(
            (
                "ZRANGEBYSCORE",
                self.keys.delayed_schedule,
                after,
                "+inf",
                "WITHSCORES",
                "LIMIT",
                0,
                PAGE,
            ),
            list,
        )
        found = await command
        return [text(member) for member in found[::2]], f"({text(found[-1])}" if found else after

    async def sizes(self, timestamps: Sequence[str]) -> list[int]:
        """How many jobs each of these has."""
        commands = tuple(Command(("LLEN", self._list(at)), int) for at in timestamps)
        return Told().sound(await Batch(commands, lenient=True), 0)

    async def schedule_size(self) -> int:
        """How many timestamps there are."""
        return await Command(("ZCARD", self.keys.delayed_schedule), int)

    async def pages(
        self, wanted: Sequence[tuple[str, int]], count: int = PAGE
    ) -> list[list[bytes]]:
        """For each timestamp and offset, up to ``count`` payloads from there on."""
        commands = tuple(
            Command(("LRANGE", self._list(at), offset, offset + count - 1), list)
            for at, offset in wanted
        )
        return Told().sound(await Batch(commands, lenient=True), [])

    async def head(self, timestamp: int) -> bytes | None:
        """The first payload of a timestamp, or None."""
        return await Command(("LINDEX", self._list(str(timestamp)), 0), some_bytes)

    def _list(self, timestamp: str) -> bytes:
        return to_bytes(self.keys.delayed(timestamp))


def seconds(member: str) -> int:
    """A timestamp's number; text that is none is 0, as ``to_i`` reads it."""
    found: Any = integer(member)
    return int(found)
