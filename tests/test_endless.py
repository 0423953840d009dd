"""What looks again and again ends, also where a server says for ever that something has changed, or carries nothing out."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.errors import PyresqueError, UnexpectedReply
from pyresque.failure.undo import REMOVED, REQUEUED, Undoing
from pyresque.store import look_again
from pyresque.store.look_again import Attempts
from tests.live.refusing import Refusing
from tests.support import verb_story
from tests.support.odd_server import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.support.redis_server import RedisServer

AT = verb_story.AT

#: Commands that change nothing in Redis.
READS = frozenset(
    {
        *(b"ECHO", b"EXISTS", b"GET", b"HGET", b"HGETALL", b"HKEYS", b"HLEN", b"HSCAN", b"INFO"),
        *(b"LINDEX", b"LLEN", b"LRANGE", b"MGET", b"SCAN", b"SCARD", b"SISMEMBER", b"SMEMBERS"),
        *(b"SSCAN", b"STRLEN", b"TIME", b"TTL", b"TYPE", b"ZCARD", b"ZCOUNT", b"ZRANGE"),
        *(b"ZRANGEBYSCORE", b"ZREVRANGE", b"ZSCORE", b"LPOS", b"MULTI", b"EXEC", b"SRANDMEMBER"),
    }
)

#: Commands that one verb sends at most here; an endless one sends as many as it is let.
MOST = 2000

#: Verbs that take what they look at in a second step, beside those of the story.
VERBS: dict[str, Any] = {
    "pop": lambda r: r.pop("mail"),
    "dequeue": lambda r: r.dequeue("Mailer"),
    "destroy": lambda r: r.destroy("mail", "Mailer"),
    "next_item_for_timestamp": lambda r: r.next_item_for_timestamp(AT),
    "enqueue_next_item": lambda r: r.enqueue_next_item(AT),
    "move_due": lambda r: r.move_due(AT + 1),
    "remove_delayed_selection": lambda r: r.remove_delayed_selection(lambda _: True),
    "enqueue_delayed_selection": lambda r: r.enqueue_delayed_selection(lambda _: True),
    "failures.remove": lambda r: r.failures.remove(r.failures.all(0, 1)[0]),
    "failures.requeue": lambda r: r.failures.requeue(r.failures.all(0, 1)[0]),
    "failures.remove_selection": lambda r: r.failures.remove_selection(lambda _: True),
    "failures.clear": lambda r: r.failures.clear(),
    "failures.trim": lambda r: r.failures.trim(2),
    "remove_worker": lambda r: r.remove_worker("host:1:mail"),
    "statuses.clear": lambda r: r.statuses.clear(),
    "undo a removal": lambda r: undo(r, REMOVED),
    "undo a requeue": lambda r: undo(r, REQUEUED),
}


def undo(resque: Resque, kind: str) -> int:
    core = resque.core
    undoing = Undoing(core.failed_table, core.codec, kind + "0" * 32, core.jobs.leaving)
    resque.run(undoing.whole(["failed"]))
    return undoing.done


class Deaf:
    """What stands before Redis and answers each script alike; ``writes``: the number that it answers to other commands that write."""

    def __init__(self, script: bytes, writes: bytes | None) -> None:
        self.script = script
        self.writes = writes
        self.asked = 0

    def __call__(self, command: list[bytes]) -> str | bytes | None:
        self.asked += 1
        if self.asked > MOST:
            return "ERR this does not end"
        word = command[0].upper()
        if word in {b"EVALSHA", b"EVAL"}:
            return self.script
        return None if word in READS else self.writes


@pytest.fixture
def filled(db: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    monkeypatch.setattr(look_again, "MOST", 30)
    verb_story.seed(db, "resque")
    db.sadd("resque:queues", "mail", "low")
    for number in range(6):
        db.rpush("resque:queue:mail", b'{"class":"Mailer","args":[%d]}' % number)
        db.rpush(f"resque:delayed:{AT}", b'{"class":"Mailer","args":[%d],"queue":"mail"}' % number)
        for kind in (REMOVED, REQUEUED):
            record = verb_story.failed(number, "mail", "Mailer")
            index = f"{number}\n" if kind == REQUEUED else ""
            db.rpush(f"resque:undo:{kind}{'0' * 32}:failed", index + record)
    db.zadd("resque:delayed_queue_schedule", {str(AT): AT})
    return db


@pytest.mark.parametrize("writes", [None, b":0\r\n", b":1\r\n"], ids=["carried out", "0", "1"])
@pytest.mark.parametrize("name", ["zero", "integer", "nil", "list of nil", "list of integers"])
def test_every_verb_ends(
    filled: redis.Redis, redis_server: RedisServer, name: str, writes: bytes | None
) -> None:
    deaf = Deaf(ANSWERS[name], writes)
    endless, told = [], 0
    with Refusing(redis_server.port, deaf) as server:
        for verb, call in [*VERBS.items(), *verb_story.STORY]:
            if verb == "statuses.wait":
                continue  # for a second of its own
            deaf.asked = 0
            with Resque(server.url) as resque:
                resque.job("Mailer", queue="mail")(verb_story.mailer)
                try:
                    answer = call(resque)
                    if inspect.isawaitable(answer):
                        asyncio.run(answer)  # type: ignore[arg-type]  # a coroutine of the story
                except PyresqueError as error:
                    told += "and then said that it is another one" in str(error)
                except (TypeError, ValueError, LookupError):
                    pass  # of the story itself, where a verb answers otherwise
            if deaf.asked > MOST:
                endless.append(verb)
    assert endless == []
    assert told or name == "integer"


def test_an_attempt_too_many_says_what_to_do() -> None:
    attempts = Attempts("the head of a queue")
    for _ in range(look_again.MOST - 1):
        attempts.failed()
    with pytest.raises(UnexpectedReply, match="2000 times Redis gave the head of a queue and then"):
        attempts.failed()


def test_an_undo_puts_back_no_more_than_was_kept(
    filled: redis.Redis, redis_server: RedisServer
) -> None:
    deaf = Deaf(ANSWERS["integer"], None)
    with Refusing(redis_server.port, deaf) as server, Resque(server.url) as resque:
        assert undo(resque, REMOVED) == 6
        assert undo(resque, REQUEUED) == 6
