"""One connection for all that a loop carries: whose reply is whose, and what a break means to each."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.aio_connection import connected
from pyresque.driver.url import target
from pyresque.errors import ConnectError, RedisUnavailable
from pyresque.ops import Command
from tests.support.redis_server import free_port


async def ask(*args):
    return await Command(args)


@asynccontextmanager
async def server(answer):
    """A server of our own: ``answer(reader, writer)`` for each connection. Its URL."""
    writers = []

    async def answered(reader, writer):
        writers.append(writer)
        await answer(reader, writer)

    made = await asyncio.start_server(answered, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{made.sockets[0].getsockname()[1]}"
    finally:
        made.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.01)  # the loop closes their sockets in its next rounds


async def test_many_at_once_get_each_his_own_replies_over_one_connection(db, redis_url):
    driver = AsyncDriver(redis_url)
    before = db.info("stats")
    asked = [driver.run(ask("ECHO", str(number))) for number in range(200)]
    assert await asyncio.gather(*asked) == [b"%d" % number for number in range(200)]
    after = db.info("stats")
    assert after["total_connections_received"] - before["total_connections_received"] == 1
    await driver.close()


async def test_a_reply_that_nobody_waits_for_any_more_is_nobody_elses(redis_url):
    wire = await connected(target(redis_url))
    impatient = asyncio.ensure_future(
        wire.talk([Command(("ECHO", "old")), Command(("ECHO", "older"))])
    )
    await asyncio.sleep(0)
    impatient.cancel()
    assert await wire.talk([Command(("ECHO", "new"))]) == [b"new"]
    assert impatient.cancelled()
    wire.close()
    await asyncio.sleep(0)


async def test_a_break_is_reported_to_everybody_who_waits_and_the_next_one_connects_anew():
    connections = []

    async def answer(reader, writer):
        connections.append(writer)
        await reader.read(10)
        if len(connections) == 1:
            writer.close()
        else:
            writer.write(b"+PONG\r\n")

    async with server(answer) as url:
        driver = AsyncDriver(url)
        errors = await asyncio.gather(
            *(driver.run(ask("PING")) for _ in range(3)), return_exceptions=True
        )
        assert [type(error) for error in errors] == [RedisUnavailable] * 3
        assert await driver.run(ask("PING")) == b"PONG"
        await driver.close()
    assert len(connections) == 2


async def test_a_server_that_falls_silent_is_given_up_in_time():
    async def answer(reader, _writer):
        await reader.read()

    async with server(answer) as url:
        driver = AsyncDriver(f"{url}?socket_timeout=0.1")
        with pytest.raises(RedisUnavailable, match=r"no reply within 0\.1 s"):
            await driver.run(ask("PING"))
        await driver.close()


async def test_what_is_no_redis_is_reported():
    async def answer(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n")
        await reader.read()

    async with server(answer) as url:
        driver = AsyncDriver(url)
        with pytest.raises(RedisUnavailable, match="Protocol error"):
            await driver.run(ask("PING"))
        await driver.close()


async def test_a_server_that_cannot_serve_now_is_asked_on_another_connection_next(db, redis_url):
    connections = 0

    async def answer(reader, writer):
        nonlocal connections
        connections += 1
        while await reader.read(1000):
            writer.write(b"-LOADING x\r\n" if connections == 1 else b"+PONG\r\n")

    async with server(answer) as url:
        driver = AsyncDriver(url)
        with pytest.raises(RedisUnavailable, match="cannot serve now: LOADING"):
            await driver.run(ask("PING"))
        assert await driver.run(ask("PING")) == b"PONG"
        await driver.close()


async def test_nobody_there_and_a_wrong_password_are_reported(redis_url):
    with pytest.raises(RedisUnavailable):
        await connected(target(f"redis://127.0.0.1:{free_port()}"))
    with pytest.raises(ConnectError, match="refused the log-in"):
        await connected(target(redis_url.replace("redis://", "redis://:wrong@")))


def test_a_driver_may_serve_one_loop_after_another(redis_url):
    driver = AsyncDriver(redis_url)

    async def whole(number):
        try:
            return await driver.run(ask("ECHO", number))
        finally:
            await driver.close()

    assert [asyncio.run(whole(number)) for number in (b"1", b"2")] == [b"1", b"2"]
