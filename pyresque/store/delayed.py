"""Delayed payloads as Redis holds them: a list for each timestamp, a sorted set of the timestamps, and for each payload the set of its lists.

Mirrors resque-scheduler's ``DelayingExtensions``. Every change is one atomic step, so that nothing can happen between the
three keys of a job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.ops import Arg, Batch, Command
from pyresque.store.queues import integer, some_bytes, text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyresque.store.keys import Keys

#: Timestamps, or elements of one list, read at a time where everything is gone through.
PAGE: Final = 500

_WHOLE = re.compile(r"\s*[+-]?\d+", re.ASCII)

#: Answers of ``move``: what became of each job.
GONE, MOVED, NO_LIST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class ListRange:
    """A stretch of a timestamp's list, from one index to another one, both included.

    ``member`` is what the sorted set holds for it, where that is not the timestamp: other clients write other times.
    """

    timestamp: str
    first: int
    last: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A timestamp and its first payloads; none: its jobs were removed."""

    timestamp: str
    payloads: list[bytes]
    member: str = ""

    @property
    def list_range(self) -> ListRange:
        """Where they stand."""
        return ListRange(self.timestamp, 0, len(self.payloads) - 1, self.member)


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
                Command(("LREM", self.list(timestamp), 0, payload), int),
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
        heads = [Head(text(at), payloads, *map(text, member)) for at, payloads, *member in found]
        return Due(heads, [text(at) for at in stuck])

    async def move(
        self, moves: Sequence[tuple[ListRange | str, Sequence[Move]]], *, clean: bool = True
    ) -> list[int]:
        """Move these jobs of these timestamps, those that are still there: GONE, MOVED or NO_LIST for each.

        A ListRange tells where they were seen; without one they are looked for at the head of the list first.

        ``clean`` forgets timestamps that have no jobs left.
        """
        places: dict[Destination, int] = {}
        told: list[Arg] = []
        counts: list[Arg] = []
        sets: list[bytes] = []
        prefix = self.keys.timestamps(b"")
        lists: list[bytes] = []
        for where, jobs in moves:
            place = ListRange(where, 0, len(jobs) - 1) if isinstance(where, str) else where
            member = place.member or place.timestamp
            counts += (to_bytes(place.timestamp), to_bytes(member), len(jobs))
            counts += (place.first, place.last)
            lists.append(self.list(place.timestamp))
            for job in jobs:
                sets.append(prefix + job.payload)
                to = 0 if job.to is None else places.setdefault(job.to, len(places) + 1)
                told += (job.payload, to, job.pushed)
        named: list[Arg] = []
        for destination in places:
            nameless = destination.failed and not destination.name
            remembered = b"" if nameless else b"3" if destination.failed else b"2"
            named += (remembered, destination.name)
        return await script("move_delayed").call(
            (
                self.keys.delayed_schedule,
                self.keys.queues,
                self.keys.failed_queues,
                *(to.key for to in places),
                *lists,
                *sets,
            ),
            ("1" if clean else "", len(places), len(moves), REMOVED, *named, *counts, *told),
            list,
        )

    async def take(self, timestamp: int, payload: bytes) -> bool:
        """Take one copy of a payload out of a timestamp's list, if it is still there."""
        return await self.move(((str(timestamp), (Move(payload),)),)) == [MOVED]

    async def drop(self, heads: Sequence[Head]) -> None:
        """Delete these payloads."""
        await self.move([(head.list_range, [Move(raw) for raw in head.payloads]) for head in heads])

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
                keys += (self.list(timestamp), self.keys.timestamps(payload))
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
        found = WrongKeyLog().replies_or(found, [])
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
        """One page of timestamps, and what to ask for the next one by; ``-inf`` asks for the first.

        A time that another client wrote with a fraction stands there by each name that its list may have.
        """
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
        pairs = [
            (text(member), text(score))
            for member, score in zip(found[::2], found[1::2], strict=True)
        ]
        if _ordinary(pairs):
            names = [member for member, _ in pairs]
        else:
            names = await self._names(pairs)
        return names, f"({pairs[-1][1]}" if pairs else after

    async def _names(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """What the lists of these members and scores may be named by; nothing that is a member by itself twice."""
        members = {member for member, _ in pairs}
        others = {
            name: None
            for member, score in pairs
            for name in (_whole(member), score, _whole(score))
            if name and name not in members
        }
        known = await Batch(
            tuple(
                Command(("ZSCORE", self.keys.delayed_schedule, to_bytes(name))) for name in others
            )
        )
        return [
            *(member for member, _ in pairs),
            *(name for name, score in zip(others, known, strict=True) if score is None),
        ]

    async def sizes(self, timestamps: Sequence[str]) -> list[int]:
        """How many jobs each of these has."""
        commands = tuple(Command(("LLEN", self.list(at)), int) for at in timestamps)
        return WrongKeyLog().replies_or(await Batch(commands, lenient=True), 0)

    async def ranked(self, start: int, count: int) -> list[tuple[str, str]]:
        """Members of the sorted set from a rank on, each with its score."""
        command: Command[list[bytes]] = Command(
            ("ZRANGE", self.keys.delayed_schedule, start, start + count - 1, "WITHSCORES"), list
        )
        found = await command
        return [
            (text(member), text(score))
            for member, score in zip(found[::2], found[1::2], strict=True)
        ]

    async def sizes_of(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        """How many jobs each of these members and scores has, under whichever name its list has."""
        if _ordinary(pairs):
            return await self.sizes([member for member, _ in pairs])
        names = [list(dict.fromkeys(filter(None, (m, _whole(m), s, _whole(s))))) for m, s in pairs]
        flat = [name for some in names for name in some]
        sizes = dict(zip(flat, await self.sizes(flat), strict=True))
        return [next((sizes[name] for name in some if sizes[name]), 0) for some in names]

    async def schedule_size(self) -> int:
        """How many timestamps there are."""
        return await Command(("ZCARD", self.keys.delayed_schedule), int)

    async def pages(
        self, wanted: Sequence[tuple[str, int]], count: int = PAGE
    ) -> list[list[bytes]]:
        """For each timestamp and offset, up to ``count`` payloads from there on."""
        commands = tuple(
            Command(("LRANGE", self.list(at), offset, offset + count - 1), list)
            for at, offset in wanted
        )
        return WrongKeyLog().replies_or(await Batch(commands, lenient=True), [])

    async def head(self, timestamp: int) -> bytes | None:
        """The first payload of a timestamp, or None."""
        return await Command(("LINDEX", self.list(str(timestamp)), 0), some_bytes)

    def list(self, timestamp: str) -> bytes:
        """The key of a timestamp's list."""
        return to_bytes(self.keys.delayed(timestamp))


def seconds(member: str) -> int:
    """A timestamp's number, without its fraction; text that is none is 0, as ``to_i`` reads it."""
    return integer(_whole(member))


def _ordinary(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether all were written as Ruby writes them: whole seconds, which are the score, too."""
    return all(member == score and member.isdigit() for member, score in pairs)


def _whole(number: str) -> str:
    """The digits that a text begins with."""
    found = _WHOLE.match(number)
    return found[0].strip() if found else ""
