"""Queues and counters in Redis (Ruby's ``DataStore::QueueAccess`` and ``StatsAccess``), and readers of replies.

``pushing`` and ``remembering`` return Commands, for a larger batch.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pyresque.errors import NotPermitted, WrongKey
from pyresque.ops import Batch, Command, in_chunks
from pyresque.store.scripts import script
from pyresque.store.slices import Removal
from pyresque.store.wrong_keys import WrongKeyLog

_WHOLE = re.compile(r"\s*[+-]?\d+", re.ASCII)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyresque.store.keys import Keys
    from pyresque.store.replicas import Replicas


def text(reply: bytes) -> str:
    """Decode a name; bytes that are not UTF-8 become surrogates."""
    return reply.decode("utf-8", "surrogateescape")


def to_bytes(name: str) -> bytes:
    """Encode a name that ``text`` decoded: the same bytes again."""
    return name.encode("utf-8", "surrogateescape")


def some_bytes(reply: Any) -> bytes | None:
    """Read a reply that may be nil."""
    return None if reply is None else bytes(reply)


def names(reply: Iterable[bytes]) -> list[str]:
    """Return a set's members, sorted, because Redis has no order for them."""
    return sorted(text(member) for member in reply)


def integer(reply: Any) -> int:
    """Read a counter; a missing one and text that is not a number give 0, as Ruby's ``to_i``."""
    try:
        return int(reply or 0)
    except ValueError:
        return 0


#: Digits of the largest number of 64 bits. Python reads no number of thousands of digits.
MOST_DIGITS = 20


def natural_number(text: str) -> int | None:
    """Return the number from 0 on that a text writes in digits alone; None for any other text, and for more than MOST_DIGITS."""
    plain = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if plain else None


#: Queues whose key and name are kept as bytes, for the next push.
QUEUES = 256


class Pushed(NamedTuple):
    """Redis's answer to a push, as Ruby returns it: 1 if the queue's name was new, else 0; and the queue's new length."""

    new: int
    length: int


class RemovedQueue(NamedTuple):
    """Redis's answer to the removal of a queue, as Ruby returns it: 1 if its name was known, 1 if it held any job."""

    known: int
    held: int


class QueueTable:
    """The queues of one namespace."""

    def __init__(self, keys: Keys, replicas: Replicas | None = None) -> None:
        self.keys = keys
        self.replicas = replicas
        #: Returns the command that adds a queue's name to ``queues``, and the queue's key; cached.
        self._named = lru_cache(maxsize=QUEUES)(self._name)

    def _name(self, queue: str) -> tuple[Command[int], bytes]:
        return self.remembering(queue), to_bytes(self.keys.queue(queue))

    async def push(self, queue: str, payloads: Sequence[bytes]) -> Pushed:
        """Append payloads to a queue and add its name to ``queues``, in one round trip.

        Raises WrongKey if the queue's key is not a list, and NotReplicated if too few replicas have the payloads. Raises nothing if
        ``queues`` is not a set: the payloads are in their queue all the same.
        """
        known, key = self._named(queue)
        pushing: Command[int] = Command(("RPUSH", key, *payloads))
        replicas = self.replicas
        if replicas is None:
            return Pushed(*check_pushed(await Batch((known, pushing), lenient=True, at_end=True)))
        return Pushed(*await self._pushed_to(replicas, (known, pushing)))

    async def push_all(self, waiting: dict[str, list[bytes]]) -> None:
        """Append payloads to several queues in one round trip; raises what ``push`` does."""
        commands = tuple(c for queue, raws in waiting.items() for c in self.pushing(queue, raws))
        if self.replicas is None:
            check_pushed(await Batch(commands, lenient=True))
        elif commands:
            await self._pushed_to(self.replicas, commands)

    @staticmethod
    async def _pushed_to(replicas: Replicas, commands: tuple[Command[int], ...]) -> list[int]:
        """Push and wait for replicas, in one round trip."""
        *replies, acknowledged = await Batch(
            commands, lenient=True, last=replicas.command, at_end=True
        )
        pushed = check_pushed(replies)
        replicas.check(acknowledged)
        return pushed

    def pushing(self, queue: str, payloads: Sequence[bytes]) -> tuple[Command[int], ...]:
        """The two commands of ``push``, for a larger batch."""
        known, key = self._named(queue)
        return known, Command(("RPUSH", key, *payloads))

    def remembering(self, queue: str) -> Command[int]:
        """The command that adds a queue's name to ``queues``."""
        return Command(("SADD", self.keys.queues, to_bytes(queue)))

    async def watch_queue(self, queue: str) -> int:
        """Add a queue's name to ``queues``; return 1 when it is new."""
        return await self.remembering(queue)

    async def pop_seen(self, queue: str, payload: bytes) -> bool:
        """Remove the payload at the head if it is still this one; return whether it was."""
        return await script("pop_head").call((to_bytes(self.keys.queue(queue)),), (payload,), bool)

    async def size(self, queue: str) -> int:
        """How many jobs wait in a queue.

        >>> resque.size("mailers")
        1
        """
        return await Command(("LLEN", to_bytes(self.keys.queue(queue))), int)

    async def sizes(self, queues: Sequence[str]) -> dict[str, int]:
        """Return the size of each queue. Raises WrongKey, which names every key that is not a list."""
        found = await self.lengths(queues)
        sizes = {queue: length for queue, length in found.items() if length is not None}
        wrong = [queue for queue in queues if queue not in sizes]
        if wrong:
            listed = ", ".join(repr(self.keys.queue(queue)) for queue in wrong)
            raise WrongKey(
                f"WRONGTYPE no list in Redis, so no queue: {listed}; look at it with TYPE, and rename or delete it"
            )
        return sizes

    async def lengths(self, queues: Sequence[str]) -> dict[str, int | None]:
        """Return the size of each queue; None for a key that is not a list."""
        return read_lengths(queues, await in_chunks(self.measuring(queues), lenient=True))

    def measuring(self, queues: Sequence[str]) -> Iterable[Command[int]]:
        """The commands of ``lengths``, one for each queue; ``read_lengths`` reads their replies."""
        return (Command(("LLEN", to_bytes(self.keys.queue(queue)))) for queue in queues)

    async def queues(self) -> list[str]:
        """The names of the known queues, sorted (Ruby: ``Resque.queues``).

        >>> resque.queues()
        ['archive', 'mailers']
        """
        return await Command(("SMEMBERS", self.keys.queues), names)

    async def check_namespace(self) -> list[str]:
        """Return the known queues, for a process that starts; check that one server has all keys of the namespace.

        Raises ClusterFault if the node belongs to a cluster and the namespace's keys are in several slots: Redis then refuses a
        command with two keys.
        """
        found = await self.queues()
        with suppress(NotPermitted):
            await Command(("EXISTS", self.keys.queues, self.keys.workers))
        return found

    async def remove(self, queue: str) -> RemovedQueue:
        """Delete a queue with all it holds."""
        commands: tuple[Command[int], ...] = (
            Command(("SREM", self.keys.queues, to_bytes(queue))),
            Command(("DEL", to_bytes(self.keys.queue(queue)))),
        )
        return RemovedQueue(*await Batch(commands))

    async def everything(self, queue: str) -> list[bytes]:
        """Return every payload of a queue, the next one first."""
        return await self.slice(self.keys.queue(queue), 0, -1)

    async def remove_chosen(self, queue: str, chosen: Callable[[bytes], bool]) -> int:
        """Remove every chosen payload, in one pass over the queue; return how many."""
        key = to_bytes(self.keys.queue(queue))
        return await Removal(key, lambda _, raw: chosen(raw)).whole()

    async def slice(self, key: str, first: int, last: int) -> list[bytes]:
        """Return the elements of a list from index ``first`` to ``last``, both included; negative ones count from the end."""
        return await Command(("LRANGE", to_bytes(key), first, last), list)

    async def element(self, key: str, index: int) -> bytes | None:
        """Return one element of a list, or None."""
        return await Command(("LINDEX", to_bytes(key), index), some_bytes)

    async def all_keys(self) -> list[str]:
        """Return the names of all keys of the namespace, sorted. Uses SCAN, which does not block Redis."""
        found: set[str] = set()
        cursor: bytes | int = 0
        pattern = escaped(self.keys.of("")) + "*"
        while True:
            command: Command[list[Any]] = Command(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000))
            cursor, page = await command
            found.update(self.keys.bare(text(key)) for key in page)
            if int(cursor) == 0:
                return sorted(found)


