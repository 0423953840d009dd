"""Marks: keys that say that a job is queued, so that an equal one is not (resque-loner, resque_solo).

A mark is set and its job pushed in one script: a process that dies cannot leave one without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.lightweight import dataclass
from pyresque.ops import Batch, Command, MayWait
from pyresque.store.queues import Pushed, escaped, text, to_bytes
from pyresque.store.scripts import script
from pyresque.store.settle import UNLESS
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from pyresque.ops import Arg
    from pyresque.store.queues import QueueTable

#: Seconds for a mark that does not expire.
FOREVER = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A key that holds ``1`` while a job is queued, and the seconds after which it expires (None: never).

    ``refused_as_enqueued``: a job that the mark keeps out counts as enqueued, so its verb answers True (resque-loner).
    """

    key: bytes
    ttl: int | None = None
    refused_as_enqueued: bool = False

    @property
    def args(self) -> tuple[Arg, ...]:
        """What scripts take of it beside its key."""
        return (FOREVER if self.ttl is None else self.ttl,)


async def push_marked(table: QueueTable, queue: str, payload: bytes, mark: Mark) -> Pushed | None:
    """Push a payload and set its mark; None, and nothing done, if the mark is set already.

    Raises WrongKey if the queue is not a list, and NotReplicated. A mark of another value or type is written anew, as in Ruby.
    """
    if await MayWait():
        return await _push_marked_at_end(table, queue, payload, mark)
    keys = (mark.key, table.keys.queues, to_bytes(table.keys.queue(queue)))
    pushed = await script("push_marked").call(keys, (*mark.args, to_bytes(queue), payload), list)
    if not pushed:
        return None
    if table.replicas is not None:
        table.replicas.check(await table.replicas.command)
    return Pushed(*pushed)


async def _push_marked_at_end(
    table: QueueTable, queue: str, payload: bytes, mark: Mark
) -> Pushed | None:
    """Push at the job's end. The mark is looked at now, and again then: an equal job that is queued in between is not doubled."""
    if await WrongKeyLog().value_or(_value(mark.key), None) == b"1":
        return None
    commands = [*table.pushing(queue, (payload,)), Command(("SET", mark.key, "1"))]
    if mark.ttl is not None:
        commands.append(Command(("EXPIRE", mark.key, mark.ttl)))
    guard: Command[Any] = Command((UNLESS, mark.key, len(commands)))
    await Batch((guard, *commands), at_end=True)
    return Pushed(0, 0)


async def _value(key: bytes) -> bytes | None:
    command: Command[bytes | None] = Command(("GET", key))
    return await command


async def unmark(key: bytes, period: int | None) -> None:
    """Delete a mark, or let it expire after a period."""
    await (Command(("DEL", key)) if period is None else Command(("EXPIRE", key, period)))


async def unmark_lost(key: bytes, period: int | None, queue_key: bytes, payload: bytes) -> bool:
    """Delete the mark of a job whose process died, if no equal payload is queued; return whether it did.

    With a period the mark expires after it, unless it expires sooner.
    """
    args = (FOREVER if period is None else period, payload)
    return await script("unmark_lost").call((key, queue_key), args, bool)


async def delete_marks(prefix: str) -> None:
    """Delete every key that begins with this text. Uses SCAN, which does not block Redis."""
    pattern, cursor = to_bytes(escaped(prefix) + "*"), b"0"
    while True:
        command: Command[list[Any]] = Command(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000))
        cursor, page = await command
        if page:
            await Command(("DEL", *page))
        if int(cursor) == 0:
            return


async def some_keys(cursor: bytes, prefix: str, count: int) -> tuple[bytes, list[str]]:
    """Return keys that begin with this text, among about ``count`` keys of the server, and the next cursor; ``0`` at the end."""
    pattern = to_bytes(escaped(prefix) + "*")
    command: Command[list[Any]] = Command(("SCAN", cursor, "MATCH", pattern, "COUNT", count))
    after, page = await command
    return after, [text(key) for key in page]


async def mark_again(mark: Mark) -> None:
    """Set the mark of a job that is queued again."""
    commands: tuple[Command[object], ...] = (Command(("SET", mark.key, "1")),)
    if mark.ttl is not None:
        commands = (*commands, Command(("EXPIRE", mark.key, mark.ttl)))
    await Batch(commands)
