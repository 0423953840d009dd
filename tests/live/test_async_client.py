"""AsyncResque where processes fork and requests are cancelled: no other's connection is touched, none stays behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from pyresque import AsyncResque
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


async def in_a_child(deed: Callable[[], object]) -> int:
    """Fork, and have the child do something; its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            deed()
            status = 0
        finally:
            os._exit(status)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def wait() -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ended.get_loop().call_soon_threadsafe(ended.set_result, status)

    threading.Thread(target=wait).start()
    return await ended


@pytest.mark.parametrize("closing", [False, True], ids=["used", "closed"])
async def test_a_client_in_use_is_its_own_in_a_forked_child_and_the_parents_goes_on(
    db: redis.Redis, redis_url: str, closing: bool
) -> None:
    resque = AsyncResque(redis_url + "?socket_timeout=5")

    async def whole() -> None:
        if closing:
            await resque.close()
        else:
            await resque.enqueue_to("m", "A", 2)

    await resque.enqueue_to("m", "A", 1)
    assert await in_a_child(lambda: asyncio.run(whole())) == 0
    assert await resque.enqueue_to("m", "A", 3) is True
    assert await resque.size("m") == (2 if closing else 3)
    await resque.close()


def test_a_client_whose_loop_goes_on_in_the_child_does_not_speak_on_the_parents_connection(
    db: redis.Redis, redis_url: str
) -> None:
    resque = AsyncResque(redis_url)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(resque.enqueue_to("m", "A", 1))
    parents = {int(one["id"]) for one in db.client_list()}
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            loop.run_until_complete(resque.enqueue_to("m", "A", 2))
            others = {int(one["id"]) for one in db.client_list()} - parents
            status = 0 if others else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    loop.run_until_complete(resque.close())
    loop.close()


@pytest.mark.parametrize("rounds", range(8))
async def test_a_request_cancelled_while_it_connects_leaves_no_connection_behind(
    db: redis.Redis, redis_url: str, rounds: int
) -> None:
    before = len(db.client_list())
    resque = AsyncResque(redis_url)
    request = asyncio.ensure_future(resque.size("m"))
    for _ in range(rounds):
        await asyncio.sleep(0)
    request.cancel()
    await asyncio.wait([request])
    if rounds % 2:
        await asyncio.sleep(0.05)  # it connects although nobody waits for it any more
    await resque.close()
    await asyncio.to_thread(eventually, lambda: len(db.client_list()) == before)


async def test_a_connection_whose_first_request_was_cancelled_serves_the_next_one(
    db: redis.Redis, redis_url: str
) -> None:
    before = db.info("stats")["total_connections_received"]
    resque = AsyncResque(redis_url)
    request = asyncio.ensure_future(resque.size("m"))
    await asyncio.sleep(0)
    request.cancel()
    assert await resque.size("m") == 0
    assert db.info("stats")["total_connections_received"] == before + 1
    await resque.close()


@pytest.mark.parametrize("verb", ["size", "failures", "delayed"])
async def test_a_verb_cancelled_before_it_starts_leaves_no_operation_unawaited(
    redis_url: str, verb: str
) -> None:
    resque = AsyncResque(redis_url)
    verbs = {
        "size": lambda: resque.size("m"),
        "failures": resque.failures.count,
        "delayed": resque.delayed_queue_schedule_size,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # what others left
        warnings.simplefilter("error")
        request = asyncio.ensure_future(verbs[verb]())
        request.cancel()
        await asyncio.wait([request])
        gc.collect()
    await resque.close()
