"""Live numbers for many: one reading of Redis for all, and nothing left of those who are gone or slow."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
import uvicorn

from pyresque import AsyncResque
from pyresque.web import anybody, app
from pyresque.web.dashboard import Dashboard
from pyresque.web.live import Live
from tests.support.eventually import eventually


async def opened(live, number):
    """So many open pages, each with its first event."""
    pages = [live._stream() for _ in range(number)]
    for page in pages:
        assert (await anext(page)).startswith("retry:")
    await asyncio.gather(*(anext(page) for page in pages))
    return pages


async def commands_of(db, live, number, rounds):
    """How many commands Redis got while so many pages were told so many times."""
    pages = await opened(live, number)
    before = db.info("stats")["total_commands_processed"]
    for _ in range(rounds):
        await asyncio.gather(*(anext(page) for page in pages))
    after = db.info("stats")["total_commands_processed"]
    for page in pages:
        await page.aclose()
    await live._reader
    return after - before


async def test_fifty_open_pages_cost_redis_what_one_does(redis_url, db, monkeypatch):
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.05)
    async with AsyncResque(redis_url) as resque:
        await resque.enqueue_to("low", "Job")
        live = Live(Dashboard(resque))
        one = await commands_of(db, live, 1, 5)
        fifty = await commands_of(db, live, 50, 5)
    assert one > 5
    assert fifty < 2 * one, "a reading more or less may fall into the count, and no more"


async def test_a_page_that_does_not_read_keeps_nobody_waiting_and_holds_two_events(
    redis_url, db, monkeypatch
):
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.01)
    async with AsyncResque(redis_url) as resque:
        live = Live(Dashboard(resque))
        slow, quick = await opened(live, 2)
        for _ in range(20):
            await anext(quick)
        assert max(page.qsize() for page in live._pages) == 2
        for page in (slow, quick):
            await page.aclose()
        await live._reader
        assert not live._pages


@pytest.fixture
def server(redis_url, monkeypatch):
    """The dashboard under uvicorn as ``pyresque web`` runs it, and its thread."""
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.05)
    listener = socket.create_server(("127.0.0.1", 0))
    resque = AsyncResque(redis_url)
    config = uvicorn.Config(
        app(resque, authorize=anybody), log_level="critical", timeout_graceful_shutdown=1
    )
    running = uvicorn.Server(config)

    async def serve():
        await running.serve(sockets=[listener])
        await resque.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    eventually(lambda: running.started)
    yield running, thread, listener.getsockname()[1]
    running.should_exit = True
    thread.join(60)
    listener.close()


def reader(port):
    """An open page, as a socket that has read the beginning of its stream."""
    page = socket.create_connection(("127.0.0.1", port), timeout=60)
    page.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said = b""
    while b"data:" not in said:
        said += page.recv(4096)
    assert b"text/event-stream" in said
    return page


def test_a_page_that_is_gone_leaves_nothing_and_redis_is_left_alone(server, db):
    _, _, port = server
    pages = [reader(port) for _ in range(5)]
    for page in pages:
        page.close()

    def quiet():
        before = db.info("stats")["total_commands_processed"]
        time.sleep(0.3)  # six readings, if any page were still told
        return db.info("stats")["total_commands_processed"] - before

    eventually(quiet, lambda commands: commands == 1)


def test_the_server_ends_while_pages_are_open(server, db):
    running, thread, port = server
    pages = [reader(port) for _ in range(5)]
    running.should_exit = True
    thread.join(60)
    assert not thread.is_alive()
    for page in pages:
        while page.recv(4096):
            pass
        page.close()
