"""``resque.redis`` of AsyncResque: commands that are awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.as_verb import awaited
from pyresque.redis_face import CommandsOfFace, Pipeline
from pyresque.store.collection_commands import AllCommands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class AsyncRedis(CommandsOfFace):
    """``resque.redis`` of AsyncResque: commands that are awaited."""

    @property
    def core(self) -> Any:
        """What has the commands, as Core has the operations of other verbs."""
        return self

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
