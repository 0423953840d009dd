"""The workers of a crew as tasks of one event loop, which runs in a thread of its own: no job keeps orders from being heard.

Law: a job may stop the loop or raise anything in it, and the loop goes on; where it cannot, every worker is told to have ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from asyncio.tasks import _unregister_task
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from errno import EBADF, EINVAL
from functools import partial
from typing import TYPE_CHECKING

from pyresque import job_copies
from pyresque.driver.choose import awaiting_driver
from pyresque.executor.task import TaskExecutor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.client import Resque
    from pyresque.ops import Op
    from pyresque.process.crew.shared_waiter import SharedWaiter
    from pyresque.process.health.state import HealthState

log = logging.getLogger("pyresque")

#: Seconds between two signs of life of the loop.
SIGN = 2.0

#: Seconds that tasks which jobs have left are given to end once they are cancelled.
LINGER = 5.0

#: Threads for what jobs themselves send to the loop's threads, beyond one for each slot.
SPARE = 4


class LoopEndedError(RuntimeError):
    """The loop, or a worker's task in it, has come to an end that nobody ordered."""


class LoopSlots:
    """A task for each worker, in one loop with one driver. Plain functions of jobs have a thread for each worker."""

    def __init__(self, resque: Resque, bell: SharedWaiter, count: int, vitals: HealthState) -> None:
        self._resque = resque
        self._bell = bell
        self._count = count
        self._vitals = vitals
        #: The jobs' own calls of plain functions; the loop's threads are for what jobs send there, and may be shut down by them.
        self._threads = ThreadPoolExecutor(2 * count, "job")
        self._driver = awaiting_driver(resque.access(), self._threads)
        self._loop = _new_loop()
        self._over = self._loop.create_future()
        self._living: dict[str, Callable[[BaseException | None], None]] = {}
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._parents: list[object] = []  # in a copy: what was to be done in the loop of its parent
        job_copies.in_copies.append(self._stop_in_a_copy)
        self._thread.start()

    def executor(self) -> TaskExecutor:
        """What performs one worker's jobs."""
        return TaskExecutor(self._resque.core.registry, self._driver.run)

    def place(self) -> LoopWaiter:
        """Where one worker waits."""
        return LoopWaiter(self._bell, self._loop)

    def start(
        self, name: str, life: Callable[[], Op[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        """Start its task."""
        self._living[name] = ended
        try:
            self._loop.call_soon_threadsafe(self._start, name, life)
        except RuntimeError as error:  # the loop is closed
            self._ended(name, error)

    def close(self) -> None:
        """End the loop, and whatever jobs left in it."""
        job_copies.in_copies.remove(self._stop_in_a_copy)
        with contextlib.suppress(RuntimeError):  # a job has closed it
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _start(self, name: str, life: Callable[[], Op[None]]) -> None:
        task = self._loop.create_task(self._driver.run(life()), name=name)
        _unregister_task(task)  # a job may cancel all tasks that it finds
        task.add_done_callback(partial(self._task_ended, name))

    def _task_ended(self, name: str, task: asyncio.Task[None]) -> None:
        self._ended(
            name, LoopEndedError("its task was cancelled") if task.cancelled() else task.exception()
        )

    def _ended(self, name: str, trouble: BaseException | None) -> None:
        ended = self._living.pop(name, None)
        if ended is not None:
            ended(trouble)

    def _run(self) -> None:
        """The thread's life."""
        forks = job_copies.forks
        asyncio.set_event_loop(self._loop)
        sent = ThreadPoolExecutor(self._count + SPARE, "sent by a job")
        self._loop.set_default_executor(sent)
        trouble: BaseException | None = None
        try:
            self._loop.call_soon(self._sign)
            while not self._over.done():
                trouble = self._stopped(self._over)
                if job_copies.forks != forks:
                    job_copies.end()
                if self._loop.is_closed() or _without_descriptors(trouble):
                    return
                if trouble is not None:
                    log.error("a job has stopped the event loop, which goes on: %r", trouble)
            trouble = self._stopped(self._wind_up())
            if trouble is not None:
                log.error("what jobs left in the event loop does not end: %r", trouble)
        finally:
            for name in list(self._living):
                self._ended(name, LoopEndedError(f"its event loop has ended: {trouble}"))
            for threads in (self._threads, sent):
                threads.shutdown(wait=False, cancel_futures=True)
            with contextlib.suppress(OSError):  # a job has closed what the loop waits at
                self._loop.close()

    def _stopped(self, until: Awaitable[None]) -> BaseException | None:
        """Run the loop until then; what stopped it before: a job may do so, or raise SystemExit in a task."""
        try:
            self._loop.run_until_complete(until)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            return error
        return None

    def _sign(self) -> None:
        """Say that the loop goes round."""
        self._vitals.looped()
        self._loop.call_later(SIGN, self._sign)

    def _stop_in_a_copy(self) -> None:
        """What a job forks in the loop must not go on with it: the other tasks there are its parent's."""
        if threading.current_thread() is not self._thread:
            return
        ready = getattr(self._loop, "_ready", None)
        if isinstance(ready, deque):
            # They are kept: a task that is dropped is closed, and its operation would speak on the connection of its parent.
            self._parents = list(ready)
            ready.clear()
        self._loop.stop()

    async def _wind_up(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            ended, lasting = await asyncio.wait(left, timeout=LINGER)
            for task in ended:
                task.cancelled() or task.exception()  # else the loop complains of it
            if lasting:
                log.warning(
                    "%d tasks that jobs have left in the event loop do not end", len(lasting)
                )
        await self._driver.close()
        await self._loop.shutdown_asyncgens()


def _without_descriptors(trouble: BaseException | None) -> bool:
    """Whether a job has closed the descriptor that the loop waits at: no loop can go on without it."""
    return isinstance(trouble, OSError) and trouble.errno in {EBADF, EINVAL}


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, where the application has installed it."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made


class LoopWaiter:
    """One task's place at the doorbell."""

    def __init__(self, bell: SharedWaiter, loop: asyncio.AbstractEventLoop) -> None:
        self._bell = bell
        self._loop = loop
        self._calls: deque[bool] = deque()
        self._waiting: asyncio.Future[None] | None = None

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
        with contextlib.suppress(RuntimeError):  # a job has closed the loop
            self._loop.call_soon_threadsafe(self._called, job)

    def _called(self, job: bool) -> None:
        self._calls.append(job)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _next(self, seconds: float) -> bool | None:
        """The next call within that time. No task is made for it, which a job could cancel."""
        if not self._calls:
            self._waiting = self._loop.create_future()
            timer = self._loop.call_later(max(0.0, seconds), self._go_on)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        return self._calls.popleft() if self._calls else None
