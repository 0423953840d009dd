"""In the child of a shadow run: Redis is only read, and enqueues are noted in place of being done.

Whatever a job asks of Redis by this library goes through a driver's ``run``; so that is where commands are looked at. Enqueues
answer as if they had been done: most jobs enqueue others, and an error there would hide what is worth seeing.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import ShadowWriteError
from pyresque.ops import Batch, Command, Elsewhere, rewrite
from pyresque.printable import printable
from pyresque.store.queues import Pushed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.ops import Op

#: Commands that read. What is not here is refused: scripts, too, because nobody knows what they do.
READS: Final = frozenset(
    [
        "GET",
        "MGET",
        "STRLEN",
        "GETRANGE",
        "SUBSTR",
        "GETBIT",
        "BITCOUNT",
        "BITPOS",
        "BITFIELD_RO",
        "LCS",
        "EXISTS",
        "TYPE",
        "TTL",
        "PTTL",
        "EXPIRETIME",
        "PEXPIRETIME",
        "DUMP",
        "KEYS",
        "SCAN",
        "RANDOMKEY",
        "DBSIZE",
        "OBJECT",
        "MEMORY",
        "LLEN",
        "LRANGE",
        "LINDEX",
        "LPOS",
        "SMEMBERS",
        "SISMEMBER",
        "SMISMEMBER",
        "SCARD",
        "SRANDMEMBER",
        "SSCAN",
        "SINTER",
        "SINTERCARD",
        "SUNION",
        "SDIFF",
        "HGET",
        "HMGET",
        "HGETALL",
        "HKEYS",
        "HVALS",
        "HLEN",
        "HEXISTS",
        "HSTRLEN",
        "HSCAN",
        "HRANDFIELD",
        "ZCARD",
        "ZCOUNT",
        "ZLEXCOUNT",
        "ZRANGE",
        "ZRANGEBYSCORE",
        "ZRANGEBYLEX",
        "ZREVRANGE",
        "ZREVRANGEBYSCORE",
        "ZREVRANGEBYLEX",
        "ZRANK",
        "ZREVRANK",
        "ZSCORE",
        "ZMSCORE",
        "ZSCAN",
        "ZRANDMEMBER",
        "ZINTER",
        "ZUNION",
        "ZDIFF",
        "ZINTERCARD",
        "XRANGE",
        "XREVRANGE",
        "XLEN",
        "XREAD",
        "XINFO",
        "PFCOUNT",
        "GEODIST",
        "GEOHASH",
        "GEOPOS",
        "GEOSEARCH",
        "GEORADIUS_RO",
        "GEORADIUSBYMEMBER_RO",
        "SORT_RO",
        "EVAL_RO",
        "EVALSHA_RO",
        "FCALL_RO",
        "PING",
        "ECHO",
        "TIME",
        "INFO",
        "LASTSAVE",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH",
        "UNWATCH",
        "WAIT",
    ]
)

#: Notes of each kind that are kept, and characters of one.
MOST: Final = 50
LONGEST: Final = 200


class Notes:
    """What the job would have enqueued, and what it was refused."""

    def __init__(self) -> None:
        self.enqueued: list[str] = []
        self.refused: list[str] = []
        #: How many of each there were.
        self.enqueues = 0
        self.refusals = 0

    def enqueue(self, name: object, queue: object, args: Iterable[Any]) -> None:
        """Note an enqueue."""
        self.enqueues += 1
        if len(self.enqueued) < MOST:
            self.enqueued.append(_short(f"{name}({', '.join(map(_repr, args))}) to {queue}"))

    def refuse(self, command: Command[Any]) -> ShadowWriteError:
        """Note a command that is refused; return the error."""
        self.refusals += 1
        words = [_text(word) for word in command.args[:2]]
        if len(self.refused) < MOST:
            self.refused.append(_short(" ".join(words)))
        return ShadowWriteError(f"{_short(' '.join(words))}: a shadow run writes nothing to Redis")

    def checked(self, request: Any) -> Any:
        """Return a request that only reads. Raises ShadowWriteError."""
        inner = request.request if isinstance(request, Elsewhere) else request
        if isinstance(inner, Command):
            commands: Iterable[Command[Any]] = (inner,)
        elif isinstance(inner, Batch):
            commands = (*inner.commands, *(() if inner.last is None else (inner.last,)))
        else:
            return request
        for command in commands:
            if _text(command.args[0]).upper() not in READS:
                raise self.refuse(command)
        return request

    async def reading(self, operation: Op[Any]) -> Any:
        """Run an operation whose commands only read."""
        return await rewrite(operation, self.checked)


def install() -> Notes:
    """Put the guard into this process, for good: it is a child that ends with the job."""
    notes = Notes()
    _guard_drivers(notes)
    _fake_queues(notes)
    _fake_delayed(notes)
    return notes


def _guard_drivers(notes: Notes) -> None:
    from pyresque.driver.aio import AsyncDriver, _AroundThread  # noqa: PLC0415 - loads asyncio
    from pyresque.driver.sync import SyncDriver  # noqa: PLC0415 - as the other

    run, run_awaited, run_around = SyncDriver.run, AsyncDriver.run, _AroundThread.run

    def reading(self: SyncDriver, operation: Op[Any]) -> Any:
        return run(self, notes.reading(operation))

    async def reading_awaited(self: AsyncDriver, operation: Op[Any]) -> Any:
        return await run_awaited(self, notes.reading(operation))

    def reading_around(self: _AroundThread, operation: Op[Any]) -> Any:
        return run_around(self, notes.reading(operation))

    _put(_AroundThread, "run", reading_around)
    _put(SyncDriver, "run", reading)
    _put(AsyncDriver, "run", reading_awaited)


def _fake_queues(notes: Notes) -> None:
    from pyresque.activejob.wrapper import JobWrapper  # noqa: PLC0415 - in the child alone
    from pyresque.job.queues import Queues  # noqa: PLC0415 - as above

    def noted(self: Queues, job: Any, queue: Any, args: Iterable[Any], named: Any) -> Any:
        entry = self.registry.describe(job)
        where = entry.queue if queue is None else queue
        notes.enqueue(entry.name, where, (*args, *([named] if named else ())))
        return uuid.uuid4().hex if entry.by_name else True

    async def enqueue(self: Queues, job: Any, /, *args: Any, **named: Any) -> Any:
        return noted(self, job, None, args, named)

    async def enqueue_to(self: Queues, queue: Any, job: Any, /, *args: Any, **named: Any) -> Any:
        return noted(self, job, queue, args, named)

    async def create(self: Queues, queue: Any, job: Any, /, *args: Any, **named: Any) -> Any:
        noted(self, job, queue, args, named)
        return Pushed(0, 1)

    async def push(self: Queues, queue: Any, item: Any) -> Any:  # noqa: ARG001 - the verb's own parameters
        notes.enqueue(f"push of {type(item).__name__}", queue, ())
        return Pushed(0, 1)

    async def enqueue_many(self: Queues, calls: Iterable[Any]) -> int:
        return sum(bool(noted(self, job, None, args, None)) for job, *args in calls)

    async def enqueue_active(self: JobWrapper, new: Any, envelope: Any) -> Any:  # noqa: ARG001 - as above
        notes.enqueue(envelope.job_class, envelope.queue_name, new.args)
        return envelope

    for each in (enqueue, enqueue_to, create, push, enqueue_many):
        _put(Queues, each.__name__, each)
    _put(JobWrapper, "_enqueue", enqueue_active)


def _fake_delayed(notes: Notes) -> None:
    from pyresque.schedule.delayed import Delayed  # noqa: PLC0415 - in the child alone

    def noted(self: Delayed, job: Any, queue: Any, args: Iterable[Any], named: Any) -> bool:
        entry = self.jobs.registry.describe(job)
        where = entry.queue if queue is None else queue
        notes.enqueue(entry.name, f"{where}, later", (*args, *([named] if named else ())))
        return True

    async def later(
        self: Delayed, _at: Any, job: Any, /, *args: Any, queue: Any = None, **named: Any
    ) -> bool:
        return noted(self, job, queue, args, named)

    async def later_in(
        self: Delayed, queue: Any, _at: Any, job: Any, /, *args: Any, **named: Any
    ) -> bool:
        return noted(self, job, queue, args, named)

    async def many(self: Delayed, calls: Iterable[Any]) -> int:
        return sum(noted(self, job, None, args, None) for _, job, *args in calls)

    async def pushed(self: Delayed, _at: Any, item: Any) -> bool:  # noqa: ARG001 - the verb's own parameters
        notes.enqueue(f"push of {type(item).__name__}", "later", ())
        return True

    for name in ("enqueue_at", "enqueue_in", "delay_or_enqueue_at", "delay_or_enqueue_in"):
        _put(Delayed, name, later)
    for name in ("enqueue_at_with_queue", "enqueue_in_with_queue"):
        _put(Delayed, name, later_in)
    _put(Delayed, "enqueue_many_at", many)
    _put(Delayed, "delayed_push", pushed)


def _put(owner: type, name: str, function: Callable[..., Any]) -> None:
    setattr(owner, name, function)


def _text(word: object) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


def _repr(value: object) -> str:
    """Return a value as text; that of the user's own class may raise."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - user code
        return f"a {type(value).__name__}"


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
