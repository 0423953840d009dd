"""``resque.redis``: what redis-py's client answers, on Resque's own connections, with keys below the namespace."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import WrongKey

#: redis-py calls some of Redis' commands deprecated that applications use.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

#: Calls that are made one after another on ``resque.redis`` and on redis-py's client: name, arguments, keywords.
CALLS = [
    ("ping", (), {}),
    ("get", ("none",), {}),
    ("set", ("text", "ä"), {}),
    ("get", ("text",), {}),
    ("set", ("text", "b"), {"nx": True}),
    ("set", ("text", "c"), {"xx": True, "ex": 60}),
    ("ttl", ("text",), {}),
    ("set", ("text", "d"), {"keepttl": True}),
    ("ttl", ("text",), {}),
    ("set", ("short", 1), {"px": 60_000}),
    ("setex", ("short", timedelta(minutes=1), "x"), {}),
    ("setnx", ("short", "y"), {}),
    ("setnx", ("new", "y"), {}),
    ("getset", ("new", b"\xff"), {}),
    ("getdel", ("new",), {}),
    ("mget", ("text", "none"), {}),
    ("append", ("text", "efg"), {}),
    ("strlen", ("text",), {}),
    ("incr", ("n",), {}),
    ("incr", ("n", 5), {}),
    ("incrby", ("n", 5), {}),
    ("decr", ("n",), {}),
    ("decrby", ("n", 3), {}),
    ("incrbyfloat", ("f", 1.5), {}),
    ("exists", ("n", "f", "none"), {}),
    ("expire", ("n", 100), {}),
    ("persist", ("n",), {}),
    ("pexpire", ("n", 100_000), {}),
    ("expireat", ("n", datetime(2100, 1, 1, tzinfo=timezone.utc)), {}),
    ("ttl", ("none",), {}),
    ("pttl", ("f",), {}),
    ("type", ("n",), {}),
    ("delete", ("n", "none"), {}),
    ("unlink", ("f",), {}),
    ("hset", ("h", "a", 1), {}),
    ("hset", ("h",), {"mapping": {"b": 2, "c": "x"}}),
    ("hsetnx", ("h", "a", 2), {}),
    ("hget", ("h", "a"), {}),
    ("hget", ("h", "none"), {}),
    ("hmget", ("h", "a", "none"), {}),
    ("hgetall", ("h",), {}),
    ("hgetall", ("none",), {}),
    ("hincrby", ("h", "a", 4), {}),
    ("hexists", ("h", "a"), {}),
    ("hlen", ("h",), {}),
    ("hkeys", ("h",), {}),
    ("hvals", ("h",), {}),
    ("hdel", ("h", "a", "none"), {}),
    ("rpush", ("l", 1, 2, 3), {}),
    ("lpush", ("l", 0), {}),
    ("llen", ("l",), {}),
    ("lrange", ("l", 0, -1), {}),
    ("lindex", ("l", 1), {}),
    ("lset", ("l", 1, "x"), {}),
    ("lrem", ("l", 0, "x"), {}),
    ("lmove", ("l", "m"), {}),
    ("lmove", ("l", "m", "RIGHT", "LEFT"), {}),
    ("ltrim", ("m", 0, 0), {}),
    ("lpop", ("l",), {}),
    ("lpop", ("l",), {}),
    ("rpop", ("m", 2), {}),
    ("sadd", ("s", "a", "b"), {}),
    ("srem", ("s", "b"), {}),
    ("smembers", ("s",), {}),
    ("sismember", ("s", "a"), {}),
    ("scard", ("s",), {}),
    ("spop", ("s",), {}),
    ("spop", ("s",), {}),
    ("zadd", ("z", {"a": 1, "b": 2.5, "c": 3}), {}),
    ("zadd", ("z", {"a": 9, "d": 4}), {"nx": True}),
    ("zadd", ("z", {"a": 1.25}), {"xx": True, "ch": True}),
    ("zscore", ("z", "a"), {}),
    ("zscore", ("z", "none"), {}),
    ("zincrby", ("z", 2, "a"), {}),
    ("zcard", ("z",), {}),
    ("zcount", ("z", "-inf", 3), {}),
    ("zrank", ("z", "c"), {}),
    ("zrank", ("z", "none"), {}),
    ("zrange", ("z", 0, -1), {}),
    ("zrange", ("z", 0, 1), {"desc": True, "withscores": True}),
    ("zrangebyscore", ("z", 0, "+inf"), {"withscores": True}),
    ("zrangebyscore", ("z", 0, "(4"), {"start": 1, "num": 1}),
    ("zremrangebyscore", ("z", 0, 2.5), {}),
    ("zremrangebyrank", ("z", 0, 0), {}),
    ("zrem", ("z", "a", "d"), {}),
    ("eval", ("return redis.call('SET', KEYS[1], ARGV[1])", 1, "e", "v"), {}),
    ("publish", ("channel", "m"), {}),
]


def comparable(reply: object) -> object:
    """Lists for redis-py's pairs, which some of its versions make of the protocol's."""
    return (
        [list(each) if isinstance(each, tuple) else each for each in reply]
        if isinstance(reply, list)
        else reply
    )


@pytest.fixture
def plain(redis_url):
    """redis-py's client, its answers those of the protocol's version 2."""
    import redis

    with redis.Redis.from_url(redis_url, protocol=2) as client:
        yield client


def test_each_command_answers_as_redis_pys(db, redis_url, plain):
    with Resque(redis_url) as resque:
        for name, args, keywords in CALLS:
            ours = getattr(resque.redis, name)(*args, **keywords)
            theirs = getattr(plain, name)(*args, **keywords)
            assert comparable(ours) == comparable(theirs), name
            assert isinstance(ours, type(theirs)) or isinstance(theirs, (bool, int)), name
        ours = {key.removeprefix(b"resque:"): db.dump(key) for key in db.keys("resque:*")}
        assert ours == {
            key: db.dump(key) for key in db.scan_iter() if not key.startswith(b"resque:")
        }


async def test_each_command_is_awaited_alike(db, redis_url, plain):
    async with AsyncResque(redis_url) as resque:
        for name, args, keywords in CALLS:
            ours = await getattr(resque.redis, name)(*args, **keywords)
            assert comparable(ours) == comparable(getattr(plain, name)(*args, **keywords)), name
        async with resque.redis.pipeline() as pipe:
            pipe.set("p", 1).incr("p")
            assert await pipe.execute() == [True, 2]
        assert [key async for key in resque.redis.scan_iter("p")] == [b"p"]


def test_every_command_is_compared():
    from pyresque.redis_face import Redis

    compared = {name for name, _, _ in CALLS} | {
        "scan",
        "keys",
        "scan_iter",
        "pipeline",
        "execute_command",
    }
    assert {name for name in vars(Redis) if not name.startswith("_")} == compared


@pytest.mark.parametrize("transaction", [True, False])
def test_a_pipeline_is_one_round_trip_and_raises_the_first_error(db, redis_url, transaction):
    with Resque(redis_url) as resque:
        with resque.redis.pipeline(transaction=transaction) as pipe:
            assert (
                pipe.set("a", 1)
                .hset("h", "f", "v")
                .hgetall("h")
                .zadd("z", {"m": 1.5})
                .zscore("z", "m")
                is pipe
            )
            assert len(pipe) == 5
            assert pipe.execute() == [True, 1, {b"f": b"v"}, 1, 1.5]
            assert len(pipe) == 0
            assert pipe.execute() == []
        with (
            resque.redis.pipeline(transaction=transaction) as pipe,
            pytest.raises(WrongKey, match="WRONGTYPE"),
        ):
            pipe.lpush("a", 1).set("b", 2).execute()
        assert db.get("resque:b") == b"2"
        with resque.redis.pipeline() as pipe:
            pipe.set("never", 1)
        assert not db.exists("resque:never")
        with pytest.raises(AttributeError, match="flushall"):
            resque.redis.pipeline().flushall()


def test_names_of_keys_bear_no_namespace(db, redis_url):
    with Resque(redis_url, namespace="app:resque") as resque:
        resque.redis.set("a", 1)
        resque.redis.set("b", 2)
        db.set("other", 3)
        assert sorted(resque.redis.keys()) == [b"a", b"b"]
        assert sorted(resque.redis.scan_iter(count=1)) == [b"a", b"b"]
        assert resque.redis.execute_command("GET", "other") == b"3"
        with pytest.raises(TypeError, match="a key and a value, or a mapping"):
            resque.redis.hset("h")
        with pytest.raises(WrongKey, match="resque:a"):
            resque.redis.lpush("a", 1)


@pytest.mark.process
def test_no_other_client_is_loaded(redis_url):
    code = (
        "import sys; from pyresque import Resque\n"
        f"r = Resque({redis_url!r}); r.redis.incr('n'); r.enqueue_to('q', 'Some')\n"
        "print(*(name for name in sys.modules if name.partition('.')[0] in ('redis', 'valkey')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
        == b"\n"
    )


def test_threads_and_loops_may_share_it(redis_url, db):
    async def many():
        async with AsyncResque(redis_url) as resque:
            await asyncio.gather(*(resque.redis.incr("n") for _ in range(100)))
            assert await resque.redis.get("n") == b"100"

    asyncio.run(many())
