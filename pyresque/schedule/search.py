"""Looking for delayed jobs: where a job waits, by its bytes and by its meaning.

A job is looked for by its bytes, in every spelling a Ruby or node-resque client may have written: that asks a few sets,
however many jobs wait. Only what removes jobs or enqueues them now goes on where that finds nothing, and compares every
delayed job by its meaning (same class, same arguments, same queue): a pass over all of them, which the setting
``delayed_search`` leaves out.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from pyresque.errors import NotEncodable
from pyresque.job.job import Codec, Job, JsonCodec, read_job, write_payload
from pyresque.job.queues import same_value
from pyresque.ruby.json import Dialect
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.job.registry import JobClass, Registry, Target
    from pyresque.store.delayed import DelayedTable


class Search:
    """Finds delayed jobs."""

    def __init__(
        self, table: DelayedTable, codec: Codec, registry: Registry, *, by_meaning: bool = True
    ) -> None:
        self.table = table
        self.codec = codec
        self.registry = registry
        self.by_meaning = by_meaning
        self._codecs = _codecs(codec)

    def payload(self, class_name: str, args: Sequence[Any], queue: object) -> bytes:
        """The bytes of a delayed job: class, args, queue. Raises NotEncodable."""
        return write_payload(self.codec, class_name, args, {"queue": queue})

    def spellings(self, class_name: str, args: Sequence[Any], queue: object) -> list[bytes]:
        """Every spelling of a delayed job that its clients may have written, members in any order; ours first.

        Raises NotEncodable.
        """
        members = {"class": class_name, "args": args, "queue": queue}
        found = {self.payload(class_name, args, queue): None}
        differing: dict[bytes, Codec] = {}
        for codec in self._codecs:
            try:
                differing.setdefault(codec.encode(list(members.values())), codec)
            except NotEncodable:
                continue  # ours took it; an encoder that refuses it has not written it
        for codec in differing.values():
            for order in permutations(members):
                found[codec.encode({name: members[name] for name in order})] = None
        return list(found)

    async def by_bytes(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Timestamp and bytes of each spelling of a job that waits, as the sets tell it.

        Where its queue is not known, or it travels inside another job with an id of its own, there are no bytes to ask for,
        so it is looked for by its meaning.
        """
        if self._bytes_unknown(entry, queue):
            return await self.like(entry, queue, args)
        return await self.by_sets(entry, queue, args)

    async def by_sets(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """The same of a job whose bytes are known; none of another one, which only a pass over all of them finds."""
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
        """Whether a delayed job's bytes mean that one."""
        return self.of(self.matcher(entry, queue, args), entry.name)

    async def like(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> list[tuple[str, bytes]]:
        """Every copy of the same meaning, found by reading all delayed jobs; none where that is switched off."""
        if not self.by_meaning:
            return []
        return await self.scan(self.matcher(entry, queue, args), entry.name)

    def matcher(
        self, entry: JobClass, queue: str | None, args: Sequence[Any]
    ) -> Callable[[Job], bool]:
        """Whether a delayed job is that one: class, arguments and queue; a job without a queue goes to its class's own.

        A class that has no queue, none being named, is looked for in all of them.
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
        """Timestamp and bytes of each copy of a job whose bytes wait, in the order of time."""
        places = await self.by_bytes(entry, queue, args)
        wanted = {raw for _, raw in places}
        only = dict.fromkeys(timestamp for timestamp, _ in places)
        return await self._all(wanted.__contains__, only) if only else []

    async def scan(
        self, matches: Callable[[Job], bool], class_name: str = ""
    ) -> list[tuple[str, bytes]]:
        """Timestamp and bytes of every delayed job that matches; what cannot be read matches nothing."""
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
        """The same question of a payload's bytes, of which few need to be decoded where a class is named."""
        spelled = f'"{class_name}"'.encode() if _plain(class_name) else b""
        return lambda raw: spelled in raw and matches(self.found(raw))

    def found(self, raw: bytes) -> Job:
        """A delayed job from its bytes, with the queue it names; what is wrong with it stands in its ``fault``."""
        job = read_job(self.codec, "", raw)
        queue = job.payload.extra.get("queue")
        return replace(job, queue=queue) if isinstance(queue, str) else job

    def selected(
        self, wanted: Callable[[Any], bool], target: Target | None
    ) -> Callable[[bytes], bool]:
        """Tells the jobs, of a class where one is named, whose arguments ``wanted`` says yes to."""
        entry = None if target is None else self.registry.describe(target)

        def matches(job: Job) -> bool:
            found = (job.payload.args,) if entry is None else entry.args_of(job)
            return job.fault is None and found is not None and bool(wanted(found[0]))

        return self.of(matches, "" if entry is None else entry.name)


def _codecs(codec: Codec) -> list[Codec]:
    """The encoders that may have written what this application's codec reads."""
    return [JsonCodec(dialect) for dialect in Dialect] if codec.name == "json" else [codec]


def _plain(class_name: str) -> bool:
    """A name that every encoder spells alike."""
    bare = class_name.replace("::", "")
    return bare.isascii() and bare.isalnum()
