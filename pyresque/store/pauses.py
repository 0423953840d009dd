"""Paused queues as Redis holds them, under the keys of Ruby's plugin resque-pause: one for each queue, one for all.

A text of any value pauses, an empty one and ``false`` too. A key of another type pauses nothing.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from pyresque.ops import Batch, Command
from pyresque.store.queues import names, some_bytes, to_bytes
from pyresque.store.scripts import script
from pyresque.store.workers import says_paused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Queues that one command asks for.
CHUNK = 1000


class QueuePauses:
    """The paused queues of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def pause_queue(self, queue: str) -> None:
        """Pause a queue: no worker takes a job from it, Ruby's with resque-pause neither; jobs that run go on.

        The queue may be enqueued to, and need not exist yet. A pause outlives the removal of its queue.

        >>> resque.pause_queue("mailers")
        """
        await Command(("SET", self._key(queue), "true"))

    async def resume_queue(self, queue: str) -> bool:
        """End the pause of a queue; whether there was one. ``pause_all_queues`` stays in force.

        >>> resque.pause_queue("mailers")
        >>> resque.resume_queue("mailers")
        True
        """
        return await Command(("DEL", self._key(queue)), bool)

    async def queue_paused(self, queue: str) -> bool:
        """Whether a queue is paused, by its own key or by that of all queues (Ruby: ``ResquePauseHelper.paused?``).

        >>> resque.queue_paused("mailers")
        False
        """
        return bool(await self.paused_of([queue]))

    async def paused_queues(self) -> list[str]:
        """The known queues that are paused, sorted: all of them while ``pause_all_queues`` is in force.

        >>> resque.paused_queues()
        []
        """
        return await self.paused_of(await Command(("SMEMBERS", self.keys.queues), names))

    async def pause_all_queues(self) -> None:
        """Pause every queue, also those that come later, until ``resume_all_queues`` (resque-pause's global pause).

        ``pause_all`` pauses the workers instead, which every Ruby worker obeys, with the plugin or without.
        """
        await Command(("SET", self.keys.pause_all_queues, "true"))

    async def resume_all_queues(self) -> bool:
        """End the pause of all queues; whether there was one. Queues that are paused by themselves stay so."""
        return await Command(("DEL", self.keys.pause_all_queues), bool)

    async def all_queues_paused(self) -> bool:
        """Whether all queues are paused at once."""
        return (await self.reading_all())[1]

    async def paused_of(self, queues: Sequence[str]) -> list[str]:
        """Return the paused ones of these queues, in the given order, in one round trip."""
        replies = await Batch((self.reading_all(), *self.reading(queues)))
        return self.read(queues, replies[1:], every=replies[0][1])

    def reading_all(self) -> Command[tuple[bool, bool]]:
        """The command that reads whether all workers are paused, and all queues, for a larger batch."""
        return Command(("MGET", self.keys.pause, self.keys.pause_all_queues), _all_paused)

    def reading(self, queues: Sequence[str]) -> list[Command[list[bool]]]:
        """The commands that read which of these queues are paused by themselves, CHUNK of them each."""
        chunks = (queues[start : start + CHUNK] for start in range(0, len(queues), CHUNK))
        return [Command(("MGET", *map(self._key, chunk)), _present) for chunk in chunks]

    @staticmethod
    def read(queues: Sequence[str], replies: Sequence[list[bool]], *, every: bool) -> list[str]:
        """Return the paused ones of these queues by the replies to ``reading``; ``every``: all are."""
        each = chain.from_iterable(replies)
        return [queue for queue, paused in zip(queues, each, strict=True) if every or paused]

    async def pop(self, queue: str) -> bytes | None:
        """Take the payload at the head of a queue; None if there is none, or while the queue is paused."""
        keys = (to_bytes(self.keys.queue(queue)), self.keys.pause_all_queues, self._key(queue))
        return await script("pop_unpaused").call(keys, (), some_bytes)

    def _key(self, queue: str) -> bytes:
        return to_bytes(self.keys.pause_queue(queue))


def _present(reply: Sequence[Any]) -> list[bool]:
    """Return for each key whether it holds a text. MGET replies nil for a key of another type."""
    return [text is not None for text in reply]


def _all_paused(reply: Sequence[Any]) -> tuple[bool, bool]:
    return says_paused(reply[0]), reply[1] is not None
