"""The workers of a crew as tasks of one event loop, which runs in a thread of its own: no job keeps orders from being heard."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from pyresque.driver.aio import AsyncDriver
from pyresque.executor.task import TaskExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.ops import Op
    from pyresque.process.doorbell import Doorbell

#: Threads for what jobs themselves send to the loop's threads, beyond one for each slot.
SPARE = 4


class LoopSlots:
    """A task for each worker, in one loop with one driver. Plain functions of jobs have a thread for each worker."""

    def __init__(self, resque: Resque, bell: Doorbell, count: int) -> None:
        self._resque = resque
        self._bell = bell
        self._count = count
        self._driver = AsyncDriver(resque.settings.url)
        self._loop = _new_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._thread.start()

    def executor(self) -> TaskExecutor:
        """What performs one worker's jobs."""
        return TaskExecutor(self._resque.core.registry, self._driver.run)

    def place(self) -> LoopPlace:
        """Where one worker waits."""
        return LoopPlace(self._bell, self._loop)

    def start(
        self, name: str, life: Callable[[], Op[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        """Start its task."""
        self._loop.call_soon_threadsafe(self._start, name, life, ended)

    def close(self) -> None:
        """End the loop, and whatever jobs left in it."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _start(
        self, name: str, life: Callable[[], Op[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        task = self._loop.create_task(self._driver.run(life()), name=name)
        task.add_done_callback(lambda done: ended(done.exception()))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        threads = ThreadPoolExecutor(2 * self._count + SPARE, "job")
        self._loop.set_default_executor(threads)
        try:
            self._loop.run_until_complete(self._over.wait())
            self._loop.run_until_complete(self._wind_up())
        finally:
            self._loop.close()

    async def _wind_up(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._driver.close()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, where the application has installed it."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made


class LoopPlace:
    """One task's place at the doorbell."""

    def __init__(self, bell: Doorbell, loop: asyncio.AbstractEventLoop) -> None:
        self._bell = bell
        self._loop = loop
        self._calls: asyncio.Queue[bool] = asyncio.Queue()

    def wake(self) -> None:
        """End the present wait, or the next one: an order came."""
        self._call(False)

    async def sleep(self, seconds: float) -> None:
        """Wait that long, or until it is woken."""
        await self._next(seconds)

    async def wait(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """As ``Surroundings.wait_for_jobs``."""
        visit = self._bell.expect(queues, partial(self._call, True))
        try:
            call = await self._next(most if visit.heard else min(look, most))
            return (not visit.heard and look <= most) if call is None else call
        finally:
            self._bell.leave(visit)

    def _call(self, job: bool) -> None:
        self._loop.call_soon_threadsafe(self._calls.put_nowait, job)

    async def _next(self, seconds: float) -> bool | None:
        try:
            return await asyncio.wait_for(self._calls.get(), max(0.0, seconds))
        except asyncio.TimeoutError:
            return None
