"""Delayed payloads in Redis (resque-scheduler's ``DelayingExtensions``).

Three keys hold a delayed job: the list ``delayed:<timestamp>``, the sorted set ``delayed_queue_schedule`` of timestamps, and the
set ``timestamps:<payload>`` of the lists that hold that payload. Each change is one script or transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyresque.ops import Arg, Batch, Command
from pyresque.store.delayed_times import PAGE, DelayedTimes
from pyresque.store.queues import seconds, some_bytes, text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.slices import REMOVED
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyresque.store.keys import Keys
    from pyresque.store.marks import Mark
    from pyresque.store.replicas import Replicas

#: Answers of ``move`` for each job.
GONE, MOVED, NO_LIST, DROPPED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class ListRange:
    """The part of a timestamp's list from index ``first`` to ``last``, both included.

    ``member`` is the list's member in the sorted set, if that is not the timestamp: other clients write fractions of seconds.
    """

    timestamp: str
    first: int
    last: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A timestamp and its first payloads; without any, its jobs were removed."""

    timestamp: str
    payloads: list[bytes]
    member: str = ""

    @property
    def list_range(self) -> ListRange:
        """Where the payloads stand in the list."""
        return ListRange(self.timestamp, 0, len(self.payloads) - 1, self.member)


@dataclass(frozen=True, slots=True)
class Destination:
    """A list that delayed jobs are moved to. Its ``name`` is added to ``queues``, or to ``failed_queues`` when ``failed``.

    An empty name is added nowhere when ``failed``. With a ``mark`` only one job is pushed, and none if the mark is set.
    """

    key: bytes
    name: bytes
    failed: bool = False
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One delayed payload to move: the bytes ``pushed`` go to the list ``to``; None drops the job."""

    payload: bytes
    to: Destination | None = None
    pushed: bytes = b""


@dataclass(frozen=True, slots=True)
class Due:
    """The first jobs that are due, and the timestamps whose key is not a list and cannot be read."""

    heads: list[Head]
    stuck: list[str]


def _answers(count: int, reply: list[int]) -> list[int]:
    """Read one answer for each job."""
    answers = list(reply)
    if len(answers) != count:
        raise ValueError("not one answer for each job")
    return answers


class DelayedTable:
    """The delayed jobs of one namespace."""

    def __init__(self, keys: Keys, replicas: Replicas | None = None) -> None:
        self.keys = keys
        self.replicas = replicas
        self.times = DelayedTimes(keys.delayed_schedule, self.sizes)

    # -- in

    async def add(self, jobs: Iterable[tuple[int, bytes]]) -> int:
        """Add payloads, each with its timestamp, in one transaction; return how many timestamps are new."""
        return (await self.apply(self.adding(jobs), at_end=True))[-1]

    async def apply(self, commands: tuple[Command[int], ...], *, at_end: bool = False) -> list[int]:
        """Send the commands of ``adding`` and ``removing`` in one transaction. Raises NotReplicated if too few replicas have it."""
        replicas = self.replicas
        if replicas is None:
            return await Batch(commands, atomic=True, at_end=at_end)
        last = replicas.command
        *answers, acknowledged = await Batch(commands, atomic=True, last=last, at_end=at_end)
        replicas.check(acknowledged)
        return answers

    def adding(self, jobs: Iterable[tuple[int, bytes]]) -> tuple[Command[int], ...]:
        """The commands of ``add``; the last one adds the timestamps."""
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

    async def announce(self, timestamp: int, payloads: Iterable[bytes]) -> None:
        """Prepare a move of payloads to a timestamp: add the timestamp, and name its list in their sets ``timestamps:<payload>``."""
        name, key = f"delayed:{timestamp}", self.keys.delayed_schedule
        naming = (Command[int](("SADD", self.keys.timestamps(raw), name)) for raw in payloads)
        await Batch((Command(("ZADD", key, timestamp, timestamp)), *naming), atomic=True)

    async def retract(self, timestamp: int, payloads: Iterable[bytes]) -> None:
        """Take back ``announce`` for payloads that were not moved; a timestamp without jobs is removed."""
        name = f"delayed:{timestamp}"
        commands = [Command[int](("SREM", self.keys.timestamps(raw), name)) for raw in payloads]
        if commands:
            await Batch(tuple(commands))
        await self.move(((str(timestamp), ()),))

    def removing(self, jobs: Iterable[tuple[str, bytes]]) -> tuple[Command[int], ...]:
        """The commands that remove every copy of payloads from their lists, for a transaction."""
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
        """Return up to ``count`` payloads that are due at ``latest``, in the order of time; with None those of any time."""
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
        """Move the jobs that are still there; return GONE, MOVED, NO_LIST or DROPPED for each.

        A ListRange says where the jobs were seen; a timestamp alone means the head of its list. ``clean`` removes timestamps that
        have no jobs left.
        """
        numbers: dict[Destination, int] = {}
        job_args: list[Arg] = []
        counts: list[Arg] = []
        sets: list[bytes] = []
        prefix = self.keys.timestamps(b"")
        lists: list[bytes] = []
        for where, jobs in moves:
            seen = ListRange(where, 0, len(jobs) - 1) if isinstance(where, str) else where
            member = seen.member or seen.timestamp
            counts += (to_bytes(seen.timestamp), to_bytes(member), len(jobs))
            counts += (seen.first, seen.last)
            lists.append(self.list(seen.timestamp))
            for job in jobs:
                sets.append(prefix + job.payload)
                to = 0 if job.to is None else numbers.setdefault(job.to, len(numbers) + 1)
                job_args += (job.payload, to, job.pushed)
        named: list[Arg] = []
        marks: list[bytes] = []
        for destination in numbers:
            nameless = destination.failed and not destination.name
            names_key = b"" if nameless else b"3" if destination.failed else b"2"
            named += (names_key, destination.name)
            mark = destination.mark
            if mark is None:
                named += (0, "")
            else:
                marks.append(mark.key)
                named += (len(marks), *mark.args)
        return await script("move_delayed").call(
            (
                self.keys.delayed_schedule,
                self.keys.queues,
                self.keys.failed_queues,
                *(to.key for to in numbers),
                *lists,
                *sets,
                *marks,
            ),
            (
                *("1" if clean else "", len(numbers), len(moves), REMOVED, len(marks)),
                *(*named, *counts, *job_args),
            ),
            partial(_answers, sum(len(jobs) for _, jobs in moves)),
        )

    async def take(self, timestamp: int, payload: bytes) -> bool:
        """Remove one copy of a payload from a timestamp's list; return whether it was still there."""
        return await self.move(((str(timestamp), (Move(payload),)),)) == [MOVED]

    async def drop(self, heads: Sequence[Head]) -> None:
        """Remove these payloads from their lists, and timestamps without jobs."""
        await self.move([(head.list_range, [Move(raw) for raw in head.payloads]) for head in heads])

    async def remove(self, jobs: Sequence[tuple[str, bytes]], *, clean: bool = False) -> int:
        """Remove every copy of these payloads from these timestamps' lists; return how many.

        Ruby leaves an empty timestamp for the scheduler to clean up; ``clean`` removes it at once.
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
        """Return timestamp and payload of each list that holds one of these payloads, in the order of time.

        Reads the sets ``timestamps:<payload>``.
        """
        asked = list(payloads)
        found: list[list[bytes]] = await Batch(
            tuple(Command(("SMEMBERS", self.keys.timestamps(payload)), list) for payload in asked),
            lenient=True,
        )
        found = WrongKeyLog().replies_or(found, [])
        waiting = [
            (text(name).removeprefix("delayed:"), payload)
            for payload, names in zip(asked, found, strict=True)
            for name in names
        ]
        return sorted(waiting, key=lambda one: (seconds(one[0]), one[1]))

    async def peek(self, start: int, stop: int) -> list[int]:
        """Return the timestamps from one rank to another, both included."""
        key = self.keys.delayed_schedule
        return await Command(("ZRANGE", key, start, stop), lambda r: [seconds(text(m)) for m in r])

    async def next_timestamp(self, latest: int) -> int | None:
        """Return the first timestamp that is due at ``latest``, or None."""
        key = self.keys.delayed_schedule
        found = await Command(("ZRANGEBYSCORE", key, "-inf", latest, "LIMIT", 0, 1), list[bytes])
        return seconds(text(found[0])) if found else None

    async def sizes(self, timestamps: Sequence[str]) -> list[int]:
        """Return how many jobs each of these timestamps has."""
        commands = tuple(Command(("LLEN", self.list(at)), int) for at in timestamps)
        return WrongKeyLog().replies_or(await Batch(commands, lenient=True), 0)

    async def schedule_size(self) -> int:
        """Return how many timestamps there are."""
        return await Command(("ZCARD", self.keys.delayed_schedule), int)

    async def pages(
        self, wanted: Sequence[tuple[str, int]], count: int = PAGE
    ) -> list[list[bytes]]:
        """Return up to ``count`` payloads for each timestamp and offset."""
        commands = tuple(
            Command(("LRANGE", self.list(at), offset, offset + count - 1), list)
            for at, offset in wanted
        )
        return WrongKeyLog().replies_or(await Batch(commands, lenient=True), [])

    async def head(self, timestamp: int) -> bytes | None:
        """Return the first payload of a timestamp, or None."""
        return await Command(("LINDEX", self.list(str(timestamp)), 0), some_bytes)

    def list(self, timestamp: str) -> bytes:
        """Return the key of a timestamp's list."""
        return to_bytes(self.keys.delayed(timestamp))
