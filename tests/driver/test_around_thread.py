"""The thread in which middleware that blocks runs, beside an awaiting driver."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from pyresque.driver.aio import _AroundThread


async def unasked(request: object) -> Any:
    raise AssertionError(request)


def test_a_thread_that_ends_after_its_loop_was_closed_ends_in_silence():
    """Its operation was cancelled, and the loop closed; pytest reports what a thread raises."""
    release = threading.Event()
    before = set(threading.enumerate())

    async def cancelled() -> None:
        call = asyncio.ensure_future(_AroundThread(unasked).call(release.wait))
        await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait([call])

    asyncio.run(cancelled())
    (thread,) = set(threading.enumerate()) - before
    release.set()
    thread.join(60)
    assert not thread.is_alive()
