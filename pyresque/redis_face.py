"""``resque.redis``: Redis' commands for an application; their keys stand below the namespace. Light: a child that uses them loads no Core."""

from __future__ import annotations

from pyresque.as_verb import PartOfFace, like
from pyresque.ops import Batch
from pyresque.store.collection_commands import AllCommands
from pyresque.store.keys import Keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Concatenate, ParamSpec, TypeVar

    from typing_extensions import Self

    from pyresque.ops import Command, Op
    from pyresque.settings import Settings

    P = ParamSpec("P")
    T = TypeVar("T")


async def together(operations: list[Op[Any]], *, atomic: bool) -> list[Any]:
    """The answers of operations of one command each, in one round trip. Raises the first error."""
    commands: list[Command[Any]] = [operation.send(None) for operation in operations]  # type: ignore[misc]  # one command each
    answers = []
    for operation, reply in zip(
        operations, await Batch(tuple(commands), atomic=atomic), strict=True
    ):
        try:
            operation.send(reply)
        except StopIteration as stop:
            answers.append(stop.value)
    return answers


class Pipeline:
    """Commands that are collected, and sent in one round trip by ``execute``; each gives the pipeline itself."""

    def __init__(self, face: Any, *, transaction: bool) -> None:
        self._face = face
        self._transaction = transaction
        self._commands = face.commands
        self._collected: list[Op[Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Pipeline]:
        command = getattr(self._commands, name)

        def collect(*args: Any, **kwargs: Any) -> Pipeline:
            self._collected.append(command(*args, **kwargs))
            return self

        return collect

    def execute(self) -> Any:
        """Send what was collected; the answers in order, to be awaited where the face is. Raises the first error."""
        collected, self._collected = self._collected, []
        return self._face.run(together(collected, atomic=self._transaction))

    def __len__(self) -> int:
        return len(self._collected)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for operation in self._collected:
            operation.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


def command(
    operation: Callable[Concatenate[Any, P], Op[T]],
) -> Callable[Concatenate[CommandsOfFace, P], T]:
    """A command that blocks: as ``blocking``, by fewer steps, for what each of them costs a forked child."""

    def verb(self: CommandsOfFace, /, *args: P.args, **kwargs: P.kwargs) -> T:
        driver = self.resque.driver
        answer: T = driver.run(operation(self.commands, *args, **kwargs))
        return answer

    return like(operation, verb)


class CommandsOfFace(PartOfFace):
    """What the two kinds of ``resque.redis`` share."""

    _settings: Settings | None = None

    @property
    def commands(self) -> AllCommands:
        """The commands, for the namespace that the settings have now."""
        settings = self.resque.settings
        if settings is not self._settings:
            self._settings, self._commands = settings, AllCommands(Keys(settings.namespace))
        return self._commands


class Redis(CommandsOfFace):
    """``resque.redis`` of Resque: commands that block, with redis-py's names and answers."""

    execute_command = command(AllCommands.execute_command)
    ping = command(AllCommands.ping)
    get = command(AllCommands.get)
    set = command(AllCommands.set)
    setex = command(AllCommands.setex)
    setnx = command(AllCommands.setnx)
    getset = command(AllCommands.getset)
    getdel = command(AllCommands.getdel)
    mget = command(AllCommands.mget)
    append = command(AllCommands.append)
    strlen = command(AllCommands.strlen)
    incr = command(AllCommands.incr)
    decr = command(AllCommands.decr)
    incrbyfloat = command(AllCommands.incrbyfloat)
    exists = command(AllCommands.exists)
    delete = command(AllCommands.delete)
    unlink = command(AllCommands.unlink)
    expire = command(AllCommands.expire)
    pexpire = command(AllCommands.pexpire)
    expireat = command(AllCommands.expireat)
    persist = command(AllCommands.persist)
    ttl = command(AllCommands.ttl)
    pttl = command(AllCommands.pttl)
    type = command(AllCommands.type)
    keys = command(AllCommands.keys)
    scan = command(AllCommands.scan)
    hget = command(AllCommands.hget)
    hset = command(AllCommands.hset)
    hsetnx = command(AllCommands.hsetnx)
    hmget = command(AllCommands.hmget)
    hgetall = command(AllCommands.hgetall)
    hdel = command(AllCommands.hdel)
    hexists = command(AllCommands.hexists)
    hincrby = command(AllCommands.hincrby)
    hlen = command(AllCommands.hlen)
    hkeys = command(AllCommands.hkeys)
    hvals = command(AllCommands.hvals)
    eval = command(AllCommands.eval)
    publish = command(AllCommands.publish)
    incrby = command(AllCommands.incrby)
    decrby = command(AllCommands.decrby)
    lpush = command(AllCommands.lpush)
    rpush = command(AllCommands.rpush)
    lpop = command(AllCommands.lpop)
    rpop = command(AllCommands.rpop)
    llen = command(AllCommands.llen)
    lrange = command(AllCommands.lrange)
    lindex = command(AllCommands.lindex)
    lset = command(AllCommands.lset)
    lrem = command(AllCommands.lrem)
    ltrim = command(AllCommands.ltrim)
    lmove = command(AllCommands.lmove)
    sadd = command(AllCommands.sadd)
    srem = command(AllCommands.srem)
    smembers = command(AllCommands.smembers)
    sismember = command(AllCommands.sismember)
    scard = command(AllCommands.scard)
    spop = command(AllCommands.spop)
    zadd = command(AllCommands.zadd)
    zrem = command(AllCommands.zrem)
    zscore = command(AllCommands.zscore)
    zincrby = command(AllCommands.zincrby)
    zcard = command(AllCommands.zcard)
    zcount = command(AllCommands.zcount)
    zrank = command(AllCommands.zrank)
    zrange = command(AllCommands.zrange)
    zrangebyscore = command(AllCommands.zrangebyscore)
    zremrangebyscore = command(AllCommands.zremrangebyscore)
    zremrangebyrank = command(AllCommands.zremrangebyrank)

    def scan_iter(self, match: str = "*", count: int | None = None) -> Iterator[bytes]:
        """The names of keys, without the namespace, read some at a time."""
        cursor = 0
        while True:
            cursor, found = self.scan(cursor, match, count)
            yield from found
            if not cursor:
                return

    def pipeline(self, transaction: bool = True) -> Pipeline:
        """Commands for one round trip; in a transaction (MULTI, EXEC) unless ``transaction`` is False."""
        return Pipeline(self, transaction=transaction)
