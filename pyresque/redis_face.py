"""``resque.redis``: Redis' commands for an application, blocking and awaited; their keys stand below the namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pyresque.ops import Batch, Command, Op
from pyresque.store.collection_commands import AllCommands
from pyresque.verbs import PartOfFace, awaited, blocking, name_verbs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


async def together(operations: list[Op[Any]], *, atomic: bool) -> list[Any]:
    """The answers of operations of one command each, in one round trip. Raises the first error."""
    commands = [cast("Command[Any]", operation.send(None)) for operation in operations]
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
        self._commands = face.core.commands
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

    def __enter__(self) -> Pipeline:  # noqa: PYI034 - typing.Self came with Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        for operation in self._collected:
            operation.close()

    async def __aenter__(self) -> Pipeline:  # noqa: PYI034 - as above
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


class Redis(PartOfFace):
    """``resque.redis`` of Resque: commands that block, with redis-py's names and answers."""

    execute_command = blocking(AllCommands.execute_command, of="commands")
    ping = blocking(AllCommands.ping, of="commands")
    get = blocking(AllCommands.get, of="commands")
    set = blocking(AllCommands.set, of="commands")
    setex = blocking(AllCommands.setex, of="commands")
    setnx = blocking(AllCommands.setnx, of="commands")
    getset = blocking(AllCommands.getset, of="commands")
    getdel = blocking(AllCommands.getdel, of="commands")
    mget = blocking(AllCommands.mget, of="commands")
    append = blocking(AllCommands.append, of="commands")
    strlen = blocking(AllCommands.strlen, of="commands")
    incr = blocking(AllCommands.incr, of="commands")
    decr = blocking(AllCommands.decr, of="commands")
    incrbyfloat = blocking(AllCommands.incrbyfloat, of="commands")
    exists = blocking(AllCommands.exists, of="commands")
    delete = blocking(AllCommands.delete, of="commands")
    unlink = blocking(AllCommands.unlink, of="commands")
    expire = blocking(AllCommands.expire, of="commands")
    pexpire = blocking(AllCommands.pexpire, of="commands")
    expireat = blocking(AllCommands.expireat, of="commands")
    persist = blocking(AllCommands.persist, of="commands")
    ttl = blocking(AllCommands.ttl, of="commands")
    pttl = blocking(AllCommands.pttl, of="commands")
    type = blocking(AllCommands.type, of="commands")
    keys = blocking(AllCommands.keys, of="commands")
    scan = blocking(AllCommands.scan, of="commands")
    hget = blocking(AllCommands.hget, of="commands")
    hset = blocking(AllCommands.hset, of="commands")
    hsetnx = blocking(AllCommands.hsetnx, of="commands")
    hmget = blocking(AllCommands.hmget, of="commands")
    hgetall = blocking(AllCommands.hgetall, of="commands")
    hdel = blocking(AllCommands.hdel, of="commands")
    hexists = blocking(AllCommands.hexists, of="commands")
    hincrby = blocking(AllCommands.hincrby, of="commands")
    hlen = blocking(AllCommands.hlen, of="commands")
    hkeys = blocking(AllCommands.hkeys, of="commands")
    hvals = blocking(AllCommands.hvals, of="commands")
    eval = blocking(AllCommands.eval, of="commands")
    publish = blocking(AllCommands.publish, of="commands")
    incrby = blocking(AllCommands.incrby, of="commands")
    decrby = blocking(AllCommands.decrby, of="commands")
    lpush = blocking(AllCommands.lpush, of="commands")
    rpush = blocking(AllCommands.rpush, of="commands")
    lpop = blocking(AllCommands.lpop, of="commands")
    rpop = blocking(AllCommands.rpop, of="commands")
    llen = blocking(AllCommands.llen, of="commands")
    lrange = blocking(AllCommands.lrange, of="commands")
    lindex = blocking(AllCommands.lindex, of="commands")
    lset = blocking(AllCommands.lset, of="commands")
    lrem = blocking(AllCommands.lrem, of="commands")
    ltrim = blocking(AllCommands.ltrim, of="commands")
    lmove = blocking(AllCommands.lmove, of="commands")
    sadd = blocking(AllCommands.sadd, of="commands")
    srem = blocking(AllCommands.srem, of="commands")
    smembers = blocking(AllCommands.smembers, of="commands")
    sismember = blocking(AllCommands.sismember, of="commands")
    scard = blocking(AllCommands.scard, of="commands")
    spop = blocking(AllCommands.spop, of="commands")
    zadd = blocking(AllCommands.zadd, of="commands")
    zrem = blocking(AllCommands.zrem, of="commands")
    zscore = blocking(AllCommands.zscore, of="commands")
    zincrby = blocking(AllCommands.zincrby, of="commands")
    zcard = blocking(AllCommands.zcard, of="commands")
    zcount = blocking(AllCommands.zcount, of="commands")
    zrank = blocking(AllCommands.zrank, of="commands")
    zrange = blocking(AllCommands.zrange, of="commands")
    zrangebyscore = blocking(AllCommands.zrangebyscore, of="commands")
    zremrangebyscore = blocking(AllCommands.zremrangebyscore, of="commands")
    zremrangebyrank = blocking(AllCommands.zremrangebyrank, of="commands")

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