def read_lengths(queues: Sequence[str], replies: Sequence[Any]) -> dict[str, int | None]:
    """Return the size of each queue; None for a key that is not a list."""
    return {
        queue: None if isinstance(length, WrongKey) else length
        for queue, length in zip(queues, replies, strict=True)
    }


def check_pushed(replies: list[Any]) -> list[int]:
    """Check the replies to several ``pushing``. Raises the first WrongKey of a queue; logs that ``queues`` is not a set."""
    for reply in replies:
        if reply.__class__ is not int:
            break
    else:
        return replies
    for length in replies[1::2]:
        if isinstance(length, WrongKey):
            raise length
    return WrongKeyLog().replies_or(replies, 0)


async def _reply(command: Command[Any]) -> Any:
    return await command


class StatTable:
    """The counters of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    async def get(self, name: str) -> int:
        """A counter, such as ``processed`` or ``failed``; 0 if it is missing, or is not a number, which is logged."""
        found = await WrongKeyLog().value_or(_reply(self.getting(name)), None)
        return self.read(name, found)

    def getting(self, name: str) -> Command[bytes | None]:
        """The command that reads a counter; ``read`` reads its reply."""
        return Command(("GET", to_bytes(self.keys.stat(name))))

    def read(self, name: str, found: bytes | None) -> int:
        """Read a counter's reply; what is not a number gives 0, and is logged."""
        number = integer(found)
        if found and not number and found.strip() not in {b"0", b"-0"}:
            WrongKeyLog().warn(f"{self.keys.stat(name)} is no number")
        return number

    async def increment(self, name: str, by: int = 1) -> int:
        """Add to a counter (Ruby: ``Stat.incr``); the new value."""
        return await Command(("INCRBY", to_bytes(self.keys.stat(name)), by), int)

    async def decrement(self, name: str, by: int = 1) -> int:
        """Subtract from a counter (Ruby's ``Stat.decr`` means this and fails on a misspelt name); the new value."""
        return await Command(("DECRBY", to_bytes(self.keys.stat(name)), by), int)

    async def clear(self, name: str) -> int:
        """Delete the counter; return 1 when there was one."""
        return await Command(("DEL", to_bytes(self.keys.stat(name))), int)


def escaped(prefix: str) -> str:
    """Escape the glob characters of a prefix, for MATCH."""
    return "".join("\\" + char if char in "*?[]\\^" else char for char in prefix)


def seconds(member: str) -> int:
    """Return a timestamp as whole seconds; text that is not a number gives 0, as Ruby's ``to_i``."""
    return integer(whole_number(member))


def whole_number(text: str) -> str:
    """Return the whole number that a text begins with, or nothing."""
    found = _WHOLE.match(text)
    return found[0].strip() if found else ""


def scored_members(found: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the members of a sorted set with their scores, from Redis's flat reply."""
    return [(text(member), text(at)) for member, at in zip(found[::2], found[1::2], strict=True)]
