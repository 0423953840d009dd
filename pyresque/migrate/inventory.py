"""The inventory: which classes there are in queues, delayed jobs, schedules, working workers and failed lists. It reads only.

It holds one page of jobs, and a bounded table of classes (``seen.py``), however many jobs there are. Of a list that is longer than
the sample it reads elements at random.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import WrongKey
from pyresque.migrate.found import Found, ListSeen
from pyresque.migrate.marks import Marks
from pyresque.migrate.places import Delayed, List, Place, Schedules, Working
from pyresque.migrate.seen import ClassTable
from pyresque.ops import Command, in_chunks
from pyresque.store.queues import names, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyresque.core import Core

#: Elements that are read of each list, and keys of the server that are looked at for plugins' marks, unless all are.
SAMPLE: Final = 1000
KEYS: Final = 100_000


class Inventory:
    """One look at everything; ``more`` goes one step on.

    ``sample``: how many elements of each list are read; ``keys``: how many of the server's keys are looked at for marks of plugins;
    None: all. ``schedule``: recurring jobs of a file, by name. ``pinned``: classes that keep their place in the table.
    """

    def __init__(
        self,
        core: Core,
        *,
        sample: int | None = SAMPLE,
        keys: int | None = KEYS,
        schedule: Mapping[str, Any] | None = None,
        pinned: Iterable[str] = (),
        seed: int | None = None,
    ) -> None:
        self.core = core
        self.sample = sample
        self.schedule = schedule or {}
        marks = Marks(core.registry.plugin_context(), keys)
        self.found = Found(ClassTable(pinned=pinned), marks, core.clock.time())
        #: Jobs that are to be read, as far as that is known.
        self.total = 0
        self._random = Random(seed)  # noqa: S311 - a sample is no secret
        self._places: deque[Place] | None = None
        self._delayed = Delayed(core, self.found, sample, self._random)

    async def marks_more(self) -> bool:
        """Look for more keys of plugins; False at the end. To be done before jobs are read: these are compared with the keys."""
        return await self.found.marks.more()

    async def more(self) -> bool:
        """Read the next jobs; False at the end."""
        if self._places is None:
            lists = await self._lists()
            self.total = sum(self._wanted(one.seen.size) for one in lists)
            self._places = deque(
                (
                    Working(self.core, self.found),
                    Schedules(self.core, self.found, self.schedule),
                    *lists,
                    self._delayed,
                )
            )
        if not self._places:
            return False
        if not await self._places[0].more():
            self.pass_over()
        return True

    def pass_over(self) -> bool:
        """Leave the place that is being read, such as one that may not be read; whether there are others."""
        if not self._places:
            return False
        self._places.popleft()
        if not self._places:
            for note in self.found.marks.give_to(self.found.classes):
                self.found.note(note)
        return True

    @property
    def to_read(self) -> int:
        """How many jobs are to be read, the delayed ones as far as they are counted."""
        return self.total + self._wanted(self._delayed.seen.size)

    def _wanted(self, size: int) -> int:
        return size if self.sample is None else min(size, self.sample)

    async def _lists(self) -> list[List]:
        """Return the lists that have elements."""
        keys = self.core.keys
        queues = await self._names(keys.queues)
        unlisted = sorted(self.found.marks.queues.difference(queues))
        for one in unlisted:
            self.found.note(f"queue {one!r} is not in the set of queues: no worker of * finds it")
        moved = await self._names(keys.moved_queues)
        failed = dict.fromkeys(["failed", *await self._names(keys.failed_queues)])
        named = [
            *(("queued", one, keys.queue(one)) for one in (*queues, *unlisted)),
            *(("moved", one, keys.moved(one)) for one in moved),
            *(("failed", one, keys.failed(one)) for one in failed),
            ("failed", keys.bare(keys.failed_aside), keys.failed_aside),
        ]
        asked = (Command[Any](("LLEN", to_bytes(key))) for _, _, key in named)
        found = []
        for (place, name, key), size in zip(
            named, await in_chunks(asked, lenient=True), strict=True
        ):
            if isinstance(size, WrongKey):
                self.found.note(f"{place} {name!r} is passed over: {size}")
            elif size:
                seen = ListSeen(place, name, size)
                found.append(
                    List(self.core, self.found, seen, to_bytes(key), self.sample, self._random)
                )
        return found

    async def _names(self, key: str) -> list[str]:
        """Return the members of a set of names; none if the key is no set."""
        command: Command[list[str]] = Command(("SMEMBERS", key), names)
        try:
            return await command
        except WrongKey as error:
            self.found.note(str(error))
            return []