class AsyncRedis(PartOfFace):
    """``resque.redis`` of AsyncResque: commands that are awaited."""

    execute_command = awaited(AllCommands.execute_command, of="commands")
    ping = awaited(AllCommands.ping, of="commands")
    get = awaited(AllCommands.get, of="commands")
    set = awaited(AllCommands.set, of="commands")
    setex = awaited(AllCommands.setex, of="commands")
    setnx = awaited(AllCommands.setnx, of="commands")
    getset = awaited(AllCommands.getset, of="commands")
    getdel = awaited(AllCommands.getdel, of="commands")
    mget = awaited(AllCommands.mget, of="commands")
    append = awaited(AllCommands.append, of="commands")
    strlen = awaited(AllCommands.strlen, of="commands")
    incr = awaited(AllCommands.incr, of="commands")
    decr = awaited(AllCommands.decr, of="commands")
    incrbyfloat = awaited(AllCommands.incrbyfloat, of="commands")
    exists = awaited(AllCommands.exists, of="commands")
    delete = awaited(AllCommands.delete, of="commands")
    unlink = awaited(AllCommands.unlink, of="commands")
    expire = awaited(AllCommands.expire, of="commands")
    pexpire = awaited(AllCommands.pexpire, of="commands")
    expireat = awaited(AllCommands.expireat, of="commands")
    persist = awaited(AllCommands.persist, of="commands")
    ttl = awaited(AllCommands.ttl, of="commands")
    pttl = awaited(AllCommands.pttl, of="commands")
    type = awaited(AllCommands.type, of="commands")
    keys = awaited(AllCommands.keys, of="commands")
    scan = awaited(AllCommands.scan, of="commands")
    hget = awaited(AllCommands.hget, of="commands")
    hset = awaited(AllCommands.hset, of="commands")
    hsetnx = awaited(AllCommands.hsetnx, of="commands")
    hmget = awaited(AllCommands.hmget, of="commands")
    hgetall = awaited(AllCommands.hgetall, of="commands")
    hdel = awaited(AllCommands.hdel, of="commands")
    hexists = awaited(AllCommands.hexists, of="commands")
    hincrby = awaited(AllCommands.hincrby, of="commands")
    hlen = awaited(AllCommands.hlen, of="commands")
    hkeys = awaited(AllCommands.hkeys, of="commands")
    hvals = awaited(AllCommands.hvals, of="commands")
    eval = awaited(AllCommands.eval, of="commands")
    publish = awaited(AllCommands.publish, of="commands")
    incrby = awaited(AllCommands.incrby, of="commands")
    decrby = awaited(AllCommands.decrby, of="commands")
    lpush = awaited(AllCommands.lpush, of="commands")
    rpush = awaited(AllCommands.rpush, of="commands")
    lpop = awaited(AllCommands.lpop, of="commands")
    rpop = awaited(AllCommands.rpop, of="commands")
    llen = awaited(AllCommands.llen, of="commands")
    lrange = awaited(AllCommands.lrange, of="commands")
    lindex = awaited(AllCommands.lindex, of="commands")
    lset = awaited(AllCommands.lset, of="commands")
    lrem = awaited(AllCommands.lrem, of="commands")
    ltrim = awaited(AllCommands.ltrim, of="commands")
    lmove = awaited(AllCommands.lmove, of="commands")
    sadd = awaited(AllCommands.sadd, of="commands")
    srem = awaited(AllCommands.srem, of="commands")
    smembers = awaited(AllCommands.smembers, of="commands")
    sismember = awaited(AllCommands.sismember, of="commands")
    scard = awaited(AllCommands.scard, of="commands")
    spop = awaited(AllCommands.spop, of="commands")
    zadd = awaited(AllCommands.zadd, of="commands")
    zrem = awaited(AllCommands.zrem, of="commands")
    zscore = awaited(AllCommands.zscore, of="commands")
    zincrby = awaited(AllCommands.zincrby, of="commands")
    zcard = awaited(AllCommands.zcard, of="commands")
    zcount = awaited(AllCommands.zcount, of="commands")
    zrank = awaited(AllCommands.zrank, of="commands")
    zrange = awaited(AllCommands.zrange, of="commands")
    zrangebyscore = awaited(AllCommands.zrangebyscore, of="commands")
    zremrangebyscore = awaited(AllCommands.zremrangebyscore, of="commands")
    zremrangebyrank = awaited(AllCommands.zremrangebyrank, of="commands")

    async def scan_iter(self, match: str = "*", count: int | None = None) -> AsyncIterator[bytes]:
        """The names of keys, without the namespace, read some at a time."""
        cursor = 0
        while True:
            cursor, found = await self.scan(cursor, match, count)
            for key in found:
                yield key
            if not cursor:
                return

    def pipeline(self, transaction: bool = True) -> Pipeline:
        """Commands for one round trip; in a transaction (MULTI, EXEC) unless ``transaction`` is False."""
        return Pipeline(self, transaction=transaction)


for _face in (Redis, AsyncRedis):
    name_verbs(_face, _face)
