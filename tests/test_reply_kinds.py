"""Replies that are none of Redis'."""

from __future__ import annotations

import asyncio

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import NotANumber, RedisUnavailable, UnexpectedReply
from pyresque.ops import Batch, Command, answer
from pyresque.reply_kinds import is_odd, misread, odd_reply
from pyresque.store.delayed import DelayedTable
from pyresque.store.reserve import NO_TEMPLATE, Reserver
from pyresque.store.selection import Selection
from tests.support.odd_server import ANSWERS, odd_server


@pytest.mark.parametrize(
    ("args", "fine", "odd"),
    [
        (("LLEN", "k"), 3, b"OK"),
        (("RPUSH", "k", "x"), 1, None),
        (("RPUSH", "k", "x"), 1, 0),
        (("TYPE", "k"), b"list", None),
        (("GET", "k"), None, 1),
        (("SET", "k", "v"), b"OK", [b"OK"]),
        (("LPOP", "k"), b"x", [b"x"]),
        (("LPOP", "k", 2), [b"x"], b"x"),
        (("SMEMBERS", "k"), [], None),
        (("LRANGE", "k", 0, -1), [b"x"], [1]),
        (("MGET", "a", "b"), [None, b"x"], [b"x"]),
        (("HMGET", "k", "a", "b"), [b"x", None], [b"x", b"y", b"z"]),
        (("HGETALL", "k"), [b"a", b"1"], [b"a"]),
        (("SCAN", 0), [b"0", []], []),
        (("SCAN", 0), [b"17", [b"k"]], [b"x", [b"k"]]),
        (("INFO",), b"redis_version:8", b"OK"),
        (("ZADD", "k", 1, "m"), 1, b"OK"),
        (("ZADD", "k", "INCR", 1, "m"), b"2", b"2"),
        (("EXEC",), None, b"OK"),
    ],
)
def test_a_reply_is_held_against_its_command(args, fine, odd):
    assert not is_odd(fine, args)
    if odd != fine:
        assert is_odd(odd, args)


def test_of_other_commands_nothing_is_known():
    for args in (("EVALSHA", "x", 0), ("CONFIG", "GET", "save"), ("get", "k"), (b"LLEN", "k")):
        assert not is_odd(object(), args)


@pytest.mark.parametrize(
    ("reply", "args", "shown"),
    [
        (None, ("LLEN", b"k\n\xff"), "answered nil to LLEN k \ufffd, not a number: see that the URL"),
        (b"x" * 99, ("LLEN", "k" * 99), f"answered '{'x' * 59}... to LLEN {'k' * 60}, not"),
        ([1] * 99, ("SMEMBERS", "k"), f"answered [{'1, ' * 19}1,... to SMEMBERS k, not"),
    ],
)  # fmt: skip
def test_a_message_is_short_and_printable(reply, args, shown):
    assert shown in str(odd_reply(reply, args, "redis://host:1/0"))


def test_no_password_is_told():
    assert "sesame" not in str(misread(b"x", ("AUTH", "sesame"), ValueError("sesame")))


def test_an_error_of_ours_stays_as_it_is():
    error = NotANumber("x")
    assert misread(None, ("GET", "k"), error) is error


def read_pair(reply):
    one, other = reply
    return int(one) + int(other)


@pytest.mark.parametrize(
    "make",
    [
        lambda command: command,
        lambda command: Batch((Command(("PING",)), command)),
        lambda command: answer(Command(command.args), command.read),
    ],
    ids=["command", "batch", "answer"],
)
@pytest.mark.parametrize("reply", [None, b"x", [b"a", b"b"], [], 7])
def test_what_cannot_be_read_is_the_same_error(make, reply):
    async def asks():
        return await make(Command(("EVALSHA", "sha", 0), read_pair))

    operation = asks()
    request = operation.send(None)
    given = [b"PONG", reply] if isinstance(request, Batch) else reply
    with pytest.raises(
        UnexpectedReply, match=r"to a script \(EVALSHA\), which is no answer"
    ) as raised:
        operation.send(given)
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("reply", [None, 7, [], [None, None], [1, 2], [1, 1], [[1], []], b"x"])
def test_a_turn_that_cannot_be_read_is_the_same_error(reply):
    reserver = Reserver(Resque().core.keys, "host:1:low")
    reserver.set_queues((), NO_TEMPLATE)
    with pytest.raises(UnexpectedReply):
        reserver.read_reply(reply)


@pytest.mark.parametrize("reply", [None, 7, [], [None, None], [[1], []], [b"a", b"b", b"c"]])
def test_a_look_of_a_worker_of_its_own_jobs_that_cannot_be_read_is_the_same_error(reply):
    async def asks():
        return await Selection(Resque().core.keys, "host:1:low").looking(b"k", b"", 0, 9, 0, 1)

    operation = asks()
    operation.send(None)
    with pytest.raises(UnexpectedReply):
        operation.send(reply)


@pytest.mark.parametrize("reply", [None, 7, [], [1, 1], [1, 2, 3]])
def test_a_move_of_delayed_jobs_without_an_answer_for_each_is_the_same_error(reply):
    operation = DelayedTable(Resque().core.keys).take(7, b"{}")
    operation.send(None)
    with pytest.raises(UnexpectedReply):
        operation.send(reply)


def asked(url, face, verb):
    if face is Resque:
        with Resque(url) as resque:
            return verb(resque)

    async def in_a_loop():
        async with AsyncResque(url) as client:
            return await verb(client)

    return asyncio.run(in_a_loop())


FACES = pytest.mark.parametrize("face", [Resque, AsyncResque])


@FACES
@pytest.mark.parametrize("name", ["OK", "nil", "zero", "list of nil"])
def test_either_driver_says_so_of_a_command_and_of_a_batch(face, name):
    with odd_server(lambda _: ANSWERS[name]) as url:
        for verb in (lambda face: face.queues(), lambda face: face.enqueue_to("low", "Archive", 1)):
            with pytest.raises(UnexpectedReply, match=f"Redis at {url} answered"):
                asked(url, face, verb)


@FACES
def test_the_next_command_goes_out_on_another_connection(face):
    """The replies of this one may be out of step."""
    seen = []

    def answers(command):
        if command[0] == b"CLIENT":
            return b"+OK\r\n"
        seen.append(command)
        return b"+OK\r\n" if len(seen) == 1 else b":7\r\n"

    def twice(resque):
        with pytest.raises(UnexpectedReply):
            resque.redis.strlen("k")
        before = resque.driver._threads.own.connection
        assert before is None
        return resque.redis.strlen("k")

    async def twice_awaited(client):
        with pytest.raises(UnexpectedReply):
            await client.redis.strlen("k")
        return await client.redis.strlen("k")

    with odd_server(answers) as url:
        assert asked(url, face, twice if face is Resque else twice_awaited) == 7


@FACES
@pytest.mark.parametrize(
    ("reply", "error"),
    [(b"+OK\r\n", UnexpectedReply), (b"*-1\r\n", RedisUnavailable), (b"*1\r\n:1\r\n", RedisUnavailable)],
)  # fmt: skip
def test_a_transaction_that_is_answered_oddly_is_an_error(face, reply, error):
    def answers(command):
        return reply if command[0] == b"EXEC" else b"+QUEUED\r\n"

    async def transaction():
        return await Batch((Command(("SADD", "k", 1)), Command(("SADD", "k", 2))), atomic=True)

    with odd_server(answers) as url, pytest.raises(error):
        asked(url, face, lambda face: face.run(transaction()))
