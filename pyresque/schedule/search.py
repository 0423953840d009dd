"""Find delayed jobs by their bytes, or by their meaning.

A search by bytes asks for every spelling that a Ruby or node-resque client may have written: a few sets, however many jobs
wait. If that finds nothing, the verbs that remove or enqueue jobs search by meaning: they read all delayed jobs and compare
class, arguments and queue. The setting ``delayed_search`` switches that off, or on for the verbs that move jobs and look them up.

A Selection is a pass over all delayed jobs, some hundreds a step: it counts the wanted ones, removes them, or enqueues them now. A
caller may stop between two steps: what is done is done whole, and the other jobs wait as before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from pyresque.errors import NotEncodable
from pyresque.job.job import Codec, Job, JsonCodec, read_job, same_value, write_payload
from pyresque.ruby.json import Dialect
from pyresque.store.delayed import MOVED, Destination, Move
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.job.enqueue_middleware import Outgoing
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry, Target
    from pyresque.schedule.promote import Promoter
    from pyresque.store.delayed import DelayedTable, ListRange


class Search:
    """Finds delayed jobs by bytes or by meaning."""

    def __init__(
        self,
        table: DelayedTable,
        codec: Codec,
        registry: Registry,
        outgoing: Outgoing,
        *,
        by_meaning: bool = True,
        always: bool = False,
    ) -> None:
        self.table = table
        self.outgoing = outgoing
        self.codec = codec
        self.registry = registry
        self.by_meaning = by_meaning
        self.always = always
        self._codecs = _codecs(codec)

    def payload(self, class_name: str, args: Sequence[Any], queue: object) -> bytes:
        """Encode a delayed job: class, args, queue. Raises NotEncodable."""
        return write_payload(self.codec, class_name, args, {"queue": queue})

    def spellings(self, class_name: str, args: Sequence[Any], queue: object) -> list[bytes]:
        """Return every spelling of a delayed job that a client may have written, its members in any order; our own first.

        Raises NotEncodable.
        """
        members = {"class": class_name, "args": args, "queue": queue}
        found = {self.payload(class_name, args, queue): None}
        differing: dict[bytes, Codec] = {}
        for codec in self._codecs:
            try:
                differing.setdefault(codec.encode(list(members.values())), codec)
            except NotEncodable:
                continue  # an encoder that refuses the value has not written it
        for codec in differing.values():
            for order in permutations(members):
                found[codec.encode({name: members[name] for name in order})] = None
        return list(found)

    async def by_bytes(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Return timestamp and bytes of each spelling of a job that waits.

        The bytes of a job without a known queue, or inside another job with an id, are unknown: it is searched by meaning. With
        ``always``, so is one that is not found: another process may have written more into its payload.
        """
        places = await self.by_sets(entry, queue, args)
        if not places and (self.always or self._bytes_unknown(entry, queue)):
            return await self.like(entry, queue, args)
        return places

    async def by_sets(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Return timestamp and bytes of a job whose bytes are known; an empty list for one that only a search by meaning finds."""
        if self._bytes_unknown(entry, queue):
            return []
        where = queue if queue is not None else entry.queue
        return await self.table.places(self.spellings(entry.name, args, where))

    @staticmethod
    def _bytes_unknown(entry: JobClass, queue: str | None) -> bool:
        return (queue is None and entry.queue is None) or entry.carrier is not None

    def meant(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> Callable[[bytes], bool]:
        """Return a predicate: whether a delayed job's bytes mean that job."""
        return self.of(self.matcher(entry, queue, args), entry.name)

    async def like(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Return every copy with that meaning, by reading all delayed jobs; none if that is switched off."""
        if not self.by_meaning:
            return []
        return await self.scan(self.matcher(entry, queue, args), entry.name)

    def matcher(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> Callable[[Job], bool]:
        """Return a predicate: whether a delayed job has that class, arguments and queue; its queue may be its class's own.

        Without a named queue, and for a class without one, jobs of any queue match.
        """
        wanted = self.codec.decode(self.codec.encode(list(args)))
        where = queue if queue is not None else entry.queue

        def matches(job: Job) -> bool:
            queue, found = job.payload.extra.get("queue"), entry.args_of(job)
            queue = entry.queue if queue is None else queue
            return (
                found is not None
                and (where is None or queue == where)
                and same_value(found[0], wanted)
            )

        return matches

    async def copies(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Return timestamp and bytes of each copy of a job, in the order of time.

        One that is not found by its bytes is searched by meaning if enqueue middleware here adds to payloads: it would be delayed twice.
        """
        places = await self.by_bytes(entry, queue, args)
        if not places and self.outgoing.may_add:
            return await self.like(entry, queue, args)
        wanted = {raw for _, raw in places}
        only = dict.fromkeys(timestamp for timestamp, _ in places)
        return await self._all(wanted.__contains__, only) if only else []

    async def scan(
        self, matches: Callable[[Job], bool], class_name: str = ""
    ) -> list[tuple[str, bytes]]:
        """Return timestamp and bytes of every delayed job that matches; an unreadable one never does."""
        return await self._all(self.of(matches, class_name))

    async def _all(
        self, wanted: Callable[[bytes], bool], only: Iterable[str] | None = None
    ) -> list[tuple[str, bytes]]:
        waiting = DelayedWalk(self.table, only)
        found: list[tuple[str, bytes]] = []
        while (stretches := await waiting.more()) is not None:
            for stretch in stretches:
                found += [(stretch.timestamp, raw) for raw in stretch.payloads if wanted(raw)]
        return found

    def of(self, matches: Callable[[Job], bool], class_name: str = "") -> Callable[[bytes], bool]:
        """Turn a predicate of jobs into one of bytes. With a class name few payloads need to be decoded."""
        spelled = f'"{class_name}"'.encode() if _plain(class_name) else b""
        return lambda raw: spelled in raw and matches(self.found(raw))

    def found(self, raw: bytes) -> Job:
        """Return a delayed job with the queue that it names; ``fault`` is the error of an unreadable one."""
        job = read_job(self.codec, "", raw)
        queue = job.payload.extra.get("queue")
        return replace(job, queue=queue) if isinstance(queue, str) else job

    def selected(
        self, wanted: Callable[[Any], bool], target: Target | None
    ) -> Callable[[bytes], bool]:
        """Return a predicate: whether a job, of a class if one is given, has arguments for which ``wanted`` is true."""
        entry = None if target is None else self.registry.describe(target)

        def matches(job: Job) -> bool:
            found = (job.payload.args,) if entry is None else entry.args_of(job)
            return job.fault is None and found is not None and bool(wanted(found[0]))

        return self.of(matches, "" if entry is None else entry.name)


def _codecs(codec: Codec) -> list[Codec]:
    """Return the codecs that may have written what this application's codec reads."""
    return [JsonCodec(dialect) for dialect in Dialect] if codec.name == "json" else [codec]


def _plain(class_name: str) -> bool:
    """Whether every encoder spells the name alike."""
    bare = class_name.replace("::", "")
    return bare.isascii() and bare.isalnum()


@dataclass(frozen=True, slots=True)
class Step:
    """How many jobs the pass has seen so far, and how many of them this step handled."""

    seen: int
    done: int


class Selection:
    """Counts the jobs whose bytes are wanted."""

    def __init__(
        self,
        table: DelayedTable,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
    ) -> None:
        self.table = table
        self.wanted = wanted
        self.seen = 0
        self._waiting = DelayedWalk(table, only)

    async def more(self) -> Step | None:
        """Handle the next step; None at the end."""
        stretches = await self._waiting.more()
        if stretches is None:
            return None
        chosen: list[tuple[ListRange | str, list[bytes]]] = []
        for stretch in stretches:
            self.seen += len(stretch.payloads)
            found = list(filter(self.wanted, stretch.payloads))
            if found:
                chosen.append((stretch.list_range, found))
        return Step(self.seen, await self.handle(chosen) if chosen else 0)

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Handle the wanted jobs of one step; return how many. Here it only counts them."""
        return sum(len(found) for _, found in chosen)

    async def whole(self) -> int:
        """Go through all jobs; return how many were handled."""
        done = 0
        while (step := await self.more()) is not None:
            done += step.done
        return done


class Removing(Selection):
    """Removes the wanted jobs; ``clean`` removes timestamps that have no jobs left."""

    def __init__(
        self,
        table: DelayedTable,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
        *,
        clean: bool = False,
    ) -> None:
        super().__init__(table, wanted, only)
        self.clean = clean

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Remove these jobs; return how many were still there."""
        moves = [(place, [Move(raw) for raw in found]) for place, found in chosen]
        return (await self.table.move(moves, clean=self.clean)).count(MOVED)


class Enqueueing(Selection):
    """Moves the wanted jobs to their queues now, with their hooks."""

    def __init__(
        self,
        promoter: Promoter,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None = None,
    ) -> None:
        super().__init__(promoter.table, wanted, only)
        self.promoter = promoter

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Move these jobs; return how many were still there."""
        return await self.promoter.move(chosen, clean=False)


class Rescheduling(Selection):
    """Moves the wanted jobs to another time. Those that are at that time already stay."""

    def __init__(
        self,
        table: DelayedTable,
        wanted: Callable[[bytes], bool],
        only: Iterable[str] | None,
        timestamp: int,
    ) -> None:
        super().__init__(table, wanted, only)
        self.timestamp = timestamp

    async def handle(self, chosen: Sequence[tuple[ListRange | str, list[bytes]]]) -> int:
        """Move these jobs; return how many were still there."""
        to = Destination(self.table.list(str(self.timestamp)), b"", failed=True)
        moves = [
            (place, [Move(raw, to, raw) for raw in found])
            for place, found in chosen
            if (place if isinstance(place, str) else place.timestamp) != str(self.timestamp)
        ]
        raws = [move.payload for _, some in moves for move in some]
        if not raws:
            return 0
        await self.table.announce(self.timestamp, dict.fromkeys(raws))
        answers = await self.table.move(moves)
        moved = {raw for raw, answer in zip(raws, answers, strict=True) if answer == MOVED}
        if len(moved) < len(set(raws)):
            await self.table.retract(self.timestamp, set(raws) - moved)
        return answers.count(MOVED)


def every(_raw: bytes) -> bool:
    """Whether a payload is wanted: always."""
    return True
