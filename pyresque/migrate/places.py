"""The places that an inventory reads: each is read step by step, and holds one page of jobs at a time. Only commands that read are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from pyresque.errors import DecodeError, WrongKey
from pyresque.failure import record as records
from pyresque.job.job import Job, Payload, read_job
from pyresque.migrate.found import ListSeen
from pyresque.migrate.habits import time_of
from pyresque.store.delayed_walk import DelayedWalk
from pyresque.store.samples import DelayedPicks, Picks
from pyresque.store.slices import Forward
from pyresque.store.worker_rows import busy
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from pyresque.core import Core
    from pyresque.migrate.found import Found

#: Schedules, and workers, that are read at a time.
PAGE: Final = 500


class Place(Protocol):
    """Something that holds jobs."""

    async def more(self) -> bool:
        """Read the next page; False at the end."""


class List:
    """A queue, or a failed list. ``sample``: how many elements are read of a longer one, at random; None: all."""

    def __init__(
        self,
        core: Core,
        found: Found,
        seen: ListSeen,
        key: bytes,
        sample: int | None,
        random: Random,
    ) -> None:
        self.core = core
        self.found = found
        self.seen = seen
        self._walk: Forward | Picks
        self._whole = sample is None or seen.size <= sample
        if sample is None or self._whole:
            self._walk = Forward(key)
        else:
            self._walk = Picks.of_list(key, seen.size, sample, random)

    async def more(self) -> bool:
        """Read the next elements."""
        try:
            page = await self._walk.more()
        except WrongKey as error:
            self.found.note(f"{self.seen.place} {self.seen.name!r} is passed over: {error}")
            page = None
        if page is None:
            if self._whole:
                self.seen.size = self.seen.read
            self.found.end(self.seen, None if self.seen.place == "failed" else self.seen.name)
            return False
        raws: Sequence[bytes | None] = page[1] if isinstance(page, tuple) else page
        for raw in raws:
            if raw is not None:
                self.seen.read += 1
                self._take(raw)
        return True

    def _take(self, raw: bytes) -> None:
        if self.seen.place != "failed":
            job = read_job(self.core.codec, self.seen.name, raw)
            self.found.add(job, self.seen.place, self.found.at)
            return
        record = records.read(self.core.codec, raw, 0, self.seen.name)
        payload = record.payload
        if payload is None:
            fault = DecodeError("a failed record without a payload")
            self.found.add(Job(self.seen.name, Payload(None), raw, fault), "failed", None)
        else:
            job = Job(record.queue or "", payload, raw)
            self.found.add(job, "failed", time_of(record.failed_at))


class Delayed:
    """All delayed jobs; with ``sample`` so many of them at random, once their number is known."""

    def __init__(self, core: Core, found: Found, sample: int | None, random: Random) -> None:
        self.core = core
        self.found = found
        self.seen = ListSeen("delayed", "", 0)
        self._log = WrongKeyLog()
        self._sample = sample
        table = core.delayed.table
        self._walk = DelayedWalk(table)
        self._picks = None if sample is None else DelayedPicks(table, sample, random)
        self._counting = True

    async def more(self) -> bool:
        """Count, or read, the next jobs."""
        picks = self._picks
        if picks is None:
            slices = await self._log.value_or(self._walk.more(), None)
            page = (
                None
                if slices is None
                else [(one.timestamp, raw) for one in slices for raw in one.payloads]
            )
        elif self._counting:
            self._counting = await self._log.value_or(picks.count_more(), default=False)
            self.seen.size = picks.total
            return True
        else:
            page = await self._log.value_or(picks.more(), None)
        for timestamp, raw in page or ():
            self.seen.read += 1
            self.found.add(read_job(self.core.codec, "", raw), "delayed", time_of(timestamp))
        if page is None:
            if self._sample is None or self.seen.size <= self._sample:
                self.seen.size = self.seen.read
            self.found.end(self.seen)
        return page is not None


class Working:
    """What workers perform."""

    def __init__(self, core: Core, found: Found) -> None:
        self.core = core
        self.found = found
        self._ids: list[str] | None = None
        self._seen = ListSeen("working", "", 0)

    async def more(self) -> bool:
        """Read the records of some workers."""
        registry = self.core.worker_registry
        if self._ids is None:
            self._ids = await busy(self.core.keys, await registry.ids())
        page, self._ids = self._ids[:PAGE], self._ids[PAGE:]
        for worker in await registry.of(page):
            if worker.working_on is not None:
                self._seen.read += 1
                self.found.add(worker.working_on.job, "working", self.found.at)
        if not self._ids:
            self._seen.size = self._seen.read
            self.found.end(self._seen)
        return bool(self._ids)


class Schedules:
    """The recurring jobs of Redis, and those of a file, by name."""

    def __init__(self, core: Core, found: Found, in_file: Mapping[str, Any]) -> None:
        self.core = core
        self.found = found
        self.in_file = in_file
        self._names: list[str] | None = None
        self._log = WrongKeyLog()
        self._seen = ListSeen("scheduled", "in Redis", 0)

    async def more(self) -> bool:
        """Read some of them."""
        table = self.core.recurring.table
        if self._names is None:
            self._names = await self._log.value_or(table.names(), [])
        page, self._names = self._names[:PAGE], self._names[PAGE:]
        if page:
            raws = await self._log.value_or(table.some(page), [])
            none: list[str | None] = [None] * len(page)
            runs = await self._log.value_or(table.some_last_runs(page), none)
            for name, raw, run in zip(page, raws, runs, strict=False):
                if raw is not None:
                    self._take(self._seen, name, self._decoded(raw), time_of(run))
            return True
        self._seen.size = self._seen.read
        self.found.end(self._seen)
        seen = ListSeen("scheduled", "in the file", 0)
        for name, config in self.in_file.items():
            self._take(seen, name, config, None)
        seen.size = seen.read
        self.found.end(seen)
        return False

    def _decoded(self, raw: bytes) -> object:
        try:
            return self.core.codec.decode(raw)
        except DecodeError:
            return None

    def _take(self, seen: ListSeen, name: str, config: object, last_run: float | None) -> None:
        """Count the job of one entry."""
        if not isinstance(config, dict):
            self.found.note(f"the recurring job {name!r} cannot be read")
            return
        seen.read += 1
        args, queue = config.get("args"), config.get("queue")
        listed = args if isinstance(args, list) else [] if args is None else [args]
        payload = Payload(str(config.get("class") or name), listed)
        job = Job(queue if isinstance(queue, str) else "", payload, b"{}")
        self.found.add(job, "scheduled", last_run)
